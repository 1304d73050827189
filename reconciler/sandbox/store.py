"""The database of a sandbox: opening it, filling a fresh one, and transactions on it."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Table, insert, select, update
from sqlalchemy.pool import StaticPool

from reconciler.sandbox import tables
from reconciler.sandbox.database import (
    make_private,
    making_engine,
    place_of,
    serving_engine,
    told,
    wait_for_others,
)
from reconciler.sandbox.loading import load
from reconciler.sandbox.options import Seed
from reconciler.sandbox.schema import Found, create, refuse_unless
from reconciler.sandbox.seeds import parts_of_seed
from reconciler.sqlite import READING


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

    def record(
        self, *, collection: str | None, actor: str, actor_kind: str, address: str, verb: str
    ) -> None:
        """Count one effective write and log it.

        Args:
            collection: whose ETag it changes; None where no collection has what was written.
            actor: who wrote.
            actor_kind: over what, `api` or `console`.
            address: what was written: an address of the API's, or `tables.ILP`.
            verb: what was done to it.
        """
        self.revision += 1
        self._counted = True
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
        if collection is not None:
            self._changed[collection] = self.revision

    def renewed(self, collections: Iterable[str]) -> None:
        """Count what the school system changed: a revision for all of it, and no event."""
        self.revision += 1
        self._counted = True
        self._changed |= dict.fromkeys(collections, self.revision)

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

    One writer at a time: the others wait here, and those of another process at the database, so
    that no two count the same revision. A reader sees the site as it was when it began, whatever
    is written meanwhile. Over one connection, as in memory, readers wait, too.
    """

    def __init__(self, engine: Engine, clock: Callable[[], datetime] = utc_now) -> None:
        self._engine = engine
        self._clock = clock
        self._lock = threading.Lock()
        alone = isinstance(engine.pool, StaticPool)
        self._reader: AbstractContextManager[object] = self._lock if alone else nullcontext()
        options: dict[str, Any] = {READING: True}
        if engine.dialect.name == "postgresql":
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reading = engine.execution_options(**options)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection to read from, in a transaction that sees one moment."""
        with self._reader, self._reading.connect() as connection:
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

    def site(self) -> tuple[str, str]:
        """Return the site's id, by which manifests name it, and what it is called."""
        own = tables.site.c
        with self.reading() as connection:
            row = connection.execute(select(own.id, own.name)).one()
        return row.id, row.name

    def today(self) -> date:
        """Return the day on which the site is, in UTC as its events are."""
        return self._clock().astimezone(UTC).date()

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()


def open_store(database: str, seed: Seed | None = None) -> Store:
    """Open a database, and fill it when it holds nothing yet.

    Args:
        database: a file's path, `:memory:`, or a `postgresql://` URL.
        seed: what a fresh site shall hold; None is the built-in municipality.

    Raises:
        SandboxRefused: the database or the seed cannot be used, or there is a site already and a
            seed was given.
    """
    place = place_of(database)
    make_private(place)
    engine = serving_engine(place)
    # Not the serving one: a fresh file is filled before it has a log to write everything twice.
    maker = engine if isinstance(engine.pool, StaticPool) else making_engine(place)
    wanted = {Found.NOTHING} if seed else {Found.NOTHING, Found.SITE}
    try:
        with told(place), maker.begin() as connection:
            wait_for_others(connection)
            if refuse_unless(wanted, connection, place.shown) is Found.NOTHING:
                create(connection)
                load(connection, parts_of_seed(seed), seed.path if seed else None)
        store = Store(engine)
        # From here on there is a connection, so that a reset sees that the site is served. A file
        # that is damaged begins to show it here.
        with told(place):
            store.site()
    except BaseException:
        engine.dispose()
        raise
    return store
