"""Applies a plan: checks, sends stage by stage, reads back.

The order of things is the safety: nothing is sent before everything was checked against a state
read just now; every change carries the expectation under which it was planned; what could not be
told from the answers is settled by reading the site again.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby

from reconciler.apply import preflight
from reconciler.apply.journal import Earlier, Journal
from reconciler.apply.outcome import ActionOutcome, ApplyResult, Outcome
from reconciler.domain.address import Address
from reconciler.domain.vocabulary import BATCH_LIMIT
from reconciler.errors import JournalError, PlanUnusable, RequestRefused, SiteError, WrongUse
from reconciler.plan.model import Action, Override, Plan, Verdict
from reconciler.plan.order import stage
from reconciler.plan.select import select, unmatched
from reconciler.provider import Change, ChangeResult, Writer
from reconciler.state import LiveState

Progress = Callable[[int, int], None]
"""Told how many of how many actions are settled."""

_TRIES = 5


def apply_plan(
    plan: Plan,
    writer: Writer,
    journal: Journal,
    *,
    today: date,
    only: Sequence[str] = (),
    overrides: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> ApplyResult:
    """Make a plan's actions happen: exactly those, or fewer.

    Args:
        plan: as it was approved.
        writer: the site.
        journal: where the run is recorded.
        today: the day on which it runs, in the manifest's time zone.
        only: address patterns that narrow the run.
        overrides: per guard code the reason to lift its refusal in this run.
        progress: told as actions are settled.

    Raises:
        GuardRefused: a guard or policy refuses.
        PlanUnusable: the plan is stale, already used, or for another site.
        WrongUse: a pattern of `only` matches nothing.
        JournalError: the run cannot be recorded; nothing was sent.
        SiteError: the site could not be read; nothing was sent.
    """
    preflight.check_days(plan, today)
    earlier = journal.earlier(plan)
    if earlier.used:
        raise PlanUnusable("The plan was used before.", preflight.AGAIN)
    for pattern in unmatched(plan.actions, only):
        raise WrongUse(
            f"--only {pattern} matches no action of the plan.",
            "The plan's addresses stand in `reconciler show PLAN --format json`.",
        )
    selected = select(plan.actions, only) if only else plan.actions
    state, verdicts = _check(plan, writer, earlier, selected, overrides or {})
    if not selected:
        return ApplyResult(plan.id, plan.site, (), verified=True, note="", verdicts=verdicts)
    journal.begin(plan, _overrides(verdicts))
    run = _Run(plan, writer, journal, earlier, selected, progress or (lambda _done, _all: None))
    run.send_all(state)
    return run.read_back(verdicts)


def _check(
    plan: Plan,
    writer: Writer,
    earlier: Earlier,
    selected: Sequence[Action],
    overrides: Mapping[str, str],
) -> tuple[LiveState, tuple[Verdict, ...]]:
    """Check everything against a state that is still the site's when the checks are done."""
    for _ in range(_TRIES):
        state = writer.fetch()
        preflight.check_site(plan, state.site.id)
        original = preflight.check_basis(plan, state, earlier)
        verdicts = preflight.check_guards(plan, original, selected, overrides)
        if writer.site().revision == state.site.revision:
            return state, verdicts
    raise SiteError(
        "The site is being changed too quickly to check the plan against it.", "Try again later."
    )


def _overrides(verdicts: Iterable[Verdict]) -> list[Override]:
    return sorted(
        {Override(each.code, each.override) for each in verdicts if each.override is not None},
        key=lambda override: override.code,
    )


