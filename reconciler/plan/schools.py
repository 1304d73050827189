"""In which school lies what a plan changes, and what it changes school by school.

An assignment lies in the school of its unit, or in that where its learner is at home. What changes
is counted per school: other mentors for a unit, or other units for a learner. A new school year
changes nearly everything. What is to be looked at is where a class gets somebody else; that
learners go up and meet the mentor of their new class is what was expected. Which of the two it is
for a learner is read from the dates of their memberships, beside the plan's day.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, TypeAlias

from reconciler.access.changes import AccessChange, access_changes
from reconciler.directory import Directory, Keys
from reconciler.domain.address import AddressKind
from reconciler.domain.assignments import Assignment
from reconciler.domain.days import runs_on
from reconciler.domain.vocabulary import MembershipRole, Role, TargetKind, UnitKind
from reconciler.plan.end_state import Step
from reconciler.plan.judgement import Judgement
from reconciler.plan.model import Action, School
from reconciler.provider import Verb
from reconciler.state import Membership

RECENT_DAYS: Final = 31
"""Who came to a unit, or left one, at most so many days before the plan's day has moved."""

_LEARNER: Final = TargetKind.LEARNER.value

_Joining: TypeAlias = tuple[tuple[str, ...], bool]
"""Who comes, or else goes: their role and id."""


class Schools:
    """The schools of a site on a day; each unit and each learner is looked at once, when asked for.

    Args:
        directory: the site.
        keys: how its units are named.
        day: the one on which learners are at home in the unit of their membership.
    """

    def __init__(self, directory: Directory, keys: Keys, day: date) -> None:
        self._directory = directory
        self._keys = keys
        self._day = day
        self._of_units: dict[str, str | None] = {}
        self._homes: dict[str, str | None] = {}
        self._names: dict[str, str] = {}
        self._turned: set[str] = set()

    def of_unit(self, unit: str) -> str | None:
        """Return the school (its id) that a unit is, or lies in; None where there is none."""
        if unit not in self._of_units:
            above = self._directory.lineage(unit)
            school = next((each.id for each in above if each.kind is UnitKind.SCHOOL), None)
            self._of_units[unit] = school
        return self._of_units[unit]

    def of_learners(self, learners: set[str]) -> dict[str, str | None]:
        """Return per learner the school (its id) in which they are at home; None for none."""
        self._meet(learners)
        homes = ((each, self._homes[each]) for each in learners)
        return {each: None if home is None else self.of_unit(home) for each, home in homes}

    def turned(self, learners: set[str]) -> set[str]:
        """Return those of some learners of whom a membership began or ended lately."""
        self._meet(learners)
        return learners & self._turned

    def name(self, school: str) -> str:
        """Return a school's key; its id where the key would not find it, and no other.

        Where that is the key of another unit, the id is said once more: two schools never have
        the same name.
        """
        if school not in self._names:
            name = self._keys.unit(school)
            if self._keys.find_units(name) != [school]:
                name = school
                while self._keys.find_units(name):
                    name += f" ({school})"
            self._names[school] = name
        return self._names[school]

    def of_steps(self, steps: Sequence[Step]) -> list[str | None]:
        """Return for each of some steps the key of the school in which it lies.

        A holder lies where all the assignments do with which they come or go; None for what lies
        in no school, and in several.
        """
        learners: set[str] = set()
        joined: dict[_Joining, set[str | None]] = {}
        for each in steps:
            kind, parts = each.address.kind, each.address.parts
            if kind is AddressKind.HOLDER:
                joined[parts, each.verb is Verb.ADD] = set()
            elif kind is AddressKind.ASSIGNMENT and parts[2] == _LEARNER:
                learners.add(parts[3])
        homes = self.of_learners(learners)
        found: list[str | None] = []
        for each in steps:
            school = None
            if each.address.kind is AddressKind.ASSIGNMENT:
                role, person, kind_of_target, target = each.address.parts
                school = homes[target] if kind_of_target == _LEARNER else self.of_unit(target)
                together = joined.get(((role, person), each.verb is Verb.ADD))
                if together is not None:
                    together.add(school)
            found.append(school)
        for number, each in enumerate(steps) if joined else ():
            if each.address.kind is AddressKind.HOLDER:
                together = joined[each.address.parts, each.verb is Verb.ADD]
                found[number] = next(iter(together)) if len(together) == 1 else None
        names = {school: None if school is None else self.name(school) for school in set(found)}
        return [names[school] for school in found]

    def _meet(self, people: set[str]) -> None:
        """Find the homes of some learners, as `Directory.home` has them, in one pass.

        In a new school year it is about nearly everybody.
        """
        new = people - self._homes.keys()
        if not new:
            return
        since = self._day - timedelta(days=RECENT_DAYS)
        found: dict[str, tuple[bool, str]] = {}
        for unit, person, role, primary, begin, end in self._directory.state.memberships:
            if person not in new or role is not MembershipRole.LEARNER:
                continue
            if (begin is not None and since < begin <= self._day) or (
                end is not None and since < end <= self._day
            ):
                self._turned.add(person)
            if runs_on(self._day, begin, end):
                home = not primary, unit
                found[person] = min(found.get(person, home), home)
        self._homes.update(dict.fromkeys(new))
        self._homes.update((person, unit) for person, (_, unit) in found.items())


