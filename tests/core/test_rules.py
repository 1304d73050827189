"""What rules find in a roster: each word of a rule, and all of them against an obvious model."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from doubles import MemorySite, apply_to
from hypothesis import given, settings
from hypothesis import strategies as st
from small import LEARNERS, STAFF, plan, small_site, wanting
from strategies import AT, TODAY, entry_of, ref

from reconciler.domain.roster import (
    Roster,
    RosterMembership,
    RosterPerson,
    RosterRole,
    RosterSize,
    RosterUnit,
    RosterUnitKind,
)
from reconciler.domain.vocabulary import LabelField, Role, TargetKind
from reconciler.errors import GuardRefused, InvalidInput
from reconciler.manifest.model import Item, LabelSetting, Manifest, Move, ProfileSetting, Section
from reconciler.manifest.naming import PersonKey
from reconciler.manifest.policies import Limit, Policy, PolicyKey
from reconciler.manifest.roster_rules import (
    ForNone,
    ForSeveral,
    ForUnknown,
    Of,
    OfKind,
    RosterPersonKey,
    RosterRule,
    RosterSource,
    RosterUnitKey,
    Who,
)
from reconciler.plan.document import from_document, to_document
from reconciler.policy.overrides import how_to_lift
from reconciler.state import Profile
from reconciler.workflows.reading import StateOn, review_state

HOMEROOM = Of(OfKind.CLASS, class_type="homeroom")
TEACHER = RosterRole.TEACHER


def unit(key: str, kind: str = "class", class_type: str | None = "homeroom", **more) -> RosterUnit:
    parent = None if kind == "organisation" else "skole"
    made = RosterUnit(
        key, RosterUnitKind(kind), key.upper(), parent, None, class_type, (), "classes.csv", 2
    )
    return replace(made, **more)


def member(
    where: str, who: str, row: int, *, primary=True, begin=None, end=None, role=TEACHER
) -> RosterMembership:
    return RosterMembership(where, who, role, primary, begin, end, "enrollments.csv", row)


def roster(*members: RosterMembership, units=(), duties=()) -> Roster:
    people = tuple(
        RosterPerson(
            each.sync_key or "",
            each.username,
            each.email,
            "G",
            "F",
            TEACHER,
            True,
            (),
            "users.csv",
            2,
        )
        for each in STAFF
    )
    known = units or (unit("8a"), unit("8b"), unit("skole", "school", None))
    return Roster(people, tuple(known), members, tuple(duties), (), "roster")


def ruled(made: Roster, *rules: RosterRule, **changes) -> Manifest:
    source = RosterSource("sis", "oneroster-csv", AT, ref("roster"))
    return wanting(
        sections={}, sources={"sis": source}, rosters={"sis": made}, rules=rules, **changes
    )


def rule(**changes) -> RosterRule:
    made = RosterRule(ref("contacts"), "sis", Role.MENTOR, Who.PRIMARY_TEACHER, HOMEROOM)
    return replace(made, **changes)


def given_by(manifest: Manifest, state=None, **more) -> dict[str, str]:
    """What is planned to be added, and why."""
    made = plan(state or small_site(), manifest, **more)
    assert from_document(to_document(made)) == made
    return {
        str(each.name): str(each.cause)
        for each in made.actions
        if each.address.kind.value == "assignment" and each.after
    }


def codes(manifest: Manifest, state=None) -> list[str]:
    try:
        found = plan(state or small_site(), manifest).warnings
    except InvalidInput as invalid:
        found = invalid.diagnostics
    return [each.code for each in found]


BOTH = roster(member("8a", "t-0", 2), member("8b", "t-1", 3), member("8b", "t-2", 4, primary=False))


def test_a_primary_teacher_of_a_homeroom_becomes_its_mentor_and_the_cause_is_the_row():
    assert given_by(ruled(BOTH, rule())) == {
        "mentor/t-0/class/8a": "rule contacts, enrollments.csv row 2",
        "mentor/t-1/class/8b": "rule contacts, enrollments.csv row 3",
    }


def test_teachers_are_all_of_them_and_the_first_is_by_row():
    every = rule(who=Who.TEACHER)
    assert "mentor/t-2/class/8b" in given_by(ruled(BOTH, every))
    first = given_by(ruled(BOTH, replace(every, several=ForSeveral.FIRST)))
    assert set(first) == {"mentor/t-0/class/8a", "mentor/t-1/class/8b"}
    assert codes(ruled(BOTH, replace(every, several=ForSeveral.REFUSE))) == ["RR407"]
    assert codes(ruled(BOTH, rule(several=ForSeveral.REFUSE))) == []


@pytest.mark.parametrize(
    ("of", "found"),
    [
        (Of(OfKind.CLASS), {"8a", "8b"}),
        (Of(OfKind.CLASS, grades=("8",)), {"8a"}),
        (Of(OfKind.CLASS, "scheduled"), {"8b"}),
        (Of(OfKind.CLASS, "scheduled", ("9", "10")), {"8b"}),
    ],
)
def test_classes_are_told_apart_by_type_and_grade(of, found):
    units = (unit("8a", grades=("07", "08")), unit("8b", class_type="scheduled", grades=("09",)))
    made = roster(member("8a", "t-0", 2), member("8b", "t-0", 3), units=units)
    names = given_by(ruled(made, rule(of=of)))
    assert {name.rpartition("/")[2] for name in names} == found


def test_who_is_in_no_unit_of_the_rule_is_told_or_refused_or_somebody_steps_in():
    half = roster(member("8a", "t-0", 2))
    assert codes(ruled(half, rule())) == ["RR405"]
    assert codes(ruled(half, rule(none=ForNone.REFUSE))) == ["RR406"]
    steps_in = rule(none=ForNone.USE, use=ref("t-3"))
    assert given_by(ruled(half, steps_in))["mentor/t-3/class/8b"] == (
        "steps in where the rule contacts finds nobody, at roles.yaml:1:1"
    )
    assert codes(ruled(half, steps_in)) == []


def test_a_rule_that_matches_nothing_is_an_error():
    assert codes(ruled(roster(), rule())) == ["RR401", "RR405"]
    assert codes(ruled(BOTH, rule(of=Of(OfKind.CLASS, "seminar")))) == ["RR401"]


def nothing_by(made: Roster, **changes) -> str:
    """Why a rule matches nothing, and what is advised."""
    with pytest.raises(InvalidInput) as caught:
        plan(small_site(), ruled(made, rule(**changes)))
    (found,) = (each for each in caught.value.diagnostics if each.code == "RR401")
    return f"{found.message.removeprefix('the rule contacts matches nothing in ')} {found.advice}"


def test_what_a_roster_has_instead_is_cut_off_aloud_and_no_grade_is_near_another():
    many = [unit(f"{n}", class_type=f"type-{n:02}", grades=(str(n),)) for n in range(14)]
    assert nothing_by(roster(units=many), of=Of(OfKind.CLASS, "type-99")) == (
        "the roster sis: no class has the type type-99; it has "
        + ", ".join(f"type-{n:02} (1)" for n in range(12))
        + " and 2 more. Did you mean 'type-09'? A near match is never used."
    )
    told = nothing_by(roster(units=many[:2]), of=Of(OfKind.CLASS, None, ("12",)))
    assert told == (
        "the roster sis: no class has the grade 12; it has 0 (1), 1 (1). "
        "Write one of those, or leave it out."
    )


def test_that_all_has_ended_is_said_where_the_units_have_and_not_of_teachers_alone():
    day = timedelta(days=1)
    over = (member("8a", "t-0", 2, end=TODAY), member("8b", "t-1", 3, begin=TODAY + day))
    ended, begun = (unit("8a", end=TODAY), unit("8b", begin=TODAY + day))
    assert nothing_by(roster(*over, units=(ended, begun))) == (
        f"the roster sis: all that it looks at there has ended (last day {TODAY - day}) or begins "
        f"later (first day {TODAY + day}). Take the roster of the year that is meant, or name the "
        "day with --as-of."
    )
    for units in ((), (ended, unit("8b")), (unit("8a"), begun)):
        assert nothing_by(roster(*over, units=units)) == (
            f"the roster sis: nobody in it is primary_teacher after {TODAY - day} and before "
            f"{TODAY + day}. Mend the roster; or take that of the year that is meant, or name the "
            "day with --as-of."
        )


def test_exceptions_take_people_and_units_away():
    without = rule(except_people=(ref("t-0"),), except_units=(ref("8b"),))
    assert codes(ruled(BOTH, without)) == ["RR401", "RR405"]
    assert set(given_by(ruled(BOTH, rule(except_units=(ref("8a"),))))) == {"mentor/t-1/class/8b"}
    assert codes(ruled(BOTH, rule(except_units=(ref("9z"),)))) == ["RR203"]


def test_entries_add_to_what_rules_give():
    item = Item(TargetKind.CLASS, ref("8b"))
    section = Section((entry_of(Role.MENTOR, ref("t-0"), (item,)),), AT)
    manifest = replace(ruled(BOTH, rule()), sections={Role.MENTOR: section})
    assert given_by(manifest) == {
        "mentor/t-0/class/8a": "rule contacts, enrollments.csv row 2",
        "mentor/t-0/class/8b": "declared at roles.yaml:1:1",
        "mentor/t-1/class/8b": "rule contacts, enrollments.csv row 3",
    }


def test_what_no_rule_gives_any_more_goes_and_says_so():
    state = small_site(("10", "u2"), ("10", "u3"), ("11", "u3"), ("13", "u2"))
    made = plan(state, ruled(BOTH, rule()))
    assert {str(each.name): str(each.cause) for each in made.actions} == {
        "mentor/t-0/class/8b": "given by no rule",
        "mentor/t-3/class/8a": "not declared",
        "mentor/t-3": "not declared",
    }


def test_what_an_entry_beside_rules_does_not_have_was_given_by_no_rule_either():
    item = Item(TargetKind.CLASS, ref("8b"))
    section = Section((entry_of(Role.MENTOR, ref("t-3"), (item,)),), AT)
    manifest = replace(ruled(BOTH, rule()), sections={Role.MENTOR: section})
    made = plan(small_site(("10", "u2"), ("11", "u3"), ("13", "u2"), ("13", "u3")), manifest)
    assert {str(each.name): str(each.cause) for each in made.actions} == {
        "mentor/t-3/class/8a": "given by no rule, and not in the entry at roles.yaml:1:1",
    }


def test_memberships_hold_from_their_beginning_to_before_their_end():
    begins, ends = TODAY + timedelta(days=5), TODAY + timedelta(days=9)
    made = roster(member("8a", "t-0", 2), member("8b", "t-1", 3, begin=begins, end=ends))
    manifest = ruled(made, rule())
    for day, held in ((4, False), (5, True), (8, True), (9, False)):
        on = given_by(manifest, as_of=TODAY + timedelta(days=day))
        assert ("mentor/t-1/class/8b" in on) is held, day
    assert plan(small_site(), manifest).holds_until == begins - timedelta(days=1)
    later = plan(small_site(), manifest, as_of=begins)
    assert later.holds_until == ends - timedelta(days=1)
    assert plan(small_site(), manifest, as_of=ends).holds_until is None


def test_a_unit_is_looked_at_on_the_days_on_which_there_is_one():
    begins, ends = TODAY + timedelta(days=5), TODAY + timedelta(days=9)
    units = (unit("8a"), unit("8b", begin=begins, end=ends), unit("skole", "school", None))
    made = roster(member("8a", "t-0", 2), member("8b", "t-1", 3), units=units)
    manifest = ruled(made, rule(none=ForNone.USE, use=ref("t-2")))
    for day, held in ((4, False), (5, True), (8, True), (9, False)):
        on = given_by(manifest, as_of=TODAY + timedelta(days=day))
        assert ("mentor/t-1/class/8b" in on) is held, day
        assert "mentor/t-2/class/8b" not in on, "nobody steps in where there is no unit"
    assert plan(small_site(), manifest).holds_until == begins - timedelta(days=1)
    assert plan(small_site(), manifest, as_of=begins).holds_until == ends - timedelta(days=1)


def test_a_day_for_which_the_site_has_no_learners_yet_is_told():
    """Else nobody seems to gain or lose sight of anybody by next year's plan."""
    state, day = small_site(), TODAY + timedelta(days=30)
    until = [each._replace(end=day) for each in state.memberships]
    state = replace(state, memberships=tuple(until))
    manifest = ruled(BOTH, rule())
    assert "RR217" not in {each.code for each in plan(state, manifest).warnings}
    (found,) = plan(state, manifest, as_of=day).warnings
    assert found.code == "RR217"
    assert str(day) in found.message


