"""The journal and its runs, written to a database before and after each request.

Each method is one transaction: after a crash either all of it is recorded or nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import sleep as time_sleep
from typing import Self

from sqlalchemy import insert, select, update

from reconciler.apply.journal import Doubt, Earlier, RunEnd
from reconciler.apply.outcome import ActionOutcome, Outcome
from reconciler.domain.address import Address
from reconciler.errors import LeaseHeld
from reconciler.journal import rows
from reconciler.journal.database import Database
from reconciler.journal.lease import Lease, Waiting, lost
from reconciler.journal.tables import actions, plans, requests, runs
from reconciler.plan.model import Action, Override, Plan
from reconciler.provider import Change


@dataclass(frozen=True, slots=True)
class Owner:
    """Who runs this, where, in which process, and under which correlation id, if any."""

    who: str
    host: str
    pid: int
    correlation: str = ""

    def __str__(self) -> str:
        return f"{self.who}@{self.host}, pid {self.pid}"


class SqlJournal:
    """A `reconciler.apply.journal.Journal` in a database; `open_journal` makes one.

    Args:
        database: open, with its tables.
        owner: whom runs and leases are recorded for.
        lease_seconds: how long a lease lasts without being renewed.
        new_id: makes ids that are never the same twice.
    """

    def __init__(
        self, database: Database, owner: Owner, lease_seconds: float, new_id: Callable[[], str]
    ) -> None:
        self.database = database
        self._owner = owner
        self._lease_seconds = lease_seconds
        self._new_id = new_id
        self._leases: list[Lease] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database; a lease that is still held is not given back, but runs out."""
        for lease in self._leases:
            lease.abandon()
        self.database.close()

    def lease(
        self,
        site: str,
        *,
        wait_seconds: float = 0,
        sleep: Callable[[float], object] = time_sleep,
        waiting: Callable[[LeaseHeld], None] | None = None,
    ) -> Lease:
        """Return the lease on a site, to be held by `with` around a whole apply.

        A run that begins meanwhile may send as long as the lease is held; no other run may.

        Args:
            site: the site's id.
            wait_seconds: how long to wait while another run holds it.
            sleep: waits the seconds it is given.
            waiting: told once who holds it, before the first wait.

        Raises:
            LeaseHeld: on entering, when another run holds it and there is no time left to wait.
            JournalError: on entering, when the database cannot be written.
        """
        lease = Lease(
            self.database,
            site,
            self._new_id(),
            rows.clean(str(self._owner)),
            self._lease_seconds,
            Waiting(wait_seconds, sleep, waiting),
        )
        self._leases.append(lease)
        return lease

    def earlier(self, plan: Plan) -> Earlier:
        """Return what earlier runs of this plan did.

        Raises:
            JournalError: the database cannot be read.
        """
        with self.database.reading() as connection:
            used = connection.execute(select(plans.c.used).where(plans.c.id == plan.id)).scalar()
            if used is None:
                return Earlier()
            return rows.read_earlier(connection, plan.id, used=used, now=self.database.now())

    def doubts(self, site: str, *, but: str) -> list[Doubt]:
        """Return what runs left in doubt on a site, but those of one plan; the oldest run first.

        Raises:
            JournalError: the database cannot be read.
        """
        with self.database.reading() as connection:
            return rows.read_doubts(connection, site, but, self.database.now())

    def clear(self, site: str, found: Iterable[tuple[Doubt, ActionOutcome]]) -> None:
        """Record what turned out to have become of actions in doubt on a site.

        An effect is that of one run, the first that is known to have had it.

        Raises:
            JournalError: the database cannot be written.
        """
        now = self.database.now()
        with self.database.writing() as connection:
            numbers: dict[str, int] = {}
            claims = rows.Claims(connection, site)
            for doubt, became in found:
                if doubt.run not in numbers:
                    numbers[doubt.run] = connection.execute(
                        select(runs.c.number).where(runs.c.id == doubt.run)
                    ).scalar_one()
                outcome = claims.settle(became)
                connection.execute(rows.CLEAR, rows.latest(numbers[doubt.run], outcome, now))

    def begin(
        self, plan: Plan, selected: Sequence[Action], overrides: Sequence[Override]
    ) -> "SqlRun":
        """Record that a run of the plan begins, with the actions that were selected of it.

        Raises:
            LeaseLost: the lease on the plan's site has run out.
            JournalError: the database cannot be written.
        """
        held = (each for each in self._leases if each.taken and each.site == plan.site)
        lease = next(held, None)
        run_id = self._new_id()
        with self.database.writing() as connection:
            if lease is not None:
                lease.check(connection)
            rows.add_plan(connection, plan)
            connection.execute(
                insert(runs).values(
                    id=run_id,
                    plan=plan.id,
                    site=plan.site,
                    lease=lease.token if lease is not None else None,
                    began_at=self.database.now(),
                    who=rows.clean(self._owner.who),
                    host=rows.clean(self._owner.host),
                    correlation=self._owner.correlation or None,
                    note="",
                    overrides=[
                        {"code": each.code, "reason": rows.clean(each.reason)} for each in overrides
                    ],
                )
            )
            number = connection.execute(
                select(runs.c.number).where(runs.c.id == run_id)
            ).scalar_one()
            for chunk in rows.chunks(rows.action_rows(number, selected)):
                connection.execute(insert(actions), chunk)
            # A very large plan takes a while, in which SQLite lets no heartbeat through.
            if lease is not None and not lease.renew(connection):
                raise lost(plan.site)
        return SqlRun(self.database, lease, run_id, number, plan)

    def reopen(self, plan: Plan) -> None:
        """Record that a plan is not used after all: something of a runbook was taken back.

        Raises:
            JournalError: the database cannot be written.
        """
        with self.database.writing() as connection:
            connection.execute(update(plans).where(plans.c.id == plan.id).values(used=False))

    def killed(self, plan: Plan) -> list[tuple["SqlRun", list[Action]]]:
        """Return the runs of a plan that began under no lease and have no end, with their actions.

        Of a runbook these are the ones that were killed: who holds its snapshot is alone.

        Raises:
            JournalError: the database cannot be read.
        """
        with self.database.reading() as connection:
            found = connection.execute(
                select(runs.c.number, runs.c.id).where(
                    runs.c.plan == plan.id, runs.c.lease.is_(None), runs.c.ended_at.is_(None)
                )
            ).all()
            return [
                (
                    SqlRun(self.database, None, run.id, run.number, plan),
                    rows.read_actions(connection, run.number),
                )
                for run in found
            ]


