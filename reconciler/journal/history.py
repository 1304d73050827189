"""Reads the journal back: which runs there were, and what became of their actions."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, and_, func, select

from reconciler.apply.journal import RunEnd
from reconciler.apply.outcome import Outcome
from reconciler.domain.roster import RosterSize
from reconciler.errors import WrongUse
from reconciler.journal.database import Database
from reconciler.journal.placeholders import is_forgotten
from reconciler.journal.record import SqlJournal
from reconciler.journal.rows import chunks, claimed_effects
from reconciler.journal.tables import actions, leases, plans, runs
from reconciler.plan.document import read_rosters
from reconciler.plan.items import read_action
from reconciler.plan.model import ROLLBACK_OF, Action, Override
from reconciler.provider import Verb

_MOST_NAMED: Final = 5  # runs that an ambiguous id names
_LIST: Final = "`reconciler history` lists the runs."


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run in a line.

    Attributes:
        id: as `history show` takes it.
        plan: its plan's id.
        site: the site's id.
        began_at: when it began, in UTC.
        ended_at: when it ended, in UTC; None for one that still runs or was killed.
        who: the user who ran it.
        host: the machine on which it ran.
        correlation: the id under which requests and logs know it, or None.
        commit: the commit of the manifest, where it was in Git.
        manifest: the manifest's digest.
        end: how it ended, or None.
        running: whether it has not ended and its lease on the site is alive.
        note: what kept it from its end, or an empty text.
        counts: how many actions had each outcome; what was sent and has none counts as unknown.
        open: how many actions were never sent and have no outcome.
        overrides: the refusals that were lifted for it.
    """

    id: str
    plan: str
    site: str
    began_at: datetime
    ended_at: datetime | None
    who: str
    host: str
    correlation: str | None
    commit: str | None
    manifest: str
    end: RunEnd | None
    running: bool
    note: str
    counts: Mapping[Outcome, int]
    open: int
    overrides: tuple[Override, ...]


@dataclass(frozen=True, slots=True)
class RecordedAction:
    """One action of a run, and what became of it.

    Attributes:
        action: as it was planned.
        outcome: the last word on it, or None where there is none.
        detail: why, where there is something to say.
        revision: the site's revision at which the run's own change took effect, or None.
        sent: whether a request of the run carried it.
    """

    action: Action
    outcome: Outcome | None
    detail: str
    revision: int | None
    sent: bool

    @property
    def in_doubt(self) -> bool:
        """Whether it was sent, and nobody learnt what became of it."""
        return self.outcome is Outcome.UNKNOWN or (self.outcome is None and self.sent)

    @property
    def forgotten(self) -> bool:
        """Whether it named a person who has been forgotten since."""
        return is_forgotten(self.action.address)


@dataclass(frozen=True, slots=True)
class RunDetails:
    """A run with everything that is recorded of it.

    Attributes:
        summary: the run in a line.
        header: what is kept of its plan's document (`reconciler.plan.document.header_document`).
        actions: what was selected of the plan, in the plan's order.
        claimed: the effects (address, revision) that are recorded where something is in doubt; what
            the run left in doubt did not have them.
    """

    summary: RunSummary
    header: Mapping[str, Any]
    actions: tuple[RecordedAction, ...]
    claimed: Set[tuple[str, int]]


def list_runs(
    journal: SqlJournal, site: str | None = None, limit: int | None = None
) -> list[RunSummary]:
    """Return the runs, the newest first.

    Args:
        journal: where they are recorded.
        site: only those on this site; all by default.
        limit: how many at most; all by default.

    Raises:
        JournalError: the journal cannot be read.
    """
    statement = _RUNS.order_by(runs.c.number.desc()).limit(limit)
    if site is not None:
        statement = statement.where(runs.c.site == site)
    with journal.database.reading() as connection:
        return _summaries(journal.database, connection, connection.execute(statement).all())


def last_rosters(journal: SqlJournal, site: str) -> dict[str, RosterSize]:
    """Return how much there was in each roster when a plan with it was last applied to a site.

    Only plans count that were carried out to the end and as a whole, and not taken back since:
    what a narrowed or broken run left is no measure.

    Raises:
        JournalError: the journal cannot be read.
    """
    sizes: dict[str, RosterSize] = {}
    taken_back: set[str] = set()
    own = runs.alias()  # a plan may have been finished by several runs
    done = (
        select(func.count(actions.c.address.distinct()))
        .join(own, own.c.number == actions.c.run)
        .where(own.c.plan == plans.c.id)
    )
    statement = (
        select(plans.c.header, runs.c.id, done.correlate(plans).scalar_subquery().label("done"))
        .join(runs, runs.c.plan == plans.c.id)
        .where(runs.c.site == site, plans.c.used)
        .order_by(runs.c.number.desc())
    )
    with journal.database.reading() as connection:
        for header, run, count in connection.execute(statement):
            if header["manifest"].startswith(ROLLBACK_OF):
                taken_back.add(header["manifest"].removeprefix(ROLLBACK_OF))
            planned = sum(header["summary"][verb] for verb in Verb)
            if run not in taken_back and count == planned:
                # Older plans and rollbacks have no rosters.
                sizes = read_rosters(header.get("rosters", {})) | sizes
    return sizes