def test_a_grade_that_no_class_has_beside_one_that_some_have_is_told():
    """Mistyped beside good ones it would take mentors away without a word."""
    of = replace(HOMEROOM, grades=("8", "g9"))
    known = (unit("8a", grades=("08",)), unit("8b", grades=("9",)), unit("skole", "school", None))
    made = roster(member("8a", "t-0", 2), member("8b", "t-1", 3), units=known)
    (found,) = plan(small_site(), ruled(made, rule(of=of))).warnings
    assert found.code == "RR412"
    assert (
        found.message
        == "no class of the roster sis has the grade g9, which the rule contacts names."
    )
    refusing = ruled(made, rule(of=of, unknown=ForUnknown.REFUSE))
    assert codes(refusing) == ["RR409"]
    assert codes(ruled(made, rule(of=replace(of, grades=("8", "9"))))) == []


@pytest.mark.parametrize(
    ("blank", "word"), [({"class_type": None}, "type"), ({"grades": ()}, "grade")]
)
def test_a_class_that_does_not_say_what_a_rule_asks_for_is_told(blank, word):
    known = (unit("8a", grades=("8",)), unit("8b", **{"grades": ("8",), **blank}))
    made = roster(member("8a", "t-0", 2), member("8b", "t-1", 3), units=known)
    (found,) = plan(small_site(), ruled(made, rule(of=replace(HOMEROOM, grades=("8",))))).warnings
    assert (found.code, found.message) == (
        "RR412",
        f"1 class of the roster sis says no {word}, so that the rule contacts passes over 8b.",
    )


