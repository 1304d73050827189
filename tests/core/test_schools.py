"""Plans school by school, against a model that looks at one learner at a time."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import event, given
from models import mentors_of
from small import plan, small_site, wanting
from strategies import TODAY, cases, examples

from reconciler.directory import Directory
from reconciler.domain.assignments import Assignment, Holder
from reconciler.domain.vocabulary import MembershipRole, Role, TargetKind, UnitKind
from reconciler.plan.build import make_plan
from reconciler.plan.end_state import end_state
from reconciler.state import LiveState, Profile

pytestmark = pytest.mark.no_cover  # it would take half as long again

SINCE = TODAY - timedelta(days=31)


def school_of(state: LiveState, unit: str | None) -> str | None:
    units = {each.id: each for each in state.units}
    while unit is not None and units[unit].kind is not UnitKind.SCHOOL:
        unit = units[unit].parent
    return unit


def why(state: LiveState, learner: str) -> str:
    """Say why a learner's mentors change, by the dates of what they are in."""
    kinds = {each.id: each.kind for each in state.units}
    held = [
        each
        for each in state.memberships
        if each.person == learner and each.role is MembershipRole.LEARNER
    ]
    held = [each for each in held if kinds[each.unit] in (UnitKind.CLASS, UnitKind.GROUP)] or held
    now = [each for each in held if each.holds_on(TODAY)]
    over = [
        each
        for each in held
        if each.end and each.end <= TODAY and each.unit not in {one.unit for one in now}
    ]
    came = [each for each in now if each.begin and each.begin > SINCE]
    if over and (came or any(each.end > SINCE for each in over)):
        return "by_unit"
    return "arrived" if came and came == now else "by_mentor"


@given(cases())
@examples(300)
def test_each_school_is_told_what_changes_there(case):
    state, manifest = case
    plan = make_plan(manifest, state, as_of=TODAY, plan_id="p")
    steps = [each for each in plan.actions if len(each.address.parts) == 4]
    steps = [each for each in steps if each.address.parts[0] == Role.MENTOR]
    told: dict[str, dict[str, int]] = {}

    def tally(school: str) -> dict[str, int]:
        parts = ("replaced", "added", "removed", "by_mentor", "by_unit", "arrived")
        return told.setdefault(school, dict.fromkeys(parts, 0))

    verbs: dict[str, list[str]] = {}
    for step in steps:
        kind, target = step.address.parts[2:]
        if kind != TargetKind.LEARNER and school_of(state, target):
            verbs.setdefault(target, []).append(str(step.verb))
    for unit, made in verbs.items():
        counts = tally(school_of(state, unit) or "")
        if {"add", "remove"} <= set(made):
            counts["replaced"] += 1
        else:
            counts["added"] += made.count("add")
            counts["removed"] += made.count("remove")
    before, after = mentors_of(state), mentors_of(end_state(state, plan.actions))
    for learner in before.keys() | after.keys():
        home = Directory(state).home(learner, TODAY)
        school = school_of(state, home)
        if before.get(learner) != after.get(learner) and school and steps:
            tally(school)[why(state, learner)] += 1
    event(f"schools: {len(plan.schools)}")
    found = {
        each.school: {part: getattr(each, part) for part in next(iter(told.values()))}
        for each in plan.schools
    }
    assert found == (told if len(told) > 1 else {})


def test_a_mentor_who_sees_them_as_headteacher_too_is_one_mentor_less():
    both = Profile("p0", "Staff", frozenset(Role))
    state = small_site(("10", "u2"), profiles=(both, small_site().profiles[1]))
    school, beside = state.units[1], replace(state.units[1], id="u4", sync_key="andre")
    moved = tuple(
        replace(each, parent="u4") if each.id == "u3" else each for each in (*state.units, beside)
    )
    head = Assignment(Role.HEADTEACHER, "10", TargetKind.SCHOOL, school.id)
    state = replace(
        state,
        units=moved,
        holders=state.holders | {Holder(Role.HEADTEACHER, "10")},
        assignments=state.assignments | {head},
    )
    made = plan(state, wanting(("t-1", "8b")))
    assert {each.name: each.by_mentor for each in made.schools} == {"andre": 2, "skole": 2}
