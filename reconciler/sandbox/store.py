"""The database of a sandbox: opening it, filling a fresh one, and transactions on it."""

import os
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any, Final
from unicodedata import normalize

from sqlalchemy import (
    Connection,
    Engine,
    Table,
    create_engine,
    delete,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import StaticPool

from reconciler.domain.vocabulary import Role
from reconciler.sandbox import tables
from reconciler.sandbox.items import LabelsItem, MembershipItem, Shape, StateDocument
from reconciler.sandbox.options import MEMORY, SandboxRefused

_FIRST_REVISION: Final = 1
_ROWS_AT_ONCE: Final = 10_000


def folded(*words: str | None) -> str:
    """Return words as a search compares them: in one form, without regard to case."""
    return normalize("NFC", " ".join(filter(None, words))).casefold()


def utc_now() -> datetime:
    """Return the time, as the event log wants it."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Writing:
    """An open write transaction; `revision` is the site's, and moves with every write.

    Attributes:
        connection: where to write.
        revision: the revision after the last effective write.
        clock: what time an event gets.
    """

    connection: Connection
    revision: int
    clock: Callable[[], datetime]
    _rows: dict[Table, list[dict[str, Any]]] = field(default_factory=dict, init=False)
    _changed: dict[str, int] = field(default_factory=dict, init=False)
    _counted: bool = field(default=False, init=False)

    def count(self) -> None:
        """Count one effective write; the event log knows those to addresses only."""
        self.revision += 1
        self._counted = True

    def record(
        self, *, collection: str, actor: str, actor_kind: str, address: str, verb: str
    ) -> None:
        """Count one effective write to an address and log it."""
        self.count()
        at = self.clock().astimezone(UTC).isoformat(timespec="microseconds")
        event = {
            "revision": self.revision,
            "at": at.replace("+00:00", "Z"),
            "actor": actor,
            "actor_kind": actor_kind,
            "address": address,
            "verb": verb,
        }
        self.add_at_end(tables.events, event)
        self._changed[collection] = self.revision

    def add_at_end(self, table: Table, row: dict[str, Any]) -> None:
        """Add a row together with others at the end; nothing in this transaction reads it before.

        A batch pays for one statement then, not for one per change.
        """
        self._rows.setdefault(table, []).append(row)

    def finish(self) -> None:
        """Write what was left for the end of the transaction."""
        for table, rows in self._rows.items():
            self.connection.execute(insert(table), rows)
        for name, revision in self._changed.items():
            collection = tables.collections.c.name == name
            self.connection.execute(
                update(tables.collections).where(collection).values(revision=revision)
            )
        if self._counted:
            self.connection.execute(update(tables.site).values(revision=self.revision))


class Store:
    """One site's database.

    Every use of it holds one lock, so that a reader never sees half a write and no two writers
    count the same revision; SQLite serves one writer at a time anyway.
    """

    def __init__(self, engine: Engine, clock: Callable[[], datetime] = utc_now) -> None:
        self._engine = engine
        self._clock = clock
        self._lock = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection to read from."""
        with self._lock, self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """Give a transaction that is committed at the end, or undone by an exception."""
        with self._lock, self._engine.begin() as connection:
            # An empty update takes the row's lock on every database, so that another process on
            # the same one waits here rather than counting the same revision.
            connection.execute(update(tables.site).values(revision=tables.site.c.revision))
            revision = connection.execute(select(tables.site.c.revision)).scalar_one()
            writing = Writing(connection, revision, self._clock)
            yield writing
            writing.finish()

    def today(self) -> date:
        """Return the day on which the site is, in UTC as its events are."""
        return self._clock().astimezone(UTC).date()

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()


def open_store(database: str, load: Callable[[], StateDocument], *, seeded: bool) -> Store:
    """Open a database, and fill it when it holds no site yet.

    Args:
        database: a file's path, `:memory:`, or an SQLAlchemy URL.
        load: gives the checked state for a fresh site.
        seeded: whether the user asked for a certain seed.

    Raises:
        SandboxRefused: the database cannot be used, or holds a site already and a seed was given.
    """
    url = _url(database)
    shown = url.render_as_string(hide_password=True) if "://" in database else database
    try:
        engine = _engine(url)
        if _holds_site(engine, shown):
            if seeded:
                raise SandboxRefused(
                    f"the database {shown} already holds a site, so it takes no seed; "
                    "leave --seed out, or name a new file"
                )
            return Store(engine)
        document = load()
        tables.metadata.create_all(engine)
        with engine.begin() as connection:
            _fill(connection, document)
    except DBAPIError as error:
        raise SandboxRefused(f"the database {shown} cannot be used: {error.orig}") from error
    return Store(engine)


def _url(database: str) -> URL:
    if database == MEMORY:
        return URL.create("sqlite+pysqlite")
    if "://" not in database:
        return URL.create("sqlite+pysqlite", database=database)
    try:
        return make_url(database)
    except ArgumentError:
        raise SandboxRefused("the database is not an SQLAlchemy URL") from None


def _engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() == "sqlite":
            _make_private(url.database)
            # One connection for all threads: it is what keeps a database in memory alive.
            return create_engine(
                url, poolclass=StaticPool, connect_args={"check_same_thread": False}
            )
        return create_engine(url, pool_pre_ping=True)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise SandboxRefused(f"there is no driver for that database: {error}") from error


def _make_private(file: str | None) -> None:
    """Make a new database file readable by its owner only: it may be a copy of the register."""
    if not file or file == MEMORY or file.startswith("file:"):
        return
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise SandboxRefused(f"the database {file} cannot be used: {error.strerror}") from error


def _holds_site(engine: Engine, shown: str) -> bool:
    present = set(inspect(engine).get_table_names())
    if present and not present >= set(tables.metadata.tables):
        raise SandboxRefused(f"the database {shown} is not a sandbox's; name another one")
    if not present:
        return False
    with engine.connect() as connection:
        return connection.execute(select(tables.site.c.id)).first() is not None


def _fill(connection: Connection, document: StateDocument) -> None:
    labels = {item.role: item for item in document.labels}
    every_label = [labels.get(role, LabelsItem(role=role)) for role in Role]
    contents: dict[Table, Iterable[Shape]] = {
        tables.profiles: document.profiles,
        tables.labels: every_label,
        tables.people: document.people,
        tables.units: document.units,
        tables.memberships: document.memberships,
        tables.relations: document.relations,
        tables.holders: document.holders,
        tables.assignments: document.assignments,
    }
    # What an interrupted start may have left; without a site row nothing of it counts.
    for table in tables.metadata.sorted_tables:
        connection.execute(delete(table))
    found_by = (
        {"person": each.id, "words": folded(each.name, each.username, each.sync_key, each.email)}
        for each in document.people
    )
    _insert(connection, tables.found_by, found_by)
    for table, items in contents.items():
        _insert(connection, table, map(_row, items))
        connection.execute(
            insert(tables.collections), {"name": table.name, "revision": _FIRST_REVISION}
        )
    site = document.site
    connection.execute(
        insert(tables.site),
        {
            "id": site.id,
            "name": site.name,
            "revision": _FIRST_REVISION,
            "ilp_enabled": site.ilp.enabled,
            "ilp_published_templates": site.ilp.published_templates,
            "database_id": secrets.token_hex(16),
        },
    )


def _insert(connection: Connection, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    while chunk := list(islice(rows, _ROWS_AT_ONCE)):
        connection.execute(insert(table), chunk)


def _row(item: Shape) -> dict[str, Any]:
    row = item.model_dump(mode="json")
    if isinstance(item, MembershipItem):
        row["begin"] = row["begin"] or tables.OPEN
        row["end"] = row["end"] or tables.OPEN
    if "roles" in row:
        row["roles"] = sorted(row["roles"])
    return row
