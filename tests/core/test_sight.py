"""Who sees whom, by which paths: against a slow model, and the cases that are easy to get wrong."""

from collections import defaultdict
from dataclasses import replace

import pytest
from hypothesis import given
from models import sight as model
from small import small_site
from strategies import TODAY, cases, examples

from reconciler.access.sight import Access
from reconciler.directory import Directory, find_unit
from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.vocabulary import Role, TargetKind
from reconciler.errors import ReconcilerError
from reconciler.state import Profile

CLASS = Assignment(Role.MENTOR, "10", TargetKind.CLASS, "u2")
SCHOOL = Assignment(Role.HEADTEACHER, "10", TargetKind.SCHOOL, "u1")


def site(*assignments: Assignment, roles: frozenset[Role] = frozenset(Role)):
    return small_site(
        profiles=(Profile("p0", "Staff", roles), Profile("p1", "Student", frozenset())),
        holders=frozenset(found.holder for found in assignments),
        assignments=Assignments.of(assignments),
    )


@given(cases())
@examples(150)
def test_it_is_what_a_walk_from_every_learner_up_the_tree_finds(case):
    state, _ = case
    access = Access(Directory(state), TODAY)
    seen = model(state)
    assert {
        person.id: access.of(person.id).learners
        for person in state.people
        if access.of(person.id).paths
    } == seen
    over: defaultdict[str, set[str]] = defaultdict(set)
    for person in state.people:
        for found in access.over(frozenset((person.id,))):
            over[found.person].add(person.id)
            for path in found.paths:
                assert access.learners.of(path.assignment) >= {person.id}
    assert over == seen
    for unit in state.units:
        within = access.learners.under(unit.id)
        assert {found.person: found.learners for found in access.over(within)} == {
            person: learners & within for person, learners in seen.items() if learners & within
        }


def test_every_path_is_told_and_only_those_with_effect():
    state = site(CLASS, SCHOOL, roles=frozenset((Role.MENTOR,)))
    access = Access(Directory(state), TODAY)
    assert [path.assignment for path in access.of("10").paths] == [CLASS]
    assert access.without_effect("10") == 1
    both = Access(Directory(site(CLASS, SCHOOL)), TODAY)
    assert {path.assignment for path in both.of("10").paths} == {CLASS, SCHOOL}
    assert both.without_effect("10") == 0


def test_an_assignment_of_somebody_who_was_not_added_has_no_effect():
    state = replace(site(CLASS), holders=frozenset((Holder(Role.HEADTEACHER, "10"),)))
    access = Access(Directory(state), TODAY)
    assert access.of("10").paths == ()
    assert list(access.over(access.learners.under("u0"))) == []


def test_a_unit_is_found_by_key_path_and_id_and_advice_is_given_where_it_is_not():
    directory = Directory(site())
    unit = directory.units["u2"]
    keys = {unit.sync_key, directory.path("u2"), "u2"}
    assert {find_unit(directory, str(key)) for key in keys} == {"u2"}
    with pytest.raises(ReconcilerError, match="No unit on the site") as raised:
        find_unit(directory, f"{unit.sync_key}x")
    assert str(unit.sync_key) in str(raised.value.advice)
