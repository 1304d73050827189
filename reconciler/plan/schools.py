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

from reconciler.access.changes import access_changes
from reconciler.directory import Directory, Keys
from reconciler.domain.address import AddressKind
from reconciler.domain.vocabulary import MembershipRole, Role, TargetKind, UnitKind
from reconciler.plan.judgement import Judgement
from reconciler.plan.model import Action, School
from reconciler.provider import Verb
from reconciler.state import Assignment, Membership

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
        for change in access_changes(
            judgement.learners,
            (each for each in judgement.effective_before if each.role is Role.MENTOR),
            (each for each in judgement.effective_after if each.role is Role.MENTOR),
        )
        for learner in (*change.gained, *change.lost)
    }
    held = _memberships(directory, changed)
    tallies: defaultdict[str, _Tally] = defaultdict(_Tally)
    for assignment, verb in steps:
        school = _school(directory, assignment.target)
        if assignment.kind is not TargetKind.LEARNER and school is not None:
            tally = tallies[school]
            (tally.added if verb is Verb.ADD else tally.removed)[assignment.target] += 1
    for learner in changed:
        now = [each for each in held[learner] if each.holds_on(as_of)]
        homes = [each.unit for each in now if each.primary] or [each.unit for each in now]
        school = _school(directory, min(homes)) if homes else None
        if school is not None:
            _count(tallies[school], _of_classes(directory, held[learner]), as_of)
    if len(tallies) < 2:
        return ()
    made = (_made(school, keys.unit(school), tally) for school, tally in tallies.items())
    return tuple(sorted(made, key=lambda each: (each.name, each.school)))


def _memberships(directory: Directory, people: set[str]) -> defaultdict[str, list[Membership]]:
    held: defaultdict[str, list[Membership]] = defaultdict(list)
    for each in directory.state.memberships:
        if each.person in people and each.role is MembershipRole.LEARNER:
            held[each.person].append(each)
    return held


def _school(directory: Directory, unit: str) -> str | None:
    if unit not in directory.units:
        return None
    above = directory.lineage(unit)
    return next((each.id for each in above if each.kind is UnitKind.SCHOOL), None)


def _of_classes(directory: Directory, held: list[Membership]) -> list[Membership]:
    """Leave out of a learner's memberships the school, in which they are whatever their class."""
    kinds = UnitKind.CLASS, UnitKind.GROUP
    return [each for each in held if directory.units[each.unit].kind in kinds] or held


def _count(tally: _Tally, held: Iterable[Membership], as_of: date) -> None:
    """Count a learner whose mentors change: as one who arrived, who moved, or neither."""
    now = [each for each in held if each.holds_on(as_of)]
    units = {each.unit for each in now}
    since = as_of - timedelta(days=RECENT_DAYS)
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
