"""Who and what stays when it is not declared (`policy.protected`)."""

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.cause import CauseKind
from reconciler.directory import Directory
from reconciler.domain.address import Address, AddressKind
from reconciler.domain.assignments import Assignment, Holder
from reconciler.domain.vocabulary import TargetKind


@dataclass(frozen=True, slots=True)
class Protection:
    """Who and what stays: people, and units with all below them, by id.

    Attributes:
        people: who is protected.
        units: the units over which whoever has a role is protected.
        unsure: holders of whom nobody can say whether rules mean them.
    """

    people: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()
    unsure: frozenset[Holder] = frozenset()

    @classmethod
    def of(cls, directory: Directory, people: Iterable[str], units: Iterable[str]) -> "Protection":
        """Protect people, and everything below some units."""
        return cls(frozenset(people), directory.subtree(units))

    def covers(self, address: Address) -> bool:
        """Whether what stands at an address (in ids) is somebody's, or over a unit, it names."""
        of_person = address.kind in (AddressKind.HOLDER, AddressKind.ASSIGNMENT)
        return self._is_over(address) or (of_person and Holder.at(address).person in self.people)

    def keeps(self, address: Address, why: CauseKind) -> bool:
        """Whether what would be removed stays: what is not declared, over units what entries lost.

        What has expired goes: that was declared. Of whom rules may mean, nothing else goes.
        """
        if why in (CauseKind.NOT_IN_ENTRY, CauseKind.UNDECLARED) and self._is_unsure(address):
            return True
        if why is CauseKind.NOT_IN_ENTRY:
            return self._is_over(address)
        return why is CauseKind.UNDECLARED and self.covers(address)

    def _is_unsure(self, address: Address) -> bool:
        of_person = address.kind in (AddressKind.HOLDER, AddressKind.ASSIGNMENT)
        return of_person and Holder.at(address) in self.unsure

    def _is_over(self, address: Address) -> bool:
        if address.kind is not AddressKind.ASSIGNMENT:
            return False
        assignment = Assignment.at(address)
        return assignment.kind is not TargetKind.LEARNER and assignment.target in self.units
