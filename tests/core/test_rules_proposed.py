"""Rules that are proposed for a site: they plan to nothing, whatever the site and the roster."""

import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import AT, TODAY, examples, ref, subset

from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.roster import (
    Roster,
    RosterMembership,
    RosterPerson,
    RosterRole,
    RosterUnit,
    RosterUnitKind,
)
from reconciler.domain.vocabulary import Capability, Role, TargetKind, UnitKind
from reconciler.errors import ReconcilerError
from reconciler.export.ruled import export_ruled
from reconciler.manifest.dump import dump_manifest
from reconciler.manifest.load import load_manifest
from reconciler.manifest.model import Manifest, Settings
from reconciler.manifest.naming import PersonKey, UnitKey
from reconciler.manifest.normal import normal_form
from reconciler.manifest.policies import Limit, Policy
from reconciler.manifest.roster_rules import (
    ForNone,
    ForSeveral,
    Of,
    OfKind,
    RosterRule,
    RosterSource,
    Who,
)
from reconciler.manifest.write_rules import rule_data, source_data
from reconciler.plan.build import make_plan
from reconciler.plan.end_state import end_state
from reconciler.plan.model import Plan
from reconciler.rules import candidates
from reconciler.rules.common_keys import restricted
from reconciler.state import Labels, LiveState, Person, Profile, Site, Unit

SOURCE = RosterSource("sis", "oneroster-csv", AT, ref("roster.zip"))
TEACHER, PRINCIPAL, ADMINISTRATOR = (
    RosterRole.TEACHER,
    RosterRole.PRINCIPAL,
    RosterRole.ADMINISTRATOR,
)
CLASSES = [f"c-{n}" for n in range(10)]
SCHOOLS = ["school-a", "school-b"]
STAFF = [f"t-{n}" for n in range(6)]


