"""A plan that is gone through part by part: what goes with what, whatever is answered."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small import plan, small_site, wanting
from strategies import TODAY, cases, examples

from reconciler.domain.address import AddressKind
from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.vocabulary import MembershipRole, Role, TargetKind, UnitKind
from reconciler.errors import WrongUse
from reconciler.plan.build import make_plan
from reconciler.plan.model import Plan
from reconciler.plan.parts import About, Walk, by_person, by_school
from reconciler.plan.select import Selection
from reconciler.provider import Verb
from reconciler.state import Membership, Unit

TWO_SCHOOLS = small_site(
    ("10", "u2"),
    units=(
        *small_site().units,
        Unit("u4", "annen", UnitKind.SCHOOL, "Annen", "u0"),
        Unit("u5", "1a", UnitKind.CLASS, "1A", "u4"),
    ),
    memberships=(
        *small_site().memberships,
        Membership("u5", "23", MembershipRole.LEARNER, False, None, None),
    ),
)
"""Class 8a has t-0 at school skole; nobody has 1a at school annen."""

LEFT = ("t-0", "class", "8b")
WALKS = st.lists(st.sampled_from(["take", "leave", "split", "back"]), max_size=12)


def of_case(case, **more: object) -> Plan:
    state, manifest = case
    return make_plan(manifest, state, as_of=TODAY, plan_id="p", **more)  # type: ignore[arg-type]


def names(actions) -> list[str]:
    return [str(action.name) for action in actions]


def walk(made: Plan, *, schools: bool = False) -> Walk:
    return Walk(made.actions, by_school(made.actions) if schools else by_person(made.actions))


@given(cases(), WALKS, st.booleans())
@examples(300)
def test_whatever_is_answered_what_is_taken_can_be_applied_and_is_what_was_shown(
    case, answers, schools
):
    whole = of_case(case)
    steps = walk(whole, schools=schools)
    for answer in answers:
        offer = steps.offer
        if offer is None:
            break
        before = whole_minus(whole, steps.left)
        getattr(steps, answer)()
        now = whole_minus(whole, steps.left)
        shown = {each.address for each in (*offer.own, *offer.along)}
        if answer == "take":
            assert now - before == shown
        elif answer in ("leave", "split"):
            assert now == before
        else:
            assert now <= before
    taken = whole_minus(whole, steps.left)
    assert len(taken) == steps.taken
    needed = {each.address: each.requires for each in whole.actions}
    assert all(taken.issuperset(needed[each]) for each in taken)
    narrowed = of_case(case, selection=Selection(left=steps.left))
    assert {each.address for each in narrowed.actions} == taken


def whole_minus(whole: Plan, left: frozenset) -> set:
    return {each.address for each in whole.actions} - left


@given(cases(), st.booleans())
@examples(200)
def test_every_action_is_in_one_part_but_who_comes_to_several_schools(case, schools):
    whole = of_case(case)
    parts = by_school(whole.actions) if schools else by_person(whole.actions)
    told = [each.address for part in parts for each in part.actions]
    assert len(told) == len(set(told))
    missing = [each for each in whole.actions if each.address not in told]
    for each in missing:
        assert schools
        assert (each.address.kind, each.verb) == (AddressKind.HOLDER, Verb.ADD)
        assert sum(each.address in other.requires for other in whole.actions) > 1
    order = [list(About).index(part.about) for part in parts]
    assert order == sorted(order)


@given(cases(), st.booleans())
@examples(100)
def test_all_is_the_whole_plan_and_the_rest_is_nothing(case, schools):
    whole = of_case(case)
    steps = walk(whole, schools=schools)
    steps.take_rest()
    assert steps.offer is None
    assert not steps.left
    steps = walk(whole, schools=schools)
    steps.leave_rest()
    assert steps.offer is None
    assert len(steps.left) == len(whole.actions)


@given(cases(), WALKS)
@examples(100)
def test_back_is_as_if_nothing_had_been_answered(case, answers):
    whole = of_case(case)
    steps = walk(whole, schools=True)
    for answer in answers:
        if steps.offer is None or answer == "back":
            break
        offer, left = steps.offer, steps.left
        getattr(steps, answer)()
        if answer == "split" or not offer.own:
            continue
        steps.back()
        assert (steps.offer, steps.left) == (offer, left)
        getattr(steps, answer)()


def test_a_class_that_changes_hands_takes_its_new_mentor_along():
    made = plan(small_site(("10", "u2")), wanting(("t-1", "8a")))
    steps = walk(made)
    offer = steps.offer
    assert offer
    assert names(offer.own) == ["mentor/t-0/class/8a", "mentor/t-0"]
    assert names(offer.along) == ["mentor/t-1", "mentor/t-1/class/8a"]
    steps.take()
    offer = steps.offer
    assert offer
    assert (offer.own, offer.decided, offer.held) == ((), 2, ())


def test_who_leaves_the_new_mentor_leaves_the_old_one_too():
    made = plan(small_site(("11", "u2")), wanting(("t-0", "8a"), ("t-1", "8b")))
    steps = walk(made)
    steps.leave()
    offer = steps.offer
    assert offer
    assert names(offer.held) == ["mentor/t-1/class/8a"]
    assert names(offer.own) == ["mentor/t-1/class/8b"]
    steps.take()
    assert steps.offer is None
    assert steps.left == {each.address for each in made.actions if "8b" not in str(each.name)}


def test_schools_are_named_by_their_keys_in_their_order():
    made = plan(TWO_SCHOOLS, wanting(("t-0", "8a"), ("t-1", "1a"), ("t-2", "8b")))
    parts = by_school(made.actions)
    assert [(part.about, part.name) for part in parts] == [
        (About.SCHOOL, "annen"),
        (About.SCHOOL, "skole"),
    ]
    assert names(parts[0].actions) == ["mentor/t-1", "mentor/t-1/class/1a"]
    assert len(parts[1].people) == 1


def test_who_comes_to_two_schools_comes_with_the_first_that_is_taken():
    manifest = wanting(("t-0", "8a"), ("t-1", "1a"), ("t-1", "8b"))
    made = plan(TWO_SCHOOLS, manifest)
    steps = walk(made, schools=True)
    steps.leave()
    offer = steps.offer
    assert offer
    assert names(offer.own) == ["mentor/t-1/class/8b"]
    assert names(offer.along) == ["mentor/t-1"]
    steps.take_rest()
    assert [each.name for each in made.actions if each.address in steps.left] == [
        each.name for each in made.actions if str(each.name).endswith("1a")
    ]


def test_who_leaves_two_schools_leaves_with_the_last_of_them():
    state = replace(
        TWO_SCHOOLS,
        holders=frozenset({Holder(Role.MENTOR, "10")}),
        assignments=Assignments.of(
            Assignment(Role.MENTOR, "10", TargetKind.CLASS, unit) for unit in ("u2", "u5")
        ),
    )
    made = plan(state, wanting())
    steps = walk(made, schools=True)
    offer = steps.offer
    assert offer
    assert names(offer.own) == ["mentor/t-0/class/1a"]
    steps.leave()
    offer = steps.offer
    assert offer
    assert names(offer.own) == ["mentor/t-0/class/8a"]
    assert names(offer.held) == ["mentor/t-0"]


def test_what_a_plan_says_of_no_school_lies_in_none():
    made = plan(TWO_SCHOOLS, wanting(("t-0", "8a"), ("t-1", "8b"), ("t-2", "1a")))
    parts = by_school([replace(each, school=None) for each in made.actions])
    assert [part.about for part in parts] == [About.ELSEWHERE]
    assert len(parts[0].actions) == len(made.actions)


def test_a_selection_refuses_to_part_what_belongs_together():
    made = plan(small_site(), wanting(("t-0", "8a")))
    holder = made.actions[0].address
    with pytest.raises(WrongUse, match="must wait for mentor/t-0, which was left out"):
        Selection(left=frozenset({holder})).of(made.actions, "nord")


def test_what_is_left_is_left_beside_patterns_too():
    made = plan(small_site(), wanting(("t-0", "8a"), ("t-0", "8b"), ("t-1", "8a")))
    left = frozenset(
        each.address for each in made.actions if str(each.name).endswith("t-0/class/8b")
    )
    chosen = Selection(only=("mentor/t-0*",), left=left)
    assert chosen.narrows
    assert names(chosen.of(made.actions, "nord")) == ["mentor/t-0", "mentor/t-0/class/8a"]
    (gone,) = left
    assert not chosen.asks_for(gone, gone)
