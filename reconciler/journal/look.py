"""Looks at a journal and leaves it as it is: makes no file, no table and no lease."""

import os
import sqlite3
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, create_engine, select
from sqlalchemy.pool import NullPool

from reconciler.journal.database import clock
from reconciler.journal.failures import Place, mapped
from reconciler.journal.lease import Held
from reconciler.journal.open import check_location, postgresql
from reconciler.journal.tables import REVISIONS, leases
from reconciler.journal.upgrade import revision_of

_WAIT_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Look:
    """What a journal is.

    Attributes:
        shown: where it is, without a password.
        kind: what it is kept in, with its version.
        revision: of its tables; None where they are not made yet.
        upgraded: whether this version works with them as they are.
        open_to_others: whether others on this machine may read its file.
        held: the leases that somebody has on a site.
    """

    shown: str
    kind: str
    revision: str | None
    upgraded: bool
    open_to_others: bool
    held: tuple[Held, ...]


def look_at(location: str | Path, now: Callable[[], datetime]) -> Look:
    """Look at a journal that is there.

    Args:
        location: a file that exists, or a `postgresql://` URL.
        now: tells the machine's time, with a zone.

    Raises:
        JournalError: it cannot be reached or read, is not a journal, or is one of a newer version.
    """
    check_location(location)
    if isinstance(location, str) and "://" in location:
        engine, place = postgresql(location)
        open_to_others = False
    else:
        path = Path(location)
        place = Place(str(path))
        with mapped(place, "read"):
            mode = stat.S_IMODE(path.stat().st_mode)
        open_to_others = os.name == "posix" and bool(mode & 0o077)
        engine = _read_only(path)
    try:
        with mapped(place, "read"), engine.connect() as connection:
            version = ".".join(map(str, engine.dialect.server_version_info or ()))
            revision = revision_of(connection, place.shown)
            held = []
            if revision is not None:
                alive = leases.c.expires > clock(connection, now)
                columns = leases.c.site, leases.c.holder, leases.c.since, leases.c.expires
                held = [Held(*row) for row in connection.execute(select(*columns).where(alive))]
    finally:
        engine.dispose()
    kind = f"{'SQLite' if engine.dialect.name == 'sqlite' else 'PostgreSQL'} {version}"
    return Look(place.shown, kind, revision, revision == REVISIONS[-1], open_to_others, tuple(held))


def _read_only(path: Path) -> Engine:
    address = f"{path.absolute().as_uri()}?mode=ro"
    return create_engine(
        "sqlite+pysqlite://",
        creator=lambda: sqlite3.connect(address, uri=True, timeout=_WAIT_SECONDS),
        poolclass=NullPool,
    )
