"""Who gains and who loses sight of which learners (design, section 5, "Access changes")."""

from dataclasses import dataclass

from reconciler.access.effective import Learners
from reconciler.domain.assignments import Assignments


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
    changes = []
    for person in sorted({person for _, person in before.differing(after)}):
        had = learners.of_person(before, person)
        has = learners.of_person(after, person)
        if had != has:
            changes.append(AccessChange(person, tuple(sorted(has - had)), tuple(sorted(had - has))))
    return tuple(changes)
