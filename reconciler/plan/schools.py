"""What a plan changes, school by school: other mentors for a unit, or other units for a learner.

A new school year changes nearly everything. What is to be looked at is where a class gets somebody
else; that learners go up and meet the mentor of their new class is what was expected. Which of the
two it is for a learner is read from the dates of their memberships, beside the plan's day.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from reconciler.access.changes import AccessChange, access_changes
from reconciler.directory import Directory, Keys
from reconciler.domain.address import AddressKind
from reconciler.domain.assignments import Assignment
from reconciler.domain.days import runs_on
from reconciler.domain.vocabulary import MembershipRole, Role, TargetKind, UnitKind
from reconciler.plan.judgement import Judgement
from reconciler.plan.model import Action, School
from reconciler.provider import Verb
from reconciler.state import Membership

RECENT_DAYS: Final = 31
"""Who came to a unit, or left one, at most so many days before the plan's day has moved."""


@dataclass(slots=True)
class _Tally:
    """What is counted of one school."""

    added: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    removed: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    by_mentor: int = 0
    by_unit: int = 0
    arrived: int = 0


def by_school(
    directory: Directory,
    keys: Keys,
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
    schools = {unit: school_of(directory, unit) for unit in directory.units}
    tallies: defaultdict[str, _Tally] = defaultdict(_Tally)
    for assignment, verb in steps:
        single = assignment.kind is TargetKind.LEARNER
        school = None if single else schools[assignment.target]
        if school is not None:
            tally = tallies[school]
            (tally.added if verb is Verb.ADD else tally.removed)[assignment.target] += 1
    homes, turned = _homes(directory, changed, as_of)
    held = _memberships(directory, turned)
    for learner, home in homes.items():
        school = schools[home]
        if school is not None:
            if learner in turned:
                _count(tallies[school], _of_classes(directory, held[learner]), as_of)
            else:
                tallies[school].by_mentor += 1
    if len(tallies) < 2:
        return ()
    made = (_made(school, keys.unit(school), tally) for school, tally in tallies.items())
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


def _homes(directory: Directory, people: set[str], as_of: date) -> tuple[dict[str, str], set[str]]:
    """Return in which unit each of some learners is at home, and of whom a membership turned.

    As `Directory.home` has it, in one pass: in a new school year it is about nearly everybody.
    """
    since = as_of - timedelta(days=RECENT_DAYS)
    found: dict[str, tuple[bool, str]] = {}
    turned: set[str] = set()
    for unit, person, role, primary, begin, end in directory.state.memberships:
        if person not in people or role is not MembershipRole.LEARNER:
            continue
        if (begin is not None and since < begin <= as_of) or (
            end is not None and since < end <= as_of
        ):
            turned.add(person)
        if runs_on(as_of, begin, end):
            home = not primary, unit
            found[person] = min(found.get(person, home), home)
    return {person: unit for person, (_, unit) in found.items()}, turned


def _memberships(directory: Directory, people: set[str]) -> dict[str, list[Membership]]:
    held: dict[str, list[Membership]] = {person: [] for person in people}
    for each in directory.state.memberships if people else ():
        own = held.get(each.person)
        if own is not None and each.role is MembershipRole.LEARNER:
            own.append(each)
    return held


def school_of(directory: Directory, unit: str) -> str | None:
    """Return the school (its id) that a unit is, or lies in; None where there is none."""
    above = directory.lineage(unit)
    return next((each.id for each in above if each.kind is UnitKind.SCHOOL), None)


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
