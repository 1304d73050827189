"""The journal's tables (design, promise 4).

They hold ids and keys, never names of people. `forget.py` goes through every column that may name
somebody: a new one has to be told there. A change here needs a migration in `migrations/versions/`
and its revision in `REVISIONS`; a test compares the two.
"""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
)

VERSION_TABLE: Final = "journal_version"
"""Where Alembic keeps the revision; a name of its own tells our databases from others'."""

REVISIONS: Final = ("0001", "0002", "0003")
"""Every revision that this version knows, the oldest first; the last is the one it works with."""


class UtcTime(TypeDecorator[datetime]):
    """A point in time, stored as UTC on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn a time into UTC; one without a zone is a defect."""
        del dialect
        if value is not None and value.tzinfo is None:
            raise ValueError("the journal stores no time without a zone")
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give UTC back, also from SQLite, which stores no zone."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

plans = Table(
    "plans",
    metadata,
    Column("id", String, primary_key=True),
    Column("site", String, nullable=False),
    Column("manifest", String, nullable=False),
    Column("commit", String),
    Column("used", Boolean, nullable=False),
    Column("header", JSON, nullable=False),  # what is read back of the plan's document
)

runs = Table(
    "runs",
    metadata,
    # Counts runs in the order in which they began, whatever the machines' clocks say.
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("plan", ForeignKey("plans.id"), nullable=False),
    Column("site", String, nullable=False),
    Column("lease", String),  # the token of the lease under which it runs
    Column("began_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("who", String, nullable=False),
    Column("host", String, nullable=False),
    Column("correlation", String),  # the id under which requests and logs know the run
    Column("end", String),
    Column("note", String, nullable=False),
    Column("overrides", JSON, nullable=False),
    Index("ix_runs_plan", "plan"),
    sqlite_autoincrement=True,  # a forgotten run's number never comes back
)

requests = Table(
    "requests",
    metadata,
    Column("run", ForeignKey("runs.number", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("sent_at", UtcTime, nullable=False),
    Column("answered_at", UtcTime),
)

actions = Table(
    "actions",
    metadata,
    Column("run", ForeignKey("runs.number", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("address", String, nullable=False),
    Column("name", String, nullable=False),
    Column("verb", String, nullable=False),
    Column("before", JSON, nullable=False),
    Column("after", JSON, nullable=False),
    Column("cause", JSON, nullable=False),
    Column("requires", JSON, nullable=False),
    Column("manual", Boolean, nullable=False),
    Column("sees_change", Boolean),
    Column("request", Integer),  # the run's request that carried it last
    Column("key", String),  # the idempotency key that it had there
    # Whether the site's own answer to that request settled it, and not a later look at the site.
    Column("answered", Boolean, nullable=False),
    Column("outcome", String),
    Column("detail", String, nullable=False),
    Column("revision", BigInteger),
    Column("settled_at", UtcTime),
    Index("ix_actions_run_address", "run", "address", unique=True),
)

leases = Table(
    "leases",
    metadata,
    Column("site", String, primary_key=True),
    Column("token", String, nullable=False),
    Column("holder", String, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("expires", UtcTime, nullable=False),
)