def test_only_what_lies_in_the_scope_is_derived():
    assert set(given_by(ruled(BOTH, rule(), within=(ref("8b"),)))) == {"mentor/t-1/class/8b"}


def test_what_the_site_does_not_have_is_listed_and_a_near_match_is_not_used():
    units = (unit("8a"), unit("8bb"))
    made = roster(member("8a", "t-0", 2), member("8a", "t-9", 3), units=units)
    found = {each.code: each for each in plan(small_site(), ruled(made, rule())).warnings}
    assert found["RR402"].message == (
        "the rule contacts names 1 unit that the site does not have: 8bb (classes.csv row 2)."
    )
    assert found["RR402"].advice == "Did you mean '8b'? A near match is never used."
    assert found["RR403"].message == (
        "the rule contacts names 1 person that the site does not have: t-9 (enrollments.csv row 3)."
    )


def test_what_the_site_does_not_have_can_be_refused():
    """A near match that is not used would take the role from who has it."""
    strict = rule(unknown=ForUnknown.REFUSE)
    assert codes(ruled(BOTH, strict)) == []
    units = (unit("8a"), unit("8bb"))
    assert codes(ruled(roster(member("8a", "t-0", 2), units=units), strict)) == ["RR409"]
    half = roster(member("8a", "t-0", 2), member("8b", "t-9", 3), member("8b", "t-1", 4))
    assert codes(ruled(half, strict)) == ["RR409"]