class _Run:
    """One run: what became of each action so far, and why sending stopped, if it did."""

    def __init__(
        self,
        plan: Plan,
        writer: Writer,
        journal: Journal,
        earlier: Earlier,
        selected: Sequence[Action],
        progress: Progress,
    ) -> None:
        self.plan = plan
        self.writer = writer
        self.journal = journal
        self.earlier = earlier
        self.selected = selected
        self.progress = progress
        self.outcomes: dict[Address, ActionOutcome] = {}
        self.recorded: dict[Address, Outcome] = {}
        self.stopped = ""

    def send_all(self, state: LiveState) -> None:
        """Send every action whose requirements hold, stage by stage, in batches.

        Args:
            state: as it was checked; what an earlier run has done already is not sent again.
        """
        for action in self.selected:
            if preflight.stands(state, action):
                self._settle(action, Outcome.ALREADY, "an earlier run has done it")
        for _, actions in groupby(self.selected, key=stage):
            ready = list(self._ready(actions))
            for start in range(0, len(ready), BATCH_LIMIT):
                if self.stopped:
                    break
                self._send(ready[start : start + BATCH_LIMIT])
        for action in self.selected:
            if action.address not in self.outcomes:
                self._settle(action, Outcome.SKIPPED, "the run stopped before it")

    def _ready(self, actions: Iterable[Action]) -> Iterator[Action]:
        planned = {action.address: action for action in self.selected}
        for action in actions:
            if action.address in self.outcomes:
                continue
            if action.manual:
                self._settle(action, Outcome.MANUAL, "the site's API cannot do this")
                continue
            missing = [
                needed
                for needed in action.requires
                if needed in planned and not self._holds(needed)
            ]
            if missing:
                name = planned[missing[0]].name
                self._settle(action, Outcome.SKIPPED, f"it must wait for {name}")
            else:
                yield action

    def _holds(self, address: Address) -> bool:
        found = self.outcomes.get(address)
        return found is not None and found.outcome.holds

    def _send(self, batch: Sequence[Action]) -> None:
        if not self._recorded(
            lambda: self.journal.sending(self.plan, [action.address for action in batch])
        ):
            return
        try:
            results = self.writer.send([self._change(action) for action in batch])
        except RequestRefused as refused:
            self.stopped = str(refused)
            for action in batch:
                self._settle(action, Outcome.FAILED, str(refused))
        except SiteError as lost:
            self.stopped = str(lost)
            for action in batch:
                self._settle(action, Outcome.UNKNOWN, "no readable answer came")
        else:
            for action, result in zip(batch, results, strict=True):
                self._settle(action, *_outcome(result))
        self._record_outcomes()

    def _record_outcomes(self) -> None:
        """Tell the journal every outcome that it does not have yet, or has otherwise."""
        news = [
            found
            for address, found in self.outcomes.items()
            if self.recorded.get(address) is not found.outcome
        ]
        if self._recorded(lambda: self.journal.settled(self.plan, news)):
            self.recorded.update((found.action.address, found.outcome) for found in news)

    def _recorded(self, write: Callable[[], None]) -> bool:
        """Write to the journal; where that fails, stop the run but lose no outcome of it."""
        try:
            write()
        except JournalError as failed:
            self.stopped = f"{self.stopped} {failed}".strip()
            return False
        return True

    def _change(self, action: Action) -> Change:
        """Make the change of an action.

        Within a run its key is the same however often it is repeated. A later run has seen that it
        does not stand, so it asks anew: an old key would only bring back the old answer.
        """
        attempt = self.earlier.sent.get(action.address, 0)
        material = f"{self.plan.id}\n{action.verb}\n{action.address}\n{attempt}"
        return Change(
            action.address,
            action.verb,
            before=action.before if isinstance(action.before, str) else None,
            after=action.after if isinstance(action.after, str) else None,
            key=hashlib.sha256(material.encode()).hexdigest(),
        )

    def _settle(self, action: Action, outcome: Outcome, detail: str) -> None:
        self.outcomes[action.address] = ActionOutcome(action, outcome, detail)
        self.progress(len(self.outcomes), len(self.selected))

    def read_back(self, verdicts: tuple[Verdict, ...]) -> ApplyResult:
        """Read the site again and correct every outcome that it contradicts."""
        state = None
        try:
            state = self.writer.fetch()
        except SiteError as lost:
            self.stopped = f"{self.stopped} The result could not be read back: {lost}".strip()
        if state is not None:
            for address, found in self.outcomes.items():
                self.outcomes[address] = _confirmed(found, state)
        self._record_outcomes()
        if state is not None and self._is_finished(state):
            self._recorded(lambda: self.journal.finish(self.plan))
        outcomes = tuple(self.outcomes[action.address] for action in self.selected)
        return ApplyResult(
            self.plan.id, self.plan.site, outcomes, state is not None, self.stopped, verdicts
        )

    def _is_finished(self, state: LiveState) -> bool:
        """Whether nothing that was selected, now or in an earlier run, is still open."""
        return all(
            preflight.stands(state, action)
            for action in self.plan.actions
            if action.address in self.outcomes or action.address in self.earlier.sent
        )


def _outcome(result: ChangeResult) -> tuple[Outcome, str]:
    if result.ok:
        return (Outcome.SUCCEEDED if result.changed else Outcome.ALREADY), ""
    said = f"{result.code}: {result.detail}" if result.code else result.detail
    return Outcome.FAILED, f"{result.status} {said}".strip()


def _confirmed(found: ActionOutcome, state: LiveState) -> ActionOutcome:
    """Compare an outcome with what stands on the site now."""
    action = found.action
    match found.outcome, preflight.stands(state, action):
        case ((Outcome.SUCCEEDED | Outcome.ALREADY), False):
            return ActionOutcome(
                action, Outcome.FAILED, "the site said yes, but the read-back shows otherwise"
            )
        case Outcome.UNKNOWN, True:
            return ActionOutcome(action, Outcome.SUCCEEDED, "confirmed by reading it back")
        case Outcome.UNKNOWN, False:
            return ActionOutcome(action, Outcome.FAILED, "it did not take effect")
        case ((Outcome.FAILED | Outcome.SKIPPED | Outcome.MANUAL), True):
            return ActionOutcome(action, Outcome.ALREADY, "it was so when read back")
        case _:
            return found
