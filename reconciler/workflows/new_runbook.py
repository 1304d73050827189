"""A runbook for a site without an API, in the place of the one before."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from reconciler.apply import preflight
from reconciler.apply.journal import Earlier
from reconciler.connection import Connection
from reconciler.errors import ReconcilerError
from reconciler.journal.record import SqlJournal
from reconciler.plan import document
from reconciler.plan.end_state import stands
from reconciler.plan.model import Plan
from reconciler.private_files import replacing
from reconciler.runbook.steps import visits
from reconciler.state import LiveState
from reconciler.workflows.loading import load_policy
from reconciler.workflows.reading import open_reader, today_in
from reconciler.workflows.recording import compared_rosters, open_journal
from reconciler.workflows.runbooks import (
    AGAIN,
    Opened,
    all_of,
    opened,
    runbook_file,
    settle,
    snapshot_of,
)
from reconciler.workflows.snapshots import held


@dataclass(frozen=True, slots=True)
class Replaced:
    """An older runbook, in whose place another one came, or none.

    Attributes:
        plan: what it carried out; None where it could not be read.
        steps: how many it had; `done` is how many of them the snapshot has.
    """

    plan: Plan | None
    steps: int = 0
    done: int = 0


@dataclass(frozen=True, slots=True)
class Made:
    """What an apply left beside a snapshot.

    Attributes:
        runbook: the new one, which has no steps where nothing is to be done.
        instead_of: the older one that is gone with steps that were not done, or None.
    """

    runbook: Opened
    instead_of: Replaced | None


def make_runbook(
    plan: Plan,
    connection: Connection,
    read: Callable[[Path], Plan],
    *,
    today: date | None = None,
) -> Made:
    """Check a plan as an apply would, and save it as the site's runbook, for those of the snapshot.

    An older runbook is replaced: what was done of it stands in the snapshot. Where there is nothing
    to do, it goes all the same, since what it still tells to do is not wanted any more.

    Args:
        plan: what is to be carried out.
        connection: the site.
        read: reads a saved plan.
        today: today in the time zone of the plan, by default.

    Raises:
        ConfigurationError: the site has an API.
        InvalidInput: the policy file has mistakes, or does not fit the site.
        GuardRefused: a guard or policy refuses.
        PlanUnusable: the plan is stale, already used, or for another site.
        LeaseHeld: another command is writing to the snapshot.
        JournalError: the journal cannot be read.
        SiteError: the snapshot cannot be read.
        OSError: the runbook cannot be written.
    """
    path = runbook_file(connection)
    preflight.check_readable(plan)
    day = today or today_in(plan.timezone)
    preflight.check_days(plan, day)
    site_policy = load_policy(connection.policy)
    with held(snapshot_of(connection)), open_journal(connection.journal) as journal:
        preflight.check_unused(journal.earlier(plan), AGAIN)
        with open_reader(connection) as reader:
            state = reader.fetch()
            preflight.check_site(plan, state.site.id)
            original = preflight.check_basis(plan, state, all_of(plan), reader)
        actions = preflight.as_of_today(plan, original, Earlier(), day)
        before = compared_rosters(journal, plan)
        preflight.check_guards(plan, original, actions, day, None, site_policy, before)
        plan = replace(plan, actions=actions)
        older = _older(path, read, journal, state)
        if plan.actions:
            with replacing(path, snapshot_of(connection).stat()) as file:
                file.writelines(piece.encode() for piece in document.to_texts(plan))
        elif older:
            path.unlink()
    if older and older.plan and older.plan.id == plan.id:
        older = None  # it is made once more, and nothing of it is dropped
    return Made(opened(plan, state, original, used=False), older)


def _older(
    path: Path, read: Callable[[Path], Plan], journal: SqlJournal, state: LiveState
) -> Replaced | None:
    """Look what is left of the runbook that is to be replaced; None where nothing is."""
    if not path.exists():
        return None
    try:
        plan = read(path)
    except ReconcilerError:
        return Replaced(None)
    settle(journal, plan, state)
    # It may be stale, so that its steps cannot be put into words: they are counted.
    done = [all(stands(state, action) for action in visit) for visit in visits(plan.actions)]
    return Replaced(plan, len(done), sum(done)) if not all(done) else None
