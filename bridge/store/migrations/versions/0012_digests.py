"""Deliveries that go together, what readers chose for themselves, and who joined."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "choice",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("deliver", sa.String(), nullable=False),
        sa.Column("paused_until", sa.Float(), nullable=False),
        sa.Column("counted_on", sa.String(), nullable=False),
        sa.Column("mails", sa.Integer(), nullable=False),
        sa.Column("welcomed", sa.String(), nullable=False),
        sa.Column("asked", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("account", "address"),
    )
    op.create_table(
        "joining",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("account", "place", "address"),
    )
    op.add_column("delivery", sa.Column("form", sa.String(), server_default=sa.text("''"), nullable=False))
    op.add_column("delivery", sa.Column("carried_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))
    op.create_index(
        "delivery_carried",
        "delivery",
        ["carried_by"],
        unique=False,
        sqlite_where=sa.text("carried_by IS NOT NULL"),
        postgresql_where=sa.text("carried_by IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("delivery_carried", "delivery")
    op.drop_column("delivery", "carried_by")
    op.drop_column("delivery", "form")
    op.drop_table("joining")
    op.drop_table("choice")
