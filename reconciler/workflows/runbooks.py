"""The runbook of a site without an API: made from a plan, ticked off step by step.

The runbook's file is the plan itself. What is done of it stands nowhere but in the snapshot, which
is replaced in a single step: so the two cannot disagree, wherever a command is stopped.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

from reconciler.apply import preflight
from reconciler.apply.journal import Earlier, RunEnd
from reconciler.apply.outcome import ActionOutcome, Outcome
from reconciler.connection import Connection, runbook_beside
from reconciler.directory import Directory
from reconciler.errors import ConfigurationError, PlanUnusable, WrongUse
from reconciler.journal.record import SqlJournal
from reconciler.plain import first_of
from reconciler.plan.end_state import end_state, stands, undo
from reconciler.plan.model import Action, Plan
from reconciler.redact import Redaction
from reconciler.runbook.steps import Step, finished, steps_of
from reconciler.state import LiveState, Person
from reconciler.workflows.reading import open_reader, today_in
from reconciler.workflows.recording import open_journal
from reconciler.workflows.snapshots import Snapshot, held

AGAIN = "Run `reconciler apply` with the manifest; it makes a new runbook from what is there now."
_TERMS = preflight.Terms("runbook", AGAIN)

TAKEN_BACK: Final = "taken back: it was noted as done by mistake"
"""What the journal says of the actions of a step that is not done after all."""

_NAMED: Final = 3
"""So many steps a message names; the others are counted."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A runbook, beside the snapshot as it is now.

    Attributes:
        plan: what it carries out.
        steps: all of its steps.
        done: the numbers of those that the snapshot has.
        state: the snapshot.
        used: whether it was carried out to its end.
    """

    plan: Plan
    steps: tuple[Step, ...]
    done: frozenset[int]
    state: LiveState
    used: bool


def snapshot_of(connection: Connection, what: str = "runbook") -> Path:
    """Return the snapshot of a site without an API.

    Args:
        connection: the site.
        what: what of it is asked for, for the message.

    Raises:
        ConfigurationError: the site has an API.
    """
    if connection.snapshot is None:
        raise ConfigurationError(
            f"A {what} is for a site without an API, and this environment names one with.",
            'Name an environment with provider = "snapshot" by --environment.',
        )
    return connection.snapshot


def runbook_file(connection: Connection) -> Path:
    """Return where the runbook of a site without an API stands: beside its snapshot.

    Raises:
        ConfigurationError: the site has an API.
    """
    return runbook_beside(snapshot_of(connection))


def open_runbook(plan: Plan, connection: Connection) -> Opened:
    """Look how far a runbook is.

    Args:
        plan: what it carries out.
        connection: the site.

    Raises:
        ConfigurationError: the site has an API.
        PlanUnusable: the snapshot was changed otherwise since, or is another site's; or the runbook
            is used, and does not stand in it any more.
        JournalError: the journal cannot be read.
        SiteError: the snapshot cannot be read.
    """
    snapshot_of(connection)
    with open_journal(connection.journal) as journal:
        used = journal.earlier(plan).used
    with open_reader(connection) as reader:
        state = reader.fetch()
        preflight.check_site(plan, state.site.id)
        try:
            original = preflight.check_basis(plan, state, all_of(plan), reader, _TERMS)
        except PlanUnusable:
            if used:
                raise PlanUnusable("The runbook is used: all of it was done.", AGAIN) from None
            raise
    found = opened(plan, state, original, used=used)
    if used and len(found.done) < len(found.steps):
        raise PlanUnusable(
            "The runbook is used: all of it was done, and was taken back otherwise since; "
            f"{len(found.done)} of its {len(found.steps)} steps stand in the snapshot.",
            AGAIN,
        )
    return found


def check_holds(found: Opened, today: date | None = None) -> None:
    """Refuse a runbook that is to be followed, after a date in its manifest.

    Args:
        found: the runbook.
        today: today in the time zone of its plan, by default.

    Raises:
        PlanUnusable: steps are left, and the last day has passed on which they would be the same.
    """
    if len(found.done) == len(found.steps):
        return
    preflight.check_holds(found.plan, today or today_in(found.plan.timezone), _TERMS)


def tick(plan: Plan, connection: Connection, numbers: Collection[int]) -> Opened:
    """Note that steps are done: the snapshot then says so.

    What was noted before is left as it is. The runbook is used once all is done.

    Raises:
        WrongUse: there is no such step, or one must come before.
        ReconcilerError: as `open_runbook`; LeaseHeld where another command is writing.
        OSError: the snapshot cannot be written; it is left as it was.
    """
    with _writing(plan, connection) as (snapshot, journal, found):
        steps = _chosen(found, numbers)
        for step in steps:
            missing = [each for each in step.waits_for if each not in found.done | set(numbers)]
            if missing:
                first = _listed(missing)
                raise WrongUse(
                    f"Step {step.number} comes after what is not done yet: step {first}.",
                    "Do them in order, and note both.",
                )
        new = [each for step in steps if step.number not in found.done for each in step.actions]
        done = found.done | set(numbers)
        if new or (len(done) == len(found.steps) and not found.used):
            _record(journal, found, snapshot, new, used=len(done) == len(found.steps))
    return open_runbook(plan, connection)


def untick(plan: Plan, connection: Connection, numbers: Collection[int]) -> Opened:
    """Take back that steps are done: they were not, or were undone on the site.

    Raises:
        WrongUse: there is no such step, or one that is done came after it.
        ReconcilerError: as `open_runbook`; LeaseHeld where another command is writing.
        OSError: the snapshot cannot be written; it is left as it was.
    """
    with _writing(plan, connection) as (snapshot, journal, found):
        steps = _chosen(found, numbers)
        later = [
            step.number
            for step in found.steps
            if step.number in found.done - set(numbers) and set(step.waits_for) & set(numbers)
        ]
        if later:
            raise WrongUse(
                f"What comes after is done already: step {_listed(later)}.",
                "Take that back, too.",
            )
        taken = [each for step in steps if step.number in found.done for each in step.actions]
        if taken:
            back = [_taken_back(each) for each in reversed(taken)]
            journal.reopen(plan)
            _record(journal, found, snapshot, back, used=False, detail=TAKEN_BACK)
    return open_runbook(plan, connection)


def in_words(found: Opened, redaction: Redaction, *, names: bool) -> tuple[Step, ...]:
    """Return the steps as they may be shown.

    Args:
        found: the runbook.
        redaction: whom to hide.
        names: whether people are called by name, as far as the snapshot has names.
    """
    site = found.plan.site
    redaction.meet(site, found.plan.actions)

    def hide(person: Person) -> str | None:
        return redaction.who(site, person.id, person.sync_key, person.username, person.email)

    return tuple(
        replace(step, actions=tuple(redaction.action(site, each) for each in step.actions))
        for step in steps_of(found.plan, Directory(found.state), names=names, hide=hide)
    )


def opened(plan: Plan, state: LiveState, original: LiveState, *, used: bool) -> Opened:
    """Put a runbook together.

    Args:
        plan: what it carries out.
        state: the snapshot.
        original: the snapshot before anything was done of it.
        used: whether it was carried out to its end.
    """
    steps = steps_of(plan, Directory(original))
    done = finished(steps, lambda action: stands(state, action))
    return Opened(plan, steps, done, state, used)


def all_of(plan: Plan) -> Earlier:
    """Say of every action that it may be a runbook's own doing: all of them are done by hand.

    The plan does not say so where it was made of a saved state (--live), which might be an API's.
    """
    return Earlier(sent=frozenset(action.address for action in plan.actions))


@contextmanager
def _writing(plan: Plan, connection: Connection) -> Iterator[tuple[Snapshot, SqlJournal, Opened]]:
    """Hold the snapshot while its runbook is looked at and ticked."""
    with held(snapshot_of(connection)) as snapshot, open_journal(connection.journal) as journal:
        found = open_runbook(plan, connection)
        if settle(journal, plan, found.state):
            found = replace(found, used=journal.earlier(plan).used)
        yield snapshot, journal, found


def settle(journal: SqlJournal, plan: Plan, state: LiveState) -> bool:
    """End the runs of a runbook that were killed: the snapshot tells what became of them.

    Args:
        journal: where they are recorded.
        plan: what the runbook carries out.
        state: the snapshot; who asks holds it.

    Returns:
        Whether there was one.
    """
    killed = journal.killed(plan)
    for run, actions in killed:
        stand = {each.address for each in actions if stands(state, each)}
        run.settled(
            ActionOutcome(each, Outcome.SUCCEEDED, "by hand", state.site.revision)
            if each.address in stand
            else ActionOutcome(each, Outcome.SKIPPED, "the command was killed before that")
            for each in actions
        )
        used = all(stands(state, action) for action in plan.actions)
        end = RunEnd.DONE if len(stand) == len(actions) else RunEnd.INTERRUPTED
        run.end(end, "", used=used)
        if not used:
            journal.reopen(plan)
    return bool(killed)


def _chosen(found: Opened, numbers: Collection[int]) -> list[Step]:
    unknown = sorted(set(numbers) - {step.number for step in found.steps})
    if unknown:
        raise WrongUse(
            f"There is no step {_listed(unknown)}.", f"The steps are 1 to {len(found.steps)}."
        )
    return [step for step in found.steps if step.number in numbers]


def _record(
    journal: SqlJournal,
    found: Opened,
    snapshot: Snapshot,
    actions: Sequence[Action],
    *,
    used: bool,
    detail: str = "by hand",
) -> None:
    """Write what was done into the snapshot, between the beginning and the end of a run.

    Args:
        journal: where the run is recorded.
        found: the runbook.
        snapshot: held, and as `found` has it.
        actions: what was done.
        used: whether the runbook has come to its end.
        detail: what the journal says of the actions.
    """
    run = journal.begin(found.plan, actions, found.plan.overrides)
    state = found.state
    if actions:
        site = replace(state.site, revision=state.site.revision + 1)
        state = replace(end_state(state, actions), site=site)
        snapshot.write(state)
    revision = state.site.revision
    run.settled(ActionOutcome(each, Outcome.SUCCEEDED, detail, revision) for each in actions)
    run.end(RunEnd.DONE, "", used=used)


def _taken_back(action: Action) -> Action:
    """Return the action that takes another one back."""
    back = undo(action)
    return replace(action, verb=back.verb, before=action.after, after=back.after, requires=())


def _listed(numbers: Sequence[int]) -> str:
    return first_of([f"{each:,}" for each in numbers[:_NAMED]], _NAMED, len(numbers))
