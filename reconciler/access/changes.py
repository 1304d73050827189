"""Who gains and who loses sight of which learners (design, section 5, "Access changes")."""

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.access.effective import Learners, by_person
from reconciler.domain.assignments import Assignment, Assignments


@dataclass(frozen=True, slots=True)
class AccessChange:
    """What changes for one person, over both roles and all their paths taken together.

    Ids throughout, sorted; `gained` and `lost` never overlap and are not both empty.
    """

    person: str
    gained: tuple[str, ...]
    lost: tuple[str, ...]


def access_changes(
    learners: Learners, before: Assignments, after: Assignments
) -> tuple[AccessChange, ...]:
    """Compare what people see under two sets of effective assignments.

    People whose assignments are the same in both are not looked at.
    """
    if before is after:
        return ()
    touched = {person for _, person in (before ^ after).holders}
    old_by, new_by = (
        by_person(side.of_holders(lambda holder: holder.person in touched))
        for side in (before, after)
    )
    changes = []
    for person in sorted(touched):
        had = _seen(learners, old_by.get(person, ()))
        has = _seen(learners, new_by.get(person, ()))
        if had != has:
            changes.append(AccessChange(person, tuple(sorted(has - had)), tuple(sorted(had - has))))
    return tuple(changes)


def _seen(learners: Learners, assignments: Iterable[Assignment]) -> frozenset[str]:
    return frozenset().union(*(learners.of(found) for found in assignments))
