"""Replicas: the lock by which a dead one is known at once, an index of what is owned, and how many read each place."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # The default lets an older version go on beating while the replicas are replaced one by one.
    op.add_column("replica", sa.Column("lock", _ID, nullable=False, server_default=sa.text("0")))
    op.create_table(
        "size",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("account", "place"),
    )
    with op.batch_alter_table("lane", schema=None) as batch_op:
        batch_op.create_index(
            "lane_owned",
            ["owner"],
            unique=False,
            sqlite_where=sa.text("owner <> ''"),
            postgresql_where=sa.text("owner <> ''"),
        )


def downgrade() -> None:
    with op.batch_alter_table("lane", schema=None) as batch_op:
        batch_op.drop_index("lane_owned", sqlite_where=sa.text("owner <> ''"), postgresql_where=sa.text("owner <> ''"))

    op.drop_table("size")
    op.drop_column("replica", "lock")
