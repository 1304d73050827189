"""Who gains and who loses sight of which learners (design, section 5, "Access changes")."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.access.effective import Learners
from reconciler.state import Assignment


@dataclass(frozen=True, slots=True)
class AccessChange:
    """What changes for one person, over both roles and all their paths taken together.

    Ids throughout, sorted; `gained` and `lost` never overlap and are not both empty.
    """

    person: str
    gained: tuple[str, ...]
    lost: tuple[str, ...]


def access_changes(
    learners: Learners, before: Iterable[Assignment], after: Iterable[Assignment]
) -> tuple[AccessChange, ...]:
    """Compare what people see under two sets of effective assignments.

    People whose assignments are the same in both are not looked at.
    """
    old, new = set(before), set(after)
    touched = {found.person for found in old ^ new}
    old_by, new_by = _by_person(old, touched), _by_person(new, touched)
    changes = []
    for person in sorted(touched):
        had = _seen(learners, old_by[person])
        has = _seen(learners, new_by[person])
        if had != has:
            changes.append(AccessChange(person, tuple(sorted(has - had)), tuple(sorted(had - has))))
    return tuple(changes)


def _by_person(
    assignments: Iterable[Assignment], people: set[str]
) -> defaultdict[str, list[Assignment]]:
    grouped: defaultdict[str, list[Assignment]] = defaultdict(list)
    for found in assignments:
        if found.person in people:
            grouped[found.person].append(found)
    return grouped


def _seen(learners: Learners, assignments: Iterable[Assignment]) -> frozenset[str]:
    return frozenset().union(*(learners.of(found) for found in assignments))
