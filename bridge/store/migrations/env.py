"""Alembic's entry: runs the versions over the connection that `bridge.store.database` hands in."""

from alembic import context
from sqlmodel import SQLModel

from bridge.store import tables

assert tables.RawRow.metadata is SQLModel.metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    transactional_ddl=False,
)
context.run_migrations()
