"""Does a live state hold together? What does not was read in part, and is never planned from."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.domain.vocabulary import TARGET_KINDS, Role, TargetKind, UnitKind
from reconciler.errors import ContractViolation
from reconciler.providers.codec import COLLECTIONS
from reconciler.state import LiveState, Unit


def refuse_twice(collection: str, values: Iterable[Any], where: str) -> None:
    """Refuse a collection in which an item stands twice: a page came twice.

    Raises:
        ContractViolation: it does.
    """
    key = COLLECTIONS[collection].key
    seen: set[Hashable] = set()
    for value in values:
        at = key(value)
        if at in seen:
            raise ContractViolation(
                f"{where}: an item of {collection} came twice, so a page may have too."
            )
        seen.add(at)


def check(state: LiveState, where: str) -> LiveState:
    """Return the state when every reference in it resolves.

    Raises:
        ContractViolation: something names what is not there, or the hierarchy is no tree.
    """
    for problem in _problems(state):
        raise ContractViolation(f"{where}: {problem}.", "The state is incomplete; try again.")
    return state


def _problems(state: LiveState) -> Iterator[str]:
    people = {person.id for person in state.people}
    units = {unit.id: unit for unit in state.units}
    profiles = {profile.id for profile in state.profiles}
    yield from _hierarchy(state.units, units)
    yield from _shared("people", (person.sync_key for person in state.people))
    yield from _shared("units", (unit.sync_key for unit in state.units))
    if {labels.role for labels in state.labels} != set(Role):
        yield "labels do not cover both roles"
    for name, known, references in (
        ("a person's profile", profiles, (person.profile for person in state.people)),
        ("a membership's unit", units, (each.unit for each in state.memberships)),
        ("a membership's person", people, (each.person for each in state.memberships)),
        ("a relation's person", people, (each.person for each in state.relations)),
        ("a relation's learner", people, (each.learner for each in state.relations)),
        ("a holder's person", people, (each.person for each in state.holders)),
    ):
        yield from _unknown(name, known, references)
    for assignment in state.assignments:
        if assignment.holder not in state.holders:
            yield f"{assignment.person} has assignments but is not added as {assignment.role}"
        if assignment.kind not in TARGET_KINDS[assignment.role]:
            yield f"a {assignment.role} is assigned a {assignment.kind}"
        if assignment.kind is TargetKind.LEARNER:
            if assignment.target not in people:
                yield f"an assignment's learner, {assignment.target}, is not listed"
        elif assignment.target not in units:
            yield f"an assignment's unit, {assignment.target}, is not listed"
        elif units[assignment.target].kind.value != assignment.kind.value:
            yield f"{assignment.target} is assigned as a {assignment.kind}, which it is not"


def _unknown(
    name: str, known: Mapping[str, object] | set[str], references: Iterable[str]
) -> Iterator[str]:
    return (f"{name}, {each}, is not listed" for each in references if each not in known)


def _shared(collection: str, keys: Iterable[str | None]) -> Iterator[str]:
    counts = Counter(key for key in keys if key is not None)
    return (f"{collection} share the sync key {key}" for key, n in counts.items() if n > 1)


def _hierarchy(units: Sequence[Unit], by_id: Mapping[str, Unit]) -> Iterator[str]:
    roots = [unit for unit in units if unit.parent is None]
    if len(roots) != 1 or roots[0].kind is not UnitKind.ORGANISATION:
        yield f"the hierarchy has {len(roots)} tops instead of one organisation"
        return
    yield from _unknown("a unit's parent", by_id, (unit.parent for unit in units if unit.parent))
    below: defaultdict[str, list[Unit]] = defaultdict(list)
    for unit in units:
        if unit.parent is not None:
            below[unit.parent].append(unit)
    reached = 0
    waiting = [(roots[0], False)]
    while waiting:
        here, in_school = waiting.pop()
        reached += 1
        is_school = here.kind is UnitKind.SCHOOL
        if in_school and is_school:
            yield f"the school {here.id} lies under a school"
        waiting.extend((unit, in_school or is_school) for unit in below[here.id])
    if reached != len(units):
        yield "the hierarchy runs in a circle"