def test_a_line_of_moved_may_lead_to_what_is_only_in_the_roster():
    made = roster(member("8a", "t-0", 2), units=(unit("8a"), unit("9a", begin=date(2099, 1, 1))))
    known, unknown = (
        ruled(made, rule(), moved=(Move(ref("8a"), ref(after)),)) for after in ("9a", "9b")
    )
    (found,) = plan(small_site(), known).warnings
    assert (found.code, found.message) == (
        "RR216",
        "the site does not have what is moved to by: 8a → 9a.",
    )
    assert "wait until the site has the new one" in found.advice
    assert codes(unknown) == ["RR203"]


def test_what_is_only_in_the_roster_can_be_excepted():
    """Else one new teacher would stop everything, until the account is synchronised."""
    stranger = RosterPerson("t-9", "", None, "G", "F", TEACHER, True, (), "users.csv", 9)
    units = (unit("8a"), unit("8b"), unit("9z"), unit("skole", "school", None))
    made = roster(
        member("8a", "t-0", 2), member("8b", "t-9", 3), member("8b", "t-1", 4), units=units
    )
    made = replace(made, people=(*made.people, stranger))
    strict = rule(unknown=ForUnknown.REFUSE, except_units=(ref("9z"),))
    assert codes(ruled(made, strict)) == ["RR409"]
    spared = replace(strict, except_people=(ref("t-9"),))
    assert codes(ruled(made, spared)) == []
    assert codes(ruled(made, replace(strict, except_people=(ref("t-x"),)))) == ["RR202", "RR409"]


def test_why_and_how_on_is_told_where_the_site_lacks_something():
    strict = rule(unknown=ForUnknown.REFUSE)
    made = roster(member("8a", "t-0", 2), member("8b", "t-9", 3))
    with pytest.raises(InvalidInput) as caught:
        plan(small_site(), ruled(made, strict))
    found = {each.code: each for each in caught.value.diagnostics}
    assert found["RR409"].message == (
        "the rule contacts names 1 person that the site does not have, though it says "
        "`unknown: refuse`: t-9 (enrollments.csv row 3)."
    )
    assert "Or wait until the site has them" in (found["RR409"].advice or "")
    assert "listed as RR409" in (found["RR405"].advice or "")


def test_who_only_looks_is_not_stopped_by_what_the_site_lacks():
    made = roster(member("8a", "t-0", 2), member("8b", "t-9", 3), member("8b", "t-1", 4))
    strict = ruled(made, rule(unknown=ForUnknown.REFUSE))
    found = review_state(StateOn(small_site(), TODAY), strict)
    assert [each.code for each in found.warnings] == ["RR403"]


def test_units_without_a_key_are_told_apart_and_each_is_counted():
    units = (unit("8a", identifier="8a"), unit("x1"), unit("x2"), unit("x3", identifier="9z"),
             unit("x4", identifier="9z"))  # fmt: skip
    manifest = ruled(roster(member("8a", "t-0", 2), units=units), rule())
    source = replace(manifest.sources["sis"], units=RosterUnitKey.IDENTIFIER)
    found = plan(small_site(), replace(manifest, sources={"sis": source})).warnings
    assert [(each.message, each.advice) for each in found] == [
        (
            (
                "the rule contacts names 2 units that the site does not have: "
                "9z (classes.csv row 2), 9z (classes.csv row 2)."
            ),
            "Check by which key both are named.",
        ),
        (
            (
                "the rule contacts names 2 units without an identifier in the roster: "
                "x1 (classes.csv row 2), x2 (classes.csv row 2)."
            ),
            "Fill it in at the source, or match by another key.",
        ),
    ]


