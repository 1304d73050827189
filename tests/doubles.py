"""An in-memory site: the rules of the platform in the plainest form, for tests of the core."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from reconciler.apply.journal import Earlier
from reconciler.apply.outcome import ActionOutcome, Outcome
from reconciler.domain.address import Address, AddressKind
from reconciler.plan.end_state import Undo, end_state, value_at
from reconciler.plan.model import Override, Plan
from reconciler.provider import Change, ChangeResult, Event, Verb
from reconciler.state import Assignment, LiveState, Site


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
        self.before_send: Callable[[Sequence[Change]], None] = lambda _changes: None
        self.before_fetch: Callable[[], None] = lambda: None

    def site(self) -> Site:
        return self.state.site

    def fetch(self) -> LiveState:
        self.before_fetch()
        return self.state

    def last_events(self, addresses: Sequence[Address]) -> dict[Address, Event]:
        raise AssertionError(f"apply asks no events, but asked {len(addresses)}")

    def send(self, changes: Sequence[Change]) -> list[ChangeResult]:
        assert 0 < len(changes) <= 500
        self.before_send(changes)
        self.sent.append(list(changes))
        return [self._answer(change) for change in changes]

    def write(self, address: Address, verb: Verb, after: object) -> None:
        """Make a change as somebody else would."""
        self.state = end_state(self.state, [Undo(address, verb, after)])  # type: ignore[arg-type]
        self._count()

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
            self.write(change.address, change.verb, change.after)
            answer = ChangeResult(200, changed=True)
        self.answers[change.key] = answer
        return answer

    def _count(self) -> None:
        site = replace(self.state.site, revision=self.state.site.revision + 1)
        self.state = replace(self.state, site=site)


class MemoryJournal:
    """A `Journal` in memory, with the same memory across runs."""

    def __init__(self) -> None:
        self.events: list[tuple[str, object]] = []
        self._sent: Counter[Address] = Counter()
        self._outcomes: dict[Address, Outcome] = {}
        self._used: set[str] = set()

    def earlier(self, plan: Plan) -> Earlier:
        held = frozenset(at for at, outcome in self._outcomes.items() if outcome.holds)
        return Earlier(plan.id in self._used, dict(self._sent), held)

    def begin(self, plan: Plan, overrides: Sequence[Override]) -> None:
        self.events.append(("begin", (plan.id, list(overrides))))

    def sending(self, plan: Plan, addresses: Sequence[Address]) -> None:
        self.events.append(("sending", (plan.id, list(addresses))))
        self._sent.update(addresses)

    def settled(self, plan: Plan, outcomes: Iterable[ActionOutcome]) -> None:
        told = list(outcomes)
        self.events.append(("settled", (plan.id, told)))
        for found in told:
            self._outcomes[found.action.address] = found.outcome

    def finish(self, plan: Plan) -> None:
        self.events.append(("finish", plan.id))
        self._used.add(plan.id)
