"""Who can see which learners, and by which paths, asked from either side.

A path is an assignment with effect; a person sees a learner when at least one of their paths leads
to that learner. Person by learner is never held as a whole: what is asked for is worked out, and
the learners behind an assignment are the same set for everybody who has one like it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import NamedTuple

from reconciler.access.effective import Learners, by_person, in_effect
from reconciler.directory import Directory
from reconciler.domain.assignments import Assignment, Assignments
from reconciler.domain.vocabulary import TargetKind


class Path(NamedTuple):
    """An assignment with effect, and the learners asked about (by id) to whom it leads."""

    assignment: Assignment
    learners: frozenset[str]


@dataclass(frozen=True, slots=True)
class Sight:
    """The learners whom one person sees, of those asked about.

    Attributes:
        person: by id.
        paths: sorted by assignment; without those that lead to no learner.
    """

    person: str
    paths: tuple[Path, ...]

    @property
    def learners(self) -> frozenset[str]:
        """The learners of all paths together, by id."""
        return frozenset().union(*(path.learners for path in self.paths))


class Access:
    """Answers questions about one state on one day.

    Args:
        directory: of the state, live or planned.
        day: the one on which memberships are read.
    """

    def __init__(self, directory: Directory, day: date) -> None:
        self.learners = Learners(directory, day)
        self._directory = directory

    def of(self, person: str) -> Sight:
        """Return everybody whom a person sees."""
        paths = (Path(each, self.learners.of(each)) for each in self._by_person.get(person, ()))
        return Sight(person, tuple(path for path in paths if path.learners))

    def without_effect(self, person: str) -> int:
        """Count a person's assignments that have no effect."""
        return sum(found.person == person for found in self._idle)

    def without_effect_over(self, learners: frozenset[str]) -> int:
        """Count the assignments that would lead to one of some learners if they had effect."""
        return sum(not self.learners.of(found).isdisjoint(learners) for found in self._idle)

    def over(self, learners: frozenset[str]) -> Iterator[Sight]:
        """Yield everybody who sees at least one of some learners, sorted by person."""
        shared: dict[tuple[TargetKind, str], frozenset[str]] = {}
        for person, assignments in sorted(self._by_person.items()):
            paths = []
            for found in assignments:
                target = found.kind, found.target
                if target not in shared:
                    shared[target] = self.learners.of(found) & learners
                if shared[target]:
                    paths.append(Path(found, shared[target]))
            if paths:
                yield Sight(person, tuple(paths))

    @cached_property
    def _effective(self) -> Assignments:
        return in_effect(self._directory, self._directory.state)

    @cached_property
    def _idle(self) -> Assignments:
        return self._directory.state.assignments - self._effective

    @cached_property
    def _by_person(self) -> dict[str, list[Assignment]]:
        return by_person(sorted(self._effective))
