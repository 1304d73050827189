"""An in-memory site: the rules of the platform in the plainest form, for tests of the core."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from strategies import TODAY

from reconciler.apply.courier import Watcher
from reconciler.apply.engine import Order, apply_plan
from reconciler.apply.journal import Doubt, Earlier, RunEnd
from reconciler.apply.outcome import ActionOutcome, ApplyResult, Outcome
from reconciler.domain.address import Address, AddressKind
from reconciler.domain.assignments import Assignment
from reconciler.domain.roster import RosterSize
from reconciler.errors import SiteError
from reconciler.manifest.model import Manifest
from reconciler.plan.end_state import Undo, end_state, value_at
from reconciler.plan.model import Action, Override, Plan
from reconciler.plan.select import Selection
from reconciler.provider import Change, ChangeResult, Event, Verb
from reconciler.state import LiveState, Site


def broken_rule(state: LiveState, address: Address, verb: Verb) -> str | None:
    """Name the rule that a write would break, or None (design, section 2)."""
    people = {person.id: person for person in state.people}
    profiles = {profile.id: profile for profile in state.profiles}
    match address.kind, verb:
        case AddressKind.HOLDER, Verb.ADD:
            role, person = address.parts
            if role not in profiles[people[person].profile].roles:
                return "role_not_enabled"
        case AddressKind.HOLDER, Verb.REMOVE:
            role, person = address.parts
            if any(a.role == role and a.person == person for a in state.assignments):
                return "has_assignments"
        case AddressKind.ASSIGNMENT, Verb.ADD:
            if Assignment.at(address).holder not in state.holders:
                return "not_a_holder"
    return None


class MemorySite:
    """A `Writer` over a state in memory; `before_send` may interfere with each request."""

    def __init__(self, state: LiveState) -> None:
        self.state = state
        self.sent: list[list[Change]] = []
        self.answers: dict[str, ChangeResult] = {}
        self.events: list[Event] = []
        self.before_send: Callable[[Sequence[Change]], None] = lambda _changes: None
        self.before_fetch: Callable[[], None] = lambda: None

    def site(self) -> Site:
        return self.state.site

    def fetch(self) -> LiveState:
        self.before_fetch()
        return self.state

    def last_events(self, addresses: Sequence[Address]) -> dict[Address, Event]:
        raise AssertionError(f"apply asks no last events, but asked {len(addresses)}")

    def events_since(self, revision: int) -> list[Event]:
        return [event for event in self.events if event.revision > revision]

    def send(self, changes: Sequence[Change]) -> list[ChangeResult]:
        assert 0 < len(changes) <= 500
        self.before_send(changes)
        self.sent.append(list(changes))
        return [self._answer(change) for change in changes]

    def write(
        self,
        address: Address,
        verb: Verb,
        after: object,
        *,
        actor: str = "admin",
        kind: str = "console",
    ) -> None:
        """Make a change as somebody else would, or as we do."""
        self.state = end_state(self.state, [Undo(address, verb, after)])  # type: ignore[arg-type]
        self._count()
        revision = self.state.site.revision
        at = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
        self.events.append(Event(at, actor, kind, str(address), verb.value, revision))

    def _answer(self, change: Change) -> ChangeResult:
        if change.key in self.answers:
            return self.answers[change.key]
        before = value_at(self.state, change.address)
        expected = change.before if change.verb is Verb.CHANGE else change.verb is Verb.REMOVE
        if before != expected:
            answer = ChangeResult(412, changed=False, code="expectation_failed")
        elif rule := broken_rule(self.state, change.address, change.verb):
            answer = ChangeResult(409, changed=False, code=rule, detail="against the rules")
        else:
            after = change.after if change.verb is Verb.CHANGE else change.verb is Verb.ADD
            self.write(change.address, change.verb, after, actor="pipeline", kind="api")
            answer = ChangeResult(200, changed=True, revision=self.state.site.revision)
        self.answers[change.key] = answer
        return answer

    def _count(self) -> None:
        site = replace(self.state.site, revision=self.state.site.revision + 1)
        self.state = replace(self.state, site=site)


class MemoryJournal:
    """A `Journal` in memory, and the `Run` of each of its plans; the memory is the same for all."""

    id = "run-1"

    def __init__(self) -> None:
        self.events: list[tuple[str, object]] = []
        self.ended: list[RunEnd] = []
        self._selected: set[Address] = set()
        self._sent: set[Address] = set()
        self._outcomes: dict[Address, ActionOutcome] = {}
        self._refused: Counter[Address] = Counter()
        self._used = False
        self.arriving: set[Address] = set()

    def earlier(self, plan: Plan) -> Earlier:
        outcomes = {at: found.outcome for at, found in self._outcomes.items()}
        return Earlier(
            used=self._used,
            selected=frozenset(self._selected),
            sent=frozenset(self._sent),
            held=frozenset(
                at
                for at, found in self._outcomes.items()
                if found.outcome.holds or found.revision is not None
            ),
            doubtful=frozenset(
                at for at in self._sent if outcomes.get(at) in (None, Outcome.UNKNOWN)
            ),
            arriving=frozenset(self.arriving),
            refused=dict(self._refused),
        )

    def doubts(self, site: str, *, but: str) -> list[Doubt]:
        return []

    def clear(self, site: str, found: Iterable[tuple[Doubt, ActionOutcome]]) -> None:
        raise AssertionError(f"nothing is in doubt, but cleared was {list(found)}")

    def begin(
        self, plan: Plan, selected: Sequence[Action], overrides: Sequence[Override]
    ) -> "MemoryJournal":
        self.events.append(("begin", (plan.id, list(overrides))))
        self._selected.update(action.address for action in selected)
        return self

    def sending(self, changes: Sequence[Change]) -> None:
        addresses = [change.address for change in changes]
        self.events.append(("sending", addresses))
        self._sent.update(addresses)
        for address in addresses:
            self._outcomes.pop(address, None)

    def settled(self, outcomes: Iterable[ActionOutcome]) -> None:
        told = list(outcomes)
        self.events.append(("settled", told))
        for found in told:
            self._outcomes[found.action.address] = found
            if found.outcome is Outcome.FAILED:
                self._refused[found.action.address] += 1

    def cleared(self, outcomes: Iterable[ActionOutcome]) -> None:
        told = list(outcomes)
        self.events.append(("cleared", told))
        for found in told:
            self._outcomes[found.action.address] = found

    def end(self, end: RunEnd, note: str, *, used: bool) -> None:
        self.events.append(("end", (end, note)))
        self.ended.append(end)
        self._used = used


class OneByOne:
    """A courier that sends at once, and gives the answers back in the order they came."""

    def __init__(self, site: MemorySite, *, capacity: int = 1, batch_limit: int = 500) -> None:
        self.capacity = capacity
        self.batch_limit = batch_limit
        self._site = site
        self._answers: deque[tuple[int, list[ChangeResult] | SiteError]] = deque()

    def post(self, number: int, changes: Sequence[Change]) -> None:
        try:
            self._answers.append((number, self._site.send(changes)))
        except SiteError as lost:
            self._answers.append((number, lost))

    def collect(self) -> tuple[int, list[ChangeResult] | SiteError]:
        return self._answers.popleft()


def apply_to(
    plan: Plan,
    site: MemorySite,
    journal: MemoryJournal | None = None,
    *,
    today: date = TODAY,
    watcher: Watcher = lambda _report: None,
    stopping: Callable[[], bool] = lambda: False,
    only: Sequence[str] = (),
    excepted: Sequence[str] = (),
    overrides: Mapping[str, str] | None = None,
    site_policy: Manifest | None = None,
    rosters_before: Mapping[str, RosterSize] | None = None,
) -> ApplyResult:
    """Apply a plan to a site in memory."""
    return apply_plan(
        plan,
        site,
        OneByOne(site),
        journal or MemoryJournal(),
        Order(today, Selection(only, excepted), overrides or {}, site_policy, rosters_before or {}),
        watcher=watcher,
        stopping=stopping,
    )
