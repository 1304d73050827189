"""The menu rule against a slow and obvious model of it, and what explain says of each condition."""

from collections.abc import Set
from dataclasses import replace
from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small import LEARNERS, STAFF, small_site
from strategies import TODAY, below, sites

from reconciler.access.menu import Condition, explain
from reconciler.directory import Directory, find_person
from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.vocabulary import MembershipRole, Role, TargetKind, UnitKind
from reconciler.errors import ReconcilerError
from reconciler.state import Labels, LiveState, Membership, Profile, Unit

MENTOR = Assignment(Role.MENTOR, "10", TargetKind.CLASS, "u2")
HEAD = Assignment(Role.HEADTEACHER, "10", TargetKind.SCHOOL, "u1")
PARTS = ("profile", "added", "linked", "learners")


# The model: it knows no directory, no row and no cache.


def model(state: LiveState, person: str) -> tuple[list[tuple[str, str]], dict[str, bool]]:
    """What a person's menu shows, and per code whether the condition is met."""
    (one,) = [each for each in state.people if each.id == person]
    (profile,) = [each for each in state.profiles if each.id == one.profile]
    met = {"account.active": one.active}
    for role in Role:
        targets = [a.target for a in state.assignments if a.role == role and a.person == person]
        met[f"{role}.profile"] = role in profile.roles
        met[f"{role}.added"] = (role, person) in state.holders
        met[f"{role}.linked"] = targets != []
        met[f"{role}.learners"] = any(leads_to_a_learner(state, target) for target in targets)
    met["ilp.enabled"] = state.site.ilp_enabled
    met["ilp.template"] = state.site.ilp_published_templates >= 1
    linked = {Role.MENTOR: "learners", Role.HEADTEACHER: "linked"}
    shown = [
        role
        for role in Role
        if met["account.active"]
        and met[f"{role}.profile"]
        and met[f"{role}.added"]
        and met[f"{role}.{linked[role]}"]
    ]
    names = {each.role: each.tool_name or each.role.value.capitalize() for each in state.labels}
    if Role.MENTOR in shown and Role.HEADTEACHER in shown:
        return [("supervisor", names[Role.HEADTEACHER])], met
    return [(role.value, names[role]) for role in shown], met


def leads_to_a_learner(state: LiveState, target: str) -> bool:
    if target in {each.id for each in state.people}:
        return True
    return any(
        each.unit in below(state, target)
        and each.role == "learner"
        and (each.begin or TODAY) <= TODAY < (each.end or date.max)
        for each in state.memberships
    )


def told(state: LiveState, person: str = "10") -> dict[str, Condition]:
    found = explain(Directory(state), person, TODAY).conditions
    assert len({each.code for each in found}) == len(found)
    return {each.code: each for each in found}


def menu(state: LiveState, person: str = "10") -> list[tuple[str, str]]:
    explanation = explain(Directory(state), person, TODAY)
    return [(entry.entry.value, entry.label) for entry in explanation.menu]


def check(state: LiveState, person: str) -> None:
    """Compare with the model, and look at the remedies."""
    conditions = told(state, person)
    assert (menu(state, person), {code: each.met for code, each in conditions.items()}) == model(
        state, person
    )
    for each in conditions.values():
        assert (each.remedy is None) == each.met
        if each.remedy:
            assert "In the manifest: " in each.remedy
            assert "In the admin pages: " in each.remedy


# The truth table


def site(
    enabled: Set[Role],
    added: Set[Role],
    linked: Set[Role],
    filled: Set[Role] = frozenset(Role),
) -> LiveState:
    """t-0 with class 8a, its learner in a group below; and a school apart, its learner in 9a."""
    units = small_site().units
    where = {Role.MENTOR: ("g", "20"), Role.HEADTEACHER: ("c", "21")}
    return small_site(
        profiles=(
            Profile("p0", "Staff", frozenset(enabled)),
            Profile("p1", "Student", frozenset()),
        ),
        labels=(
            Labels(Role.MENTOR, "Mine elever", None),
            Labels(Role.HEADTEACHER, "Min skole", None),
        ),
        units=(
            *(each if each.id != "u2" else replace(each, parent="s") for each in units),
            Unit("g", None, UnitKind.GROUP, "Math", "u2"),
            Unit("s", "other", UnitKind.SCHOOL, "Other", "u0"),
            Unit("c", "9a", UnitKind.CLASS, "9A", "u1"),
        ),
        memberships=(
            Membership("u2", "11", MembershipRole.TEACHER, False, None, None),
            *(
                Membership(*where[role], MembershipRole.LEARNER, True, None, None)
                for role in sorted(filled)
            ),
        ),
        holders=frozenset(Holder(role, "10") for role in added),
        assignments=Assignments.of(each for each in (MENTOR, HEAD) if each.role in linked),
    )  # fmt: skip