class SqlRun:
    """The record of one run; `SqlJournal.begin` makes one."""

    def __init__(
        self, database: Database, lease: Lease | None, run_id: str, number: int, plan: Plan
    ) -> None:
        self._database = database
        self._lease = lease
        self._id = run_id
        self._number = number
        self._plan = plan
        self._sent = 0
        # The requests that are on their way, by what they carry, and those that got no answer.
        self._flying: dict[Address, int] = {}
        self._unanswered: set[int] = set()

    @property
    def id(self) -> str:
        """The run's id, as `history` shows it."""
        return self._id

    def sending(self, changes: Sequence[Change]) -> None:
        """Record that changes are about to be sent in one request.

        Raises:
            LeaseLost: the run began under no lease, or it ran out: nothing may be sent any more.
            JournalError: the database cannot be written.
        """
        if self._lease is None:
            raise lost(self._plan.site)
        request = self._sent + 1
        with self._database.writing() as connection:
            self._lease.fence(connection)
            connection.execute(
                insert(requests).values(
                    run=self._number, number=request, sent_at=self._database.now()
                )
            )
            connection.execute(
                rows.MARK,
                [
                    {
                        "at_run": self._number,
                        "at_address": str(change.address),
                        "new_request": request,
                        "new_key": change.key,
                    }
                    for change in changes
                ],
            )
        self._sent = request
        self._flying.update((change.address, request) for change in changes)

    def settled(self, outcomes: Iterable[ActionOutcome]) -> None:
        """Record what became of actions; the last word on an action wins.

        An outcome of `unknown` leaves it in doubt. An effect that was recorded is never forgotten.

        Raises:
            JournalError: the database cannot be written.
        """
        now = self._database.now()
        flying, unanswered = dict(self._flying), set(self._unanswered)
        touched: set[int] = set()
        told = []
        for found in outcomes:
            request = flying.pop(found.action.address, None)
            answered = request is not None and found.outcome is not Outcome.UNKNOWN
            if request is not None:
                touched.add(request)
                if not answered:
                    unanswered.add(request)
            told.append({**rows.latest(self._number, found, now), "new_answered": answered})
        complete = touched - unanswered - set(flying.values())
        with self._database.writing() as connection:
            for chunk in rows.chunks(told):
                connection.execute(rows.SETTLE, chunk)
            if complete:
                connection.execute(
                    rows.ANSWER,
                    [
                        {"at_run": self._number, "at_number": each, "new_answered_at": now}
                        for each in sorted(complete)
                    ],
                )
            if self._lease is not None:  # the read-back of a very large plan takes a while
                self._lease.renew(connection)
        self._flying, self._unanswered = flying, unanswered

    def cleared(self, outcomes: Iterable[ActionOutcome]) -> None:
        """Record what turned out to have become of actions that earlier runs left in doubt.

        An effect is that of one run, the first that is known to have sent the action.

        Raises:
            JournalError: the database cannot be written.
        """
        now = self._database.now()
        told = {str(found.action.address): found for found in outcomes}
        with self._database.writing() as connection:
            claims = rows.Claims(connection, self._plan.site)
            cleared = [
                rows.latest(run, claims.settle(told[address]), now)
                for run, address in rows.in_doubt_before(connection, self._plan.id, self._number)
                if address in told
            ]
            for chunk in rows.chunks(cleared):
                connection.execute(rows.CLEAR, chunk)

    def end(self, end: RunEnd, note: str, *, used: bool) -> None:
        """Record how the run ended, and whether its plan is used now.

        Raises:
            JournalError: the database cannot be written.
        """
        with self._database.writing() as connection:
            connection.execute(
                update(runs)
                .where(runs.c.number == self._number)
                .values(end=end.value, note=rows.clean(note), ended_at=self._database.now())
            )
            if used:
                connection.execute(
                    update(plans).where(plans.c.id == self._plan.id).values(used=True)
                )
