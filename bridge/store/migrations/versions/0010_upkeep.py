"""Upkeep: an index of what was not delivered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0003"
branch_labels = None
depends_on = None

_UNDELIVERED = sa.text("state = 'not delivered'")


def upgrade() -> None:
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.create_index(
            "delivery_undelivered",
            ["group", "id"],
            unique=False,
            sqlite_where=_UNDELIVERED,
            postgresql_where=_UNDELIVERED,
        )


def downgrade() -> None:
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_index("delivery_undelivered", sqlite_where=_UNDELIVERED, postgresql_where=_UNDELIVERED)
