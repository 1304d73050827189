"""One apply per site at a time: a lease that its holder renews and that frees itself otherwise.

Expiry is judged by the database's clock, so that machines whose clocks differ agree. Whether a
lease is still one's own is decided by its token alone, inside the transaction that relies on it.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Self

from sqlalchemy import Connection, Table, delete, select, update
from sqlalchemy.dialects import sqlite

from reconciler.errors import JournalError, LeaseHeld, LeaseLost, ReconcilerError, actor_id
from reconciler.journal.database import Begun, Database
from reconciler.journal.tables import leases

_PAUSE: Final = 0.5  # seconds between two looks at a lease that another holds
_JOIN: Final = 5.0  # seconds to wait for the heartbeat's last word


@dataclass(frozen=True, slots=True)
class Held:
    """A lease that somebody has.

    Attributes:
        holder: who, on which machine, in which process.
        since: when it was taken.
        expires: when it frees itself, unless it is renewed.
    """

    site: str
    holder: str
    since: datetime
    expires: datetime

    def __str__(self) -> str:
        return (
            f"Another apply is writing to the site {self.site}: {self.holder},"
            f" since {_shown(self.since)}. Unless it is renewed, its lease ends at"
            f" {_shown(self.expires)}."
        )

    def error(self, advice: str | None = None) -> LeaseHeld:
        """Return it as an error, which notes whom it names."""
        owner = self.holder.partition(",")[0]
        who = actor_id(owner.partition("@")[0])
        return LeaseHeld(str(self), advice).naming(self.site, [(who, owner)])


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long to wait for a lease that another holds.

    Attributes:
        seconds: how long at most; 0 does not wait.
        sleep: waits the seconds it is given.
        tell: told once who holds it, before the first wait.
    """

    seconds: float
    sleep: Callable[[float], object]
    tell: Callable[[LeaseHeld], None] | None