TRUTHS = list(product((True, False), repeat=len(PARTS)))


@pytest.mark.parametrize("active", [True, False], ids=["active", "inactive"])
@pytest.mark.parametrize(
    "mentor",
    TRUTHS,
    ids=lambda row: "-".join(n if m else f"no_{n}" for n, m in zip(PARTS, row, strict=True)),
)
def test_the_whole_truth_table(mentor, active):
    for head in TRUTHS:
        facts = [
            {role for role, row in ((Role.MENTOR, mentor), (Role.HEADTEACHER, head)) if row[n]}
            for n in range(len(PARTS))
        ]
        state = site(*facts)
        state = replace(state, people=(replace(STAFF[0], active=active), *STAFF[1:], *LEARNERS))
        check(state, "10")
        shown = (active and all(mentor), active and all(head[:3]))
        assert [entry for entry, _ in menu(state)] == {
            (False, False): [],
            (True, False): ["mentor"],
            (False, True): ["headteacher"],
            (True, True): ["supervisor"],
        }[shown], (mentor, head)
        met = {code: each.met for code, each in told(state).items()}
        for role, row in ((Role.MENTOR, mentor), (Role.HEADTEACHER, head)):
            wanted = (*row[:3], row[2] and row[3])
            assert tuple(met[f"{role}.{part}"] for part in PARTS) == wanted, (mentor, head)


@given(sites(), st.data())
def test_any_site_is_explained_as_the_model_has_it(state, data):
    check(state, data.draw(st.sampled_from([each.id for each in state.people])))


@pytest.mark.parametrize(("enabled", "templates"), list(product((True, False), (0, 1, 3))))
def test_the_menu_entry_needs_no_ilps(enabled, templates):
    state = site({Role.MENTOR}, {Role.MENTOR}, {Role.MENTOR})
    ilp = replace(state.site, ilp_enabled=enabled, ilp_published_templates=templates)
    state = replace(state, site=ilp)
    check(state, "10")
    assert menu(state) == [("mentor", "Mine elever")]
    for found in (told(state)["ilp.enabled"], told(state)["ilp.template"]):
        assert found.met or "The menu entry does not need it" in str(found.remedy)


# Which unit is empty, and when


def with_members(*spans: tuple[int | None, int | None]) -> LiveState:
    """t-0 as mentor of 8a, whose learners are there between days, counted from today."""

    def day(offset: int | None) -> date | None:
        return None if offset is None else TODAY + timedelta(days=offset)

    state = site(set(Role), set(Role), {Role.MENTOR})
    return replace(
        state,
        memberships=tuple(
            Membership("g", f"2{n}", MembershipRole.LEARNER, True, day(begin), day(end))
            for n, (begin, end) in enumerate(spans)
        ),
    )


WHEN: dict[str, tuple[list[tuple[int | None, int | None]], str | None]] = {
    "never": ([], "none in 8a)"),
    "later": ([(7, None), (3, 90)], "none in 8a before 2026-11-27)"),
    "tomorrow": ([(1, None)], "none in 8a before 2026-11-25)"),
    "today": ([(0, None)], None),
    "until tomorrow": ([(None, 1)], None),
    "until today": ([(None, 0)], "none in 8a since 2026-11-24)"),
    "gone": ([(-90, -30), (None, -9)], "none in 8a since 2026-11-15)"),
    "gone, and others later": ([(-90, -30), (5, None)], "none in 8a before 2026-11-29)"),
    "a span of no day": ([(5, 5), (-5, -5)], "none in 8a)"),
}


@pytest.mark.parametrize("case", WHEN)
def test_an_empty_class_is_named_with_when_it_has_learners(case):
    spans, said = WHEN[case]
    state = with_members(*spans)
    check(state, "10")
    found = told(state)["mentor.learners"]
    assert found.met == (said is None)
    if said:
        assert found.text.endswith(f"(on 2026-11-24 {said}")


