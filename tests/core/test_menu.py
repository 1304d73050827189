"""The menu rule's truth table, and what explain says of each condition."""

from dataclasses import replace
from itertools import product

import pytest
from small import LEARNERS, STAFF, small_site
from strategies import TODAY

from reconciler.access.menu import explain
from reconciler.directory import Directory, find_person
from reconciler.domain.vocabulary import Role, TargetKind, UnitKind
from reconciler.errors import ReconcilerError
from reconciler.state import Assignment, Holder, Labels, LiveState, Profile, Unit

MENTOR = Assignment(Role.MENTOR, "10", TargetKind.CLASS, "u2")
HEAD = Assignment(Role.HEADTEACHER, "10", TargetKind.SCHOOL, "u1")


def site(enabled: set[Role], added: set[Role], linked: set[Role]) -> LiveState:
    return small_site(
        profiles=(
            Profile("p0", "Staff", frozenset(enabled)),
            Profile("p1", "Student", frozenset()),
        ),
        labels=(
            Labels(Role.MENTOR, "Mine elever", None),
            Labels(Role.HEADTEACHER, "Min skole", None),
        ),
        holders=frozenset(Holder(role, "10") for role in added),
        assignments=frozenset(each for each in (MENTOR, HEAD) if each.role in linked),
    )  # fmt: skip


def menu(state: LiveState) -> list[tuple[str, str]]:
    explanation = explain(Directory(state), "10", TODAY)
    return [(entry.entry.value, entry.label) for entry in explanation.menu]


@pytest.mark.parametrize("mentor", list(product((True, False), repeat=3)))
@pytest.mark.parametrize("head", list(product((True, False), repeat=3)))
def test_the_whole_truth_table(mentor, head):
    facts = [
        {role for role, holds in ((Role.MENTOR, mentor[n]), (Role.HEADTEACHER, head[n])) if holds}
        for n in range(3)
    ]
    state = site(*facts)
    explanation = explain(Directory(state), "10", TODAY)
    if all(mentor) and all(head):
        expected = [("supervisor", "Min skole")]
    elif all(mentor):
        expected = [("mentor", "Mine elever")]
    elif all(head):
        expected = [("headteacher", "Min skole")]
    else:
        expected = []
    assert [(entry.entry, entry.label) for entry in explanation.menu] == expected
    met = {each.code: each.met for each in explanation.conditions}
    assert [met[f"mentor.{part}"] for part in ("profile", "added", "learners")] == list(mentor)
    assert [met[f"headteacher.{part}"] for part in ("profile", "added", "units")] == list(head)


def test_a_mentor_of_an_empty_class_sees_nothing_and_a_headteacher_of_an_empty_school_does():
    state = replace(site(set(Role), set(Role), {Role.MENTOR}), memberships=())
    assert menu(state) == []
    state = replace(state, assignments=frozenset({HEAD}))
    assert menu(state) == [("headteacher", "Min skole")]


def test_learners_of_a_subgroup_count():
    state = site({Role.MENTOR}, {Role.MENTOR}, {Role.MENTOR})
    state = replace(
        state,
        units=(*state.units, Unit("u9", None, UnitKind.GROUP, "Math", "u2")),
        memberships=tuple(each._replace(unit="u9") for each in state.memberships),
    )
    assert menu(state) == [("mentor", "Mine elever")]


def test_an_inactive_account_sees_no_menu():
    state = site({Role.MENTOR}, {Role.MENTOR}, {Role.MENTOR})
    state = replace(state, people=(replace(STAFF[0], active=False), *STAFF[1:], *LEARNERS))
    explanation = explain(Directory(state), "10", TODAY)
    assert explanation.menu == ()
    assert next(each.code for each in explanation.conditions if not each.met) == "account.active"


def test_the_platforms_default_stands_where_no_label_is_set():
    state = replace(
        site({Role.MENTOR}, {Role.MENTOR}, {Role.MENTOR}),
        labels=(Labels(Role.MENTOR, None, "x"), Labels(Role.HEADTEACHER, None, None)),
    )
    assert menu(state) == [("mentor", "Mentor")]


def test_only_unmet_conditions_have_a_remedy():
    state = site({Role.MENTOR}, set(), set())
    state = replace(state, site=replace(state.site, ilp_published_templates=0))
    explanation = explain(Directory(state), "10", TODAY)
    assert all((each.remedy is None) == each.met for each in explanation.conditions)
    unmet = {each.code for each in explanation.conditions if not each.met}
    assert {"mentor.added", "mentor.learners", "ilp.template"} <= unmet


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