def test_a_unit_that_is_not_on_the_site_belongs_to_the_scope_of_what_is_above_it():
    units = (unit("8a"), unit("9z", parent="8b"), unit("8b"), unit("skole", "school", None))
    made = roster(member("8a", "t-0", 2), units=units)
    strict = rule(unknown=ForUnknown.REFUSE)
    assert codes(ruled(made, strict, within=(ref("8a"),))) == []
    assert set(codes(ruled(made, strict, within=(ref("8b"),)))) == {"RR401", "RR405", "RR409"}


@pytest.mark.parametrize(
    ("who", "spared", "told", "advice"),
    [
        ((), (), "8b.", "Mend the roster"),
        (("t-9",), (), "8b (nobody of theirs is on the site).", "RR403"),
        (("t-1",), ("t-1",), "8b (all are excepted).", "declare somebody else"),
        (("t-1", "t-9"), ("t-1",), "8b (nobody of theirs is on the site).", "RR403"),
    ],
)
def test_why_nobody_is_found_is_told(who, spared, told, advice):
    members = (member("8b", each, 3 + at) for at, each in enumerate(who))
    excepting = rule(except_people=tuple(map(ref, spared)))
    made = ruled(roster(member("8a", "t-0", 2), *members), excepting)
    (found,) = [each for each in plan(small_site(), made).warnings if each.code == "RR405"]
    assert found.message == f"the rule contacts finds no primary_teacher in {told}"
    assert advice in (found.advice or "")


def test_a_class_type_is_the_same_word_in_small_and_large_letters():
    units = (unit("8a", class_type="Homeroom"), unit("8b"), unit("skole", "school", None))
    made = roster(member("8a", "t-0", 2), member("8b", "t-1", 3), units=units)
    assert set(given_by(ruled(made, rule()))) == {"mentor/t-0/class/8a", "mentor/t-1/class/8b"}


def test_units_can_be_matched_by_another_key():
    units = (unit("x1", identifier="8a"), unit("x2", identifier="8b"))
    made = roster(member("x1", "t-0", 2), member("x2", "t-1", 3), units=units)
    manifest = ruled(made, rule())
    source = replace(manifest.sources["sis"], units=RosterUnitKey.IDENTIFIER)
    manifest = replace(manifest, sources={"sis": source})
    assert set(given_by(manifest)) == {"mentor/t-0/class/8a", "mentor/t-1/class/8b"}


def test_a_key_that_several_on_the_site_share_is_refused():
    twin = replace(STAFF[1], sync_key="t-0")
    state = small_site(people=(STAFF[0], twin, *STAFF[2:], *LEARNERS))
    assert "RR404" in codes(ruled(BOTH, rule()), state)


def test_a_key_that_several_in_the_roster_share_is_refused():
    """The second is of a school that the site does not have: its teacher is not to see ours."""
    units = (unit("x1", identifier="8a"), unit("x2", identifier="8a"), unit("x3", identifier="8b"))
    made = roster(member("x1", "t-0", 2), member("x2", "t-1", 3), units=units)
    manifest = ruled(made, rule())
    source = replace(manifest.sources["sis"], units=RosterUnitKey.IDENTIFIER)
    manifest = replace(manifest, sources={"sis": source})
    with pytest.raises(InvalidInput) as caught:
        plan(small_site(), manifest)
    (found,) = [each for each in caught.value.diagnostics if each.code == "RR404"]
    assert found.message == (
        "2 of the roster sis have the key 8a, by which the rule contacts looks for one."
    )
    last_year = replace(units[1], end=TODAY)
    apart = replace(made, units=(units[0], last_year, units[2]))
    apart = replace(manifest, rosters={"sis": apart})
    assert set(given_by(apart)) == {"mentor/t-0/class/8a"}


def test_an_address_that_two_people_of_the_roster_share_names_nobody():
    made = ruled(roster(member("8a", "t-0", 2), member("8b", "t-1", 3)), rule())
    people = tuple(
        replace(each, username="t0") if each.sourced_id in ("t-0", "t-1") else each
        for each in made.rosters["sis"].people
    )
    source = replace(made.sources["sis"], people=RosterPersonKey.USERNAME)
    made = replace(
        made,
        settings=replace(made.settings, people=PersonKey.USERNAME),
        sources={"sis": source},
        rosters={"sis": replace(made.rosters["sis"], people=people)},
    )
    assert "RR404" in codes(made)


