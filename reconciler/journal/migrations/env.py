"""Alembic's entry: runs the migrations in the transaction that `upgrade.py` began."""

from alembic import context

from reconciler.journal.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
context.run_migrations()
