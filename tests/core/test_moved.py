"""Moved units and people, told as stories: renames, chains, swaps, and all that must not count."""

from dataclasses import replace
from datetime import timedelta

import pytest
from doubles import MemorySite, apply_to
from small import LEARNERS, STAFF, plan, small_site, wanting
from strategies import AT, TODAY, entry_of, ref

from reconciler.apply.journal import Earlier
from reconciler.apply.preflight import check_basis
from reconciler.directory import Directory
from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.vocabulary import MembershipRole, MovedKind, Role, TargetKind, UnitKind
from reconciler.drift import DriftKind, classify
from reconciler.ending import ending
from reconciler.errors import InvalidInput, PlanUnusable
from reconciler.manifest.model import Item, Move, Section
from reconciler.manifest.policies import Policy, PolicyKey
from reconciler.plan.document import from_document, to_document
from reconciler.review import Check
from reconciler.state import Membership, Unit
from reconciler.workflows.reading import StateOn, review_state

YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)


def moving(manifest, *lines: tuple[str, str], kind: MovedKind | None = None):
    return replace(manifest, moved=tuple(Move(ref(old), ref(new), kind) for old, new in lines))


def members(**units: str) -> tuple[Membership, ...]:
    """Per unit the digits of its learners."""
    return tuple(
        Membership(unit, f"2{digit}", MembershipRole.LEARNER, False, None, None)
        for unit, digits in units.items()
        for digit in digits
    )


def actions(made) -> list[str]:
    assert from_document(to_document(made)) == made
    return [f"{each.verb} {each.name}" for each in made.actions]


def told(made) -> list[tuple[str, str, bool]]:
    return [(str(each.name), str(each.to_name), each.counts) for each in made.moved]


def test_the_same_learners_make_it_count_and_nobody_else_does():
    state = small_site(("10", "u2"), memberships=members(u2="01", u3="01"))
    manifest = moving(wanting(("t-0", "8b")), ("8a", "8b"))
    made = plan(state, manifest)
    assert actions(made) == []
    assert told(made) == [("mentor/t-0/class/8a", "mentor/t-0/class/8b", True)]
    assert made.moved[0].learners == 2
    for differing in ({"u2": "01", "u3": "0"}, {"u2": "0", "u3": "01"}, {"u2": "0", "u3": "1"}):
        made = plan(replace(state, memberships=members(**differing)), manifest)
        assert actions(made) == ["add mentor/t-0/class/8b", "remove mentor/t-0/class/8a"]
        assert told(made) == [("mentor/t-0/class/8a", "mentor/t-0/class/8b", False)]


def test_of_two_empty_units_none_counts():
    state = small_site(("10", "u2"), memberships=())
    made = plan(state, moving(wanting(("t-0", "8b")), ("8a", "8b")))
    assert actions(made) == ["add mentor/t-0/class/8b", "remove mentor/t-0/class/8a"]


def test_a_key_changed_on_the_site_changes_nothing():
    """Every class goes up a year under the same id, and the keys of one are another's next."""
    state = small_site(("10", "u2"), ("11", "u3"))
    keys = {"u2": "9a", "u3": "8a"}
    units = tuple(replace(each, sync_key=keys.get(each.id, each.sync_key)) for each in state.units)
    manifest = moving(wanting(("t-0", "9a"), ("t-1", "8a")), ("8a", "9a"), ("8b", "8a"))
    made = plan(replace(state, units=units), manifest)
    assert actions(made) == []
    assert [each.code for each in made.warnings] == ["RR216", "RR216"]


def test_a_swap_is_two_moves_and_each_mentor_goes_with_the_class():
    state = small_site(("10", "u2"), ("11", "u3"))
    manifest = moving(wanting(("t-0", "8b"), ("t-1", "8a")), ("8a", "8b"), ("8b", "8a"))
    assert told(plan(state, manifest)) == [
        ("mentor/t-0/class/8a", "mentor/t-0/class/8b", False),
        ("mentor/t-1/class/8b", "mentor/t-1/class/8a", False),
    ]


def test_a_chain_is_not_followed():
    state = small_site(("10", "u2"))
    units = (*state.units, Unit("u4", "9a", UnitKind.CLASS, "9A", "u1"))
    state = replace(state, units=units, memberships=members(u2="01", u3="01", u4="01"))
    manifest = moving(wanting(("t-0", "9a")), ("8a", "8b"), ("8b", "9a"))
    assert actions(plan(state, manifest)) == [
        "add mentor/t-0/class/9a",
        "remove mentor/t-0/class/8a",
    ]


