"""Saved states, and the codec and checks that they share with the API."""

import copy
import json
import os
import stat
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator, FormatChecker
from strategies import sites

from reconciler.domain.address import Address
from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.vocabulary import Capability, MembershipRole, Role, TargetKind, UnitKind
from reconciler.errors import ContractViolation
from reconciler.private_files import replace_content, resemble, write_private
from reconciler.provider import Event, Reader
from reconciler.providers.codec import COLLECTIONS, EVENTS, decode, decode_site, encode_site
from reconciler.providers.saved import SavedStateReader, write_state
from reconciler.resources import shipped
from reconciler.state import Labels, LiveState, Membership, Person, Profile, Relation, Site, Unit

NAME = "Ołena Čáhci Шевченко"
STATE = LiveState(
    site=Site("nordberg", "Nordberg", 7, None, frozenset({Capability.LABELS}), True, 1),
    profiles=(Profile("p-1", "Staff", frozenset(Role)), Profile("p-2", "Student", frozenset())),
    labels=(Labels(Role.HEADTEACHER, None, None), Labels(Role.MENTOR, "Mine elever", None)),
    people=(
        Person("1", "t-1", "t1", None, NAME, "p-1", active=True),
        Person("2", None, "", "", "", "p-2", active=False),
    ),
    units=(
        Unit("u-1", "site", UnitKind.ORGANISATION, "Nordberg", None),
        Unit("u-2", None, UnitKind.SCHOOL, "Skole", "u-1"),
        Unit("u-3", "no", UnitKind.CLASS, "8A", "u-2"),
    ),
    memberships=(
        Membership("u-3", "2", MembershipRole.LEARNER, True, date(2026, 8, 1), None),
        Membership("u-3", "2", MembershipRole.LEARNER, True, None, date(2026, 7, 1)),
    ),
    relations=(Relation("1", "2", "guardian"),),
    holders=frozenset({Holder(Role.MENTOR, "1"), Holder(Role.HEADTEACHER, "1")}),
    assignments=Assignments.of(
        {
            Assignment(Role.MENTOR, "1", TargetKind.CLASS, "u-3"),
            Assignment(Role.MENTOR, "1", TargetKind.LEARNER, "2"),
            Assignment(Role.HEADTEACHER, "1", TargetKind.SCHOOL, "u-2"),
        }
    ),
)
SCHEMA = json.loads(shipped("schemas", "state-v1.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=FormatChecker())


def unordered(state: LiveState) -> dict[str, Any]:
    """A state as sets: the file sorts its items, and that says nothing about the site."""
    return {
        field.name: frozenset(value) if isinstance(value, tuple) else value
        for field in fields(state)
        for value in [getattr(state, field.name)]
    }


def save(directory: Path, document: object) -> Path:
    path = directory / "live.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    """What a user is told of a file that is no whole state: the file, advice, no name."""
    with pytest.raises(ContractViolation) as caught:
        SavedStateReader(path).fetch()
    assert caught.value.advice
    assert str(path) in str(caught.value)
    assert NAME not in f"{caught.value} {caught.value.advice} {caught.value.__cause__}"
    return str(caught.value)


def document() -> dict[str, Any]:
    return json.loads(write_state(STATE))  # type: ignore[no-any-return]


# Writing and reading back ------------------------------------------------------------------------


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(state=sites())
def test_any_state_is_read_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, state: LiveState
) -> None:
    content = write_state(state)
    VALIDATOR.validate(json.loads(content))
    path = tmp_path_factory.getbasetemp() / "any-state.json"
    path.write_bytes(content)
    found = SavedStateReader(path).fetch()
    without_events = state.site.capabilities - {Capability.EVENTS}
    assert unordered(found) == unordered(
        replace(state, site=replace(state.site, capabilities=without_events))
    )
    assert write_state(replace(found, site=state.site)) == content


def test_the_same_state_always_gives_the_same_bytes() -> None:
    turned = replace(
        STATE,
        people=STATE.people[::-1],
        units=STATE.units[::-1],
        memberships=STATE.memberships[::-1],
        holders=frozenset(sorted(STATE.holders)),
        assignments=Assignments.of(sorted(STATE.assignments, reverse=True)),
    )
    content = write_state(STATE)
    assert write_state(turned) == content
    assert content.endswith(b"\n}\n")
    assert NAME in content.decode("utf-8")


def test_every_kind_of_value_survives(tmp_path: Path) -> None:
    path = tmp_path / "live.json"
    path.write_bytes(write_state(STATE))
    reader: Reader = SavedStateReader(path)
    assert unordered(reader.fetch()) == unordered(STATE)
    assert reader.site() == STATE.site
    assert reader.last_events([Address.label("mentor", "tool_name")]) == {}


def test_a_saved_state_tells_no_events(tmp_path: Path) -> None:
    can_all = replace(STATE, site=replace(STATE.site, capabilities=frozenset(Capability)))
    path = tmp_path / "live.json"
    path.write_bytes(write_state(can_all))
    with SavedStateReader(path) as reader:
        assert reader.site().capabilities == frozenset(Capability) - {Capability.EVENTS}


def test_what_a_newer_site_adds_is_passed_over(tmp_path: Path) -> None:
    newer = document()
    newer["site"]["capabilities"].append("time-travel")
    newer["site"]["moon"] = "full"
    for shape in COLLECTIONS:
        for item in newer[shape.name]:
            item["moon"] = "full"
    VALIDATOR.validate(newer)
    assert unordered(SavedStateReader(save(tmp_path, newer)).fetch()) == unordered(STATE)


def test_many_assignments(tmp_path: Path) -> None:
    learners = tuple(
        Person(f"s{n}", f"s{n}", f"s{n}", None, "x", "p-2", active=True) for n in range(2_000)
    )
    mentors = [Holder(Role.MENTOR, f"s{n}") for n in range(50)]
    many = replace(
        STATE,
        people=STATE.people + learners,
        holders=STATE.holders | set(mentors),
        assignments=Assignments.of(
            Assignment(*mentor, TargetKind.LEARNER, learner.id)
            for mentor in mentors
            for learner in learners
        ),
    )
    path = tmp_path / "live.json"
    path.write_bytes(write_state(many))
    assert SavedStateReader(path).fetch().assignments == many.assignments


# The published schema ----------------------------------------------------------------------------


def test_the_schema_describes_every_member() -> None:
    Draft202012Validator.check_schema(SCHEMA)

    def describe(schema: dict[str, Any], place: str) -> None:
        assert schema.get("description"), place
        for name, member in schema.get("properties", {}).items():
            describe(member, f"{place}.{name}")
        if schema.get("items", {}).get("type") == "object":
            describe(schema["items"], f"{place}[]")

    describe(SCHEMA, "state")
    assert list(SCHEMA["properties"]) == list(document())


@pytest.mark.parametrize("shape", COLLECTIONS, ids=lambda shape: shape.name)
def test_the_schema_requires_what_the_codec_does(shape: Any) -> None:
    items = SCHEMA["properties"][shape.name]["items"]
    assert items["required"] == list(items["properties"]) == list(shape.fields)


# Files that are refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "is not JSON"),
        (b"roles: {}\n", "is not JSON"),
        (b"\xff\xfe{}", "is not JSON"),
        (b"[" * 200_000, "is not JSON"),
        (b"[]", "is not a saved state"),
        (b'{"format": "reconciler.plan/1"}', "is not a saved state"),
        (b'{"format": "reconciler.state/2"}', "is not a saved state"),
        (b'{"format": ["reconciler.state/1"]}', "is not a saved state"),
        (b'{"format": "reconciler.state/1"}', "the site is not an object"),
    ],
)
def test_foreign_files(tmp_path: Path, content: bytes, part: str) -> None:
    path = tmp_path / "live.json"
    path.write_bytes(content)
    assert part in refusal(path)


def test_a_file_that_is_not_there_or_a_directory(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path / "absent.json")
    assert "cannot be read" in refusal(tmp_path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut_short(tmp_path: Path, share: float) -> None:
    content = write_state(STATE)
    path = tmp_path / "live.json"
    path.write_bytes(content[: int(len(content) * share)])
    assert "cut short" in refusal(path)


@pytest.mark.parametrize("shape", COLLECTIONS, ids=lambda shape: shape.name)
@pytest.mark.parametrize("value", [None, {}, "x"])
def test_a_collection_that_is_no_list(tmp_path: Path, shape: Any, value: object) -> None:
    changed = document() | {shape.name: value}
    assert f"has no list of {shape.name}" in refusal(save(tmp_path, changed))
    del changed[shape.name]
    assert f"has no list of {shape.name}" in refusal(save(tmp_path, changed))


@pytest.mark.parametrize(
    ("shape", "field"),
    [(shape, field) for shape in COLLECTIONS for field in shape.fields],
    ids=lambda value: getattr(value, "name", value),
)
def test_every_field_is_needed_and_typed(tmp_path: Path, shape: Any, field: str) -> None:
    changed = document()
    item = changed[shape.name][-1]
    where = f"item {len(changed[shape.name])} of {shape.name}"
    for wrong in ({"a": 1}, ["a"], 1.5, "\ud800"):
        item[field] = wrong
        assert f"{where} is not readable: its {field} " in refusal(save(tmp_path, changed))
    del item[field]
    assert f"{where} has no field {field}" in refusal(save(tmp_path, changed))
    changed[shape.name][-1] = NAME
    assert f"{where} is not an object" in refusal(save(tmp_path, changed))


@pytest.mark.parametrize(
    ("collection", "field", "value", "part"),
    [
        ("people", "id", "", "is an empty text"),
        ("people", "id", None, "is not a text"),
        ("people", "sync_key", "", "is an empty text"),
        ("people", "active", 1, "is not true or false"),
        ("people", "active", None, "is not true or false"),
        ("units", "kind", "district", "is none of organisation, school, class, group"),
        ("units", "kind", None, "is none of"),
        ("labels", "role", "Mentor", "is none of mentor, headteacher"),
        ("labels", "tool_name", "", "is an empty text"),
        ("profiles", "roles", ["mentor", "principal"], "is none of"),
        ("profiles", "roles", "mentor", "is not a list"),
        ("profiles", "roles", None, "is not a list"),
        ("memberships", "begin", "2026-13-01", "cannot be read"),
        ("memberships", "begin", "20260801", "is not a date like"),
        ("memberships", "end", "2026-W32-1", "is not a date like"),
        ("memberships", "end", 20260801, "is not a text"),
    ],
)
def test_values_that_are_refused(
    tmp_path: Path, collection: str, field: str, value: object, part: str
) -> None:
    changed = document()
    changed[collection][0][field] = value
    told = refusal(save(tmp_path, changed))
    assert f"item 1 of {collection} is not readable: its {field}" in told
    assert part in told


@pytest.mark.parametrize("shape", COLLECTIONS, ids=lambda shape: shape.name)
def test_an_item_that_stands_twice(tmp_path: Path, shape: Any) -> None:
    changed = document()
    changed[shape.name].append(copy.deepcopy(changed[shape.name][0]))
    told = refusal(save(tmp_path, changed))
    assert f"item {len(changed[shape.name])} of {shape.name} came twice" in told


def test_two_people_with_one_id_are_one_item_twice(tmp_path: Path) -> None:
    changed = document()
    changed["people"][1]["id"] = changed["people"][0]["id"]
    assert "came twice" in refusal(save(tmp_path, changed))


SITE = encode_site(STATE.site)


@pytest.mark.parametrize(
    ("site", "part"),
    [
        (None, "the site is not an object"),
        ([], "the site is not an object"),
        ({key: SITE[key] for key in SITE if key != "ilp"}, "has no field ilp"),
        (SITE | {"ilp": None}, "its ilp is not an object"),
        (SITE | {"ilp": {"enabled": True}}, "has no field published_templates"),
        (SITE | {"ilp": {"enabled": 1, "published_templates": 1}}, "its enabled is not true"),
        (SITE | {"ilp": {"enabled": True, "published_templates": -1}}, "published_templates is"),
        (SITE | {"revision": "7"}, "its revision is not a whole number"),
        (SITE | {"revision": True}, "its revision is not a whole number"),
        (SITE | {"revision": 7.0}, "its revision is not a whole number"),
        (SITE | {"id": 7}, "its id is not a text"),
        (SITE | {"actor": ""}, "its actor is an empty text"),
        (SITE | {"capabilities": None}, "its capabilities is not a list"),
        (SITE | {"capabilities": [7]}, "its capabilities is not a text"),
    ],
)
def test_a_site_that_is_refused(site: object, part: str) -> None:
    with pytest.raises(ContractViolation, match=r"^GET /v1/site: the site ") as caught:
        decode_site(site, "GET /v1/site")
    assert part in str(caught.value)


def test_events_are_read_with_their_zone() -> None:
    item = {
        "at": "2026-11-24T09:00:00.5Z",
        "actor": "ola",
        "actor_kind": "console",
        "address": "mentor/1",
        "verb": "add",
        "revision": 3,
    }
    at = datetime(2026, 11, 24, 9, 0, 0, 500_000, tzinfo=UTC)
    assert decode(EVENTS, [item], "x") == [Event(at, "ola", "console", "mentor/1", "add", 3)]
    for wrong, part in (
        ({"at": "2026-11-24T09:00:00"}, "has no time zone"),
        ({"at": "yesterday"}, "cannot be read"),
        ({"revision": -1}, "not a whole number"),
    ):
        with pytest.raises(ContractViolation, match=part):
            decode(EVENTS, [item | wrong], "x")


# States that do not hold together ----------------------------------------------------------------

Break = Callable[[dict[str, Any]], object]


def put(collection: str, number: int, **values: object) -> Break:
    return lambda changed: changed[collection][number].update(values)


def add(collection: str, **values: object) -> Break:
    return lambda changed: changed[collection].append({**changed[collection][0], **values})


def unit(name: str, kind: str, parent: str | None, key: str | None = None) -> Break:
    return add("units", id=name, kind=kind, parent=parent, sync_key=key)


@pytest.mark.parametrize(
    ("breaks", "part"),
    [
        ([put("people", 0, profile="p-9")], "profile of a person, p-9, is not listed"),
        ([put("memberships", 0, unit="u-9")], "unit of a membership, u-9, is not listed"),
        ([put("memberships", 0, person="9")], "person of a membership, 9, is not listed"),
        ([put("relations", 0, person="9")], "person of a relation, 9, is not listed"),
        ([put("relations", 0, learner="9")], "learner of a relation, 9, is not listed"),
        ([add("holders", person="9")], "person of a holder, 9, is not listed"),
        ([put("units", 2, parent="u-9")], "parent of a unit, u-9, is not listed"),
        ([add("assignments", role="mentor", person="2", kind="class", target="u-3")],
         "2 has assignments as mentor but has not been added"),
        ([add("assignments", role="mentor", person="1", kind="class", target="u-9")],
         "a mentor is assigned the class u-9, which is not one"),
        ([add("assignments", role="mentor", person="1", kind="group", target="u-3")],
         "the group u-3, which is not one"),
        ([add("assignments", role="mentor", person="1", kind="school", target="u-2")],
         "a mentor is assigned the school u-2"),
        ([add("assignments", role="headteacher", person="1", kind="class", target="u-3")],
         "a headteacher is assigned the class u-3"),
        ([add("assignments", role="mentor", person="1", kind="learner", target="9")],
         "the learner 9, which is not one"),
        ([put("people", 1, sync_key="t-1")], "2 people share the sync key t-1"),
        ([put("units", 1, sync_key="no")], "2 units share the sync key no"),
        ([lambda changed: changed["labels"].pop()], "the labels of mentor are missing"),
        ([lambda changed: changed.update(units=[])], "0 tops instead of one"),
        ([unit("u-4", "organisation", None)], "2 tops instead of one"),
        ([put("units", 0, kind="school")], "u-1, is no organisation"),
        ([unit("u-4", "school", "u-2")], "the school u-4 lies under a school"),
        ([unit("u-4", "organisation", "u-2"), unit("u-5", "school", "u-4")],
         "the school u-5 lies under a school"),
        ([unit("u-4", "organisation", "u-5"), unit("u-5", "organisation", "u-4")],
         "runs in a circle at u-4"),
        ([unit("u-4", "organisation", "u-4")], "runs in a circle at u-4"),
    ],
)  # fmt: skip
def test_a_state_that_does_not_hold_together(
    tmp_path: Path, breaks: list[Break], part: str
) -> None:
    changed = document()
    for change in breaks:
        change(changed)
    told = refusal(save(tmp_path, changed))
    assert "does not hold together" in told
    assert part in told


def test_an_organisation_may_lie_anywhere_and_keys_may_be_absent(tmp_path: Path) -> None:
    changed = document()
    for change in (
        unit("u-4", "organisation", "u-2"),
        unit("u-5", "organisation", "u-1"),
        unit("u-6", "school", "u-5"),
        unit("u-7", "group", "u-3"),
    ):
        change(changed)
    assert len(SavedStateReader(save(tmp_path, changed)).fetch().units) == 7


# Private files -----------------------------------------------------------------------------------


def test_a_private_file_replaces_an_older_one_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "live.json"
    path.write_text("old")
    path.chmod(0o644)
    before = os.umask(0)
    try:
        write_private(path, b"new")
    finally:
        os.umask(before)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_private_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_private(tmp_path / "folder", b"new")
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]
    with pytest.raises(OSError, match="absent"):
        write_private(tmp_path / "absent" / "live.json", b"new")


def test_a_file_that_cannot_be_given_to_its_group_lets_no_other_group_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    path = tmp_path / "town.json"
    path.write_bytes(b"old")
    path.chmod(0o664)
    monkeypatch.setattr(os, "chown", refused)
    replace_content(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o664, "it is the same group"
    other = os.stat_result((*path.stat()[:5], path.stat().st_gid + 1, *path.stat()[6:]))
    resemble(path, other)
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


def test_a_private_file_takes_the_place_of_no_device_no_pipe_and_no_link(tmp_path: Path) -> None:
    pipe, file, link = tmp_path / "pipe", tmp_path / "file", tmp_path / "link"
    os.mkfifo(pipe)
    file.touch()
    link.symlink_to(file)  # as /dev/stdout is one
    for path in (pipe, link):
        with pytest.raises(OSError, match="It is no file"):
            write_private(path, b"new")
    assert pipe.is_fifo()
    assert link.is_symlink()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "link", "pipe"]


@pytest.mark.parametrize("odd", [b'"\xff"', b"[" * 100_000 + b"]" * 100_000], ids=["bytes", "deep"])
@pytest.mark.parametrize(
    "at", [b'"site": {', b'"people": [\n{', b"{\n"], ids=["site", "item", "top"]
)
def test_what_nobody_reads_is_json_too(tmp_path: Path, odd: bytes, at: bytes) -> None:
    path = tmp_path / "live.json"
    path.write_bytes(write_state(STATE).replace(at, at + b'"extra": ' + odd + b", ", 1))
    assert "is not JSON, or was cut short" in refusal(path)
