"""Upkeep: what was not delivered is found at once; what an author's posts would be known by if they came back; who is stopped."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0005"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_FINDING = ("at", "account", "place", "kind", "native", "outcome")
_NOTHING = sa.text("''")


def upgrade() -> None:
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        _partial(batch_op, "delivery_undelivered", ["group", "id"], "state = 'not delivered'")
        _partial(batch_op, "delivery_held", ["lane_id", "seq"], "state = 'held'")
    for name in ("user", "mark"):
        op.add_column("post", sa.Column(name, sa.String(), nullable=False, server_default=_NOTHING))
    op.add_column("post", sa.Column("hops", sa.Integer(), nullable=False, server_default=sa.text("0")))
    with op.batch_alter_table("post", schema=None) as batch_op:
        _partial(batch_op, "post_mark", ["mark", "at"], "mark <> ''")
        _partial(batch_op, "post_kept", ["at"], "body <> ''")
        batch_op.create_index("post_user", ["account", "user"], unique=False)
    with op.batch_alter_table("raw", schema=None) as batch_op:
        batch_op.create_index(
            "raw_kept",
            ["taken_at"],
            unique=False,
            sqlite_where=sa.text("state = 'done' AND body <> x''"),
            postgresql_where=sa.text("state = 'done' AND body <> ''::bytea"),
        )
    op.execute(_AUTHORS[op.get_bind().dialect.name])
    op.create_table(
        "finding",
        sa.Column("id", _ID, nullable=False),
        *(sa.Column(name, sa.Float() if name == "at" else sa.String(), nullable=False) for name in _FINDING),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "origin",
        sa.Column("id", _ID, nullable=False),
        sa.Column("group", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.Column("posts", sa.Integer(), nullable=False),
        sa.Column("stopped", sa.String(), nullable=False),
        sa.Column("stopped_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("group", "account", "place", "user"),
    )


_AUTHORS = {
    "sqlite": "UPDATE post SET \"user\" = coalesce(json_extract(body, '$.author.user'), '') WHERE body <> ''",
    "postgresql": "UPDATE post SET \"user\" = coalesce(body::json -> 'author' ->> 'user', '') WHERE body <> ''",
}
"""Who wrote what is kept, so that it can be erased by its author."""


def _partial(batch_op: object, name: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    batch_op.create_index(name, columns, unique=False, sqlite_where=condition, postgresql_where=condition)  # type: ignore[attr-defined]


def downgrade() -> None:
    op.drop_table("origin")
    op.drop_table("finding")
    with op.batch_alter_table("raw", schema=None) as batch_op:
        batch_op.drop_index("raw_kept")
    with op.batch_alter_table("post", schema=None) as batch_op:
        batch_op.drop_index("post_kept")
        batch_op.drop_index("post_user")
        batch_op.drop_index("post_mark")
        for name in ("hops", "mark", "user"):
            batch_op.drop_column(name)
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_index("delivery_held")
        batch_op.drop_index("delivery_undelivered")
