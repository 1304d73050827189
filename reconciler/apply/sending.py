"""One run on its way: what is sent when, and what became of each action so far.

A stage's requests travel together, as many at once as the courier takes; the next stage begins when
all of them were answered. A failed action holds back only what has to wait for it.
"""

import hashlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count, groupby

from reconciler.apply import settling
from reconciler.apply.courier import Courier, Report, Watcher
from reconciler.apply.journal import Earlier, Run, RunEnd
from reconciler.apply.outcome import ActionOutcome, ApplyResult, Outcome
from reconciler.domain.address import Address
from reconciler.errors import ExitCode, JournalError, RequestRefused, SiteError, Undelivered
from reconciler.plan.end_state import stands
from reconciler.plan.model import Action, Plan
from reconciler.plan.order import stage
from reconciler.provider import Change, ChangeResult, Reader
from reconciler.state import LiveState

_ENDS = {ExitCode.DONE: RunEnd.DONE, ExitCode.FAILED: RunEnd.FAILED}


@dataclass(slots=True)
class Sending:
    """A run, from its first request to its end.

    Attributes:
        plan: as it was approved.
        selected: the actions of it that are asked for, in order.
        base: the site as it was checked, just before.
        earlier: what earlier runs of the plan left behind.
        run: its record.
        reader: reads the site.
        courier: writes to it.
        watcher: told as actions are settled.
        stopping: whether the run was asked to stop.
        outcomes: what became of each action so far.
        stopped: why nothing more is sent, if nothing is.
    """

    plan: Plan
    selected: Sequence[Action]
    base: LiveState
    earlier: Earlier
    run: Run
    reader: Reader
    courier: Courier
    watcher: Watcher
    stopping: Callable[[], bool]
    outcomes: dict[Address, ActionOutcome] = field(default_factory=dict)
    stopped: str = ""
    _cut_short: bool = False
    _unrecorded: dict[Address, ActionOutcome] = field(default_factory=dict)
    _counts: Counter[Outcome] = field(default_factory=Counter)
    _lost: set[Address] = field(default_factory=set)
    _contested: set[Address] = field(default_factory=set)
    _replayed: dict[Address, int] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def send_all(self) -> None:
        """Send every action whose requirements hold, stage by stage, in batches."""
        self._tell()
        for action in self.selected:
            if action.address not in self.earlier.doubtful and stands(self.base, action):
                ours = action.address in self.earlier.held
                detail = "an earlier run has done it" if ours else "it was so already"
                self._settle(ActionOutcome(action, Outcome.ALREADY, detail))
        for _, actions in groupby(self.selected, key=stage):
            self._send_stage(list(self._ready(actions)))
        for action in self.selected:
            if action.address not in self.outcomes:
                self._cut_short = True
                self._settle(ActionOutcome(action, Outcome.SKIPPED, "the run stopped before it"))

    def _ready(self, actions: Iterable[Action]) -> Iterator[Action]:
        planned = {action.address: action for action in self.selected}
        for action in actions:
            if action.address in self.outcomes:
                continue
            if action.manual:
                detail = "the site's API cannot do this"
                self._settle(ActionOutcome(action, Outcome.MANUAL, detail))
                continue
            missing = [
                needed
                for needed in action.requires
                if needed in planned and not self._holds(needed)
            ]
            if missing:
                detail = f"it must wait for {planned[missing[0]].name}"
                self._settle(ActionOutcome(action, Outcome.SKIPPED, detail))
            else:
                yield action

    def _holds(self, address: Address) -> bool:
        found = self.outcomes.get(address)
        return found is not None and found.outcome.holds

    @property
    def _halted(self) -> bool:
        return bool(self.stopped) or self.stopping()

    def _send_stage(self, actions: Sequence[Action]) -> None:
        """Send a stage; what was lost is sent once more, under the same keys, if the site is up."""
        waiting = deque(actions)
        repeated: set[Address] = set()
        while waiting and not self._halted:
            lost = [each for each in self._send(waiting) if each.address not in repeated]
            if lost and not self.stopped and self._is_up():
                repeated.update(action.address for action in lost)
                waiting.extendleft(reversed(lost))
        self._look(actions)

    def _send(self, waiting: deque[Action]) -> list[Action]:
        """Send what waits, batch by batch, until all is answered or something is lost.

        Returns:
            What was lost: sent, and not readably answered.
        """
        flying: dict[int, list[Action]] = {}
        lost: list[Action] = []
        while True:
            while waiting and len(flying) < self.courier.capacity and not (lost or self._halted):
                size = min(self.courier.batch_limit, len(waiting))
                batch = [waiting.popleft() for _ in range(size)]
                changes = [self._change(action) for action in batch]
                if self._write(partial(self.run.sending, changes)):
                    number = next(self._numbers)
                    self.courier.post(number, changes)
                    flying[number] = batch
            if not flying:
                return lost
            number, answer = self.courier.collect()
            batch = flying.pop(number)
            self._answered(batch, answer)
            lost += [each for each in batch if self._is(each, Outcome.UNKNOWN)]

    def _answered(self, batch: Sequence[Action], answer: list[ChangeResult] | SiteError) -> None:
        match answer:
            case RequestRefused() | Undelivered():
                self.stopped = self.stopped or str(answer)
                for action in batch:
                    self._settle(self._refused(action, str(answer)))
            case SiteError():
                if answer.retry_after is not None:  # longer than anybody waits
                    self.stopped = self.stopped or str(answer)
                for action in batch:
                    self._lost.add(action.address)
                    self._settle(ActionOutcome(action, Outcome.UNKNOWN, str(answer)))
            case results:
                for action, result in zip(batch, results, strict=True):
                    self._settle(self._judged(action, result))
        self._record_outcomes()
        self._tell()

    def _refused(self, action: Action, detail: str) -> ActionOutcome:
        """Settle what was refused: failed, unless an attempt before it may yet arrive."""
        lost = action.address in self._lost or action.address in self.earlier.arriving
        return ActionOutcome(action, Outcome.UNKNOWN if lost else Outcome.FAILED, detail)

    def _judged(self, action: Action, result: ChangeResult) -> ActionOutcome:
        if not result.ok:
            if result.repeated:
                self._lost.add(action.address)
            if result.status == 412:
                self._contested.add(action.address)
            said = f"{result.code}: {result.detail}" if result.code else result.detail
            return self._refused(action, f"{result.status} {said}".strip())
        if not result.changed:
            return ActionOutcome(action, Outcome.ALREADY, "it was so already")
        revision = result.revision
        if (
            action.address in self.earlier.doubtful
            and revision is not None
            and revision <= self.base.site.revision
        ):
            # The key's answer from back then: the earlier run's request did arrive.
            self._replayed[action.address] = revision
            if stands(self.base, action):
                return ActionOutcome(action, Outcome.ALREADY, "an earlier run has done it")
            writes = self._writes([action.address])
            return ActionOutcome(action, Outcome.FAILED, settling.undone(action, writes))
        return ActionOutcome(action, Outcome.SUCCEEDED, "", revision)

    def _is_up(self) -> bool:
        try:
            self.reader.site()
        except SiteError as lost:
            self.stopped = str(lost)
            return False
        return True

    def _look(self, actions: Iterable[Action]) -> None:
        """Read the site where answers left a doubt, so that what waits for them can go on."""
        doubtful = [
            action
            for action in actions
            if self._is(action, Outcome.UNKNOWN) or action.address in self._contested
        ]
        self._contested.clear()
        if not doubtful:
            return
        if self._halted:
            self._cut_short = True
            return
        try:
            self._confirm(doubtful, self.reader.fetch())
        except SiteError as lost:
            self.stopped = str(lost)
        self._record_outcomes()
        self._tell()

    def _confirm(self, actions: Iterable[Action], state: LiveState) -> None:
        found = [self.outcomes[action.address] for action in actions]
        asked = [each.action.address for each in found if settling.needs_writes(each, state)]
        writes = self._writes(asked) if asked else None
        for each in found:
            self._settle(settling.confirmed(each, state, writes, self.base.site.revision))

    def _writes(self, addresses: Iterable[Address]) -> settling.Writes | None:
        """Read who wrote to some addresses since the plan was made."""
        return settling.read_writes(self.reader, self.base.site, self.plan.revision, addresses)

    def _change(self, action: Action) -> Change:
        """Make the change of an action.

        Its key is the same however often it is sent, in this run or a later one, until it is
        refused: then it is asked anew, since an old key might only bring back the old answer.
        """
        refused = self.earlier.refused.get(action.address, 0)
        material = f"{self.plan.id}\n{action.verb}\n{action.address}\n{refused}"
        return Change(
            action.address,
            action.verb,
            before=action.before if isinstance(action.before, str) else None,
            after=action.after if isinstance(action.after, str) else None,
            key=hashlib.sha256(material.encode()).hexdigest(),
        )

    def _is(self, action: Action, outcome: Outcome) -> bool:
        found = self.outcomes.get(action.address)
        return found is not None and found.outcome is outcome

    def _settle(self, found: ActionOutcome) -> None:
        address = found.action.address
        before = self.outcomes.get(address)
        if before == found:
            return
        if before is not None:
            self._counts[before.outcome] -= 1
        self._counts[found.outcome] += 1
        self.outcomes[address] = self._unrecorded[address] = found

    def _tell(self) -> None:
        self.watcher(Report(self.run.id, len(self.selected), +self._counts))

    def _record_outcomes(self) -> None:
        """Tell the journal every outcome that it does not have yet, or has otherwise."""
        news = list(self._unrecorded.values())
        if news and self._write(partial(self.run.settled, news)):
            self._unrecorded.clear()

    def _write(self, write: Callable[[], None]) -> bool:
        """Write to the journal; where that fails, stop the run but lose no outcome of it."""
        try:
            write()
        except JournalError as failed:
            if str(failed) not in self.stopped:
                self.stopped = f"{self.stopped} {failed}".strip()
            return False
        return True

    def finish(self) -> ApplyResult:
        """Read the site again, correct every outcome that it contradicts, and end the record."""
        # A stop that comes when all is sent and settled has interrupted nothing.
        interrupted = self.stopping() and (self._cut_short or bool(self.stopped))
        if interrupted:
            self.stopped = f"It was asked to stop. {self.stopped}".strip()
        state = None if interrupted else self._read_back()
        self._record_outcomes()
        if cleared := self._cleared():
            self._write(lambda: self.run.cleared(cleared))
        result = ApplyResult(
            run=self.run.id,
            plan=self.plan.id,
            site=self.plan.site,
            outcomes=tuple(self.outcomes[action.address] for action in self.selected),
            verified=state is not None,
            note=self.stopped,
            interrupted=interrupted,
        )
        end = RunEnd.INTERRUPTED if interrupted else _ENDS.get(result.exit_code, RunEnd.PARTIAL)
        used = state is not None and self._is_finished(state)
        if not self._write(lambda: self.run.end(end, result.note, used=used)):
            result = replace(result, note=self.stopped)
        self._tell()
        return result

    def _read_back(self) -> LiveState | None:
        try:
            state = self.reader.fetch()
        except SiteError as lost:
            told = "The result could not be read back."
            told = told if str(lost) in self.stopped else f"{told} {lost}"
            self.stopped = f"{self.stopped} {told}".strip()
            return None
        self._confirm(self.selected, state)
        return state

    def _cleared(self) -> list[ActionOutcome]:
        """Say what became of what earlier runs had left in doubt, where it is known by now."""
        asked = [
            found
            for address, found in self.outcomes.items()
            if address in self.earlier.doubtful
            and found.outcome not in (Outcome.UNKNOWN, Outcome.SKIPPED)
        ]
        cleared, unclear = [], []
        for found in asked:
            revision = self._replayed.get(found.action.address)
            if revision is not None:
                cleared.append(ActionOutcome(found.action, Outcome.SUCCEEDED, "", revision))
            elif found.revision is not None:
                cleared.append(ActionOutcome(found.action, Outcome.FAILED, settling.NEVER))
            else:
                unclear.append(found.action)
        if unclear and (writes := self._writes([each.address for each in unclear])):
            for action in unclear:
                arriving = action.address in self.earlier.arriving
                became = settling.became(action, writes, self.plan.revision, arriving=arriving)
                if became is not None:
                    cleared.append(became)
        return cleared

    def _is_finished(self, state: LiveState) -> bool:
        """Whether nothing that was selected, now or in an earlier run, is still open."""
        return all(
            stands(state, action)
            for action in self.plan.actions
            if action.address in self.outcomes or action.address in self.earlier.selected
        )
