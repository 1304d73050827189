"""Sets of assignments, kept by holder, against plain sets."""

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.vocabulary import TARGET_KINDS, Role

SINGLE = st.builds(
    lambda role, person, kind, target: Assignment(role, person, TARGET_KINDS[role][kind], target),
    st.sampled_from(Role),
    st.sampled_from("ab"),
    st.integers(0, 1),
    st.sampled_from("xyz"),
)
SETS = st.frozensets(SINGLE, max_size=12)


@pytest.mark.parametrize("join", [operator.and_, operator.or_, operator.sub, operator.xor])
@given(SETS, SETS)
def test_they_are_joined_like_plain_sets(join, one, other):
    for right in (Assignments.of(other), other):
        found = join(Assignments.of(one), right)
        assert isinstance(found, Assignments)
        assert found == join(one, other)
        assert (len(found), sorted(found)) == (len(join(one, other)), sorted(join(one, other)))


@given(SETS, SINGLE)
def test_they_hold_what_was_put_in(plain, asked):
    made = Assignments.of([*plain, *plain])
    assert (asked in made) == (asked in plain)
    assert "mentor" not in made
    assert made.holders == {each.holder for each in plain}
    assert {each: made.targets(each) for each in made.holders} == {
        holder: {
            kind: tuple(sorted(each.target for each in plain if each[:3] == (*holder, kind)))
            for kind in {each.kind for each in plain if each.holder == holder}
        }
        for holder in made.holders
    }
    assert {(holder, kind): targets for holder, kind, targets in made.groups()} == {
        (holder, kind): targets
        for holder in made.holders
        for kind, targets in made.targets(holder).items()
    }
    assert made.targets(Holder(Role.MENTOR, "nobody")) == {}


@given(SETS, SETS)
def test_equal_ones_have_one_hash(one, other):
    left, right = Assignments.of(one), Assignments.of(other)
    assert (left == right) == (one == other) == (left == other)
    assert left == Assignments.of(sorted(one, reverse=True))
    assert hash(left) == hash(Assignments.of(sorted(one, reverse=True)))


@given(SETS, SETS, SETS)
def test_they_are_changed_like_plain_sets(plain, added, removed):
    before = Assignments.of(plain)
    after = before.changed(added, removed)
    assert after == (plain - removed) | added
    assert after.holders == {each.holder for each in after}
    assert before == plain


@given(SETS)
def test_those_of_a_role_are_the_same_set_where_they_are_all(plain):
    made = Assignments.of(plain)
    for role in Role:
        assert made.of_role(role) == {each for each in plain if each.role is role}
    assert made.of_role(*Role) is made


@given(SETS, SETS)
def test_who_differs_is_who_has_not_the_same_in_both(one, other):
    expected = {each.holder for each in one ^ other}
    assert Assignments.of(one).differing(Assignments.of(other)) == expected
