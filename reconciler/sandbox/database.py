"""Where a sandbox's database is, how to connect to it, and what is told when that fails.

A database in memory has one connection. A file and a server have as many as there are requests at
once: readers wait for nobody, and each sees the site as it was when it began.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, StaticPool

from reconciler import sqlite
from reconciler.sandbox.options import MEMORY, SandboxRefused

_BUSY_SECONDS: Final = 30.0
_NOT_READABLE: Final = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
_REQUESTS_AT_ONCE: Final = 40  # the threads that answer requests
_KEPT_CONNECTIONS: Final = 10

_POSTGRESQL: Final = "postgresql+psycopg"
_DRIVERS: Final = {
    "sqlite": "sqlite+pysqlite",
    "sqlite+pysqlite": "sqlite+pysqlite",
    "postgresql": _POSTGRESQL,
    _POSTGRESQL: _POSTGRESQL,
}
_SECRET_OPTIONS: Final = ("password", "sslpassword")

_SERVED: Final = "hashtextextended('reconciler sandbox ' || current_schema(), 1)"
"""PostgreSQL's lock that everybody who uses the database holds, and nobody beside a reset."""

_MADE: Final = "hashtextextended('reconciler sandbox ' || current_schema(), 2)"
"""PostgreSQL's lock of whoever makes the tables."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a database is.

    Attributes:
        url: for SQLAlchemy.
        shown: a form that may be shown.
        secrets: what must stand in no message.
    """

    url: URL
    shown: str
    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Place({self.shown!r})"

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file or memory, not a server."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def file(self) -> Path | None:
        """The file, if it is one."""
        name = self.url.database
        return Path(name) if self.is_sqlite and name and name != MEMORY else None


def place_of(database: str) -> Place:
    """Understand what `--database` says.

    Args:
        database: a file's path, `:memory:`, or a URL.

    Raises:
        SandboxRefused: it is a URL that cannot be read, or of another database; what it says is not
            repeated, since a password may be anywhere in it.
    """
    if database == MEMORY:
        return Place(URL.create("sqlite+pysqlite"), database)
    if "://" not in database:
        return Place(URL.create("sqlite+pysqlite", database=database), database)
    scheme = database.partition("://")[0]
    if scheme not in _DRIVERS:
        raise SandboxRefused(
            f"a sandbox's database cannot be at a {scheme}:// URL; "
            "name a file, or a URL that begins with postgresql://"
        )
    broken = SandboxRefused(
        "the database's URL cannot be read; write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, "
        "with special characters in user and password percent-encoded"
    )
    try:
        url = make_url(database).set(drivername=_DRIVERS[scheme])
    except (ArgumentError, ValueError):
        raise broken from None
    # A raw "@" or "/" in the password moves a part of it into the host or the database.
    if any("@" in part for part in (url.username, url.host, url.database) if part):
        raise broken
    secrets = (url.password, *(url.query.get(name) for name in _SECRET_OPTIONS))
    shown = url.set(drivername=scheme, query={}).render_as_string(hide_password=True)
    return Place(url, shown, tuple(each for each in secrets if isinstance(each, str)))


@contextmanager
def told(place: Place) -> Iterator[None]:
    """Turn every error of the database into one sentence.

    Raises:
        SandboxRefused: the database cannot be used.
    """
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        # What SQLAlchemy does not do for us, the driver tells in its own words.
        raw = error.orig if isinstance(error, DBAPIError) else error
        reason = _said(raw, place.secrets)
        if getattr(raw, "sqlite_errorname", "").startswith(_NOT_READABLE):
            reason += "; delete the file, or name another one"
        raise SandboxRefused(f"the database {place.shown} cannot be used: {reason}") from None


def _said(error: BaseException | None, secrets: tuple[str, ...]) -> str:
    """Return what a database said, in one line, if that holds no secret."""
    lines = str(error).split("\n")
    # Where a host has several addresses, the driver tells of each in a line of its own.
    first = next((line.strip() for line in lines if "failed: " in line), lines[0].strip())
    if not first or any(secret in first for secret in secrets):
        return "it refused"
    return first.rstrip(".")