@pytest.mark.parametrize("other", [RosterRole.GUARDIAN, RosterRole.STUDENT])
def test_a_key_that_a_teacher_shares_with_a_guardian_or_learner_stops_nobody_else(other):
    """A family has one e-mail address, say. Whose account it is on the site is not guessed."""
    made = ruled(BOTH, rule())
    shared = made.rosters["sis"].people[1].username
    family = RosterPerson("g-1", shared, None, "G", "F", other, True, (), "users.csv", 9)
    held = member("8a", "g-1", 9, role=other, primary=False)
    people = (*made.rosters["sis"].people, family)
    made = replace(
        made,
        settings=replace(made.settings, people=PersonKey.USERNAME),
        sources={"sis": replace(made.sources["sis"], people=RosterPersonKey.USERNAME)},
        rosters={"sis": replace(BOTH, people=people, memberships=(*BOTH.memberships, held))},
    )
    assert set(given_by(made)) == {f"mentor/{STAFF[0].username}/class/8a"}
    found = {each.code: each for each in plan(small_site(), made).warnings}
    assert list(found) == ["RR403", "RR405"]
    assert found["RR403"].message == (
        "the rule contacts names 1 person by a username that others in the roster have, too: "
        f"{shared} (enrollments.csv row 3)."
    )
    assert "not guessed" in (found["RR403"].advice or "")
    assert codes(replace(made, rules=(rule(unknown=ForUnknown.REFUSE),))) == ["RR405", "RR409"]
    # Nobody else steps in for whoever it is, and what they have is not taken away.
    steps_in = rule(none=ForNone.USE, use=ref(STAFF[2].username))
    live = small_site((STAFF[1].id, "u3"), (STAFF[2].id, "u2"))
    planned = plan(live, replace(made, rules=(steps_in,)))
    assert {str(each.name) for each in planned.actions if not each.after} == {
        f"mentor/{STAFF[2].username}",
        f"mentor/{STAFF[2].username}/class/8a",
    }
    assert not [each for each in planned.actions if STAFF[1].username in str(each.name)]
    (kept,) = [each for each in planned.warnings if each.code == "RR411"]
    assert kept.message.startswith(f"mentor/{STAFF[1].username} keeps")
    # Also where an entry of theirs says something else.
    entry = entry_of(Role.MENTOR, ref(STAFF[1].username), (Item(TargetKind.CLASS, ref("8a")),))
    beside = replace(made, sections={Role.MENTOR: Section((entry,), AT)})
    assert f"mentor/{STAFF[1].username}/class/8b" not in {
        str(each.name) for each in plan(live, beside).actions
    }


def test_whom_the_site_does_not_have_counts_among_several():
    """Else the second would be taken for the first, until the first is synchronised."""
    stranger = RosterPerson("t-9", "", None, "G", "F", TEACHER, True, (), "users.csv", 9)
    both = roster(member("8a", "t-0", 2), member("8b", "t-9", 3), member("8b", "t-1", 4))
    both = replace(both, people=(*both.people, stranger))
    first = ruled(both, rule(several=ForSeveral.FIRST))
    assert set(given_by(first)) == {"mentor/t-0/class/8a"}
    assert codes(first) == ["RR403", "RR405"]
    assert "RR407" in codes(ruled(both, rule(several=ForSeveral.REFUSE)))
    spared = rule(several=ForSeveral.REFUSE, except_people=(ref("t-1"),))
    assert "RR407" not in codes(ruled(both, spared))


def test_principals_become_headteachers_of_their_schools():
    head = Profile("p0", "Staff", frozenset(Role))
    duty = member("skole", "t-2", 7, role=RosterRole.PRINCIPAL)
    made = roster(duties=(duty, member("skole", "t-1", 8)))
    heads = rule(role=Role.HEADTEACHER, who=Who.PRINCIPAL, of=Of(OfKind.SCHOOL))
    state = small_site(profiles=(head, small_site().profiles[1]))
    assert set(given_by(ruled(made, heads), state)) == {"headteacher/t-2/school/skole"}
    assert codes(ruled(made, replace(heads, role=Role.MENTOR)), state)[0] == "RR401"


def test_who_cannot_be_added_is_told_at_the_rule():
    none = {Role.MENTOR: ProfileSetting((), AT)}
    with pytest.raises(InvalidInput) as caught:
        plan(small_site(), ruled(BOTH, rule(), profiles=none))
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == (
        "RR210",
        "the profile of 2 people, Staff, does not have the mentor role: t-0, t-1.",
    )
    assert "Staff must stand under roles.mentor.profiles" in (found.advice or "")


def test_nobody_is_led_to_give_every_learner_the_role():
    learner = LEARNERS[0]
    (listed,) = [RosterPerson(
        learner.sync_key or "", "", None, "G", "F", TEACHER, True, (), "users.csv", 2
    )]  # fmt: skip
    made = roster(member("8a", listed.sourced_id, 2), member("8b", "t-1", 3))
    made = replace(made, people=(*made.people, listed))
    with pytest.raises(InvalidInput) as caught:
        plan(small_site(), ruled(made, rule()))
    (found,) = caught.value.diagnostics
    assert found.code == "RR210"
    assert "is a learner" in (found.advice or "")
    assert "profiles" not in (found.advice or "")


