"""The live and the end state side by side: what has effect, who sees whom, what guards look at."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from reconciler.access.changes import access_changes
from reconciler.access.effective import Learners, in_effect
from reconciler.directory import Directory
from reconciler.domain.address import Address, AddressKind
from reconciler.domain.vocabulary import Role
from reconciler.manifest.model import Limit
from reconciler.plan.end_state import Step, end_state
from reconciler.plan.guards import Judged
from reconciler.provider import Verb
from reconciler.scope import Scope
from reconciler.state import Assignment, LiveState


class Judgement:
    """What some steps would do to a site, judged on the end state and never on the way there.

    Args:
        directory: the live site.
        scope: the part of it that counts.
        steps: the writes to be judged.
        as_of: the day for which memberships and scope are read.
    """

    def __init__(
        self, directory: Directory, scope: Scope, steps: Sequence[Step], as_of: date
    ) -> None:
        self._directory = directory
        self._scope = scope
        self._as_of = as_of
        self._end = end_state(directory.state, steps)
        self.learners = Learners(directory, as_of)
        self.effective_before = in_effect(directory, directory.state)
        self.effective_after = in_effect(directory, self._end)
        self.access = access_changes(self.learners, self.effective_before, self.effective_after)
        self._changes = {change.person: change for change in self.access}

    def sees_change(self, address: Address, verb: Verb) -> bool | None:
        """Whether a step at an assignment's address changes what its holder can see.

        An addition does when its holder gains one of its learners, a removal when they lose one.
        """
        if address.kind is not AddressKind.ASSIGNMENT:
            return None
        assignment = Assignment.at(address)
        change = self._changes.get(assignment.person)
        if change is None:
            return False
        moved = change.gained if verb is Verb.ADD else change.lost
        return not self.learners.of(assignment).isdisjoint(moved)

    def cases(self, limits: Mapping[Role, Limit]) -> list[Judged]:
        """Return what the guards look at, per role."""
        before = in_scope(self._directory, self._scope, Role, self._as_of)
        after = in_scope(Directory(self._end), self._scope, Role, self._as_of)
        gone = (before - after) | ((before & self.effective_before) - self.effective_after)
        return [
            Judged(
                role=role,
                live=_of(role, before),
                left=_of(role, after),
                lost=_of(role, gone),
                effective_before=_of(role, before & self.effective_before),
                effective_after=_of(role, after & self.effective_after),
                holders_before=self._holders(role, self._directory.state, before),
                holders_after=self._holders(role, self._end, after),
                max_removals=limits[role],
            )
            for role in Role
        ]

    def _holders(self, role: Role, state: LiveState, assignments: Iterable[Assignment]) -> int:
        if self._scope.whole_site:
            return sum(1 for holder in state.holders if holder.role is role)
        return len({found.person for found in assignments if found.role is role})


def in_scope(
    directory: Directory, scope: Scope, roles: Iterable[Role], as_of: date
) -> frozenset[Assignment]:
    """Return the live assignments of some roles that lie within a scope."""
    wanted = frozenset(roles)
    found = (each for each in directory.state.assignments if each.role in wanted)
    if scope.whole_site:
        return frozenset(found)
    return frozenset(each for each in found if scope.includes(directory, each, as_of))


def _of(role: Role, assignments: Iterable[Assignment]) -> int:
    return sum(1 for found in assignments if found.role is role)
