"""Which part of a site a manifest speaks for (design, section 3, "Scope")."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from reconciler.directory import Directory
from reconciler.domain.assignments import Assignment, Assignments
from reconciler.domain.vocabulary import Role


@dataclass(frozen=True, slots=True)
class Scope:
    """The whole site, or some subtrees of it.

    `tops` are the ids of the units named by `within`, None for the whole site; `units` are they and
    everything below them.
    """

    tops: tuple[str, ...] | None
    units: frozenset[str]

    @classmethod
    def of(cls, directory: Directory, tops: Iterable[str] | None) -> "Scope":
        """Make a scope from unit ids; one that covers the site's root is the whole site."""
        if tops is None:
            return cls(None, frozenset())
        named = tuple(sorted(set(tops)))
        if directory.root.id in named:
            return cls(None, frozenset())
        return cls(named, directory.subtree(named))

    @property
    def whole_site(self) -> bool:
        """Whether everything is in scope."""
        return self.tops is None

    def has(self, unit: str | None) -> bool:
        """Whether a unit is in scope; None, for no unit at all, is in the whole site only."""
        return self.whole_site or unit in self.units

    def includes(self, directory: Directory, assignment: Assignment, day: date) -> bool:
        """Whether an assignment is in scope on a day.

        It is when its unit lies in one of the subtrees, or when the learner's home does; a learner
        without a home is reached by the whole site only.
        """
        return self.whole_site or directory.place(assignment, day) in self.units


def in_scope(directory: Directory, scope: Scope, roles: Iterable[Role], as_of: date) -> Assignments:
    """Return the live assignments of some roles that lie within a scope."""
    found = directory.state.assignments.of_role(*roles)
    if scope.whole_site:
        return found
    return Assignments.of(each for each in found if scope.includes(directory, each, as_of))