class Lease:
    """The right to write to one site, while the `with` block lasts.

    A daemon thread renews it. A process that is killed renews nothing, and the lease runs out.

    Args:
        database: where it is recorded.
        site: the site's id.
        token: tells this lease from every other.
        holder: who takes it, for the messages of others.
        seconds: how long it lasts without being renewed.
        waiting: what to do while another holds it.

    Attributes:
        taken: whether the `with` block lasts; the lease itself may have run out nevertheless.
    """

    def __init__(
        self,
        database: Database,
        site: str,
        token: str,
        holder: str,
        seconds: float,
        waiting: Waiting,
    ) -> None:
        self.site = site
        self.taken = False
        self.token = token
        self._database = database
        self._holder = holder
        self._duration = timedelta(seconds=seconds)
        self._waiting = waiting
        self._renewed = database.begun()
        self._stop = threading.Event()
        self._heart = threading.Thread(target=self._beat, name=f"lease of {site}", daemon=True)

    def __enter__(self) -> Self:
        """Take the lease.

        Raises:
            LeaseHeld: another run has it, and had it for as long as there was time to wait.
            JournalError: the database cannot be written.
        """
        waited = 0.0
        while held := self._take():
            if waited >= self._waiting.seconds:
                raise held.error("Run it again later, or let it wait: --wait SECONDS.")
            if waited == 0 and self._waiting.tell:
                self._waiting.tell(held.error())
            pause = min(_PAUSE, self._waiting.seconds - waited)
            self._waiting.sleep(pause)
            waited += pause
        self.taken = True
        self._heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: object
    ) -> None:
        """Give the lease back, if it is still this one; a database that is gone lets it expire.

        Whoever leaves in the middle, stopped at once or by a defect, may have requests under way:
        then it is not given back, but runs out.
        """
        self.abandon()
        if kind is not None and not issubclass(kind, ReconcilerError):
            return
        try:
            with self._database.writing() as connection:
                connection.execute(
                    delete(leases).where(leases.c.site == self.site, leases.c.token == self.token)
                )
        except JournalError:
            return  # what the run came to matters more, and the lease frees itself

    def is_alive(self) -> bool:
        """Whether nobody else can have taken it yet, by this machine's clock.

        It is for those who cannot ask the database before each request. A process that was
        suspended finds the time gone when it goes on, since the clock went on without it.
        """
        return self.taken and self._database.now() - self._renewed.at < self._duration

    def abandon(self) -> None:
        """Stop renewing the lease, without giving it back."""
        self.taken = False
        self._stop.set()
        if self._heart.is_alive():
            self._heart.join(_JOIN)

    def check(self, connection: Connection) -> None:
        """Make sure that the lease has not run out.

        Raises:
            LeaseLost: it has.
        """
        found = connection.execute(
            select(leases.c.site).where(
                leases.c.site == self.site,
                leases.c.token == self.token,
                leases.c.expires > self._database.clock(connection),
            )
        ).first()
        if found is None:
            raise lost(self.site)

    def fence(self, connection: Connection) -> None:
        """Renew the lease, and keep it from being taken until the transaction ends.

        Raises:
            LeaseLost: it has run out, or another run has taken it.
        """
        if not self._extend(connection, only_alive=True):
            raise lost(self.site)

    def renew(self, connection: Connection) -> bool:
        """Renew the lease, also where it ran out and nobody took it: a long transaction of our own.

        Returns:
            Whether it is still this one's.
        """
        return self._extend(connection, only_alive=False)

    def _extend(self, connection: Connection, *, only_alive: bool) -> bool:
        now = self._database.clock(connection)
        statement = update(leases).where(leases.c.site == self.site, leases.c.token == self.token)
        if only_alive:
            statement = statement.where(leases.c.expires > now)
        renewed = connection.execute(statement.values(expires=now + self._duration)).rowcount == 1
        if renewed:
            self._database.when_committed(connection, self._count)
        return renewed

    def _count(self, begun: Begun) -> None:
        """Count a renewal that others can see now, from before it was made.

        A heartbeat that had to wait is older than what the run itself has renewed meanwhile.
        """
        self._renewed = max(self._renewed, begun)

    def _take(self) -> Held | None:
        """Take the lease where it is free or has run out; else tell who has it."""
        with self._database.reading() as connection:  # waits for no writer, however busy it is
            held = self._living(connection)
        while held is None:
            with self._database.writing() as connection:
                if self._claim(connection):
                    return None
                held = self._living(connection)
        return held

    def _claim(self, connection: Connection) -> bool:
        # Both dialects spell it the same, and one statement leaves no room for a race.
        if self._database.is_sqlite:
            insert: Callable[[Table], Any] = sqlite.insert
        else:
            from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - slow, and few need it

            insert = postgresql.insert
        now = self._database.clock(connection)
        ours = {
            "token": self.token,
            "holder": self._holder,
            "since": now,
            "expires": now + self._duration,
        }
        claimed = connection.execute(
            insert(leases)
            .values(site=self.site, **ours)
            .on_conflict_do_update(
                index_elements=[leases.c.site], set_=ours, where=leases.c.expires <= now
            ),
            execution_options={"preserve_rowcount": True},
        )
        if claimed.rowcount != 1:
            return False
        self._database.when_committed(connection, self._count)
        return True

    def _living(self, connection: Connection) -> Held | None:
        """Tell who has the lease now, if anybody has."""
        found = connection.execute(
            select(leases.c.holder, leases.c.since, leases.c.expires).where(
                leases.c.site == self.site,
                leases.c.expires > self._database.clock(connection),
            )
        ).first()
        return Held(self.site, *found) if found is not None else None

    def _beat(self) -> None:
        while not self._stop.wait(self._duration.total_seconds() / 3):
            try:
                with self._database.writing() as connection:
                    if not self.renew(connection):
                        return  # taken by another; the next `fence` says so
            except JournalError:
                continue  # the database may be back before the lease runs out


def lost(site: str) -> LeaseLost:
    """Make the error of a run that may not write to a site any more."""
    return LeaseLost(
        f"This run holds no lease on the site {site} any more: another may be writing to it.",
        "Run the same `apply` again; it goes on where this one stopped.",
    )


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