def site(*assigned: str, people: Iterable[Person] | None = None) -> LiveState:
    """Two schools with five classes each; `assigned` are like `mentor t-0 class c-0`."""
    persons = [
        Person(f"1{n}", key, f"user{n}", f"{n}@x.example", "T", "p0", active=True)
        for n, key in enumerate([*STAFF, "t-extra"])
    ]
    ids = {"nord": "u0"} | {key: f"u-{key}" for key in [*SCHOOLS, *CLASSES]}
    units = [
        Unit("u0", "nord", UnitKind.ORGANISATION, "Nord", None),
        *(Unit(ids[key], key, UnitKind.SCHOOL, key.title(), "u0") for key in SCHOOLS),
        *(
            Unit(ids[key], key, UnitKind.CLASS, key.upper(), ids[SCHOOLS[n // 5]])
            for n, key in enumerate(CLASSES)
        ),
    ]
    own = {person.sync_key: person.id for person in persons}
    made = set()
    for each in assigned:
        role, person, kind, target = each.split()
        made.add(Assignment(Role(role), own[person], TargetKind(kind), ids[target]))
    return LiveState(
        site=Site("nord", "Nord", 5, "me", frozenset(Capability), True, 1),
        profiles=(Profile("p0", "Staff", frozenset(Role)),),
        labels=tuple(Labels(role, None, None) for role in Role),
        people=tuple(people or persons),
        units=tuple(units),
        memberships=(),
        relations=(),
        holders=frozenset(each.holder for each in made),
        assignments=Assignments.of(made),
    )


def link(unit: str, person: str, role=TEACHER, *, primary=True, begin=None, end=None):
    return RosterMembership(unit, person, role, primary, begin, end, "enrollments.csv", 2)


def roster(*links: RosterMembership, types=None, grades=None) -> Roster:
    """The same schools and classes; duties are the links to schools and organisations."""

    def unit(key: str, kind: RosterUnitKind, parent: str | None) -> RosterUnit:
        return RosterUnit(key, kind, key.upper(), parent, None, None, (), "orgs.csv", 2)

    units = [
        unit("nord", RosterUnitKind.ORGANISATION, None),
        *(unit(key, RosterUnitKind.SCHOOL, "nord") for key in SCHOOLS),
        *(
            replace(
                unit(key, RosterUnitKind.CLASS, SCHOOLS[n // 5]),
                identifier=f"code-{key}",
                class_type=(types or {}).get(key, "homeroom"),
                grades=(grades or {}).get(key, ()),
            )
            for n, key in enumerate(CLASSES)
        ),
    ]
    people = [
        RosterPerson(key, f"user{n}", f"{n}@x.example", "G", "F", TEACHER, True, (), "users.csv", 2)
        for n, key in enumerate(STAFF)
    ]
    of_class = [each for each in links if each.unit in CLASSES]
    duties = [each for each in links if each.unit not in CLASSES]
    return Roster(tuple(people), tuple(units), tuple(of_class), tuple(duties), (), "roster")


def exported(state: LiveState, made: Roster, folder: Path, **more) -> tuple[str, Manifest]:
    """Propose rules, and read the manifest back with the roster."""
    text = export_ruled(state, made, SOURCE, more.pop("as_of", TODAY), **more)
    path = folder / "roles.yaml"
    path.write_text(text, encoding="utf-8")
    return text, replace(load_manifest([path]), rosters={"sis": made})


def planned(manifest: Manifest, state: LiveState) -> Plan:
    return make_plan(manifest, state, as_of=TODAY, plan_id="p")


def check(state: LiveState, made: Roster, folder: Path, **more) -> tuple[str, Manifest]:
    text, manifest = exported(state, made, folder, **more)
    plan = planned(manifest, state)
    assert plan.actions == ()
    assert not plan.unmanaged
    assert not plan.refused
    return text, manifest


def refusal(state: LiveState, made: Roster, **more) -> str:
    with pytest.raises(ReconcilerError) as refused:
        export_ruled(state, made, SOURCE, TODAY, **more)
    assert "--as-rules" in str(refused.value.advice)
    return str(refused.value)


# From a roster by rules to a site, and back


@st.composite
def rosters(draw: st.DrawFn) -> Roster:
    days = st.none() | st.integers(-3, 3).map(lambda days: TODAY + timedelta(days=days))
    links = [
        link(unit, draw(st.sampled_from(STAFF)), primary=draw(st.booleans()),
             begin=draw(st.none() | days), end=draw(st.none() | days))
        for unit in CLASSES
        for _ in range(draw(st.integers(0, 3)))
    ]  # fmt: skip
    links += [
        link(unit, draw(st.sampled_from(STAFF)), draw(st.sampled_from([PRINCIPAL, ADMINISTRATOR])))
        for unit in [*SCHOOLS, "nord"]
        for _ in range(draw(st.integers(0, 2)))
    ]
    words = st.sampled_from(["homeroom", "scheduled", "Homeroom", "Scheduled"])
    types = {unit: draw(words) for unit in CLASSES}
    grades = {unit: tuple(subset(draw, ["08", "9", "10", "0", "0 8"], 2)) for unit in CLASSES}
    made = roster(*draw(st.permutations(links)), types=types, grades=grades)
    there = st.sampled_from([(None, None)] * 6 + [(TODAY + timedelta(1), None), (None, TODAY)])
    units = tuple(
        replace(unit, begin=begin, end=end) for unit in made.units for begin, end in [draw(there)]
    )
    return replace(made, units=units)


MENTORING = st.builds(
    RosterRule,
    st.just(ref("mentoring")),
    st.just("sis"),
    st.just(Role.MENTOR),
    st.sampled_from([Who.PRIMARY_TEACHER, Who.TEACHER]),
    st.sampled_from(
        [
            Of(OfKind.CLASS),
            Of(OfKind.CLASS, "homeroom"),
            Of(OfKind.CLASS, "scheduled"),
            Of(OfKind.CLASS, None, ("8", "9")),
            Of(OfKind.CLASS, "homeroom", ("10",)),
        ]
    ),
)
FIRST = MENTORING.map(lambda rule: replace(rule, several=ForSeveral.FIRST))  # fmt: skip
HEADING = st.builds(
    RosterRule,
    st.just(ref("heading")),
    st.just("sis"),
    st.just(Role.HEADTEACHER),
    st.sampled_from([Who.PRINCIPAL, Who.ADMINISTRATOR]),
    st.sampled_from([Of(OfKind.SCHOOL), Of(OfKind.ORGANISATION)]),
)


def made_by(made: Roster, *rules: RosterRule) -> LiveState:
    """The site after rules were applied to it; one that matches nothing is left out."""
    state = site()
    for rule in rules:
        manifest = Manifest(
            site=ref("nord"),
            settings=Settings(),
            within=None,
            policy=Policy(max_removals=Limit(100, percentage=True)),
            digest="",
            sources={"sis": SOURCE},
            rosters={"sis": made},
            rules=(rule,),
        )
        try:
            plan = make_plan(manifest, state, as_of=TODAY, plan_id="p")
        except ReconcilerError:
            continue
        state = end_state(state, plan.actions)
    return state


def explicit_lines(manifest: Manifest) -> int:
    return sum(
        1 + len(entry.items) for section in manifest.sections.values() for entry in section.entries
    )


@given(rosters(), MENTORING, HEADING)
@examples(150)
def test_what_rules_made_is_found_again(tmp_path_factory, made, mentoring, heading):
    state = made_by(made, mentoring, heading)
    mentors = [each for each in state.assignments if each.role is Role.MENTOR]
    if len(mentors) < 7:  # so few that entries may take fewer lines
        return
    _, manifest = check(state, made, tmp_path_factory.mktemp("ruled"))
    assert Role.MENTOR in {rule.role for rule in manifest.rules}
    assert explicit_lines(manifest) < len(state.assignments)


@st.composite
def perturbed(draw: st.DrawFn) -> tuple[Roster, LiveState]:
    """A roster, and a site that rules made and others have changed since."""
    made = draw(rosters())
    state = made_by(made, draw(MENTORING | FIRST), draw(HEADING))
    possible = [
        Assignment(role, person.id, kind, unit.id)
        for role, kinds in (
            (Role.MENTOR, [UnitKind.CLASS]),
            (Role.HEADTEACHER, [UnitKind.SCHOOL, UnitKind.ORGANISATION]),
        )
        for person in state.people
        for unit in state.units
        if unit.kind in kinds
        for kind in [TargetKind(unit.kind.value)]
    ]
    possible += [
        Assignment(Role.MENTOR, person.id, TargetKind.LEARNER, state.people[0].id)
        for person in state.people
    ]
    gone = set(subset(draw, sorted(state.assignments), 4))
    more = set(subset(draw, possible, 4))
    idle = {Holder(Role.MENTOR, each.id) for each in subset(draw, list(state.people), 2)}
    assignments = (state.assignments - gone) | more
    holders = state.holders | {each.holder for each in more} | idle
    return made, replace(state, assignments=assignments, holders=holders)


@given(perturbed())
@examples(200)
def test_whatever_others_changed_the_rules_plan_to_nothing(tmp_path_factory, case):
    made, state = case
    try:
        _, manifest = check(state, made, tmp_path_factory.mktemp("ruled"))
    except ReconcilerError as none:
        assert str(none).startswith("No rules can be proposed from this roster: ")  # noqa: PT017 - most have
        return
    assert manifest.rules


@given(perturbed(), st.randoms(use_true_random=False))
@examples(60)
def test_the_same_site_in_another_order_gives_the_same_bytes(case, shuffled):
    made, state = case

    def text(of: LiveState) -> str:
        try:
            return export_ruled(of, made, SOURCE, TODAY)
        except ReconcilerError as none:
            return str(none)

    mixed = replace(
        state,
        people=tuple(shuffled.sample(state.people, len(state.people))),
        units=tuple(shuffled.sample(state.units, len(state.units))),
    )
    assert text(mixed) == text(state)


@given(perturbed())
@examples(150)
def test_the_rules_take_fewer_lines_than_they_save(tmp_path_factory, case):
    """Against the lines of the manifest without rules, comments not counted."""
    from reconciler.export.whole import export_manifest  # noqa: PLC0415 - here alone

    made, state = case
    try:
        text, manifest = exported(state, made, tmp_path_factory.mktemp("ruled"))
    except ReconcilerError:
        return
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    without = dump_manifest(export_manifest(state)).splitlines()
    assert len(lines) < len(without)
    assert manifest.rules


# What the rules say


def mentored(*pairs: tuple[str, str]) -> list[str]:
    return [f"mentor {person} class {unit}" for unit, person in pairs]


PAIRS = [(unit, STAFF[n % 6]) for n, unit in enumerate(CLASSES)]
LINKS = [link(unit, person) for unit, person in PAIRS]


def rules_of(manifest: Manifest) -> list[tuple[str, str, str, tuple[str, ...], tuple[str, ...]]]:
    return [
        (
            rule.name.key,
            rule.who.value,
            rule.of.class_type or rule.of.kind.value,
            tuple(each.key for each in rule.except_people),
            tuple(each.key for each in rule.except_units),
        )
        for rule in manifest.rules
    ]


def test_the_plainest_rule_that_gives_all_is_chosen(tmp_path):
    text, manifest = check(site(*mentored(*PAIRS)), roster(*LINKS), tmp_path)
    assert rules_of(manifest) == [
        ("primary-teachers-of-homerooms", "primary_teacher", "homeroom", (), ())
    ]
    assert not manifest.sections.get(Role.MENTOR)
    assert "  # Gives 10 of 10 mentor assignments; exceptions: 0 people, 0 units.\n" in text


def test_what_the_site_has_not_is_excepted_by_unit_or_person_whichever_costs_less(tmp_path):
    """Nobody has c-9; t-5, who teaches everywhere in the roster, mentors nobody."""
    links = [link(unit, f"t-{n % 5}") for n, unit in enumerate(CLASSES)]
    links += [link(unit, "t-5") for unit in CLASSES]
    pairs = [(unit, f"t-{n % 5}") for n, unit in enumerate(CLASSES[:9])]
    text, manifest = check(site(*mentored(*pairs)), roster(*links), tmp_path)
    ((_, _, _, people, units),) = rules_of(manifest)
    assert people == ("t-5",)
    assert units == ("c-9",)
    assert "Gives 9 of 9 mentor assignments; exceptions: 1 person, 1 unit." in text


def test_right_ones_that_an_exception_takes_along_are_declared(tmp_path):
    """The roster has two teachers in c-0, and the site only the second: the unit is excepted."""
    links = [*LINKS, link("c-0", "t-1")]
    pairs = [("c-0", "t-1"), *PAIRS[1:]]
    text, manifest = check(site(*mentored(*pairs)), roster(*links), tmp_path)
    ((_, _, _, people, units),) = rules_of(manifest)
    assert (people, units) == ((), ("c-0",))
    (entry,) = manifest.sections[Role.MENTOR].entries
    assert (entry.person.key, [item.target.key for item in entry.items]) == ("t-1", ["c-0"])
    assert "# No rule gives 1 of 10 mentor assignments.\nmentors:\n" in text


def test_what_the_site_has_beyond_the_rules_is_declared_and_idle_holders_too(tmp_path):
    state = site(*mentored(*PAIRS), "mentor t-0 class c-5", "headteacher t-1 school school-a")
    state = replace(state, holders=state.holders | {Holder(Role.MENTOR, "16")})
    text, manifest = check(state, roster(*LINKS), tmp_path)
    entries = {
        entry.person.key: [item.target.key for item in entry.items]
        for section in manifest.sections.values()
        for entry in section.entries
    }
    assert entries == {"t-0": ["c-5"], "t-extra": [], "t-1": ["school-a"]}
    assert "# No rule that takes fewer lines than it saves gives headteacher assignments." in text


def test_a_holder_of_nobody_is_all_that_is_left(tmp_path):
    state = site(*mentored(*PAIRS))
    state = replace(state, holders=state.holders | {Holder(Role.MENTOR, "16")})
    text, manifest = check(state, roster(*LINKS), tmp_path)
    assert "# Who is mentor of nobody.\nmentors:\n  - person: t-extra\n" in text
    assert len(manifest.sections[Role.MENTOR].entries) == 1


def test_types_and_grades_part_the_classes_that_are_mentored_from_those_that_are_not(tmp_path):
    types = {unit: "homeroom" if n < 6 else "scheduled" for n, unit in enumerate(CLASSES)}
    _, manifest = check(site(*mentored(*PAIRS[:6])), roster(*LINKS, types=types), tmp_path)
    assert [rule.of for rule in manifest.rules] == [Of(OfKind.CLASS, "homeroom")]
    grades = {unit: ("08",) if n < 7 else ("10",) for n, unit in enumerate(CLASSES)}
    _, manifest = check(site(*mentored(*PAIRS[:7])), roster(*LINKS, grades=grades), tmp_path)
    assert [rule.of for rule in manifest.rules] == [Of(OfKind.CLASS, grades=("8",))]


@pytest.mark.parametrize(("grade", "written"), [("0 8", "0 8"), ("00", "0"), ("008", "8")])
def test_a_grade_is_written_as_a_manifest_reads_it(tmp_path, grade, written):
    grades = {unit: (grade,) if n < 7 else ("10",) for n, unit in enumerate(CLASSES)}
    text, manifest = check(site(*mentored(*PAIRS[:7])), roster(*LINKS, grades=grades), tmp_path)
    assert [rule.of.grades for rule in manifest.rules] == [(written,)]
    assert f"          - {written}\n" in text.replace('"', "")


def test_units_that_are_not_there_on_the_day_are_neither_excepted_nor_counted(tmp_path):
    """On the site they may be of another kind by now; who is in them has nothing there."""
    days = {
        "c-8": {"end": TODAY - timedelta(days=3)},
        "c-9": {"begin": TODAY + timedelta(days=3)},
    }
    made = roster(*LINKS)
    units = tuple(replace(unit, **days.get(unit.sourced_id, {})) for unit in made.units)
    state = site(*mentored(*PAIRS[:8]))
    kinds = {"u-c-8": UnitKind.SCHOOL, "u-c-9": UnitKind.ORGANISATION}
    others = tuple(replace(unit, kind=kinds.get(unit.id, unit.kind)) for unit in state.units)
    _, manifest = check(replace(state, units=others), replace(made, units=units), tmp_path)
    assert rules_of(manifest) == [
        ("primary-teachers-of-homerooms", "primary_teacher", "homeroom", (), ())
    ]


def test_types_of_which_the_site_has_no_class_are_not_tried(tmp_path):
    """A table may have a type for each of thousands of classes."""
    grades = {unit: ("8",) if n < 6 else ("9",) for n, unit in enumerate(CLASSES)}
    made, state = roster(*LINKS, grades=grades), site(*mentored(*PAIRS[:6]))
    many = tuple(
        replace(
            made.units[-1], sourced_id=f"x-{n}", identifier=None, title=f"x-{n}", class_type=f"t{n}"
        )
        for n in range(3000)
    )
    links = tuple(link(f"x-{n}", "t-0") for n in range(3000))
    more = replace(made, units=(*made.units, *many), memberships=(*made.memberships, *links))
    started = time.process_time()
    _, manifest = check(state, more, tmp_path)
    assert time.process_time() - started < 10, "each type by itself took a minute"
    assert [rule.of for rule in manifest.rules] == [Of(OfKind.CLASS, grades=("8",))]


def test_a_type_of_its_own_for_each_pair_of_classes_takes_no_time_of_its_own(tmp_path):
    """The work grows with the table, and not with its types times its rows."""
    size = 1_000
    keys = [f"k-{n}" for n in range(size)]
    state = site()
    unit = state.units[-1]
    units = tuple(replace(unit, id=f"u-{key}", sync_key=key, title=key) for key in keys)
    mentors = Assignments.of(
        Assignment(Role.MENTOR, f"1{n % 6}", TargetKind.CLASS, f"u-{key}")
        for n, key in enumerate(keys)
    )
    state = replace(
        state,
        units=(*state.units, *units),
        assignments=mentors,
        holders=frozenset(each.holder for each in mentors),
    )
    made = roster()
    classes = tuple(
        replace(made.units[-1], sourced_id=key, identifier=None, title=key, class_type=f"t{n // 2}")
        for n, key in enumerate(keys)
    )
    links = tuple(link(key, STAFF[n % 6]) for n, key in enumerate(keys))
    started = time.process_time()
    _, manifest = check(state, replace(made, units=classes, memberships=links), tmp_path)
    assert time.process_time() - started < 15
    assert [rule.of for rule in manifest.rules] == [Of(OfKind.CLASS)]


def test_who_stands_first_in_an_export_makes_no_rule():
    """The site has the first of two everywhere; tomorrow the other may be the first."""
    links = [link(unit, STAFF[(n + more) % 6]) for n, unit in enumerate(CLASSES) for more in (0, 3)]
    assert "with them, the manifest would be no shorter" in refusal(
        site(*mentored(*PAIRS)), roster(*links)
    )


def test_principals_become_headteachers_where_there_are_enough(tmp_path):
    duties = [link(school, f"t-{n}", PRINCIPAL) for n, school in enumerate(SCHOOLS)]
    heads = [f"headteacher t-{n} school {school}" for n, school in enumerate(SCHOOLS)]
    _, manifest = check(site(*mentored(*PAIRS), *heads), roster(*LINKS, *duties), tmp_path)
    assert [name for name, *_ in rules_of(manifest)] == [
        "primary-teachers-of-homerooms",
        "principals-of-schools",
    ]
    assert not manifest.sections.get(Role.HEADTEACHER)


def test_two_rules_of_one_kind_have_names_of_their_own(tmp_path):
    types = {unit: "aaabbccccc"[n] for n, unit in enumerate(CLASSES)}
    pairs = [(unit, STAFF[(n + more) % 6]) for n, unit in enumerate(CLASSES) for more in range(3)]
    links = [link(unit, person) for unit, person in pairs]
    state = site(*mentored(*(pair for pair in pairs if types[pair[0]] != "c")))
    _, manifest = check(state, roster(*links, types=types), tmp_path)
    assert [(rule.name.key, rule.of.class_type) for rule in manifest.rules] == [
        ("primary-teachers-of-classes", "a"),
        ("primary-teachers-of-classes-2", "b"),
    ]


# By which keys


def renamed(
    made: Roster,
    *,
    ids: bool = False,
    unit_ids: bool = False,
    codes: bool = False,
    username: str = "",
) -> Roster:
    """The roster with other ids, or units that nothing names; who is in which unit stays."""

    def person(key: str) -> str:
        return f"x-{key}" if ids else key

    def unit(key: str) -> str:
        return f"x-{key}" if ids or unit_ids else key

    return replace(
        made,
        people=tuple(
            replace(each, sourced_id=person(each.sourced_id), username=username or each.username)
            for each in made.people
        ),
        units=tuple(
            replace(
                each,
                sourced_id=unit(each.sourced_id),
                identifier=each.sourced_id if codes else each.identifier,
                title="Other" if unit_ids else each.title,
            )
            for each in made.units
        ),
        memberships=tuple(
            each._replace(unit=unit(each.unit), person=person(each.person))
            for each in made.memberships
        ),
    )


def test_the_keys_by_which_both_agree_are_found(tmp_path):
    state = site(*mentored(*PAIRS))
    _, manifest = check(state, renamed(roster(*LINKS), ids=True, codes=True), tmp_path)
    source = manifest.sources["sis"]
    assert (manifest.settings.people, source.people.value) == (PersonKey.USERNAME, "username")
    assert (manifest.settings.units, source.units.value) == (UnitKey.SYNC_KEY, "identifier")
    units = tuple(
        replace(unit, sync_key=None, parent="u0" if unit.kind is UnitKind.CLASS else unit.parent)
        for unit in state.units
    )
    by_title = renamed(roster(*LINKS), ids=True, username="other")
    _, manifest = check(replace(state, units=units), by_title, tmp_path)
    source = manifest.sources["sis"]
    assert (manifest.settings.people, source.people.value) == (PersonKey.EMAIL, "email")
    assert source.units.value == "title"


def test_a_kind_of_key_that_is_asked_for_is_kept_to(tmp_path):
    state = site(*mentored(*PAIRS))
    _, manifest = check(state, roster(*LINKS), tmp_path, people=PersonKey.EMAIL)
    assert manifest.settings.people is PersonKey.EMAIL
    told = refusal(state, roster(*LINKS), people=PersonKey.ID)
    assert told.endswith("none of the people who teach or head something in it is found on the "
                         "site, by id.")  # fmt: skip


def test_a_kind_of_key_that_does_not_name_everybody_is_not_used(tmp_path):
    """One mentor has no sync key: then all are named by another one."""
    state = site(*mentored(*PAIRS), "mentor t-extra class c-0")
    people = tuple(
        replace(each, sync_key=None) if each.sync_key == "t-extra" else each
        for each in state.people
    )
    _, manifest = check(replace(state, people=people), roster(*LINKS), tmp_path)
    assert manifest.settings.people is PersonKey.USERNAME


def test_a_type_that_is_written_in_two_cases_is_one_type(tmp_path):
    """So rules compare it: those of one spelling alone cannot be given."""
    types = {unit: "Kontakt" if n < 6 else "kontakt" for n, unit in enumerate(CLASSES)}
    types |= {"c-9": "scheduled"}
    text, manifest = check(site(*mentored(*PAIRS[:6])), roster(*LINKS, types=types), tmp_path)
    ((_, _, kind, people, units),) = rules_of(manifest)
    assert (kind, people, units) == ("Kontakt", (), ("c-6", "c-7", "c-8"))
    assert "Gives 6 of 6 mentor assignments" in text


def test_rules_are_run_over_the_whole_roster_before_they_are_proposed(monkeypatch):
    """Whatever was left out while they were tried; here, classes that are given and not live."""
    monkeypatch.setattr(candidates, "_of_the_site", without_last_class)
    told = refusal(site(*mentored(*PAIRS[:9])), roster(*LINKS))
    assert told.endswith(
        "run over the whole roster, they would give 1 assignment that the site does not have."
    )


def without_last_class(made: Roster, _matcher: object) -> Roster:
    return restricted(made, [unit for unit in made.units if unit.sourced_id != "c-9"], made.people)


# When there are none


def test_why_there_are_no_rules_is_told():
    full = site(*mentored(*PAIRS))
    strangers = [replace(each, sourced_id=f"x{n}", username=f"x{n}", email=None)
                 for n, each in enumerate(roster().people)]  # fmt: skip
    links = [each._replace(person=f"x{each.person[2:]}") for each in LINKS]
    unknown = replace(roster(*links), people=tuple(strangers))
    assert refusal(full, unknown).endswith(
        "none of the people who teach or head something in it is found on the site, by sync key, "
        "username, email or id."
    )
    elsewhere = renamed(roster(*LINKS), unit_ids=True)
    assert "none of the units they have in it is found on the site" in refusal(full, elsewhere)
    assert refusal(site(), roster(*LINKS)).endswith(
        "nobody on the site has a class, group, school or organisation."
    )
    later = [each._replace(begin=TODAY + timedelta(days=1)) for each in LINKS]
    assert f"on {TODAY} nobody in it teaches a class" in refusal(full, roster(*later))
    others = [link(unit, STAFF[(n + 3) % 6]) for n, unit in enumerate(CLASSES)]
    told = refusal(site(*mentored(("c-0", "t-0"))), roster(*others))
    assert told.endswith("nobody on the site has a unit that they teach or head in it.")


def test_a_rule_that_does_not_pay_is_told_with_what_it_would_give():
    types = dict.fromkeys(CLASSES, "scheduled")
    told = refusal(site(*mentored(*PAIRS[:2])), roster(*LINKS, types=types))
    assert told.endswith(
        "with them, the manifest would be no shorter. The rule that gives most, primary_teacher of "
        "classes, gives 2 of 2 assignments, with 6 exceptions; it has no classes of the type "
        "homeroom."
    )


def test_a_key_that_several_on_the_site_share_leaves_no_rule():
    state = site(*mentored(*PAIRS[:9]))
    twin = replace(state.people[-1], sync_key="t-9")
    people = (*state.people[:-1], twin, replace(twin, id="99"))
    strange = RosterPerson("t-9", "u9", None, "G", "F", TEACHER, True, (), "users.csv", 2)
    made = roster(*LINKS, *(link(unit, "t-9") for unit in CLASSES))
    made = replace(made, people=(*made.people, strange))
    told = refusal(replace(state, people=people), made, people=PersonKey.SYNC_KEY)
    assert "meets a key that several share, on the site or in the roster" in told


def test_a_key_that_a_guardian_shares_is_declared_and_the_others_are_found(tmp_path):
    """In the manifest the rules see the whole roster, and so they do where they are tried."""
    made = roster(*LINKS)
    guardian = replace(made.people[0], sourced_id="g-0", username="g", role=RosterRole.GUARDIAN)
    made = replace(made, people=(*made.people, guardian))
    state = site(*mentored(*PAIRS))
    people = [replace(each, sync_key=None, username=f"x{each.id}") for each in state.people]
    text, manifest = check(replace(state, people=tuple(people)), made, tmp_path)
    assert manifest.settings.people is PersonKey.EMAIL
    left = [each.person.key for each in manifest.sections[Role.MENTOR].entries]
    assert left == ["0@x.example"]
    assert "No rule gives" in text


def test_a_class_of_last_year_that_has_the_code_of_one_of_this_year_is_no_clash(tmp_path):
    made = renamed(roster(*LINKS), ids=True, codes=True)
    old = replace(made.units[-1], sourced_id="old", end=TODAY)
    made = replace(made, units=(*made.units, old))
    _, manifest = check(site(*mentored(*PAIRS)), made, tmp_path)
    assert rules_of(manifest)


def test_a_path_that_no_manifest_can_say_is_refused():
    source = replace(SOURCE, path=ref("a\nb"))
    with pytest.raises(ReconcilerError, match="cannot stand in a manifest"):
        export_ruled(site(*mentored(*PAIRS)), roster(*LINKS), source, TODAY)


def test_in_whatever_order_columns_are_named_the_manifest_is_in_its_normal_form():
    columns = {"until": "Til", "person": "Lærer", "kind": "Hva", "unit": "Klasse"}
    source = replace(SOURCE, type="csv", path=ref("sis.csv"), columns=columns)
    text = export_ruled(site(*mentored(*PAIRS)), roster(*LINKS), source, TODAY)
    assert normal_form("roles.yaml", text.encode()).decode() == text


# Rules as data


@given(MENTORING | FIRST | HEADING, st.sampled_from([ForNone.REPORT, ForNone.REFUSE, ForNone.USE]))
@examples(50)
def test_a_rule_that_is_written_is_read_back(tmp_path_factory, rule, none):
    rule = replace(
        rule,
        none=none,
        use=ref("t-0") if none is ForNone.USE else None,
        except_people=(ref("no"), ref("t-1")),
        except_units=(ref("08"),),
    )
    columns = {"unit": "Klasse", "person": "Lærer"}
    source = replace(SOURCE, type="csv", columns=columns, base=None)
    path = tmp_path_factory.mktemp("rule") / "roles.yaml"
    data = {"version": 1, "site": "nord", "rosters": {"sis": source_data(source)},
            "rules": [rule_data(rule)]}  # fmt: skip
    path.write_text(dump_manifest(data), encoding="utf-8")
    manifest = load_manifest([path])
    (read,) = manifest.rules
    assert plain(read) == plain(rule)
    assert manifest.sources["sis"].content == source.content


def plain(rule: RosterRule) -> RosterRule:
    """The rule without places."""
    return replace(
        rule,
        name=ref(rule.name.key),
        use=ref(rule.use.key) if rule.use else None,
        except_people=tuple(ref(each.key) for each in rule.except_people),
        except_units=tuple(ref(each.key) for each in rule.except_units),
    )
