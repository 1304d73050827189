"""A journal's database: transactions to read and to write, with every error mapped."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine, event, func, select
from sqlalchemy.pool import ConnectionPoolEntry

from reconciler.errors import JournalError
from reconciler.journal.failures import Place, mapped
from reconciler.journal.tables import UtcTime
from reconciler.sqlite import READING, own_transactions, turn_on_log

_TOLD: Final = "journal_told"

_LOG_SECONDS: Final = 60.0  # as long as a connection waits for a writer elsewhere

_SCRUB_MILLISECONDS: Final = 5_000  # to wait for others, who are done within moments

# A client that froze in the middle of a transaction must not keep the others waiting for ever.
_POSTGRESQL_LIMITS: Final = (
    "SET LOCAL lock_timeout = '30s'; SET LOCAL idle_in_transaction_session_timeout = '60s'"
)


class Begun(NamedTuple):
    """When a transaction was begun, by the machine's clock; a later one is greater.

    Attributes:
        number: how many had been begun before, since a clock may be set back.
        at: the time before it waited for anybody.
    """

    number: int
    at: datetime


class Database:
    """An open database; safe to use from several threads.

    Args:
        engine: how to connect.
        place: what messages call it.
        now: tells the machine's time, with a zone.
    """

    def __init__(self, engine: Engine, place: Place, now: Callable[[], datetime]) -> None:
        self.engine = engine
        self.place = place
        self.now = now
        self._numbers = count()
        self.is_sqlite = engine.dialect.name == "sqlite"
        if self.is_sqlite:
            own_transactions(engine)
            event.listen(engine, "connect", _prepare_sqlite)
        else:
            event.listen(engine, "begin", _begin_postgresql)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a transaction to read in; on SQLite it waits for no writer.

        Raises:
            JournalError: the database cannot be read.
        """
        with mapped(self.place, "read"), self.engine.connect() as connection:
            connection.execution_options(**{READING: True})
            with connection.begin():
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a transaction that is committed at the end, or undone by an exception.

        Raises:
            JournalError: the database cannot be written.
        """
        begun, told = self.begun(), list[Callable[[Begun], None]]()
        with mapped(self.place, "written"), self.engine.begin() as connection:
            connection.execution_options(**{_TOLD: told})
            yield connection
        for tell in told:
            tell(begun)

    def begun(self) -> Begun:
        """Tell the time as of a transaction that begins now."""
        return Begun(next(self._numbers), self.now())

    def when_committed(self, connection: Connection, tell: Callable[[Begun], None]) -> None:
        """Let somebody be told that what is being written stands, and since when it was begun.

        Args:
            connection: of a transaction to write in.
            tell: called once it was committed, and not where that failed.
        """
        connection.get_execution_options()[_TOLD].append(tell)

    def scrub(self) -> None:
        """Rewrite an SQLite file, so that nothing of what was replaced is left in it or beside it.

        A server's database does so by itself, in its own time.

        Raises:
            JournalError: another process keeps the file from being rewritten; what was replaced may
                still be read in it.
        """
        if not self.is_sqlite:
            return
        with mapped(self.place, "rewritten"):
            raw = self.engine.raw_connection()
            try:
                cursor = raw.cursor()
                cursor.execute(f"PRAGMA busy_timeout = {_SCRUB_MILLISECONDS}")
                cursor.execute("VACUUM")
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                ((busy, *_),) = cursor.fetchall()
                cursor.close()
            finally:
                raw.close()
        if busy:
            raise JournalError(
                f"The journal {self.place.shown} cannot be rewritten: another process reads it."
                " What was forgotten may still be found in its file.",
                "Run the same command again when that one is done.",
            )

    def clock(self, connection: Connection) -> datetime:
        """Tell the time by which leases are judged: the server's, so that all machines agree."""
        return clock(connection, self.now)

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()


def clock(connection: Connection, now: Callable[[], datetime]) -> datetime:
    """Tell the time by which the leases of a database are judged, as `Database.clock` does."""
    if connection.dialect.name == "sqlite":
        return now().astimezone(UTC)
    return connection.execute(select(func.clock_timestamp(type_=UtcTime))).scalar_one()


def _prepare_sqlite(raw: Any, _entry: ConnectionPoolEntry) -> None:
    turn_on_log(raw, _LOG_SECONDS)
    for setting in ("synchronous = FULL", "foreign_keys = ON"):
        raw.execute(f"PRAGMA {setting}").close()


def _begin_postgresql(connection: Connection) -> None:
    connection.exec_driver_sql(_POSTGRESQL_LIMITS)
