"""Headers of plans keep what is read back, and nothing that may name people."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

KEPT = ("manifest", "revision", "timezone", "summary", "rosters", "policies", "basis")


def upgrade() -> None:
    """Leave out the rest, and of the basis its digests: ids can be guessed from them."""
    plans = sa.table("plans", sa.column("id", sa.String), sa.column("header", sa.JSON))
    connection = op.get_bind()
    for id_, header in connection.execute(sa.select(plans.c.id, plans.c.header)).all():
        kept = {name: header[name] for name in KEPT if name in header}
        kept["basis"] = {**kept["basis"], "digests": {}}
        connection.execute(sa.update(plans).where(plans.c.id == id_).values(header=kept))
