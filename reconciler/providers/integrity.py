"""Does a live state hold together? What does not was read in part, and is never planned from."""

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from operator import attrgetter
from typing import Any, NamedTuple

from reconciler.domain.assignments import Assignments
from reconciler.domain.vocabulary import TARGET_KINDS, Role, TargetKind, UnitKind
from reconciler.errors import ContractViolation
from reconciler.providers.codec import ADVICE, Shape
from reconciler.state import LiveState, Person, Unit


def refuse_twice(shape: Shape, values: Collection[Any], where: str) -> None:
    """Refuse a collection in which an item stands twice: a page came twice.

    Raises:
        ContractViolation: it does.
    """
    if isinstance(values, Assignments) or len(set(map(shape.key, values))) == len(values):
        return
    seen: set[Hashable] = set()
    for number, value in enumerate(values, 1):
        key = shape.key(value)
        if key in seen:
            raise ContractViolation(
                f"{where}: item {number} of {shape.name} came twice, so a page may have too.",
                ADVICE,
            )
        seen.add(key)


def check(state: LiveState, where: str) -> LiveState:
    """Return the state when every reference in it resolves.

    Args:
        state: as it was read.
        where: the site's address or the file, for messages.

    Raises:
        ContractViolation: something names what is not there, or the hierarchy is no tree.
    """
    problem = next(_problems(state), None)
    if problem is not None:
        said = f"{where}: the state does not hold together"
        error = ContractViolation(f"{said}: {problem.said}.", ADVICE)
        raise error.naming(state.site.id, problem.people).naming_nobody(f"{said}.")
    return state


class _Problem(NamedTuple):
    """What is wrong, and whom the sentence names, as `ReconcilerError.people` has them."""

    said: str
    people: tuple[tuple[str, str], ...] = ()


def _problems(state: LiveState) -> Iterator[_Problem]:
    people = {person.id: person for person in state.people}
    units = {unit.id: unit for unit in state.units}
    profiles = set(map(attrgetter("id"), state.profiles))
    yield from _hierarchy(state.units, units)
    for problem in _shared("people", map(attrgetter("sync_key"), state.people)):
        shared = tuple((each.id, each.sync_key) for each in state.people if each.sync_key)
        yield problem._replace(people=shared)
    yield from _shared("units", map(attrgetter("sync_key"), state.units))
    for role in Role:
        if role not in {labels.role for labels in state.labels}:
            yield _Problem(f"the labels of {role} are missing")
    for name, known, values, field in (
        ("profile of a person", profiles, state.people, "profile"),
        ("unit of a membership", units, state.memberships, "unit"),
        ("person of a membership", people, state.memberships, "person"),
        ("person of a relation", people, state.relations, "person"),
        ("learner of a relation", people, state.relations, "learner"),
        ("person of a holder", people, state.holders, "person"),
    ):
        for problem, each in _unknown(name, known, map(attrgetter(field), values)):
            yield problem._replace(people=((each, each),) if known is people else ())
    yield from _assignments(state, people, units)


def _assignments(
    state: LiveState, people: Mapping[str, Person], units: Mapping[str, Unit]
) -> Iterator[_Problem]:
    for holder in sorted(state.assignments.holders - state.holders):
        yield _Problem(
            f"{holder.person} has assignments as {holder.role} but has not been added",
            _named(holder.person, people),
        )
    targets: defaultdict[tuple[Role, TargetKind], set[str]] = defaultdict(set)
    for holder, kind, found in state.assignments.groups():
        targets[holder.role, kind].update(found)
    for (role, kind), named in sorted(targets.items()):
        for target in sorted(named - _targets(role, kind, people.keys(), units)):
            yield _Problem(
                f"a {role} is assigned the {kind} {target}, which is not one",
                _named(target, people) if kind is TargetKind.LEARNER or target in people else (),
            )


def _named(person: str, people: Mapping[str, Person]) -> tuple[tuple[str, str], ...]:
    """Tell who is meant by an id, whether or not anybody has it."""
    found = people.get(person)
    keys = (found.sync_key, found.username, found.email) if found else ()
    return ((person, person), *((person, key) for key in keys if key))


def _targets(
    role: Role, kind: TargetKind, people: AbstractSet[str], units: Mapping[str, Unit]
) -> AbstractSet[str]:
    """Return what a role may be assigned of a kind."""
    if kind not in TARGET_KINDS[role]:
        return frozenset()
    if kind is TargetKind.LEARNER:
        return people
    return {unit.id for unit in units.values() if unit.kind.value == kind.value}


def _unknown(
    name: str, known: Collection[str], references: Iterable[str]
) -> Iterator[tuple[_Problem, str]]:
    return (
        (_Problem(f"the {name}, {each}, is not listed"), each)
        for each in sorted(set(references).difference(known))
    )


def _shared(collection: str, keys: Iterable[str | None]) -> Iterator[_Problem]:
    counts = Counter(keys)
    return (
        _Problem(f"{times} {collection} share the sync key {key}")
        for key, times in counts.items()
        if times > 1 and key is not None
    )


def _hierarchy(units: Sequence[Unit], by_id: Mapping[str, Unit]) -> Iterator[_Problem]:
    roots = [unit for unit in units if unit.parent is None]
    if len(roots) != 1:
        yield _Problem(f"the hierarchy has {len(roots)} tops instead of one")
        return
    if roots[0].kind is not UnitKind.ORGANISATION:
        yield _Problem(f"the top of the hierarchy, {roots[0].id}, is no organisation")
    parents = (unit.parent for unit in units if unit.parent)
    yield from (problem for problem, _ in _unknown("parent of a unit", by_id, parents))
    children: dict[str | None, list[Unit]] = defaultdict(list)
    for unit in units:
        children[unit.parent].append(unit)
    reached: set[str] = set()
    waiting = [(roots[0], False)]
    while waiting:
        unit, under_school = waiting.pop()
        reached.add(unit.id)
        is_school = unit.kind is UnitKind.SCHOOL
        if is_school and under_school:
            yield _Problem(f"the school {unit.id} lies under a school")
        waiting += ((child, is_school or under_school) for child in children[unit.id])
    for lost in sorted(set(by_id) - reached):
        yield _Problem(f"the hierarchy runs in a circle at {lost}")
