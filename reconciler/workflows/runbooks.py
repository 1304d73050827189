"""The runbook of a site without an API: made from a plan, ticked off step by step.

The runbook's file is the plan itself. What is done of it stands nowhere but in the snapshot, which
is replaced in a single step: so the two cannot disagree, wherever a command is stopped.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from reconciler.apply import preflight
from reconciler.apply.journal import Earlier, RunEnd
from reconciler.apply.outcome import ActionOutcome, Outcome
from reconciler.connection import Connection
from reconciler.directory import Directory
from reconciler.errors import ConfigurationError, PlanUnusable, WrongUse
from reconciler.journal.record import SqlJournal
from reconciler.plan import document
from reconciler.plan.end_state import end_state, undo
from reconciler.plan.model import Action, Plan
from reconciler.private_files import replace_content, write_private
from reconciler.providers.saved import write_state
from reconciler.redact import Redaction
from reconciler.runbook.steps import Step, finished, steps_of
from reconciler.state import LiveState, Person
from reconciler.workflows.loading import load_policy
from reconciler.workflows.reading import open_reader, today_in
from reconciler.workflows.recording import open_journal

AGAIN = "Run `reconciler apply` with the manifest; it makes a new runbook from what is there now."


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


def snapshot_of(connection: Connection) -> Path:
    """Return the snapshot of a site without an API.

    Raises:
        ConfigurationError: the site has an API.
    """
    if connection.snapshot is None:
        raise ConfigurationError(
            "A runbook is for a site without an API, and this environment names one with.",
            'Name an environment with provider = "snapshot" by --environment.',
        )
    return connection.snapshot


def runbook_file(connection: Connection) -> Path:
    """Return where the runbook of a site without an API stands: beside its snapshot.

    Raises:
        ConfigurationError: the site has an API.
    """
    snapshot = snapshot_of(connection)
    return snapshot.with_name(f"{snapshot.stem}.runbook.json")


def make_runbook(plan: Plan, connection: Connection, *, today: date | None = None) -> Opened:
    """Check a plan as an apply would, and save it as the site's runbook, for its owner alone.

    An older runbook is replaced: what was done of it stands in the snapshot.

    Raises:
        ConfigurationError: the site has an API.
        InvalidInput: the policy file has mistakes, or does not fit the site.
        GuardRefused: a guard or policy refuses.
        PlanUnusable: the plan is stale, already used, or for another site.
        LeaseHeld: another run is writing to the site.
        JournalError: the journal cannot be read.
        SiteError: the snapshot cannot be read.
        OSError: the runbook cannot be written.
    """
    path = runbook_file(connection)
    preflight.check_readable(plan)
    day = today or today_in(plan.timezone)
    preflight.check_days(plan, day)
    site_policy = load_policy(connection.policy)
    with open_journal(connection.journal) as journal, journal.lease(plan.site):
        if journal.earlier(plan).used:
            raise PlanUnusable("The plan was used before.", AGAIN)
        with open_reader(connection) as reader:
            state = reader.fetch()
            preflight.check_site(plan, state.site.id)
            original = preflight.check_basis(plan, state, Earlier(), reader)
        actions = preflight.as_of_today(plan, original, Earlier(), day)
        preflight.check_guards(plan, original, actions, day, {}, site_policy)
        plan = replace(plan, actions=actions)
        if plan.actions:
            write_private(path, (piece.encode() for piece in document.to_texts(plan)))
    return _opened(plan, state, original, used=False)


def open_runbook(plan: Plan, connection: Connection) -> Opened:
    """Look how far a runbook is.

    Raises:
        ConfigurationError: the site has an API.
        PlanUnusable: the snapshot was changed otherwise since, or is another site's.
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
            original = preflight.check_basis(plan, state, Earlier(), reader)
        except PlanUnusable as stale:
            if used:
                raise PlanUnusable("The runbook is used: all of it was done.", AGAIN) from None
            said = str(stale).replace("The plan is stale", "The runbook is stale")
            raise PlanUnusable(said, AGAIN).naming(stale.site, stale.people) from None
    return _opened(plan, state, original, used=used)


def tick(plan: Plan, connection: Connection, numbers: Collection[int]) -> Opened:
    """Note that steps are done: the snapshot then says so.

    What was noted before is left as it is. The runbook is used once all is done.

    Raises:
        WrongUse: there is no such step, or one must come before.
        ReconcilerError: as `open_runbook`; LeaseHeld where another run is writing.
        OSError: the snapshot cannot be written; it is left as it was.
    """
    with _writing(plan, connection) as (journal, found):
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
        _record(journal, found, connection, new, used=len(done) == len(found.steps))
    return open_runbook(plan, connection)


def untick(plan: Plan, connection: Connection, numbers: Collection[int]) -> Opened:
    """Take back that steps are done: they were not, or were undone on the site.

    Raises:
        WrongUse: there is no such step, or one that is done came after it.
        PlanUnusable: the runbook is used, or stale.
        ReconcilerError: as `open_runbook`; LeaseHeld where another run is writing.
        OSError: the snapshot cannot be written; it is left as it was.
    """
    with _writing(plan, connection) as (_journal, found):
        if found.used:
            raise PlanUnusable("The runbook is used: all of it was done.", AGAIN)
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
            _write(connection, end_state(found.state, map(undo, taken)))
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


def _opened(plan: Plan, state: LiveState, original: LiveState, *, used: bool) -> Opened:
    steps = steps_of(plan, Directory(original))
    done = finished(steps, lambda action: preflight.stands(state, action))
    return Opened(plan, steps, done, state, used)


@contextmanager
def _writing(plan: Plan, connection: Connection) -> Iterator[tuple[SqlJournal, Opened]]:
    """Hold the right to write to the site while a runbook is looked at and ticked."""
    with open_journal(connection.journal) as journal, journal.lease(plan.site):
        yield journal, open_runbook(plan, connection)


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
    connection: Connection,
    actions: Sequence[Action],
    *,
    used: bool,
) -> None:
    """Write what was done into the snapshot, between the beginning and the end of a run."""
    if not actions and (found.used or not used):
        return
    run = journal.begin(found.plan, actions, found.plan.overrides)
    state = found.state
    if actions:
        state = _write(connection, end_state(found.state, actions))
    revision = state.site.revision
    run.settled(ActionOutcome(each, Outcome.SUCCEEDED, "by hand", revision) for each in actions)
    run.end(RunEnd.DONE, "", used=used)


def _write(connection: Connection, state: LiveState) -> LiveState:
    site = replace(state.site, revision=state.site.revision + 1)
    state = replace(state, site=site)
    replace_content(snapshot_of(connection), write_state(state))
    return state


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))
