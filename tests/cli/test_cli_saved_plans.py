"""Saved plans: private, deterministic, single-use, and exactly what was approved (section 5)."""

import json
import stat
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sandboxes import Desk, example, running

from reconciler.cli.plan_files import is_plan, read_plan
from reconciler.errors import PlanUnusable


def saved(desk: Desk, name: str = "plan.json", *arguments: str, expect: int = 0) -> dict:
    desk.run("plan", "roles.yaml", "--out", name, *arguments, expect=expect)
    return json.loads((desk.directory / name).read_text())


def test_a_plan_is_private_and_the_same_but_for_its_id(first_desk):
    one, other = saved(first_desk, "one.json"), saved(first_desk, "other.json")
    assert stat.S_IMODE((first_desk.directory / "one.json").stat().st_mode) == 0o600
    assert one.pop("id") != other.pop("id")
    assert one.pop("digest") != other.pop("digest")
    assert one == other
    loose = first_desk.directory / "loose.json"
    loose.write_text("")
    loose.chmod(0o644)
    saved(first_desk, "loose.json")
    assert stat.S_IMODE(loose.stat().st_mode) == 0o600


@pytest.fixture(scope="module")
def plan_bytes(tmp_path_factory) -> bytes:
    directory = tmp_path_factory.mktemp("plans")
    with running(directory) as site:
        desk = Desk(directory, site)
        desk.write(example())
        desk.run("plan", "roles.yaml", "--out", "plan.json")
    return (directory / "plan.json").read_bytes()


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_byte_that_is_edited_is_noticed(plan_bytes, tmp_path, data):
    place = data.draw(st.integers(0, len(plan_bytes) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != plan_bytes[place]))
    path = tmp_path / "plan.json"
    path.write_bytes(plan_bytes[:place] + bytes([byte]) + plan_bytes[place + 1 :])
    assert is_plan(path)
    try:
        read_plan(path)
    except PlanUnusable:
        return
    # What is left is white space between the tokens: another file, the same plan.
    assert json.loads(path.read_bytes()) == json.loads(plan_bytes)