def find_run(journal: SqlJournal, run_id: str) -> RunDetails:
    """Return one run.

    Args:
        journal: where it is recorded.
        run_id: its id, or the beginning of it that no other run has.

    Raises:
        WrongUse: there is no such run, or more than one.
        JournalError: the journal cannot be read.
    """
    with journal.database.reading() as connection:
        number = _number(connection, run_id)
        found = connection.execute(_RUNS.where(runs.c.number == number)).all()
        (summary,) = _summaries(journal.database, connection, found)
        header = connection.execute(
            select(plans.c.header).where(plans.c.id == summary.plan)
        ).scalar_one()
        rows = connection.execute(
            select(actions).where(actions.c.run == number).order_by(actions.c.number)
        ).mappings()
        recorded = tuple(_recorded(row) for row in rows)
        doubt = any(each.in_doubt for each in recorded)
        claimed = claimed_effects(connection, summary.site) if doubt else set()
        return RunDetails(summary, header, recorded, claimed)


_RUNS: Final[Select[Any]] = select(
    runs, plans.c.commit, plans.c.manifest, leases.c.expires
).select_from(
    runs.join(plans, plans.c.id == runs.c.plan).outerjoin(
        leases, and_(leases.c.site == runs.c.site, leases.c.token == runs.c.lease)
    )
)


def _number(connection: Connection, run_id: str) -> int:
    """Find the one run that an id, or the beginning of one, means."""
    exact = connection.execute(select(runs.c.number).where(runs.c.id == run_id)).scalar()
    if exact is not None:
        return int(exact)
    begin_so = connection.execute(
        select(runs.c.number, runs.c.id)
        .where(runs.c.id.startswith(run_id, autoescape=True))
        .order_by(runs.c.number.desc())
        .limit(_MOST_NAMED)
    ).all()
    if not begin_so:
        raise WrongUse(f"There is no run {run_id} in the journal.", _LIST)
    if len(begin_so) > 1 or not run_id:
        named = ", ".join(found.id for found in begin_so)
        raise WrongUse(
            f"More than one run has an id that begins with {run_id!r}: {named}.",
            f"Give more of the id. {_LIST}",
        )
    return int(begin_so[0].number)


def _summaries(
    database: Database, connection: Connection, found: Sequence[Row[Any]]
) -> list[RunSummary]:
    now = database.clock(connection)
    counts = _counts(connection, [row.number for row in found])
    return [_summary(row, counts[row.number], now) for row in found]


def _summary(row: Row[Any], counted: Mapping[Outcome | None, int], now: datetime) -> RunSummary:
    return RunSummary(
        id=row.id,
        plan=row.plan,
        site=row.site,
        began_at=row.began_at,
        ended_at=row.ended_at,
        who=row.who,
        host=row.host,
        correlation=row.correlation,
        commit=row.commit,
        manifest=row.manifest,
        end=RunEnd(row.end) if row.end else None,
        running=row.ended_at is None and row.expires is not None and row.expires > now,
        note=row.note,
        counts={outcome: counted[outcome] for outcome in Outcome if outcome in counted},
        open=counted.get(None, 0),
        overrides=tuple(Override(each["code"], each["reason"]) for each in row.overrides),
    )


def _counts(
    connection: Connection, numbers: Iterable[int]
) -> Mapping[int, Mapping[Outcome | None, int]]:
    """Count the outcomes of runs; None stands for what was neither sent nor settled."""
    counts: dict[int, dict[Outcome | None, int]] = defaultdict(dict)
    sent = actions.c.request.is_not(None)
    for chunk in chunks(numbers):
        for run, text, was_sent, number in connection.execute(
            select(actions.c.run, actions.c.outcome, sent, func.count())
            .where(actions.c.run.in_(chunk))
            .group_by(actions.c.run, actions.c.outcome, sent)
        ):
            outcome = Outcome(text) if text else Outcome.UNKNOWN if was_sent else None
            counts[run][outcome] = counts[run].get(outcome, 0) + number
    return counts


def _recorded(row: Mapping[Any, Any]) -> RecordedAction:
    return RecordedAction(
        action=read_action(row),
        outcome=Outcome(row["outcome"]) if row["outcome"] else None,
        detail=row["detail"],
        revision=row["revision"],
        sent=row["request"] is not None,
    )
