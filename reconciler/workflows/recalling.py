"""What was done: the runs in the journal, taken back or forgotten. Writes to no site."""

import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import date

from reconciler.apply import settling
from reconciler.apply.journal import Earlier
from reconciler.apply.outcome import Outcome
from reconciler.apply.settling import Writes, read_writes
from reconciler.connection import Connection
from reconciler.credentials import Secret
from reconciler.directory import Directory
from reconciler.domain.roster import RosterSize
from reconciler.domain.vocabulary import Capability
from reconciler.errors import PlanUnusable, WrongUse
from reconciler.journal.forget import find_traces, forget, refuse_doubts
from reconciler.journal.history import (
    RecordedAction,
    RunDetails,
    RunSummary,
    find_run,
    last_rosters,
    list_runs,
)
from reconciler.journal.traces import Traces
from reconciler.plan.document import read_basis
from reconciler.plan.inverse import Done, Effect, plan_rollback
from reconciler.plan.model import ROLLBACK_OF, Action, Plan
from reconciler.plan.select import Selection
from reconciler.policy.documents import read_policies
from reconciler.policy.resolve import renewed
from reconciler.workflows.loading import load_policy
from reconciler.workflows.reading import open_reader, today_in
from reconciler.workflows.recording import open_journal, open_recorded


def recorded_runs(
    journal: Secret | None, *, site: str | None = None, limit: int | None = None
) -> list[RunSummary]:
    """List the runs in a journal, the newest first.

    Raises:
        JournalError: it cannot be read.
    """
    with open_recorded(journal) as opened:
        return list_runs(opened, site, limit)


def recorded_run(journal: Secret | None, run: str) -> RunDetails:
    """Find a run by its id, or by the beginning of it.

    Raises:
        WrongUse: there is none, or more than one.
        JournalError: the journal cannot be read.
    """
    with open_recorded(journal) as opened:
        return find_run(opened, run)


def rosters_before(journal: Secret | None, site: str) -> dict[str, RosterSize]:
    """Return how much there was in each roster when it was last applied to a site.

    Raises:
        JournalError: the journal cannot be read.
    """
    with open_journal(journal) as opened:
        return last_rosters(opened, site)


def earlier_runs(plan: Plan, journal: Secret | None) -> Earlier:
    """Return what earlier runs of a plan did.

    Raises:
        JournalError: the journal cannot be read.
    """
    with open_journal(journal) as opened:
        return opened.earlier(plan)


def make_rollback(
    details: RunDetails,
    connection: Connection,
    *,
    today: date | None = None,
    overrides: Mapping[str, str] | None = None,
    selection: Selection | None = None,
) -> Plan:
    """Plan how a run is taken back, as far as nobody has changed its effects since.

    Args:
        details: the run.
        connection: its site.
        today: today in the time zone of the run's manifest, by default.
        overrides: per guard code the reason to lift its refusal in this run.
        selection: what to narrow the plan to.

    Raises:
        InvalidInput: the site-wide policy file has mistakes, or does not fit the site.
        PlanUnusable: the run was made on another site.
        WrongUse: the run is still running.
        SiteError: the site or its events could not be read.
    """
    if details.summary.running:
        raise WrongUse(f"The run {details.summary.id} is still running.", "Wait for its end.")
    since = details.header["revision"]
    site_policy = load_policy(connection.policy)
    with open_reader(connection) as reader:
        state = reader.fetch()
        if state.site.id != details.summary.site:
            raise PlanUnusable(
                f"The run was made on the site {details.summary.site}, but this is "
                f"{state.site.id}.",
                "Check the environment.",
            )
        known = [found for found in details.actions if not found.forgotten]
        doubtful = [found.action for found in known if found.in_doubt]
        writes = read_writes(reader, state.site, since, (action.address for action in doubtful))
        effects, unsettled = _effects(details, doubtful, writes, since)
        events = None
        if Capability.EVENTS in state.site.capabilities:
            events = reader.last_events([effect.action.address for effect in effects])
    timezone = details.header["timezone"]
    done = Done(
        run=details.summary.id,
        manifest=f"{ROLLBACK_OF}{details.summary.id}",
        timezone=timezone,
        basis=read_basis(details.header["basis"]),
        effects=effects,
        events=events,
        since=since,
        policies=renewed(
            read_policies(details.header.get("policies", ())), Directory(state), site_policy
        ),
        unsettled=unsettled,
        forgotten=[
            found.action
            for found in details.actions
            if found.forgotten and (found.in_doubt or _took_effect(found))
        ],
    )
    return plan_rollback(
        done,
        state,
        as_of=today or today_in(timezone),
        plan_id=str(uuid.uuid4()),
        overrides=overrides,
        selection=selection or Selection(),
    )


def forget_person(
    journal: Secret | None,
    person: str,
    *,
    site: str | None = None,
    in_doubt: bool = False,
    agree: Callable[[Traces], None] = lambda _traces: None,
) -> Traces | None:
    """Put a placeholder in the place of everything that names a person in a journal.

    On SQLite the file is rewritten, also where nobody is found: an earlier call may have been cut
    short before that.

    Args:
        journal: where to forget.
        person: by id, or by a key that the journal holds.
        site: the id of the site whose person is meant; needed where several have one.
        in_doubt: forget also where nobody knows what became of an action.
        agree: shown what was found; what it raises leaves everything as it was.

    Returns:
        What was forgotten; None where nothing names the person.

    Raises:
        LeaseHeld: an apply is writing to the site.
        ReconcilerError: nobody knows yet what became of one of the person's actions.
        WrongUse: it is not clear who is meant.
        JournalError: the journal cannot be read or written.
    """
    with open_recorded(journal) as opened:
        traces = find_traces(opened, person, site)
        if traces is not None:
            refuse_doubts(person, traces, in_doubt=in_doubt)
            agree(traces)
            traces = forget(opened, person, traces, in_doubt=in_doubt)
        opened.database.scrub()
        return traces


def _took_effect(found: RecordedAction) -> bool:
    return found.revision is not None or found.outcome is Outcome.SUCCEEDED


def _effects(
    details: RunDetails, doubtful: Iterable[Action], writes: Writes | None, since: int
) -> tuple[list[Effect], list[Action]]:
    """Say what a run did, and of what nobody knows: its record, and the events for its doubts."""
    effects = [
        Effect(found.action, found.revision)
        for found in details.actions
        if _took_effect(found) and not found.forgotten
    ]
    unsettled = []
    for action in doubtful:
        became = settling.became(action, writes, since, arriving=True) if writes else None
        if became is None:
            unsettled.append(action)
        elif (str(action.address), became.revision) not in details.claimed:
            effects.append(Effect(action, became.revision))
    return effects, unsettled