@dataclass(slots=True)
class _Tally:
    """What is counted of one school."""

    added: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    removed: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    by_mentor: int = 0
    by_unit: int = 0
    arrived: int = 0


def by_school(
    schools: Schools,
    directory: Directory,
    judgement: Judgement,
    actions: Iterable[Action],
    as_of: date,
) -> tuple[School, ...]:
    """Count per school what becomes of its units' mentors, and why learners get other ones.

    Returns:
        Sorted by key; nothing where fewer than two schools are concerned.
    """
    steps = [
        (Assignment.at(action.address), action.verb)
        for action in actions
        if action.address.kind is AddressKind.ASSIGNMENT and action.address.parts[0] == Role.MENTOR
    ]
    if not steps:
        return ()
    changed = {
        learner
        for change in _mentors_changes(judgement)
        for learner in (*change.gained, *change.lost)
    }
    tallies: defaultdict[str, _Tally] = defaultdict(_Tally)
    for assignment, verb in steps:
        single = assignment.kind is TargetKind.LEARNER
        school = None if single else schools.of_unit(assignment.target)
        if school is not None:
            tally = tallies[school]
            (tally.added if verb is Verb.ADD else tally.removed)[assignment.target] += 1
    turned = schools.turned(changed)
    held = _memberships(directory, turned)
    for learner, school in schools.of_learners(changed).items():
        if school is not None:
            if learner in turned:
                _count(tallies[school], _of_classes(directory, held[learner]), as_of)
            else:
                tallies[school].by_mentor += 1
    if len(tallies) < 2:
        return ()
    made = (_made(school, schools.name(school), tally) for school, tally in tallies.items())
    return tuple(sorted(made, key=lambda each: (each.name, each.school)))


def _mentors_changes(judgement: Judgement) -> tuple[AccessChange, ...]:
    """Return whom people gain and lose as mentors, whatever they see as headteachers."""
    before, after = judgement.effective_before, judgement.effective_after
    concerned = {holder.person for holder in before.differing(after)}
    everybody = (*before.holders, *after.holders)
    if all(role is Role.MENTOR for role, person in everybody if person in concerned):
        return judgement.access
    return access_changes(
        judgement.learners, before.of_role(Role.MENTOR), after.of_role(Role.MENTOR)
    )


def _memberships(directory: Directory, people: set[str]) -> dict[str, list[Membership]]:
    held: dict[str, list[Membership]] = {person: [] for person in people}
    for each in directory.state.memberships if people else ():
        own = held.get(each.person)
        if own is not None and each.role is MembershipRole.LEARNER:
            own.append(each)
    return held


def _of_classes(directory: Directory, held: list[Membership]) -> list[Membership]:
    """Leave out of a learner's memberships the school, in which they are whatever their class."""
    kinds = UnitKind.CLASS, UnitKind.GROUP
    return [each for each in held if directory.units[each.unit].kind in kinds] or held


def _count(tally: _Tally, held: Iterable[Membership], as_of: date) -> None:
    """Count a learner whose mentors change: as one who arrived, who moved, or neither."""
    since = as_of - timedelta(days=RECENT_DAYS)
    now = [each for each in held if each.holds_on(as_of)]
    units = {each.unit for each in now}
    left = [each.end for each in held if each.end and each.end <= as_of and each.unit not in units]
    came = [each.begin for each in now if each.begin is not None and each.begin > since]
    if left and (came or max(left) > since):
        tally.by_unit += 1
    elif came and len(came) == len(now):
        tally.arrived += 1
    else:
        tally.by_mentor += 1


def _made(school: str, name: str, tally: _Tally) -> School:
    replaced = tally.added.keys() & tally.removed.keys()
    return School(
        school,
        name,
        replaced=len(replaced),
        added=sum(number for unit, number in tally.added.items() if unit not in replaced),
        removed=sum(number for unit, number in tally.removed.items() if unit not in replaced),
        by_mentor=tally.by_mentor,
        by_unit=tally.by_unit,
        arrived=tally.arrived,
    )