DAYS = st.none() | st.integers(-3, 3).map(lambda days: TODAY + timedelta(days=days))
MEMBERS = st.lists(
    st.builds(
        member,
        st.sampled_from(["8a", "8b"]),
        st.sampled_from(["t-0", "t-1", "t-9"]),
        st.integers(2, 99),
        primary=st.booleans(),
        begin=DAYS,
        end=DAYS,
        role=st.sampled_from([TEACHER, RosterRole.STUDENT]),
    ),
    max_size=6,
)


@given(MEMBERS, st.sampled_from(Who), st.sampled_from([ForSeveral.ALL, ForSeveral.FIRST]))
@settings(max_examples=200, deadline=None)
def test_a_rule_gives_what_an_obvious_model_gives(members, who, several):
    made = ruled(roster(*members), rule(who=who, several=several, of=Of(OfKind.CLASS)))
    wanted: set[str] = set()
    for where in ("8a", "8b"):
        found: list[str] = []
        for each in members:
            today = (each.begin or date.min) <= TODAY < (each.end or date.max)
            meant = each.role is TEACHER and (
                who is Who.TEACHER or (who is Who.PRIMARY_TEACHER and each.primary)
            )
            if each.unit == where and today and meant and each.person not in found:
                found.append(each.person)
        chosen = found[:1] if several is ForSeveral.FIRST else found
        wanted |= {f"mentor/{person}/class/{where}" for person in chosen if person != "t-9"}
    if wanted:
        assert set(given_by(made)) == wanted
    else:
        assert "RR401" in codes(made)


FULL = roster(*(member("8a", f"t-{n}", n + 2) for n in range(4)), member("8b", "t-1", 9))
CUT = roster(*(member("8a", f"t-{n}", n + 2) for n in range(3)))
SIZE = RosterSize.of(FULL)
TAUGHT = rule(who=Who.TEACHER)


def cut_plan(manifest: Manifest, **more):
    """The plan of a roster that lost two of its five memberships, on a site with all of them."""
    live = (("10", "u2"), ("11", "u2"), ("12", "u2"), ("13", "u2"), ("11", "u3"))
    return plan(small_site(*live), manifest, rosters_before={"sis": SIZE}, **more)


def test_a_roster_that_lost_too_much_removes_nothing_and_refuses():
    made = cut_plan(ruled(CUT, TAUGHT))
    assert made.actions == ()
    assert made.refused
    (verdict,) = [each for each in made.verdicts if each.code == "RR521"]
    assert str(verdict) == (
        "a roster has lost more than 10% since it was last applied (sis: from 5 to 3 teachers), "
        "so its rules remove nothing and nobody steps in, against the built-in limit "
        "max_roster_shrink: mentor/t-1/"
        "class/8b, mentor/t-3, mentor/t-3/class/8a"
    )
    assert made.rosters == {"sis": SIZE}, "the next one is still compared with what there was"
    assert from_document(to_document(made)) == made


def test_what_it_lost_is_removed_where_somebody_says_so():
    meant = {"RR521": "they left"}
    made = cut_plan(ruled(CUT, TAUGHT), overrides=meant)
    assert [str(each.name) for each in made.actions if each.verb.value == "remove"] == [
        "mentor/t-1/class/8b",
        "mentor/t-3/class/8a",
        "mentor/t-3",
    ]
    assert not made.refused
    assert made.rosters == {"sis": RosterSize.of(CUT)}
    assert made.basis.rosters == {"sis": SIZE}


@pytest.mark.parametrize(
    ("limit", "refused"),
    [(Limit(40, percentage=True), False), (Limit(39.9, percentage=True), True),
     (Limit(2, percentage=False), False), (Limit(1, percentage=False), True)],
)  # fmt: skip
def test_how_much_a_roster_may_lose_can_be_said(limit, refused):
    policy = Policy(max_removals=Limit(100, percentage=True), max_roster_shrink=limit)
    made = cut_plan(ruled(CUT, TAUGHT, policy=policy))
    assert made.refused is refused
    assert bool(made.actions) is not refused


def test_a_roster_that_lost_much_and_asks_for_no_removal_refuses_nothing():
    made = plan(small_site(), ruled(CUT, TAUGHT), rosters_before={"sis": SIZE})
    assert made.actions
    assert not made.refused
    first = plan(small_site(("13", "u2")), ruled(CUT, TAUGHT))
    assert not first.refused, "nothing is known of what there was"


def test_what_has_expired_goes_whatever_the_roster_lost():
    over = Item(TargetKind.CLASS, ref("8b"), ends=TODAY - timedelta(days=1))
    section = Section((entry_of(Role.MENTOR, ref("t-1"), (over,)),), AT)
    made = cut_plan(replace(ruled(CUT, TAUGHT), sections={Role.MENTOR: section}))
    assert [str(each.name) for each in made.actions] == ["mentor/t-1/class/8b"]


