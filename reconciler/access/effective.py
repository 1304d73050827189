"""From assignments, hierarchy and memberships to the learners a person can see.

A unit's learners are its own and those of every unit below it (design, section 2, "Descendants").
An assignment has effect when its holder has been added and the role is enabled on the holder's
profile. Whether the account is active is left out on purpose: an account can be switched on at any
time, and what it would then see is what a reviewer must judge today.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from functools import cached_property

from reconciler.directory import Directory
from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.vocabulary import MembershipRole, Role, TargetKind
from reconciler.state import LiveState


class Learners:
    """The learners under each unit on one day, worked out once per unit that is asked for."""

    def __init__(self, directory: Directory, day: date) -> None:
        self._directory = directory
        self._day = day
        self._under: dict[str, frozenset[str]] = {}

    @cached_property
    def _own(self) -> dict[str, set[str]]:
        own: defaultdict[str, set[str]] = defaultdict(set)
        for membership in self._directory.state.memberships:
            if membership.role is MembershipRole.LEARNER and membership.holds_on(self._day):
                own[membership.unit].add(membership.person)
        return dict(own)

    def under(self, unit: str) -> frozenset[str]:
        """Return the ids of the learners in a unit and in every unit below it."""
        known = self._under.get(unit)
        if known is None:
            known = frozenset().union(
                *(self._own.get(below, ()) for below in self._directory.subtree([unit]))
            )
            self._under[unit] = known
        return known

    def of(self, assignment: Assignment) -> frozenset[str]:
        """Return the ids of the learners that an assignment covers."""
        if assignment.kind is TargetKind.LEARNER:
            return frozenset((assignment.target,))
        return self.under(assignment.target)

    def of_all(self, assignments: Assignments) -> set[str]:
        """Return the ids of the learners that some assignments cover together."""
        return self._of_groups((kind, targets) for _, kind, targets in assignments.groups())

    def of_person(self, assignments: Assignments, person: str) -> set[str]:
        """Return the ids of the learners that those of one person cover, in any role."""
        held = (assignments.targets(Holder(role, person)) for role in Role)
        return self._of_groups(group for targets in held for group in targets.items())

    def _of_groups(self, groups: Iterable[tuple[TargetKind, tuple[str, ...]]]) -> set[str]:
        found: set[str] = set()
        for kind, targets in groups:
            if kind is TargetKind.LEARNER:
                found.update(targets)
            else:
                found.update(*map(self.under, targets))
        return found


def in_effect(directory: Directory, state: LiveState) -> Assignments:
    """Return the assignments of a state that have effect.

    Args:
        directory: names each person's profile.
        state: has those people, and perhaps other profiles' roles, holders and assignments.
    """
    enabled = {profile.id: profile.roles for profile in state.profiles}
    effective = {
        holder
        for holder in state.holders
        if holder.role in enabled[directory.people[holder.person].profile]
    }
    return state.assignments.of_holders(effective.__contains__)


def by_person(assignments: Iterable[Assignment]) -> dict[str, list[Assignment]]:
    """Group assignments by the person who has them, and keep their order."""
    grouped: defaultdict[str, list[Assignment]] = defaultdict(list)
    for found in assignments:
        grouped[found.person].append(found)
    return dict(grouped)
