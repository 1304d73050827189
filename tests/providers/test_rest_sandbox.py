"""The provider against the real sandbox: a process of its own, over real HTTP."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sandboxes import Sandbox, running
from scripted_site import told

from reconciler.connection import Connection
from reconciler.credentials import Secret
from reconciler.domain.address import Address
from reconciler.domain.assignments import Assignment, Holder
from reconciler.domain.vocabulary import LabelField, Role, TargetKind
from reconciler.errors import RequestRefused
from reconciler.provider import Change, ChangeResult, Verb
from reconciler.providers.codec import COLLECTIONS
from reconciler.providers.rest import pages
from reconciler.providers.rest.reader import ASKED_SINGLY, UNASKED, RestReader
from reconciler.providers.rest.writer import RestWriter
from reconciler.providers.saved import SavedStateReader, write_state
from reconciler.sandbox.municipality import municipality


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with running(tmp_path) as started:
        yield started


def connection(sandbox: Sandbox, client: str = "main") -> Connection:
    found = sandbox.client(client)
    return Connection(
        url=sandbox.url,
        token_url=sandbox.ready["token_url"],
        client_id=found["client_id"],
        client_secret=Secret(found["client_secret"]),
    )


def statuses(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The status of each answer to a request for a collection, from the log."""
    names = tuple(f"GET /v1/{shape.name} " for shape in COLLECTIONS)
    lines = [each.getMessage() for each in caplog.records if each.name == "reconciler.http"]
    return [line.split(": ")[1].split(",")[0] for line in lines if line.startswith(names)]


def test_the_municipality_is_read_whole_and_then_only_asked_after(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG, "reconciler.http")
    monkeypatch.setattr(pages, "PAGE", 7)
    seed = municipality()
    with RestReader(connection(sandbox)) as reader:
        state = reader.fetch()
        assert set(statuses(caplog)) == {"200"}
        assert len(statuses(caplog)) > len(COLLECTIONS)
        caplog.clear()
        again = reader.fetch()
        assert statuses(caplog) == ["304"] * (len(COLLECTIONS) - len(UNASKED))
    assert again == state
    # The seed is not read through the API, so this compares two ways to the same people.
    assert {person.id: person.name for person in state.people} == {
        person.id: person.name for person in seed.people
    }
    assert len(state.units) == len(seed.units)
    assert len(state.memberships) == len(seed.memberships)
    student = next(each.id for each in state.profiles if each.name == "Student")
    assert sum(person.profile == student for person in state.people) == 60


def test_what_another_client_changed_is_read_again_alone(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    with RestReader(connection(sandbox)) as reader:
        before = reader.fetch()
        gone = min(before.assignments)
        sandbox.call("DELETE", "assignments", *gone)
        caplog.clear()
        caplog.set_level(logging.DEBUG, "reconciler.http")
        after = reader.fetch()
        assert sorted(statuses(caplog)) == ["200", *["304"] * (len(COLLECTIONS) - 1)]
        assert before.assignments - after.assignments == {gone}
        address = Address.assignment(*gone)
        found = reader.last_events([address])
    assert found[address].revision == after.site.revision
    assert found[address].verb == "remove"
    assert found[address].actor == sandbox.client("other")["client_id"] != after.site.actor


def test_changes_are_made_and_read_back(sandbox: Sandbox) -> None:
    with RestWriter(connection(sandbox)) as writer:
        before = writer.fetch()
        person = next(each for each in before.people if not before.holders & held(each.id))
        unit = next(each.id for each in before.units if each.kind == "class")
        label = before.labels[0]
        enabled = Address.profile(person.profile, "mentor")
        holder = Address.holder("mentor", person.id)
        assigned = Address.assignment("mentor", person.id, "class", unit)
        named = Address.label(label.role, LabelField.TOOL_NAME)

        early = writer.send([Change(holder, Verb.ADD, None, None, "k0")])
        assert (early[0].status, early[0].code) == (409, "role_not_enabled")
        first = writer.send(
            [
                Change(enabled, Verb.ADD, None, None, "k1"),
                Change(Address.holder("mentor", "nobody/ø"), Verb.ADD, None, None, "k2"),
                Change(named, Verb.CHANGE, label.tool_name, "Mine ævler", "k3"),
            ]
        )
        assert (first[1].status, first[1].code) == (422, "unknown_person")
        assert [found.changed for found in first] == [True, False, True]
        add = Change(holder, Verb.ADD, None, None, "k4")
        made = writer.send([add])
        assert made == [ChangeResult(201, changed=True, revision=before.site.revision + 3)]
        assert writer.send([add]) == made  # the same key: the stored answer, no second effect
        again = writer.send([replace(add, key="k5")])
        assert (again[0].status, again[0].code) == (412, "expectation_failed")
        assert writer.send([Change(assigned, Verb.ADD, None, None, "k6")])[0].ok
        after = writer.fetch()
        others = [Address.holder("mentor", str(number)) for number in range(ASKED_SINGLY)]
        events = writer.last_events([assigned, holder, enabled, named, *others])
    assert after.site.revision == before.site.revision + 4
    assert after.holders - before.holders == {Holder(Role.MENTOR, person.id)}
    assert after.assignments - before.assignments == {
        Assignment(Role.MENTOR, person.id, TargetKind.CLASS, unit)
    }
    assert "Mine ævler" in {each.tool_name for each in after.labels}
    assert set(events) == {assigned, holder, enabled, named}
    assert {event.actor for event in events.values()} == {after.site.actor}
    assert events[assigned].revision == after.site.revision


def held(person: str) -> set[Holder]:
    return {Holder(role, person) for role in Role}


def test_a_client_that_may_only_read_is_refused(sandbox: Sandbox) -> None:
    with (
        RestWriter(connection(sandbox, "auditor")) as writer,
        pytest.raises(RequestRefused) as caught,
    ):
        writer.send([Change(Address.holder("mentor", "1"), Verb.ADD, None, None, "k")])
    assert "POST to the token endpoint was refused: 400 (invalid_scope)" in told(caught.value)
    with RestReader(connection(sandbox, "auditor")) as reader:
        assert reader.site().revision == 1


def test_a_saved_state_is_the_same_state(sandbox: Sandbox, tmp_path: Path) -> None:
    with RestReader(connection(sandbox)) as reader:
        state = reader.fetch()
    path = tmp_path / "state.json"
    path.write_bytes(write_state(state))
    with SavedStateReader(path) as saved:
        assert write_state(saved.fetch()) == write_state(saved.fetch())
        assert saved.fetch().people == tuple(sorted(state.people, key=lambda each: each.id))
        assert saved.fetch().assignments == state.assignments