def test_an_empty_class_is_named_beside_a_full_one_too():
    state = with_members((0, None))
    also = MENTOR._replace(target="u3")
    found = told(replace(state, assignments=state.assignments | {also}))["mentor.learners"]
    assert found.met
    assert found.text.endswith("(on 2026-11-24 none in 8b)")


def test_only_the_first_of_many_empty_units_are_named():
    state = with_members()
    units = [Unit(f"n{n}", f"n-{n}", UnitKind.CLASS, f"N{n}", "u1") for n in range(7)]
    state = replace(
        state,
        units=(*state.units, *units),
        assignments=Assignments.of(MENTOR._replace(target=each.id) for each in units),
    )
    assert told(state)["mentor.learners"].text.endswith(
        "none in n-0, n-1, n-2, n-3, n-4 and 2 more)"
    )


def test_a_mentor_of_a_learner_needs_no_class():
    state = with_members()
    learner = Assignment(Role.MENTOR, "10", TargetKind.LEARNER, "20")
    state = replace(state, assignments=Assignments.of({learner}))
    check(state, "10")
    assert menu(state) == [("mentor", "Mine elever")]


# Remedies and names


REMEDIES: dict[str, tuple[str, ...]] = {
    "account.active": ("manifest: this cannot", "student information system"),
    "mentor.profile": ("under roles.mentor.profiles", "everybody with the profile Staff"),
    "mentor.added": ("add an entry for t-0 under mentors", "on the Mentors page"),
    "mentor.linked": ("name a learner, class or group in the entry for t-0 under mentors",),
    "mentor.learners": (
        "The manifest cannot put learners into a unit",
        "student information system",
    ),
    "headteacher.profile": ("under roles.headteacher.profiles",),
    "headteacher.added": ("add an entry for t-0 under headteachers", "on the Headteachers page"),
    "headteacher.linked": ("name a school or organisation in the entry for t-0",),
    "headteacher.learners": ("The menu entry does not need it.",),
    "ilp.enabled": ("manifest: this cannot", "switch ILPs on"),
    "ilp.template": ("manifest: this cannot", "publish an ILP template"),
}


def test_every_remedy_says_what_to_do_and_where():
    state = site(set(), set(), set(), set())
    off = replace(state.site, ilp_enabled=False, ilp_published_templates=0)
    people = (replace(STAFF[0], active=False), *STAFF[1:], *LEARNERS)
    conditions = told(replace(state, site=off, people=people))
    assert list(conditions) == list(REMEDIES)
    for code, parts in REMEDIES.items():
        for part in parts:
            assert part in str(conditions[code].remedy), code


@pytest.mark.parametrize("key", ["{profile}", "{0}", "{"])
def test_a_key_with_braces_stays_as_it_is(key):
    people = (replace(STAFF[0], sync_key=key), *STAFF[1:], *LEARNERS)
    state = replace(site(set(), set(), set()), people=people)
    assert f"add an entry for {key} under mentors" in str(told(state)["mentor.added"].remedy)


def test_the_platforms_default_stands_where_no_label_is_set():
    state = replace(
        site({Role.MENTOR}, {Role.MENTOR}, {Role.MENTOR}),
        labels=(Labels(Role.MENTOR, None, "x"), Labels(Role.HEADTEACHER, None, None)),
    )
    assert menu(state) == [("mentor", "Mentor")]


def test_a_person_is_found_by_any_of_their_keys():
    people = (replace(STAFF[0], email="kari@skole.no"), *STAFF[1:], *LEARNERS)
    directory = Directory(small_site(people=people))
    assert {find_person(directory, key) for key in ("t-0", "t0", "kari@skole.no", "10")} == {"10"}
    with pytest.raises(ReconcilerError, match="Nobody") as caught:
        find_person(directory, "t-00")
    assert caught.value.advice == "Did you mean 't-0'?"
    shared = (replace(STAFF[0], email="x"), replace(STAFF[1], email="x"), *STAFF[2:], *LEARNERS)
    with pytest.raises(ReconcilerError, match="2 people"):
        find_person(Directory(small_site(people=shared)), "x")
