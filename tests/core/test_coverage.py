"""Who is looked after: against a slow model that walks from every learner up the tree."""

import pytest
from hypothesis import given
from models import mentors_of
from strategies import TODAY, cases, examples

from reconciler.access.coverage import Coverage
from reconciler.access.effective import Learners, in_effect
from reconciler.directory import Directory
from reconciler.domain.vocabulary import MembershipRole, Role, TargetKind, UnitKind
from reconciler.scope import Scope
from reconciler.state import LiveState


def homes(state: LiveState) -> dict[str, str]:
    """Per learner of the day the unit that places them: the primary one, else the first by id."""
    found: dict[str, list[tuple[bool, str]]] = {}
    for each in state.memberships:
        begun = each.begin is None or each.begin <= TODAY
        if each.role is MembershipRole.LEARNER and begun and not (each.end and each.end <= TODAY):
            found.setdefault(each.person, []).append((not each.primary, each.unit))
    return {person: min(units)[1] for person, units in found.items()}


def above(state: LiveState, unit: str | None) -> list[str]:
    parents = {each.id: each.parent for each in state.units}
    line = []
    while unit is not None:
        line.append(unit)
        unit = parents[unit]
    return line


def coverage(state: LiveState, tops: tuple[str, ...] | None) -> Coverage:
    directory = Directory(state)
    scope = Scope.of(directory, tops)
    learners = Learners(directory, TODAY)
    return Coverage(directory, learners, in_effect(directory, state), scope, TODAY)


@pytest.mark.no_cover  # it would take half as long again
@given(cases())
@examples(200)
def test_coverage_is_what_the_slow_model_says(case):
    state, _manifest = case
    mentored = mentors_of(state)
    home = homes(state)
    tops = [None, *((unit.id,) for unit in state.units)]
    for top in tops:
        inside = {
            unit.id for unit in state.units if top is None or set(top) & set(above(state, unit.id))
        }
        found = coverage(state, top)
        everybody = {person for person, unit in home.items() if unit in inside}
        assert found.learners == everybody
        assert found.without_mentor() == sorted(p for p in everybody if not mentored.get(p))
        classes = [each.id for each in state.units if each.kind is UnitKind.CLASS]
        bare = []
        for unit in sorted(set(classes) & inside):
            members = {
                each.person
                for each in state.memberships
                if each.role is MembershipRole.LEARNER
                and each.holds_on(TODAY)
                and unit in above(state, each.unit)
            }
            if not _has(state, Role.MENTOR, [unit]) and not (
                members and all(mentored.get(each) for each in members)
            ):
                bare.append(unit)
        assert found.classes_without_mentor() == bare
        assert found.schools_without_headteacher() == [
            unit.id
            for unit in sorted(state.units, key=lambda each: each.id)
            if unit.kind is UnitKind.SCHOOL
            and unit.id in inside
            and not _has(state, Role.HEADTEACHER, above(state, unit.id))
        ]
    whole = coverage(state, None)
    for person, number in whole.mentors.items():
        learners = whole.seen_by(person)
        assert learners == {each for each, people in mentored.items() if person in people}
        assert number == len(learners)


def _has(state: LiveState, role: Role, units: list[str]) -> bool:
    """Whether somebody has a role with effect over one of some units."""
    profiles = {profile.id: profile.roles for profile in state.profiles}
    of = {person.id: profiles[person.profile] for person in state.people}
    return any(
        found.role is role
        and found.kind is not TargetKind.LEARNER
        and found.target in units
        and found.holder in state.holders
        and role in of[found.person]
        for found in state.assignments
    )
