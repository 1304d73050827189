"""The live and the end state side by side: what has effect, who sees whom, what guards look at."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import Final, Protocol

from reconciler.access.changes import AccessChange, access_changes
from reconciler.access.effective import Learners, in_effect
from reconciler.cause import Cause
from reconciler.directory import Directory, Keys
from reconciler.domain.address import Address, AddressKind
from reconciler.domain.assignments import Assignment, Assignments
from reconciler.domain.vocabulary import Role
from reconciler.plan.end_state import Step, end_state
from reconciler.plan.order import Dependencies
from reconciler.policy.judged import NOTHING_SAID, Judged, Said, Side
from reconciler.provider import Verb
from reconciler.scope import Scope, in_scope

NOTHING_COUNTED: Final[Mapping[Assignment, Assignment]] = MappingProxyType({})
"""No live assignment counts as another one."""


class Planned(Step, Protocol):
    """A write, and why it is planned."""

    @property
    def cause(self) -> Cause:
        """Why it is planned."""
        ...


class Judgement:
    """What some steps would do to a site, judged on the end state and never on the way there.

    Args:
        directory: the live site.
        scope: the part of it that counts.
        steps: the writes to be judged.
        as_of: the day for which memberships and scope are read.
    """

    def __init__(
        self, directory: Directory, scope: Scope, steps: Sequence[Planned], as_of: date
    ) -> None:
        self._directory = directory
        self._steps = steps
        self._scope = scope
        self._as_of = as_of
        self._end = end_state(directory.state, steps)
        self.learners = Learners(directory, as_of)
        self.effective_before = in_effect(directory, directory.state)
        self.effective_after = (
            in_effect(directory, self._end)
            if self._end is not directory.state
            else self.effective_before
        )

    @cached_property
    def access(self) -> tuple[AccessChange, ...]:
        """Who gains and who loses sight of whom; not needed to tell which step waits for which."""
        return access_changes(self.learners, self.effective_before, self.effective_after)

    @cached_property
    def _seen(self) -> Mapping[tuple[Verb, str], frozenset[str]]:
        """Per person the learners whom they gain by what is added, and lose by what is removed."""
        return {
            (verb, change.person): frozenset(learners)
            for change in self.access
            for verb, learners in ((Verb.ADD, change.gained), (Verb.REMOVE, change.lost))
        }

    def sees_change(self, address: Address, verb: Verb) -> bool | None:
        """Whether a step at an assignment's address changes what its holder can see.

        An addition does when its holder gains one of its learners, a removal when they lose one.
        """
        if address.kind is not AddressKind.ASSIGNMENT:
            return None
        assignment = Assignment.at(address)
        seen = self._seen.get((verb, assignment.person))
        return seen is not None and not self.learners.of(assignment).isdisjoint(seen)

    def dependencies(self) -> Dependencies:
        """Return which step must wait for which, as the site and its learners are."""
        return Dependencies(
            self._directory,
            self.learners,
            ((step.address, step.verb) for step in self._steps),
            kept=(self.effective_before & self.effective_after).of_role(Role.MENTOR),
        )

    def judged(
        self,
        keys: Keys,
        said: Said = NOTHING_SAID,
        counted: Mapping[Assignment, Assignment] = NOTHING_COUNTED,
    ) -> Judged:
        """Return what the guards look at.

        Args:
            keys: name people and units for those who read.
            said: what the manifest and its rosters say, where that is known.
            counted: per live assignment that counts as another one that other one.
        """
        end = self._directory if self._end is self._directory.state else Directory(self._end)
        return Judged(
            before=self._side(self._directory, self.effective_before),
            after=self._side(end, self.effective_after),
            scope=self._scope,
            as_of=self._as_of,
            learners=self.learners,
            access=self.access,
            removed={
                step.address: step.cause.kind for step in self._steps if step.verb is Verb.REMOVE
            },
            said=said,
            keys=keys,
            standing=frozenset(counted[each] for each in counted if each in self.effective_after),
        )

    def _side(self, directory: Directory, effective: Assignments) -> Side:
        return Side(directory, effective, in_scope(directory, self._scope, Role, self._as_of))


def dependencies_on(directory: Directory, steps: Sequence[Planned], as_of: date) -> Dependencies:
    """Return which of some steps must wait for which, as the site and its learners are on a day."""
    return Judgement(directory, Scope.of(directory, None), steps, as_of).dependencies()