def test_a_plan_of_a_roster_that_lost_too_much_is_refused_to_the_end():
    manifest = ruled(
        CUT, TAUGHT, labels={(Role.MENTOR, LabelField.TOOL_NAME): LabelSetting("M", AT)}
    )
    made = cut_plan(manifest)
    live = (("10", "u2"), ("11", "u2"), ("12", "u2"), ("13", "u2"), ("11", "u3"))
    site = MemorySite(small_site(*live))
    with pytest.raises(GuardRefused, match="RR521"):
        apply_to(made, site)
    result = apply_to(made, site, overrides={"RR521": "additions only"})
    assert [str(each.action.name) for each in result.outcomes] == ["label/mentor/tool_name"]


def test_while_a_roster_holds_back_only_what_releases_it_is_named():
    """With what was held back, the plan has another end: what refuses now may not refuse then."""
    moved = roster(*(member("8b", f"t-{n}", n + 2) for n in range(3)))
    most = Policy(
        max_removals=Limit(100, percentage=True),
        numbers={PolicyKey.MAX_LEARNERS_PER_MENTOR: 3},
    )
    made = cut_plan(ruled(moved, TAUGHT, policy=most))
    refusing = {each.code for each in made.verdicts if each.refuses}
    assert refusing == {"RR511", "RR521"}
    look = (
        'with --override RR521 --reason "why", and look again: what was held back is judged then.'
    )
    assert how_to_lift(made.verdicts, "plan") == f"If it is meant, run plan {look}"
    live = (("10", "u2"), ("11", "u2"), ("12", "u2"), ("13", "u2"), ("11", "u3"))
    with pytest.raises(GuardRefused) as caught:
        apply_to(made, MemorySite(small_site(*live)))
    assert caught.value.advice == f"If it is meant, run plan {look}"
    lifted = cut_plan(ruled(moved, TAUGHT, policy=most), overrides={"RR521": "they left"})
    assert not lifted.refused


def test_nobody_steps_in_for_whom_a_roster_may_only_have_lost():
    """What is handed to the one who steps in is sight of a class, and no smaller than a removal."""
    stand_in = replace(TAUGHT, none=ForNone.USE, use=ref("t-3"))
    cut = roster(member("8a", "t-0", 2))
    live = small_site(("10", "u2"), ("11", "u3"))
    before = {"sis": RosterSize.of(roster(member("8a", "t-0", 2), member("8b", "t-1", 3)))}
    made = plan(live, ruled(cut, stand_in), rosters_before=before)
    assert made.actions == ()
    (verdict,) = [each for each in made.verdicts if each.code == "RR521"]
    assert {each.key for each in verdict.found} == {
        "mentor/t-3",
        "mentor/t-3/class/8b",
        "mentor/t-1",
        "mentor/t-1/class/8b",
    }
    assert made.rosters == before
    found_too = roster(member("8a", "t-0", 2), member("8a", "t-3", 3))
    made = plan(small_site(("10", "u2")), ruled(found_too, stand_in), rosters_before={"sis": SIZE})
    assert [str(each.name) for each in made.actions] == ["mentor/t-3", "mentor/t-3/class/8a"]
    assert made.refused
    meant = {"RR521": "they left"}
    lifted = plan(live, ruled(cut, stand_in), rosters_before=before, overrides=meant)
    assert "mentor/t-3/class/8b" in {str(each.name) for each in lifted.actions}


def test_a_rule_by_which_somebody_only_steps_in_matches_nothing():
    steps_in = rule(none=ForNone.USE, use=ref("t-3"))
    assert codes(ruled(roster(), steps_in)) == ["RR401"]


def test_those_who_teach_are_counted_apart_from_those_who_learn():
    """They are few: all of them could go, and the file had hardly shrunk."""
    learners = [
        member("8a", "t-3", n, primary=False, role=RosterRole.STUDENT) for n in range(20, 80)
    ]
    full = roster(*(member("8a", f"t-{n}", n + 2) for n in range(4)), *learners)
    cut = roster(member("8a", "t-0", 2), *learners)
    live = (("10", "u2"), ("11", "u2"), ("12", "u2"), ("13", "u2"))
    before = {"sis": RosterSize.of(full)}
    made = plan(small_site(*live), ruled(cut, TAUGHT), rosters_before=before)
    assert made.refused
    assert made.actions == ()


def test_what_is_narrowed_to_something_else_is_not_refused_and_is_no_measure():
    labels = {(Role.MENTOR, LabelField.TOOL_NAME): LabelSetting("M", AT)}
    manifest = ruled(CUT, TAUGHT, labels=labels)
    made = cut_plan(manifest, only=["label/*"])
    assert [str(each.name) for each in made.actions] == ["label/mentor/tool_name"]
    assert not made.refused
    assert made.rosters == {"sis": SIZE}
    lifted = cut_plan(manifest, only=["label/*"], overrides={"RR521": "they left"})
    assert lifted.rosters == {"sis": SIZE}
