"""Plans school by school, against models that look at one learner, or one action, at a time."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from models import mentors_of
from small import plan, small_site, wanting
from strategies import TODAY, cases, entry_of, examples, ref

from reconciler.directory import Directory
from reconciler.domain.assignments import Assignment, Holder
from reconciler.domain.vocabulary import MembershipRole, Role, TargetKind, UnitKind
from reconciler.manifest.model import Item
from reconciler.plan.build import make_plan
from reconciler.plan.end_state import end_state
from reconciler.plan.model import Action, Unmanaged
from reconciler.plan.select import Selection
from reconciler.provider import Verb
from reconciler.state import LiveState, Membership, Profile, Unit

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


TWO_SCHOOLS = small_site(
    units=(
        *small_site().units,
        Unit("u4", "annen", UnitKind.SCHOOL, "Annen", "u0"),
        Unit("u5", "1a", UnitKind.CLASS, "1A", "u4"),
    ),
    memberships=(
        *small_site().memberships[:3],
        Membership("u2", "23", MembershipRole.LEARNER, False, None, None),
        Membership("u5", "23", MembershipRole.LEARNER, True, None, None),
    ),
)
"""Learner s-3 is at home in 1a at school annen, and in 8a at school skole, too."""


def lies(
    state: LiveState, item: Action | Unmanaged, beside: Sequence[Action | Unmanaged]
) -> object:
    """Say where something lies, as far as that is one school."""
    match item.address.parts:
        case (_, _, kind, target):
            single = kind == TargetKind.LEARNER
            unit = Directory(state).home(target, TODAY) if single else target
            keys = {each.id: each.sync_key for each in state.units}
            return keys.get(school_of(state, unit) or "")
        case holder if holder[0] in list(Role):
            own = [each for each in beside if each.address.parts[:-2] == holder]
            found = {lies(state, each, ()) for each in own}
            return found.pop() if len(found) == 1 else None
    return None


@given(cases(), st.data())
@examples(300)
def test_each_action_tells_in_which_school_it_lies(case, data):
    state, manifest = case
    whole = make_plan(manifest, state, as_of=TODAY, plan_id="p")
    leaves = {each.address for each in whole.actions}
    leaves -= {needed for each in whole.actions for needed in each.requires}
    left = frozenset(each for each in sorted(leaves) if data.draw(st.booleans()))
    narrowed = make_plan(manifest, state, as_of=TODAY, plan_id="p", selection=Selection(left=left))
    for made in (whole, narrowed):
        for verb in Verb:
            steps = [each for each in made.actions if each.verb is verb]
            assert [each.school for each in steps] == [lies(state, each, steps) for each in steps]
        reported = made.unmanaged
        assert [each.school for each in reported] == [
            lies(state, each, reported) for each in reported
        ]
    event(f"schools: {len({each.school for each in whole.actions})}")


def told(made) -> dict[str, str | None]:
    return {str(each.name): each.school for each in made.actions}


def test_a_holder_lies_where_all_their_assignments_do():
    manifest = wanting(("t-0", "8a"), ("t-0", "8b"), ("t-1", "8a"), ("t-1", "1a"))
    made = told(plan(TWO_SCHOOLS, manifest))
    assert (made["mentor/t-0"], made["mentor/t-1"]) == ("skole", None)
    assert (made["mentor/t-1/class/8a"], made["mentor/t-1/class/1a"]) == ("skole", "annen")
    narrowed = plan(TWO_SCHOOLS, manifest, only=("mentor/t-1/class/1a",))
    assert told(narrowed) == {"mentor/t-1": "annen", "mentor/t-1/class/1a": "annen"}


def test_a_learner_lies_in_the_school_where_they_are_at_home():
    section = wanting(("t-0", "8a")).sections[Role.MENTOR]
    learners = tuple(Item(TargetKind.LEARNER, ref(f"s-{number}")) for number in (2, 3))
    entry = entry_of(Role.MENTOR, ref("t-0"), learners)
    manifest = wanting(sections={Role.MENTOR: replace(section, entries=(entry,))})
    memberships = [
        each._replace(end=TODAY) if each.person == "22" else each
        for each in TWO_SCHOOLS.memberships
    ]
    homeless = replace(TWO_SCHOOLS, memberships=tuple(memberships))
    assert told(plan(TWO_SCHOOLS, manifest)) == {
        "mentor/t-0": None,
        "mentor/t-0/learner/s-2": "skole",
        "mentor/t-0/learner/s-3": "annen",
    }
    assert told(plan(homeless, manifest)) == {
        "mentor/t-0": None,
        "mentor/t-0/learner/s-2": None,
        "mentor/t-0/learner/s-3": "annen",
    }


def test_a_unit_lies_in_the_nearest_school_above_it():
    nested = tuple(
        replace(each, parent="u1") if each.id == "u4" else each for each in TWO_SCHOOLS.units
    )
    made = plan(replace(TWO_SCHOOLS, units=nested), wanting(("t-0", "1a"), ("t-1", "8a")))
    assert (told(made)["mentor/t-0"], told(made)["mentor/t-1"]) == ("annen", "skole")


def test_schools_that_share_a_key_are_told_apart_by_their_ids():
    units = tuple(
        replace(each, sync_key="skole") if each.id == "u4" else each for each in TWO_SCHOOLS.units
    )
    made = plan(
        replace(TWO_SCHOOLS, units=units),
        wanting(("t-0", "1a"), ("t-1", "8a"), ("t-2", "1a"), ("t-2", "8a")),
    )
    found = told(made)
    assert [found[f"mentor/t-{number}"] for number in range(3)] == ["u4", "u1", None]
    assert [(each.school, each.name) for each in made.schools] == [("u1", "u1"), ("u4", "u4")]

    named = [replace(each, sync_key="u4") if each.id == "u2" else each for each in units]
    made = plan(replace(TWO_SCHOOLS, units=tuple(named)), wanting(("t-0", "1a"), ("t-1", "8b")))
    assert {told(made)[f"mentor/t-{number}"] for number in range(2)} == {"u4 (u4)", "u1"}
