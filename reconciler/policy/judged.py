"""What guards look at: a site before and after a plan, within the manifest's scope."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from types import MappingProxyType

from reconciler.access.changes import AccessChange
from reconciler.access.coverage import Coverage, holders_in
from reconciler.access.effective import Learners
from reconciler.cause import CauseKind, Grant
from reconciler.directory import Directory, Keys
from reconciler.domain.address import Address
from reconciler.domain.assignments import NO_ASSIGNMENTS, Assignment, Assignments
from reconciler.domain.vocabulary import Role
from reconciler.rules.shrink import Shrunk
from reconciler.scope import Scope


@dataclass(frozen=True)
class Side:
    """One of the two states.

    Attributes:
        directory: of the state.
        effective: its assignments with effect, on the whole site.
        in_scope: its assignments that lie within the scope.
    """

    directory: Directory
    effective: Assignments
    in_scope: Assignments


@dataclass(frozen=True, slots=True)
class Said:
    """What a manifest and its rosters say, beyond what the site would be.

    Attributes:
        declared: the declared assignments that hold on the day or later.
        grants: what the manifest says of assignments that it says more of than the target, also of
            days that are over; in the order of their days.
        accepted: per address (in ids) of what stays because it is accepted the last day of that.
        due: the removals (by address, in ids) that a roster, which has lost too much, asks for.
        shrunk: the rosters that have lost anything since they were last applied.
    """

    declared: Assignments = NO_ASSIGNMENTS
    grants: Mapping[Assignment, tuple[Grant, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    accepted: Mapping[Address, date] = field(default_factory=lambda: MappingProxyType({}))
    due: Collection[Address] = ()
    shrunk: Collection[Shrunk] = ()


NOTHING_SAID = Said()


@dataclass(frozen=True)
class Judged:
    """A plan's effect on a site.

    Attributes:
        before: the site as it is.
        after: the site as it would be.
        scope: the part of it that counts.
        as_of: the day.
        learners: who is in which unit on that day.
        access: who gains and who loses sight of whom.
        removed: per address (in ids) that would be removed, why.
        said: what the manifest and its rosters say.
        keys: name people and units for those who read.
        standing: the declared assignments as which something else counts that has effect after it.
    """

    before: Side
    after: Side
    scope: Scope
    as_of: date
    learners: Learners
    access: tuple[AccessChange, ...]
    removed: Mapping[Address, CauseKind]
    said: Said
    keys: Keys
    standing: frozenset[Assignment] = frozenset()

    @cached_property
    def coverage(self) -> Coverage:
        """Who would be looked after in the end."""
        directory, effective = self.after.directory, self.after.effective
        if self.standing:
            effective = effective | self.standing
        return Coverage(directory, self.learners, effective, self.scope, self.as_of)

    def holders(self, role: Role, side: Side) -> set[str]:
        """Return who holds a role on one side; within a scope, who has an assignment in it."""
        found = holders_in(side.directory, self.scope, side.in_scope)
        return {each.person for each in found if each.role is role}