def test_of_two_that_became_one_the_first_counts_and_the_other_goes():
    units = (*small_site().units, Unit("u4", "9a", UnitKind.CLASS, "9A", "u1"))
    state = small_site(
        *(("10", "u2"), ("10", "u3")), units=units, memberships=members(u2="01", u3="01", u4="01")
    )
    made = plan(state, moving(wanting(("t-0", "9a")), ("8a", "9a"), ("8b", "9a")))
    assert actions(made) == ["remove mentor/t-0/class/8b"]
    assert told(made) == [("mentor/t-0/class/8a", "mentor/t-0/class/9a", True)]


def test_only_what_the_same_person_has_counts():
    state = small_site(("10", "u2"), memberships=members(u2="01", u3="01"))
    made = plan(state, moving(wanting(("t-1", "8b")), ("8a", "8b")))
    assert "add mentor/t-1/class/8b" in actions(made)
    assert "remove mentor/t-0/class/8a" in actions(made)
    assert told(made) == []


def test_a_new_account_is_given_it_and_the_old_one_loses_it():
    made = plan(small_site(("10", "u2")), moving(wanting(("t-1", "8a")), ("t-0", "t-1")))
    assert actions(made) == [
        "add mentor/t-1",
        "add mentor/t-1/class/8a",
        "remove mentor/t-0/class/8a",
        "remove mentor/t-0",
    ]
    assert told(made) == [
        ("mentor/t-0", "mentor/t-1", False),
        ("mentor/t-0/class/8a", "mentor/t-1/class/8a", False),
    ]


def test_a_person_and_their_class_may_move_at_once():
    made = plan(
        small_site(("10", "u2"), memberships=members(u2="01", u3="01")),
        moving(wanting(("t-1", "8b")), ("t-0", "t-1"), ("8a", "8b")),
    )
    assert ("mentor/t-0/class/8a", "mentor/t-1/class/8b", False) in told(made)


def dated(**days: object):
    item = Item(TargetKind.CLASS, ref("8b"), **days)
    entry = entry_of(Role.MENTOR, ref("t-0"), (item,))
    manifest = wanting(sections={Role.MENTOR: Section((entry,), AT)})
    return moving(manifest, ("8a", "8b"))


def test_what_counts_ends_with_what_it_counts_as():
    state = small_site(("10", "u2"), memberships=members(u2="01", u3="01"))
    made = plan(state, dated(ends=TOMORROW))
    assert actions(made) == []
    assert made.holds_until == TOMORROW
    soon = ending(dated(ends=TOMORROW), Directory(state), made, 1)
    assert [(str(each.name), each.until) for each in soon] == [("mentor/t-0/class/8a", TOMORROW)]
    over = plan(state, dated(ends=YESTERDAY))
    assert [str(each.cause) for each in over.actions] == [f"expired {YESTERDAY}"]
    report = classify(over, {}, {"pipeline"})
    assert [each.kind for each in report.drifted] == [DriftKind.EXPIRED]
    early = plan(state, dated(begins=TOMORROW))
    assert [str(each.cause) for each in early.actions] == [f"starts on {TOMORROW}"]


def test_the_plan_holds_until_the_learners_part():
    first, *others = members(u2="01", u3="01")
    leaves = first._replace(end=TODAY + timedelta(days=3))
    state = small_site(("10", "u2"), memberships=(leaves, *others))
    made = plan(state, moving(wanting(("t-0", "8b")), ("8a", "8b")))
    assert made.holds_until == made.moved[0].until == TODAY + timedelta(days=2)


@pytest.mark.parametrize("begin", [None, TOMORROW])
def test_a_learner_who_comes_to_one_of_the_two_makes_a_saved_plan_stale(begin):
    state = small_site(("10", "u2"), memberships=members(u2="01", u3="01"))
    manifest = moving(wanting(("t-0", "8b"), ("t-1", "8a")), ("8a", "8b"))
    made = plan(state, manifest)
    assert actions(made) == ["add mentor/t-1", "add mentor/t-1/class/8a"]
    check_basis(made, state, Earlier(), MemorySite(state))
    came = Membership("u2", "22", MembershipRole.LEARNER, False, begin, None)
    other = came._replace(unit="u1")
    elsewhere = replace(state, memberships=(*state.memberships, other))
    check_basis(made, elsewhere, Earlier(), MemorySite(elsewhere))
    after = replace(state, memberships=(*state.memberships, came))
    with pytest.raises(PlanUnusable, match="memberships changed"):
        check_basis(made, after, Earlier(), MemorySite(after))


