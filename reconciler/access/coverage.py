"""Who is looked after, and by whom: learners, classes and schools of one state on one day.

Guards judge a plan's end state by it, and `review` the live one, so that both mean the same. Only
assignments with effect count (`effective.in_effect`); whether an account is active does not.
"""

from collections.abc import Collection, Iterator
from datetime import date
from functools import cached_property

from reconciler.access.effective import Learners, by_person
from reconciler.directory import Directory
from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.vocabulary import Role, TargetKind, UnitKind
from reconciler.scope import Scope, in_scope


class Coverage:
    """Answers questions about the part of a site that lies within a scope.

    Args:
        directory: of the state.
        learners: who is in which unit on the day.
        effective: the state's assignments with effect, on the whole site.
        scope: the part that is asked about.
        as_of: the day.
    """

    def __init__(
        self,
        directory: Directory,
        learners: Learners,
        effective: Assignments,
        scope: Scope,
        as_of: date,
    ) -> None:
        self.directory = directory
        self._learners = learners
        self._effective = effective
        self._scope = scope
        self._as_of = as_of

    @cached_property
    def learners(self) -> frozenset[str]:
        """Everybody who is a learner on the day and whose home lies within the scope, by id."""
        everybody = self._learners.under(self.directory.root.id)
        if self._scope.whole_site:
            return everybody
        homes = ((learner, self.directory.home(learner, self._as_of)) for learner in everybody)
        return frozenset(learner for learner, home in homes if home in self._scope.units)

    @cached_property
    def mentored(self) -> frozenset[str]:
        """Everybody on the site whom a mentor sees, by id."""
        return frozenset(self._learners.of_all(self._effective.of_role(Role.MENTOR)))

    @cached_property
    def mentors(self) -> dict[str, int]:
        """Per mentor within the scope (by id) how many learners they see as a mentor.

        A mentor is within it when one of their assignments is; all their learners count, though.
        """
        return {
            holder.person: len(self.seen_by(holder.person))
            for holder in self.holders
            if holder.role is Role.MENTOR
        }

    def seen_by(self, mentor: str) -> frozenset[str]:
        """Return the learners whom a person sees as a mentor.

        Worked out each time: all of them together would be person by learner.
        """
        return frozenset().union(*map(self._learners.of, self._mentoring.get(mentor, ())))

    @cached_property
    def _mentoring(self) -> dict[str, list[Assignment]]:
        return by_person(self._effective.of_role(Role.MENTOR))

    def without_mentor(self) -> list[str]:
        """Return the learners whom no mentor sees, sorted."""
        return sorted(self.learners - self.mentored)

    def classes_without_mentor(self) -> list[str]:
        """Return the classes that nobody mentors, neither as a class nor each of its learners."""
        mentored = self._targets(Role.MENTOR)
        found = []
        for unit in self._units(UnitKind.CLASS):
            learners = self._learners.under(unit)
            one_by_one = bool(learners) and learners <= self.mentored
            if unit not in mentored and not one_by_one:
                found.append(unit)
        return found

    def schools_without_headteacher(self) -> list[str]:
        """Return the schools without a headteacher, of their own or of something above them."""
        headed = self._targets(Role.HEADTEACHER)
        return [
            unit
            for unit in self._units(UnitKind.SCHOOL)
            if not any(above.id in headed for above in self.directory.lineage(unit))
        ]

    def own_mentors(self) -> list[tuple[str, str]]:
        """Return the mentors who see themselves or a child of theirs as a learner, with them.

        Mentor and learner, by id, sorted.
        """
        kin: dict[str, set[str]] = {person: {person} for person in self.mentors}
        for relation in self.directory.state.relations:
            if relation.person in kin:
                kin[relation.person].add(relation.learner)
        return sorted(
            (person, learner)
            for person, own in kin.items()
            for learner in own & self.seen_by(person)
        )

    @cached_property
    def holders(self) -> list[Holder]:
        """Who holds a role within the scope, sorted.

        On the whole site, everybody who has been added; else who has an assignment in the scope.
        """
        found = in_scope(self.directory, self._scope, Role, self._as_of)
        return sorted(holders_in(self.directory, self._scope, found))

    def profiles_beyond(self, role: Role, allowed: Collection[str]) -> list[str]:
        """Return the profiles, by id, that have a role and are not among those allowed it.

        Profiles belong to the whole site: within a scope there are none.
        """
        profiles = self.directory.state.profiles if self._scope.whole_site else ()
        return [each.id for each in profiles if role in each.roles and each.id not in allowed]

    def holders_beyond(self, role: Role, allowed: Collection[str]) -> list[str]:
        """Return who holds a role within the scope on a profile that is not allowed it, sorted."""
        return [
            person
            for held, person in self.holders
            if held is role and self.directory.people[person].profile not in allowed
        ]

    def _targets(self, role: Role) -> set[str]:
        """The units over which somebody has a role with effect."""
        return {
            target
            for _, kind, targets in self._effective.of_role(role).groups()
            if kind is not TargetKind.LEARNER
            for target in targets
        }

    def _units(self, kind: UnitKind) -> Iterator[str]:
        """The units of a kind within the scope, sorted by id."""
        for unit in sorted(self.directory.units):
            if self.directory.units[unit].kind is kind and self._scope.has(unit):
                yield unit


def holders_in(directory: Directory, scope: Scope, assignments: Assignments) -> set[Holder]:
    """Return who holds a role within a scope, which has those assignments."""
    if scope.whole_site:
        return set(directory.state.holders)
    return set(assignments.holders)


def kinship(mentor: str, learner: str) -> str:
    """Say who a learner is to somebody who is not to mentor them."""
    return "themselves" if mentor == learner else "a child of theirs"
