"""A plan for a part of a site is stale once what it names lies elsewhere."""

from dataclasses import replace

import pytest
from doubles import MemoryJournal, MemorySite, apply_to
from small import plan, small_site, wanting
from strategies import AT, TODAY, entry_of, ref

from reconciler.domain.address import AddressKind
from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.vocabulary import Role, TargetKind, UnitKind
from reconciler.errors import PlanUnusable
from reconciler.manifest.model import Item, Section
from reconciler.provider import ChangeResult
from reconciler.state import LiveState, Unit

ELSEWHERE = (
    Unit("u4", "sør", UnitKind.SCHOOL, "Sør", "u0"),
    Unit("u5", "9a", UnitKind.CLASS, "9A", "u4"),
    Unit("u6", "vest", UnitKind.ORGANISATION, "Vest", "u0"),
)


def two_schools(*assignments: tuple[str, TargetKind, str]) -> LiveState:
    """The small school, in an organisation of its own, and another; all mentors."""
    state = small_site()
    units = (replace(each, parent="u6") if each.id == "u1" else each for each in state.units)
    held = [Assignment(Role.MENTOR, *each) for each in assignments]
    return replace(
        state,
        units=(*units, *ELSEWHERE),
        holders=frozenset(each.holder for each in held),
        assignments=Assignments.of(held),
    )


def within(unit: str, *mentors: tuple[str, str]):
    return replace(wanting(*mentors), within=(ref(unit),))


def learner_moves(state: LiveState) -> LiveState:
    moved = (
        each._replace(unit="u5") if each.person == "20" else each for each in state.memberships
    )
    return replace(state, memberships=tuple(moved))


def school_moves(state: LiveState) -> LiveState:
    units = (replace(each, parent="u0") if each.id == "u1" else each for each in state.units)
    return replace(state, units=tuple(units))


CLASS, LEARNER = TargetKind.CLASS, TargetKind.LEARNER
KEPT = ("11", CLASS, "u2")
ONE_LEARNER = Section((entry_of(Role.MENTOR, ref("t-0"), (Item(LEARNER, ref("s-0")),)),), AT)


@pytest.mark.parametrize(
    ("state", "manifest", "move"),
    [
        (two_schools(), replace(within("skole"), sections={Role.MENTOR: ONE_LEARNER}),
         learner_moves),
        (two_schools(KEPT, ("10", LEARNER, "20")), within("skole", ("t-1", "8a")), learner_moves),
        (two_schools(), within("vest", ("t-0", "8b")), school_moves),
        (two_schools(("10", CLASS, "u3")), within("vest", ("t-1", "8a")), school_moves),
    ],
    ids=["learner, added", "learner, removed", "school, added", "school, removed"],
)  # fmt: skip
def test_a_plan_is_stale_when_what_it_names_has_left_its_scope(state, manifest, move):
    made = plan(state, manifest)
    assert made.actions
    site = MemorySite(move(state))
    with pytest.raises(PlanUnusable, match="stale"):
        apply_to(made, site, MemoryJournal(), today=TODAY)
    assert site.sent == []
    site = MemorySite(state)
    assert apply_to(made, site, MemoryJournal(), today=TODAY).exit_code == 0


def test_of_two_plans_that_each_take_a_half_the_second_is_stale_and_the_next_takes_the_holder():
    state = two_schools(("10", CLASS, "u2"), ("10", CLASS, "u5"), KEPT, ("11", CLASS, "u5"))
    here, there = within("vest", ("t-1", "8a")), within("sør", ("t-1", "9a"))
    first, second = plan(state, here), plan(state, there)
    site = MemorySite(state)
    assert apply_to(first, site, MemoryJournal(), today=TODAY).exit_code == 0
    with pytest.raises(PlanUnusable, match="stale"):
        apply_to(second, site, MemoryJournal(), today=TODAY)
    apply_to(plan(site.state, there), site, MemoryJournal(), today=TODAY)
    assert site.state.holders == {Holder(Role.MENTOR, "11")}


def test_a_plan_that_did_a_half_itself_goes_on():
    state = two_schools(KEPT, ("10", CLASS, "u3"))
    made = plan(state, within("skole", ("t-1", "8a")))
    site, journal = MemorySite(state), MemoryJournal()
    plain = site._answer

    def refusing(change):
        if change.address.kind is AddressKind.HOLDER:
            return ChangeResult(500, changed=False, code="down")
        return plain(change)

    site._answer = refusing
    assert apply_to(made, site, journal, today=TODAY).exit_code == 6
    site._answer = plain
    assert apply_to(made, site, journal, today=TODAY).exit_code == 0
    assert site.state.holders == {Holder(Role.MENTOR, "11")}