def test_a_school_is_headed_by_whoever_counts_as_its_headteacher():
    """For the guard, when it is applied, and for a review."""
    units = (*small_site().units, Unit("u4", "ny", UnitKind.SCHOOL, "Ny", "u0"))
    profiles = (replace(small_site().profiles[0], roles=frozenset(Role)), small_site().profiles[1])
    holder = Holder(Role.HEADTEACHER, "10")
    state = small_site(
        units=units,
        profiles=profiles,
        memberships=members(u1="0", u4="0"),
        holders=frozenset((holder,)),
        assignments=Assignments.of((Assignment(*holder, TargetKind.SCHOOL, "u1"),)),
    )
    entry = entry_of(Role.HEADTEACHER, ref("t-0"), (Item(TargetKind.SCHOOL, ref("ny")),))
    both = entry_of(Role.HEADTEACHER, ref("t-1"), (Item(TargetKind.SCHOOL, ref("skole")),))
    manifest = wanting(
        sections={Role.HEADTEACHER: Section((entry, both), AT)},
        policy=Policy(demands=frozenset((PolicyKey.EVERY_SCHOOL_HAS_HEADTEACHER,))),
    )
    manifest = moving(manifest, ("skole", "ny"))
    made = plan(state, manifest)
    assert made.counted
    assert not made.refused
    site = MemorySite(state)
    assert apply_to(made, site).verified
    assert plan(site.state, manifest).actions == ()
    found = review_state(StateOn(site.state, TODAY), manifest)
    assert Check.SCHOOL_WITHOUT_HEADTEACHER not in {each.check for each in found.findings}


def test_a_key_of_a_unit_and_a_person_needs_its_kind():
    people = (replace(STAFF[0], sync_key="8b"), *STAFF[1:], *LEARNERS)
    state = small_site(("11", "u2"), people=people, memberships=members(u2="01", u3="01"))
    manifest = wanting(("t-1", "8b"))
    with pytest.raises(InvalidInput) as caught:
        plan(state, moving(manifest, ("8a", "8b")))
    assert [each.code for each in caught.value.diagnostics] == ["RR215"]
    assert actions(plan(state, moving(manifest, ("8a", "8b"), kind=MovedKind.UNIT))) == []


@pytest.mark.parametrize(
    ("before", "after", "kind", "code", "told"),
    [
        ("8a", "8bb", None, "RR203", "Did you mean '8b'?"),
        ("8a", "quite-another", None, "RR203", "Check the key"),
        ("t-1", "t-00", None, "RR202", "Did you mean 't-0'?"),
        ("gone", "t-00", None, "RR202", "Did you mean 't-0'?"),
        ("gone", "8bb", None, "RR203", "Did you mean '8b'?"),
        ("gone", "t-00", MovedKind.UNIT, "RR203", "Check the key"),
        ("gone", "8bb", MovedKind.PERSON, "RR202", "Check the key"),
        ("gone", "quite-another", None, "RR203", "the unit or the person has it now"),
    ],
)
def test_a_key_to_move_to_that_the_site_does_not_have_is_unknown_as_elsewhere(
    before, after, kind, code, told
):
    with pytest.raises(InvalidInput) as caught:
        plan(small_site(("10", "u2")), moving(wanting(("t-0", "8b")), (before, after), kind=kind))
    (found,) = caught.value.diagnostics
    assert found.code == code
    assert after in found.message
    assert told in found.advice


def test_lines_of_what_is_gone_are_not_compared_with_one_another(monkeypatch):
    """Each with each would be sixteen million comparisons where the site lost 4,000 units."""
    compared: list[Move] = []
    monkeypatch.setattr(Move, "__eq__", lambda one, other: compared.append(one) or one is other)
    lines = [(f"gone-{number}", "8a") for number in range(100)]
    made = plan(small_site(("10", "u2")), moving(wanting(("t-0", "8a")), *lines))
    (warning,) = (each for each in made.warnings if each.code == "RR216")
    assert "and 95 more" in warning.message
    assert len(compared) <= len(lines)


def test_a_line_of_what_is_gone_says_that_the_site_has_no_such_key():
    made = plan(
        small_site(("10", "u2")),
        moving(wanting(("t-0", "8a")), ("8aa", "8a"), ("8b", "8a")),
    )
    idle, gone = sorted(made.warnings, key=lambda each: each.message)
    assert {gone.code, idle.code} == {"RR216"}
    assert "the site has nothing with the key under 'from'" in gone.message
    assert gone.message.endswith("8aa → 8a.")
    assert gone.advice.endswith("or the key is mistyped.")
    assert "8b → 8a" in idle.message


def test_a_key_that_several_units_have_cannot_move():
    units = tuple(
        replace(each, sync_key="8a") if each.id == "u3" else each for each in small_site().units
    )
    with pytest.raises(InvalidInput) as caught:
        plan(small_site(units=units), moving(wanting(), ("8a", "skole")))
    assert [each.code for each in caught.value.diagnostics] == ["RR205"]
