"""In which order actions are made, and which must wait for which.

    profile in ─► label ─► holder in ─► assignment in ─► assignment out ─► holder out ─► profile out

A role must be enabled on a profile before people can be added, added before they can be given
assignments; removal runs the other way; additions come before removals (design, section 2,
"Dependencies"). `STAGES` is that picture, and the only place that sorts by it.
"""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Final

from reconciler.access.effective import Learners
from reconciler.directory import Directory
from reconciler.domain.address import Address, AddressKind
from reconciler.domain.assignments import Assignment, Assignments
from reconciler.domain.vocabulary import Role
from reconciler.plan.model import Action
from reconciler.provider import Verb

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


def followers(actions: Iterable[Action]) -> Mapping[Address, Sequence[Address]]:
    """Return which actions wait for each, where some do."""
    found: defaultdict[Address, list[Address]] = defaultdict(list)
    for action in actions:
        for needed in action.requires:
            found[needed].append(action.address)
    return found


def reached(
    start: Iterable[Address],
    onward: Mapping[Address, Iterable[Address]],
    but: Container[Address] = (),
) -> set[Address]:
    """Return what some addresses lead to, they included; what is decided leads to nothing new."""
    found: set[Address] = set()
    waiting = list(start)
    while waiting:
        address = waiting.pop()
        if address not in found and address not in but:
            found.add(address)
            waiting.extend(onward.get(address, ()))
    return found


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
        kept: Assignments,
    ) -> None:
        self._directory = directory
        self._learners = learners
        self._planned = dict(actions)
        self._kinds = {(address.kind, verb) for address, verb in self._planned.items()}
        self._removals_of: defaultdict[tuple[str, ...], list[Address]] = defaultdict(list)
        additions: list[Assignment] = []
        for address, verb in self._planned.items():
            if address.kind is AddressKind.ASSIGNMENT:
                if verb is Verb.REMOVE:
                    self._removals_of[address.parts[:2]].append(address)
                else:
                    additions.append(Assignment.at(address))
        self._kept_assignments = kept
        self._new_mentors = self._covering(additions)

    @cached_property
    def _kept(self) -> set[str]:
        return self._learners.of_all(self._kept_assignments)

    def of(self, address: Address, verb: Verb) -> tuple[Address, ...]:
        """Return the sorted addresses of what an action must wait for."""
        match address.kind, verb:
            case AddressKind.HOLDER, Verb.ADD:
                needed = self._enabling(address.parts)
            case AddressKind.ASSIGNMENT, Verb.ADD:
                holder = address.parts[:2]
                needed = [Address.holder(*holder), *self._enabling(holder)]
            case AddressKind.ASSIGNMENT, Verb.REMOVE:
                needed = self._successors([Assignment.at(address)])
            case AddressKind.HOLDER, Verb.REMOVE:
                needed = self._removals_of[address.parts]
            case AddressKind.PROFILE, Verb.REMOVE:
                needed = self._after_disabling(*address.parts)
            case _:
                needed = []
        return tuple(sorted({wanted for wanted in needed if wanted in self._planned}))

    def _enabling(self, holder: tuple[str, ...]) -> list[Address]:
        """Find the planned action, if any, that gives the holder's profile the role."""
        role, person = holder
        address = Address.profile(self._directory.people[person].profile, role)
        return [address] if self._planned.get(address) is Verb.ADD else []

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
        """Find, per learner whom no kept mentor covers, what gives them a mentor.

        That is a planned assignment, and a role that is enabled on the profile of a holder whose
        assignment waits for it.
        """
        giving = [(found, Address.assignment(*found)) for found in additions]
        if (AddressKind.PROFILE, Verb.ADD) in self._kinds:
            giving.extend(
                (found, enabling)
                for found in self._directory.state.assignments
                for enabling in self._enabling(found.holder)
            )
        covering: defaultdict[str, list[Address]] = defaultdict(list)
        for assignment, address in giving:
            if assignment.role is Role.MENTOR:
                for learner in self._learners.of(assignment) - self._kept:
                    covering[learner].append(address)
        return dict(covering)