EDITS = {
    "another target": lambda text: text.replace(b'"class/', b'"group/').replace(b"u-11", b"u-12"),
    "its first byte": lambda text: b"[" + text[1:],
    "its format": lambda text: text.replace(b"reconciler.plan/1", b"reconciler.plan/9"),
    "its digest": lambda text: text.replace(b'"digest": "sha256:', b'"digest": "sha512:'),
    "its site": lambda text: text.replace(b"nordberg-kommune", b"sydberg-kommune"),
    "its end": lambda text: text[: len(text) // 2],
    "its encoding": lambda text: text.replace(
        "Kontaktlærer".encode(), "Kontaktlærer".encode("latin-1")
    ),
    "a member that stands twice": lambda text: text.replace(
        b'  "actions": [\n', b'  "actions": [],\n  "actions": [\n', 1
    ),
    "a name that stands twice in an action": lambda text: text.replace(
        b'      "verb": "add"', b'      "verb": "remove",\n      "verb": "add"', 1
    ),
    "a half character": lambda text: text.replace("Kontaktlærer".encode(), b"\\ud800"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_plan_is_refused(first_desk, edit, plan_bytes):
    edited = EDITS[edit](plan_bytes)
    assert edited != plan_bytes
    (first_desk.directory / "plan.json").write_bytes(edited)
    first_desk.run("apply", "plan.json", expect=5)
    first_desk.run("show", "plan.json", expect=5)


def test_a_plan_is_one_whatever_its_file_is_called(desk, sandbox):
    saved(desk, "approved")
    desk.run("apply", "approved")
    assert sandbox.writes() == 21


def test_a_plan_is_used_once(desk, sandbox):
    saved(desk)
    desk.run("apply", "plan.json")
    revision = sandbox.revision()
    assert "used before" in desk.run("apply", "plan.json", expect=5).err
    assert sandbox.revision() == revision
    desk.run("show", "plan.json")
    assert "One saved plan" in desk.run("apply", "plan.json", "roles.yaml", expect=64).err


# What another client does after the plan was made: is the plan stale?
MOVES = {
    "an assignment in scope": (lambda site: site.unassign("mentor/t-0403/class/8b"), True),
    "a new holder": (lambda site: site.assign("mentor/t-0409"), True),
    "a label that it sets": (
        lambda site: site.call("PATCH", "labels", "mentor", json={"role_name": "Mentor"}),
        True,
    ),
    "a label of the role that it leaves alone": (
        lambda site: site.call("PATCH", "labels", "headteacher", json={"role_name": "Chef"}),
        False,
    ),
    "an assignment of the role that it leaves alone": (
        lambda site: site.unassign("headteacher/t-0008/school/fjellvik-skole"),
        False,
    ),
}


@pytest.mark.parametrize("move", MOVES)
def test_a_plan_is_stale_when_what_it_rests_on_moved_and_only_then(applied, sandbox, move):
    """The manifest speaks of mentors only, so what headteachers have is none of its business."""
    mentors = [*example()["mentors"], {"person": "t-0405", "classes": ["9a"]}]
    applied.write(
        example(
            mentors=mentors,
            headteachers=None,
            labels={"mentor": {"tool_name": "Elever"} | {"role_name": "Kontaktlærer"}},
            roles={"mentor": {"profiles": ["Staff"]}},
        )
    )
    saved(applied)
    act, stale = MOVES[move]
    act(sandbox)
    revision = sandbox.revision()
    if stale:
        assert "stale" in applied.run("apply", "plan.json", expect=5).err
        assert sandbox.revision() == revision
    else:
        applied.run("apply", "plan.json")
        assert "mentor/t-0405/class/9a" in sandbox.assignments()
        assert sandbox.revision() == revision + 3


def test_a_plan_for_another_site_is_refused(desk, sandbox, tmp_path_factory):
    saved(desk)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    desk.run("export", "--state", "live.json")
    state = json.loads((desk.directory / "live.json").read_text())
    state["site"]["id"] = "sydberg-kommune"
    (elsewhere / "seed.json").write_text(json.dumps(state))
    with running(elsewhere, "--seed", str(elsewhere / "seed.json")) as other:
        done = desk.run("apply", "plan.json", expect=5, **other.variables())
        assert "sydberg-kommune" in done.err
        assert other.writes() == 0
    desk.run("apply", "plan.json")


def test_only_narrows_a_plan_and_takes_along_what_must_come_first(desk, sandbox):
    document = saved(desk, "plan.json", "--only", "mentor/t-0412/class/*")
    assert [each["name"] for each in document["actions"]] == [
        *("profile/Staff/mentor", "mentor/t-0412", "mentor/t-0412/class/8a"),
    ]
    desk.run("apply", "plan.json")
    assert "mentor/t-0412/class/8a" in sandbox.assignments()
    assert sandbox.writes() == 3

    whole = saved(desk, "whole.json")
    assert len(whole["actions"]) == 18
    desk.run("apply", "whole.json", "--only", "label/*", "--only", "headteacher/t-0007")
    assert sandbox.writes() == 8
    assert "used before" in desk.run("apply", "whole.json", expect=5).err
    again = desk.run("plan", "roles.yaml", "--only", "label/*")
    assert "RR504: --only label/* matches nothing that would change" in again.out
    third = saved(desk, "third.json")
    assert third["actions"]
    done = desk.run("apply", "third.json", "--only", "label/*", expect=64)
    assert "--only label/* matches no action" in done.err
    assert "There is mentor/* (" in done.err
    near = desk.run("apply", "third.json", "--only", "mentr/*", expect=64).err
    assert "Did you mean 'mentor/*'?" in near


def test_a_date_to_come_ends_a_plan_and_a_plan_for_then_grants_nothing_today(desk, sandbox):
    # In the example's time zone: the commands' day, but for a minute around midnight.
    today = datetime.now(ZoneInfo("Europe/Oslo")).date()
    begins = (today + timedelta(days=40)).isoformat()
    until = (today + timedelta(days=39)).isoformat()
    person = {
        "person": "t-0401",
        "classes": ["9a", {"id": "8b", "from": date.fromisoformat(begins)}],
    }
    desk.write(example(mentors=[person]))
    now = saved(desk)
    assert (now["as_of"], now["holds_until"]) == (today.isoformat(), until)
    assert f"holds until {until}" in desk.run("show", "plan.json").out
    assert "mentor/t-0401/class/8b" not in {each["name"] for each in now["actions"]}

    then = saved(desk, "then.json", "--as-of", begins)
    assert then["as_of"] == begins
    assert "mentor/t-0401/class/8b" in {each["name"] for each in then["actions"]}
    refused = desk.run("apply", "then.json", expect=5)
    assert f"The plan is for {begins} and later" in refused.err
    assert sandbox.writes() == 0

    yesterday = (today - timedelta(days=1)).isoformat()
    person["classes"].append({"id": "8a", "from": today})
    desk.write(example(mentors=[person]))
    saved(desk, "past.json", "--as-of", yesterday)
    assert f"held until {yesterday}" in desk.run("apply", "past.json", expect=5).err
    desk.run("apply", "plan.json")


def test_a_pattern_that_matches_nothing_is_told_on_a_site_in_order_too(settled_desk):
    planned = settled_desk.run("plan", "roles.yaml", "--only", "mentr/*")
    told = "--only mentr/* matches nothing that would change. Nothing would be applied without it"
    assert told in planned.out
    applied = settled_desk.run("apply", "roles.yaml", "--yes", "--only", "mentr/*")
    assert "RR504" in applied.err


def test_no_plan_is_saved_that_spares_nobody_though_it_was_asked_to(desk):
    said = desk.run("plan", "roles.yaml", "--except", "mentor/t-041x*", "--out", "p", expect=64)
    assert "--except mentor/t-041x* matches nothing that would change" in said.err
    assert not (desk.directory / "p").exists()
    assert "RR504" in desk.run("plan", "roles.yaml", "--except", "mentor/t-041x*").out


def test_an_override_that_lifts_nothing_of_a_saved_plan_is_told(desk):
    saved(desk, "plan.json", "--only", "profile/*")
    meant = ("--override", "RR510", "--reason", "while Kari is on sick leave")
    told = desk.run("apply", "plan.json", *meant).err
    assert "RR505: --override RR510 lifts nothing" in told
    assert "RR124: --reason looks like a detail of somebody's health" in told


def test_what_the_site_protects_is_nothing_that_a_pattern_could_match(settled_desk):
    """`plan` finds nothing to change, and so does `apply`."""
    protected = {"protected": {"people": ["t-0408"]}}
    settled_desk.write({"version": 1, "site": "nordberg-kommune", "policy": protected}, "p.yaml")
    mentors = [each for each in example()["mentors"] if each["person"] != "t-0408"]
    settled_desk.write(example(mentors=mentors), "without.yaml")
    asked = ("apply", "without.yaml", "--yes", "--only", "label/*")
    told = settled_desk.run(*asked, RECONCILER_POLICY="p.yaml").err
    assert "RR504" in told
