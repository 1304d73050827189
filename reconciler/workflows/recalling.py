"""What was done: the runs in the journal, and how one of them is taken back. Writes to no site."""

import uuid
from collections.abc import Mapping
from datetime import date

from reconciler.apply import preflight
from reconciler.apply.outcome import Outcome
from reconciler.connection import Connection
from reconciler.credentials import Secret
from reconciler.domain.vocabulary import Capability
from reconciler.errors import PlanUnusable
from reconciler.journal.history import (
    RunDetails,
    RunSummary,
    find_run,
    find_unfinished,
    list_runs,
)
from reconciler.plan.document import from_parts, read_basis
from reconciler.plan.inverse import Done, Effect, plan_rollback
from reconciler.plan.model import Plan
from reconciler.plan.select import Selection
from reconciler.provider import Verb
from reconciler.state import LiveState
from reconciler.workflows.reading import open_reader, today_in
from reconciler.workflows.recording import open_journal


def recorded_runs(
    journal: Secret | None, *, site: str | None = None, limit: int | None = None
) -> list[RunSummary]:
    """List the runs in a journal, the newest first.

    Raises:
        JournalError: it cannot be read.
    """
    with open_journal(journal) as opened:
        return list_runs(opened, site, limit)


def recorded_run(journal: Secret | None, run: str) -> RunDetails:
    """Find a run by its id, or by the beginning of it.

    Raises:
        WrongUse: there is none, or more than one.
        JournalError: the journal cannot be read.
    """
    with open_journal(journal) as opened:
        return find_run(opened, run)


def unfinished_plan(plan: Plan, state: LiveState, connection: Connection) -> Plan | None:
    """Find what an earlier run of the same manifest left open, out of a new plan's reach.

    A manifest for a part of a site takes a holder out only with their last assignment. Where a run
    did the one and not the other, no new plan of the manifest comes back to it; the run's own does.

    Args:
        plan: the new plan.
        state: what it was made against.
        connection: the site, and the journal.

    Returns:
        The earlier plan, if it still holds and something of it is open that the new one lacks.

    Raises:
        JournalError: the journal cannot be read.
    """
    with open_journal(connection.journal) as journal:
        details = find_unfinished(journal, plan.site, plan.manifest)
        if details is None:
            return None
        earlier_plan = from_parts(details.header, (recorded.action for recorded in details.actions))
        reached = {action.address for action in plan.actions}
        missed = [
            action
            for action in earlier_plan.actions
            if action.address not in reached and not preflight.stands(state, action)
        ]
        if not missed or not _is_whole(details):
            return None
        earlier = journal.earlier(earlier_plan)
    try:
        preflight.check_days(earlier_plan, plan.as_of)
        with open_reader(connection) as reader:
            preflight.check_basis(earlier_plan, state, earlier, reader)
    except PlanUnusable:
        return None
    return earlier_plan


def _is_whole(details: RunDetails) -> bool:
    """Whether a run was asked for all of its plan; the rest of a narrowed one is not recorded."""
    summary = details.header["summary"]
    planned: int = sum(summary[verb.value] for verb in Verb)
    return len(details.actions) == planned


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
        PlanUnusable: the run was made on another site.
        SiteError: the site or its events could not be read.
    """
    effects = [
        Effect(found.action, found.revision)
        for found in details.actions
        if found.revision is not None or found.outcome is Outcome.SUCCEEDED
    ]
    with open_reader(connection) as reader:
        state = reader.fetch()
        if state.site.id != details.summary.site:
            raise PlanUnusable(
                f"The run was made on the site {details.summary.site}, but this is "
                f"{state.site.id}.",
                "Check the environment.",
            )
        events = None
        if Capability.EVENTS in state.site.capabilities:
            events = reader.last_events([effect.action.address for effect in effects])
    timezone = details.header["timezone"]
    done = Done(
        run=details.summary.id,
        manifest=details.summary.manifest,
        timezone=timezone,
        basis=read_basis(details.header["basis"]),
        effects=effects,
        events=events,
    )
    return plan_rollback(
        done,
        state,
        as_of=today or today_in(timezone),
        plan_id=str(uuid.uuid4()),
        overrides=overrides,
        selection=selection or Selection(),
    )
