"""Units and people with another key than before: what is live of the old counts as the new.

A rename on the site changes no id, so that there is nothing to compare. Where the site made a unit
of its own for the new key, both stand there for a while: an assignment to the old one stays, and
counts as the declared one to the new, as long as both have the same learners on the plan's day and
there is one at all. Two empty units are not the same: whoever arrives later would be handed over.

A person is another account, and never counts as somebody else: what the old one has is removed, and
the new one is given it. The two are told as one.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, NamedTuple, TypeAlias

from reconciler.cause import CauseKind
from reconciler.desired import Desired
from reconciler.diagnostics import Diagnostic
from reconciler.diff import Difference
from reconciler.directory import Directory, Keys
from reconciler.domain.address import Address, AddressKind
from reconciler.domain.assignments import Assignment
from reconciler.domain.vocabulary import MembershipRole, MovedKind, TargetKind
from reconciler.plain import first_of
from reconciler.plan.model import Moved
from reconciler.plan.moves import Line, Moves
from reconciler.policy.protection import Protection
from reconciler.provider import Verb
from reconciler.state import Membership

_NAMED: Final = 5
"""So many lines that match nothing are named in the warning."""


class Members:
    """The learners of some units (ids) and of everything below them, on any day."""

    def __init__(self, directory: Directory, units: Iterable[str]) -> None:
        self._below = {unit: directory.subtree([unit]) for unit in units}
        needed = frozenset().union(*self._below.values())
        self._held: defaultdict[str, list[Membership]] = defaultdict(list)
        for each in directory.state.memberships:
            if each.unit in needed and each.role is MembershipRole.LEARNER:
                self._held[each.unit].append(each)

    def of(self, unit: str, day: date) -> frozenset[str]:
        """Return the ids of a unit's learners on a day."""
        return frozenset(each.person for each in self._all(unit) if each.holds_on(day))

    def same(self, one: str, other: str, day: date) -> bool:
        """Whether two units have the same learners on a day, and any at all."""
        learners = self.of(one, day)
        return bool(learners) and learners == self.of(other, day)

    def unchanged_until(self, one: str, other: str, day: date) -> date | None:
        """Return the last day on which `same` answers as on a day, or None for good."""
        answer = self.same(one, other, day)
        turns = {
            turn
            for unit in (one, other)
            for each in self._all(unit)
            for turn in (each.begin, each.end)
            if turn is not None and turn > day
        }
        other_answer = (turn for turn in sorted(turns) if self.same(one, other, turn) != answer)
        turned = next(other_answer, None)
        return turned - timedelta(days=1) if turned else None

    def _all(self, unit: str) -> Iterator[Membership]:
        for below in self._below[unit]:
            yield from self._held.get(below, ())


