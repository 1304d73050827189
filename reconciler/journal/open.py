"""Opens a journal: a SQLite file of one machine, or a PostgreSQL database that many share."""

import os
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from reconciler.errors import JournalError
from reconciler.journal.database import Database
from reconciler.journal.failures import Place, mapped
from reconciler.journal.record import Owner, SqlJournal
from reconciler.journal.upgrade import bring_up_to_date
from reconciler.sqlite import make_private

_NO_FILE: Final = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+:|\b(host|user|password|dbname)\s*=")
"""What looks like a URL or a connection string that was written wrongly."""

_DRIVERS: Final = ("postgresql", "postgresql+psycopg")
_SECRET_OPTIONS: Final = ("password", "sslpassword")

_BUSY_SECONDS: Final = 60.0  # as long as another process may need to record a million actions

# A server that went away is noticed within seconds, well before the lease runs out.
_POSTGRESQL_OPTIONS: Final = {
    "connect_timeout": "10",
    "keepalives_idle": "5",
    "keepalives_interval": "3",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}


def _random_id() -> str:
    return str(uuid4())


def check_location(location: str | Path) -> None:
    """Refuse what is neither a file nor a URL, and do not repeat it: it may hold a password.

    Raises:
        JournalError: it looks like a connection string that was written wrongly.
    """
    if isinstance(location, str) and _NO_FILE.search(location) and "://" not in location:
        raise JournalError(
            "The journal's location is neither a file nor a URL.",
            "Name a file, or write postgresql://USER:PASSWORD@HOST:PORT/DATABASE.",
        )


def open_journal(
    location: str | Path,
    *,
    now: Callable[[], datetime],
    who: str,
    host: str,
    lease_seconds: float = 30.0,
    new_id: Callable[[], str] = _random_id,
    correlation: str = "",
) -> SqlJournal:
    """Open a journal, and make or upgrade its tables where that is needed.

    Args:
        location: a file, made private to the user when it is new, or a `postgresql://` URL.
        now: tells the machine's time, with a zone.
        who: the user who runs this, for the record and for those who wait.
        host: the machine, likewise.
        lease_seconds: how long a lease lasts without being renewed.
        new_id: makes ids of runs and tokens of leases; never the same twice.
        correlation: the id under which requests and logs know what runs.

    Raises:
        JournalError: it cannot be opened, is not a journal, or is one of a newer version.
    """
    check_location(location)
    if isinstance(location, str) and "://" in location:
        engine, place = postgresql(location)
    else:
        engine, place = _sqlite(Path(location))
    database = Database(engine, place, now)
    try:
        bring_up_to_date(database)
    except BaseException:
        database.close()
        raise
    return SqlJournal(database, Owner(who, host, os.getpid(), correlation), lease_seconds, new_id)


def _sqlite(path: Path) -> tuple[Engine, Place]:
    place = Place(str(path))
    with mapped(place, "opened"):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # SQLite would make it readable for others, and gives its side files the same mode.
        make_private(path)
        url = URL.create("sqlite+pysqlite", database=str(path.absolute()))
        return create_engine(url, connect_args={"timeout": _BUSY_SECONDS}), place


def postgresql(location: str) -> tuple[Engine, Place]:
    """Prepare to connect to a server; nothing is asked of it yet.

    Raises:
        JournalError: the URL cannot be read, or the driver is missing.
    """
    scheme = location.partition("://")[0]
    if scheme not in _DRIVERS:
        raise JournalError(
            f"A journal cannot be at a {scheme}:// URL.",
            "Name a file, or a URL that begins with postgresql://.",
        )
    url = _parsed(location)
    place = Place(
        url.set(query={}).render_as_string(hide_password=True),
        tuple(
            secret
            for secret in (url.password, *(url.query.get(name) for name in _SECRET_OPTIONS))
            if isinstance(secret, str)
        ),
    )
    options = {name: value for name, value in _POSTGRESQL_OPTIONS.items() if name not in url.query}
    try:
        engine = create_engine(
            url,
            connect_args=options,
            pool_pre_ping=True,
            isolation_level="READ COMMITTED",
            hide_parameters=True,
        )
    except ImportError as missing:
        raise JournalError(
            f"The journal {place.shown} cannot be opened: the driver for PostgreSQL is missing.",
            "Install it: `pip install 'psycopg[binary]'`.",
        ) from missing
    return engine, place


def _parsed(location: str) -> URL:
    """Read a URL; one that is broken is never shown, since its password may be anywhere in it."""
    broken = JournalError(
        "The journal's URL cannot be read.",
        "Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with special characters in user and"
        " password percent-encoded.",
    )
    try:
        url = make_url(location).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):
        raise broken from None
    # A raw "@" or "/" in the password moves a part of it into the host or the database.
    if any("@" in part for part in (url.username, url.host, url.database) if part):
        raise broken
    return url