def serving_engine(place: Place) -> Engine:
    """Return how a server reads and writes a site that is there."""
    if not place.is_sqlite:
        engine = _postgresql(
            place,
            pool_pre_ping=True,
            pool_size=_KEPT_CONNECTIONS,
            max_overflow=_REQUESTS_AT_ONCE - _KEPT_CONNECTIONS,
        )
        event.listen(engine, "connect", _be_seen)
        return engine
    if place.file is None:
        # One connection for all threads: it is what keeps a database in memory alive.
        return _sqlite(place, poolclass=StaticPool)
    engine = _sqlite(
        place,
        pool_size=_KEPT_CONNECTIONS,
        max_overflow=_REQUESTS_AT_ONCE - _KEPT_CONNECTIONS,
    )
    event.listen(engine, "connect", _log_ahead)
    return engine


def making_engine(place: Place) -> Engine:
    """Return how a site is made, or looked at, by somebody who is alone."""
    if place.is_sqlite:
        return _sqlite(place, poolclass=NullPool)
    return _postgresql(place, poolclass=NullPool)


def wait_for_others(connection: Connection) -> None:
    """Let nobody else make the tables before the transaction ends; SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MADE})")


@contextmanager
def alone(engine: Engine, place: Place) -> Iterator[Connection]:
    """Give a transaction in a database that nobody serves.

    Raises:
        SandboxRefused: somebody does.
    """
    with told(place), engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            taken = connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({_SERVED})").scalar()
            connection.commit()
        else:
            taken = _leave_log(connection)
        if not taken:
            raise SandboxRefused(
                f"a sandbox serves the database {place.shown}, or another program has it open; "
                "stop that one first"
            )
        with connection.begin():
            yield connection


def scrub(engine: Engine, place: Place) -> None:
    """Rewrite a file, so that nothing of what was thrown away is left in it.

    A server's database does so by itself, in its own time.
    """
    if not place.is_sqlite:
        return
    with told(place), engine.connect() as connection:
        cursor = connection.connection.cursor()
        cursor.execute("VACUUM")
        cursor.close()


def make_private(place: Place) -> None:
    """Make a new database file readable by its owner only: it may be a copy of the register.

    Raises:
        SandboxRefused: the file cannot be written.
    """
    if place.file is None:
        return
    try:
        sqlite.make_private(place.file)
    except OSError as error:
        raise SandboxRefused(
            f"the database {place.shown} cannot be used: {error.strerror}"
        ) from error


def _sqlite(place: Place, **how: Any) -> Engine:
    connecting = {"check_same_thread": False, "timeout": _BUSY_SECONDS}
    engine = create_engine(place.url, connect_args=connecting, hide_parameters=True, **how)
    sqlite.own_transactions(engine)
    return engine


def _postgresql(place: Place, **how: Any) -> Engine:
    try:
        return create_engine(
            place.url, connect_args={"connect_timeout": "10"}, hide_parameters=True, **how
        )
    except ModuleNotFoundError as missing:
        raise SandboxRefused(
            "the driver for PostgreSQL is missing; run: pip install 'psycopg[binary]'"
        ) from missing


def _log_ahead(raw: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    sqlite.turn_on_log(raw, _BUSY_SECONDS)


def _leave_log(connection: Connection) -> bool:
    """Leave SQLite's write-ahead log, which it allows only to one who has the file alone."""
    raw = connection.connection
    cursor = raw.cursor()
    try:
        cursor.execute("PRAGMA busy_timeout = 0")
        ((mode,),) = cursor.execute("PRAGMA journal_mode = DELETE").fetchall()
    except Exception as error:
        if sqlite.is_busy(error):
            return False
        raise
    finally:
        cursor.close()
    return bool(mode != "wal")


def _be_seen(raw: Any, _entry: ConnectionPoolEntry) -> None:
    raw.execute(f"SELECT pg_advisory_lock_shared({_SERVED})").close()
    raw.commit()
