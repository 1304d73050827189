"""In which order actions are made, and which must wait for which.

    profile in ─► label ─► holder in ─► assignment in ─► assignment out ─► holder out ─► profile out

A role must be enabled on a profile before people can be added, added before they can be given
assignments; removal runs the other way; additions come before removals (design, section 2,
"Dependencies"). `STAGES` is that picture, and the only place that knows it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from reconciler.access.effective import Learners
from reconciler.directory import Directory
from reconciler.domain.address import Address, AddressKind
from reconciler.domain.vocabulary import Role, TargetKind
from reconciler.plan.model import Action
from reconciler.provider import Verb
from reconciler.state import Assignment

STAGES: Final[tuple[tuple[AddressKind, Verb], ...]] = (
    (AddressKind.PROFILE, Verb.ADD),
    (AddressKind.LABEL, Verb.CHANGE),
    (AddressKind.HOLDER, Verb.ADD),
    (AddressKind.ASSIGNMENT, Verb.ADD),
    (AddressKind.ASSIGNMENT, Verb.REMOVE),
    (AddressKind.HOLDER, Verb.REMOVE),
    (AddressKind.PROFILE, Verb.REMOVE),
)

_STAGE_NUMBERS = {stage: number for number, stage in enumerate(STAGES)}


def stage(action: Action) -> int:
    """Return the number of the stage that an action belongs to."""
    return _STAGE_NUMBERS[action.address.kind, action.verb]


def in_order(actions: Iterable[Action]) -> tuple[Action, ...]:
    """Sort actions into the order in which they are made; the same set always sorts alike."""
    return tuple(sorted(actions, key=lambda action: (stage(action), action.name, action.address)))


def as_assignment(address: Address) -> Assignment:
    """Read an assignment's address back as the assignment."""
    role, person, kind, target = address.parts
    return Assignment(Role(role), person, TargetKind(kind), target)


class Dependencies:
    """Which planned actions an action must wait for.

    Args:
        directory: the live site.
        learners: the learners under each unit on the plan's day.
        actions: every planned action's address and verb.
        kept: the mentor assignments that have effect before, during and after the run.
    """

    def __init__(
        self,
        directory: Directory,
        learners: Learners,
        actions: Iterable[tuple[Address, Verb]],
        kept: Iterable[Assignment],
    ) -> None:
        self._directory = directory
        self._learners = learners
        self._planned = dict(actions)
        self._removals_of: defaultdict[tuple[str, ...], list[Address]] = defaultdict(list)
        additions: list[Assignment] = []
        for address, verb in self._planned.items():
            if address.kind is AddressKind.ASSIGNMENT:
                if verb is Verb.REMOVE:
                    self._removals_of[address.parts[:2]].append(address)
                else:
                    additions.append(as_assignment(address))
        self._kept: set[str] = set()
        for assignment in kept:
            self._kept |= learners.of(assignment)
        self._new_mentors = self._covering(additions)

    def of(self, address: Address, verb: Verb) -> tuple[Address, ...]:
        """Return the sorted addresses of what an action must wait for."""
        match address.kind, verb:
            case AddressKind.HOLDER, Verb.ADD:
                needed = self._enabling(address.parts)
            case AddressKind.ASSIGNMENT, Verb.ADD:
                needed = [Address.holder(*address.parts[:2])]
            case AddressKind.ASSIGNMENT, Verb.REMOVE:
                needed = self._successors([as_assignment(address)])
            case AddressKind.HOLDER, Verb.REMOVE:
                needed = self._removals_of[address.parts]
            case AddressKind.PROFILE, Verb.REMOVE:
                needed = self._after_disabling(*address.parts)
            case _:
                needed = []
        return tuple(sorted({wanted for wanted in needed if wanted in self._planned}))

    def _enabling(self, holder: tuple[str, ...]) -> list[Address]:
        role, person = holder
        return [Address.profile(self._directory.people[person].profile, role)]

    def _after_disabling(self, profile: str, role: str) -> list[Address]:
        people = {
            holder.person
            for holder in self._directory.state.holders
            if holder.role == role and self._directory.people[holder.person].profile == profile
        }
        losing = [
            found
            for found in self._directory.state.assignments
            if found.role == role and found.person in people
        ]
        leaving = [
            Address.holder(role, person)
            for person in people
            if self._planned.get(Address.holder(role, person)) is Verb.REMOVE
        ]
        return leaving + self._successors(losing)

    def _successors(self, losing: Iterable[Assignment]) -> list[Address]:
        """Find the additions that give a mentor to learners whom a loss would uncover."""
        successors: set[Address] = set()
        for assignment in losing:
            if assignment.role is Role.MENTOR and self._new_mentors:
                for learner in self._learners.of(assignment) - self._kept:
                    successors.update(self._new_mentors.get(learner, ()))
        return list(successors)

    def _covering(self, additions: Iterable[Assignment]) -> Mapping[str, list[Address]]:
        covering: defaultdict[str, list[Address]] = defaultdict(list)
        for assignment in additions:
            if assignment.role is Role.MENTOR:
                for learner in self._learners.of(assignment) - self._kept:
                    covering[learner].append(Address.assignment(*assignment))
        return dict(covering)
