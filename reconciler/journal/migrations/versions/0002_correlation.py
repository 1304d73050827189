"""Runs keep the id under which requests and logs know them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column; of older runs it is not known."""
    op.add_column("runs", sa.Column("correlation", sa.String()))
