"""Whatever is asked of it, in whatever order, the site stays one that the rules allow."""

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from reconciler.domain.address import Address
from reconciler.domain.vocabulary import TARGET_KINDS, Capability, LabelField, Role, TargetKind
from reconciler.sandbox import tables
from reconciler.sandbox.changes import (
    Author,
    Change,
    ExpectPresent,
    ExpectValue,
    Verb,
    make_change,
    read_address,
)
from reconciler.sandbox.problems import Problem
from reconciler.sandbox.store import open_store

ROLES = st.sampled_from([role.value for role in Role])
PEOPLE = st.sampled_from(["10502", "10503", "10504", "10515", "21001", "nobody"])
TARGETS = st.sampled_from(["u-1", "u-10", "u-11", "u-14", "21001", "10504", "nothing"])
ADDRESSES = st.one_of(
    st.builds(Address.profile, st.sampled_from(["p-2", "p-3", "p-4", "p-99"]), ROLES),
    st.builds(Address.label, ROLES, st.sampled_from([field.value for field in LabelField])),
    st.builds(Address.holder, ROLES, PEOPLE),
    st.builds(
        Address.assignment,
        ROLES,
        PEOPLE,
        st.sampled_from([kind.value for kind in TargetKind]),
        TARGETS,
    ),
)
LABELS = st.none() | st.text(max_size=70)
CHANGES = st.builds(
    Change,
    ADDRESSES,
    st.sampled_from(Verb),
    LABELS,
    st.none() | st.builds(ExpectPresent, st.booleans()) | st.builds(ExpectValue, LABELS),
)
AUTHOR = Author("tester", "api", frozenset(Capability))


def contents(connection):
    return {
        table.name: [tuple(row) for row in connection.execute(select(table))]
        for table in (tables.profiles, tables.labels, tables.holders, tables.assignments)
    }


def made_or_refused(writing, change):
    try:
        return make_change(writing, AUTHOR, change)
    except Problem as problem:
        return problem


@settings(max_examples=60, deadline=None)
@given(st.lists(CHANGES, max_size=30))
def test_rules_hold_after_any_changes(changes):
    store = open_store(":memory:")
    effective = []
    with store.writing() as writing:
        writing.clock = lambda: datetime(2026, 8, 1, tzinfo=UTC)
        for change in changes:
            before = contents(writing.connection)
            revision = writing.revision
            outcome = made_or_refused(writing, change)
            if isinstance(outcome, Problem):
                assert outcome.status in (409, 412, 422)
                assert (contents(writing.connection), writing.revision) == (before, revision)
                continue
            assert outcome.changed is (contents(writing.connection) != before)
            assert outcome.revision == writing.revision == revision + outcome.changed
            if outcome.changed:
                effective.append((outcome.revision, str(change.address), change.verb.value))
            again = Change(change.address, change.verb, change.value)
            assert make_change(writing, AUTHOR, again).changed is False
    with store.reading() as connection:
        found = contents(connection)
        events = connection.execute(select(tables.events).order_by(tables.events.c.revision))
        assert [(event.revision, event.address, event.verb) for event in events] == effective
    store.close()
    for role, person, kind, _ in found["assignments"]:
        assert (role, person) in found["holders"]
        assert kind in TARGET_KINDS[Role(role)]
    for _, tool_name, role_name in found["labels"]:
        assert all(text is None or 0 < len(text) <= 64 for text in (tool_name, role_name))


@given(ADDRESSES)
def test_every_address_is_read_back_from_its_text(address):
    assert read_address(str(address)) == address