class Counted(NamedTuple):
    """A live assignment that counts as a declared one.

    `learners` is how many both are over, `until` the last day of that, as far as is known.
    """

    live: Assignment
    declared: Assignment
    learners: int
    until: date | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What the lines under `moved` make of the differences.

    Attributes:
        differences: those that are left.
        counted: what is no difference any more.
        compared: the pairs of units whose learners were compared.
        holds_until: the last day on which the comparisons come to the same.
        used: the lines that matched something.
    """

    differences: list[Difference]
    counted: tuple[Counted, ...] = ()
    compared: tuple[tuple[str, str], ...] = ()
    holds_until: date | None = None
    used: frozenset[Line] = frozenset()


def stand(
    directory: Directory,
    desired: Desired,
    moves: Moves,
    protection: Protection,
    differences: list[Difference],
) -> Standing:
    """Let what is live of a moved unit count as what is declared of the one that it is now.

    What the manifest itself declares of the old unit, and what is accepted, is left as it is. What
    stands for something that has expired, or has not begun, goes for that reason, unless it is
    protected by itself.
    """
    if not moves.lines:
        return Standing(differences)
    additions = {each.address for each in differences if each.verb is Verb.ADD}
    removals = {each.address: each for each in differences if each.verb is Verb.REMOVE}
    pairs = paired(moves, removals, additions)
    wanted = _by_target(
        [Assignment.at(each) for each in additions if each.kind is AddressKind.ASSIGNMENT]
    )
    dormant = _by_target(desired.dormant)
    asked = []
    for address, removal in sorted(removals.items()):
        declared = _declared(address, moves, wanted) or _declared(address, moves, dormant)
        if (
            declared is not None
            and removal.cause.kind is CauseKind.NOT_IN_ENTRY
            and desired.accepted.keys().isdisjoint((address, Address.assignment(*declared)))
        ):
            asked.append((Assignment.at(address), declared))
    pairs += [(Address.assignment(*one), Address.assignment(*other)) for one, other in asked]
    members = Members(directory, {each.target for pair in asked for each in pair})
    counted: dict[Assignment, Counted] = {}
    replaced: dict[Address, Difference] = {}
    for live, declared in asked:
        units = live.target, declared.target
        if declared in counted or not members.same(*units, desired.as_of):
            continue
        address = Address.assignment(*live)
        if declared in desired.dormant:
            if not protection.keeps(address, CauseKind.NOT_IN_ENTRY):
                replaced[address] = replace(removals[address], cause=desired.dormant[declared])
            continue
        until = members.unchanged_until(*units, desired.as_of)
        learners = len(members.of(live.target, desired.as_of))
        counted[declared] = Counted(live, declared, learners, until)
    done = {Address.assignment(*pair) for each in counted.values() for pair in each[:2]}
    compared = tuple(sorted({(live.target, declared.target) for live, declared in asked}))
    turns = (members.unchanged_until(*pair, desired.as_of) for pair in compared)
    return Standing(
        [replaced.get(each.address, each) for each in differences if each.address not in done],
        tuple(counted.values()),
        compared,
        min((turn for turn in turns if turn is not None), default=None),
        frozenset(line for pair in pairs for line in _lines(*pair)),
    )


_Target: TypeAlias = tuple[str, str, bool, str]


def _target(assignment: Assignment) -> _Target:
    """Name an assignment whatever the kind of its unit, which may have become another one."""
    learner = assignment.kind is TargetKind.LEARNER
    return assignment.role, assignment.person, learner, assignment.target


def _by_target(assignments: Iterable[Assignment]) -> dict[_Target, Assignment]:
    return {_target(each): each for each in assignments}


def _declared(
    address: Address, moves: Moves, known: Mapping[_Target, Assignment]
) -> Assignment | None:
    """Return what a live assignment to a unit is now, by the units alone."""
    if address.kind is not AddressKind.ASSIGNMENT:
        return None
    live = Assignment.at(address)
    unit = moves.units.get(live.target) if live.kind is not TargetKind.LEARNER else None
    return known.get(_target(live._replace(target=unit))) if unit else None


def paired(
    moves: Moves, removals: Iterable[Address], additions: Iterable[Address]
) -> list[tuple[Address, Address]]:
    """Pair what goes with what comes in its place, as moved units and people have it.

    Several may go to the same one: what was two classes is one now.
    """
    if not moves.lines:
        return []
    added = list(additions)
    holders = {each.parts: each for each in added if each.kind is AddressKind.HOLDER}
    assignments = {
        _target(Assignment.at(each)): each for each in added if each.kind is AddressKind.ASSIGNMENT
    }
    pairs = []
    for address in sorted(removals):
        if address.kind is AddressKind.HOLDER:
            role, person = address.parts
            to = holders.get((role, moves.people.get(person, "")))
        elif address.kind is AddressKind.ASSIGNMENT:
            known = (
                assignments.get(_target(each)) for each in _moved(Assignment.at(address), moves)
            )
            to = next((each for each in known if each is not None), None)
        else:
            to = None
        if to is not None:
            pairs.append((address, to))
    return pairs


def _moved(live: Assignment, moves: Moves) -> Iterator[Assignment]:
    """Yield what a live assignment may be now, that of the same person first."""
    targets = moves.people if live.kind is TargetKind.LEARNER else moves.units
    target, person = targets.get(live.target), moves.people.get(live.person)
    if target:
        yield live._replace(target=target)
    if person:
        yield live._replace(person=person)
    if target and person:
        yield live._replace(person=person, target=target)


def _lines(before: Address, after: Address) -> Iterator[Line]:
    """Yield the lines that pair two addresses."""
    if before.parts[1] != after.parts[1]:
        yield MovedKind.PERSON, before.parts[1]
    if before.kind is AddressKind.ASSIGNMENT and before.parts[3] != after.parts[3]:
        learner = before.parts[2] == TargetKind.LEARNER
        yield MovedKind.PERSON if learner else MovedKind.UNIT, before.parts[3]


def idle(moves: Moves, used: frozenset[Line]) -> Iterator[Diagnostic]:
    """Warn of the lines that match nothing on the day, by what the site lacks of them."""
    left = [move for move, line in moves.lines if line is None or line not in used]
    gone = frozenset(moves.gone)
    coming = frozenset(moves.coming) - gone
    for lines, told, advice in (
        (
            [each for each in left if each in gone],
            "the site has nothing with the key under 'from', so that nothing is moved by: {}.",
            "Either the old one is gone, and the line can be taken out, or the key is mistyped.",
        ),
        (
            [each for each in left if each in coming],
            "the site does not have what is moved to by: {}.",
            (
                "If the plan takes something from the old one, wait until the site has the new "
                "one; `unknown: refuse` in a rule makes no plan until then."
            ),
        ),
        (
            [each for each in left if each not in gone | coming],
            "nothing live is in the way of what is declared for: {}.",
            "Once they are done, the lines under moved can be taken out.",
        ),
    ):
        if lines:
            named = first_of([f"{each.before.key} → {each.after.key}" for each in lines], _NAMED)
            yield Diagnostic("RR216", told.format(named), lines[0].before.position, advice)


def named_moves(
    keys: Keys, counted: Iterable[Counted], told: Iterable[tuple[Address, Address]]
) -> tuple[Moved, ...]:
    """Name what counts as something declared, and what is removed here and added there."""
    standing = {
        (Address.assignment(*each.live), Address.assignment(*each.declared)): each
        for each in counted
    }
    moved = [
        Moved(
            address,
            keys.name(address),
            to,
            keys.name(to),
            counts=each is not None,
            learners=each.learners if each else 0,
            until=each.until if each else None,
        )
        for address, to in (*standing, *told)
        for each in [standing.get((address, to))]
    ]
    return tuple(sorted(moved, key=lambda each: (not each.counts, str(each.name), each.address)))
