"""Brings a database to the newest revision when it is opened, and refuses what is not ours."""

import threading
from contextlib import suppress
from typing import Final

from sqlalchemy import Column, Connection, MetaData, String, Table, func, inspect, select

from reconciler.errors import JournalError
from reconciler.journal.database import Database
from reconciler.journal.tables import REVISIONS, VERSION_TABLE

_LOCK: Final = 0x7265_636F_6E63  # "reconc": the advisory lock of PostgreSQL under which we migrate

_MIGRATING: Final = threading.Lock()
"""Alembic keeps what it migrates in its module: one journal at a time in a process."""

_version = Table(VERSION_TABLE, MetaData(), Column("version_num", String))


def bring_up_to_date(database: Database) -> None:
    """Make or upgrade the tables, in one transaction; do nothing where they are up to date.

    Two processes that open a database at the same time do this one after the other.

    Raises:
        JournalError: the database is another program's, or of a newer version of this one.
    """
    shown = database.place.shown
    with database.reading() as connection:
        if revision_of(connection, shown) == REVISIONS[-1]:
            return
    with database.writing() as connection:  # on SQLite this alone keeps every other writer out
        if not database.is_sqlite:
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        before = revision_of(connection, shown)
        if before != REVISIONS[-1]:
            if database.is_sqlite:
                connection.exec_driver_sql("PRAGMA secure_delete = ON")
            _migrate(connection)
    if before not in (None, REVISIONS[-1]):
        # What a revision takes out is to be gone. While another process reads, it goes later.
        with suppress(JournalError):
            database.scrub()


def revision_of(connection: Connection, shown: str) -> str | None:
    """Return the revision of the tables, or None where there are none yet.

    Raises:
        JournalError: the database is another program's, or of a newer version of this one.
    """
    present = inspect(connection).get_table_names()
    if VERSION_TABLE not in present:
        if present:
            raise JournalError(
                f"The database {shown} belongs to another program.",
                "Give the journal a file, a database or a schema of its own.",
            )
        return None
    revision = connection.execute(select(_version.c.version_num)).scalar_one_or_none()
    if revision is not None and revision not in REVISIONS:
        raise JournalError(
            f"The journal {shown} was made by a newer version of reconciler"
            f" (its revision is {revision}).",
            "Upgrade reconciler: `pip install --upgrade reconciler`.",
        )
    return revision


def _migrate(connection: Connection) -> None:
    # Alembic is slow to import and needed once per version.
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", "reconciler.journal:migrations")
    config.attributes["connection"] = connection
    with _MIGRATING:
        command.upgrade(config, "head")
