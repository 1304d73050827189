"""A site without an API: its snapshot is read as a site is, and an apply makes a runbook."""

import json
import random
import stat
import time

import pytest
from sandboxes import Desk
from small import small_site

from reconciler.providers.saved import write_state

SETTINGS = '[environments.town]\nprovider = "snapshot"\npath = "snapshot.json"\n'
MANIFEST = """\
version: 1
site: nord
mentors:
  - person: t-1
    classes: [8a]
  - person: t-2
    classes: [8b]
"""


@pytest.fixture
def desk(tmp_path):
    found = Desk(tmp_path, names=["T 1", "T 2"])
    found.write(SETTINGS, "reconciler.toml")
    found.write(MANIFEST)
    (tmp_path / "snapshot.json").write_bytes(write_state(small_site()))
    (tmp_path / "snapshot.json").chmod(0o600)
    return found


def revision(desk):
    return json.loads((desk.directory / "snapshot.json").read_text())["site"]["revision"]


def holders(desk):
    found = json.loads((desk.directory / "snapshot.json").read_text())["holders"]
    return {each["person"] for each in found}


def test_a_runbook_from_the_plan_to_its_last_step(desk):
    before = (desk.directory / "snapshot.json").read_bytes()
    assert "4 of them by hand" in desk.run("plan", "roles.yaml").out
    done = desk.run("apply", "roles.yaml")
    assert done.out.startswith("2 steps to be done by hand: ")
    assert (desk.directory / "snapshot.json").read_bytes() == before, "nothing is done yet"
    file = desk.directory / "snapshot.runbook.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    document = desk.run("runbook", "show", "--format", "json").json("runbook")
    assert [step["done"] for step in document["steps"]] == [False, False]
    assert desk.run("runbook", "next").out.startswith(
        "Runbook of nord\n0 of 2 steps are done.\n\n1."
    )
    assert desk.run("runbook", "done", "1").out == "1 of 2 steps are done.\n"
    assert (revision(desk), holders(desk)) == (6, {"11"})
    assert desk.run("runbook", "done", "1").out == "1 of 2 steps are done.\n", "it was noted before"
    assert revision(desk) == 6
    assert "\n2. " in desk.run("runbook", "next").out
    assert "2 to add" in desk.run("plan", "roles.yaml").out, "the next plan starts from there"

    assert desk.run("runbook", "undo", "1").out == "0 of 2 steps are done.\n"
    assert (revision(desk), holders(desk)) == (7, set())
    told = desk.run("runbook", "done", "1-2").out
    assert told == "2 of 2 steps are done. The runbook is used.\n"
    assert holders(desk) == {"11", "12"}
    assert "Nothing to change" in desk.run("plan", "roles.yaml").out
    assert "No drift" in desk.run("drift", "roles.yaml").out
    assert "4 succeeded" in desk.run("history").out
    assert desk.run("runbook", "next").out == "Runbook of nord\n2 of 2 steps are done.\n"
    assert "is used" in desk.run("runbook", "undo", "2", expect=5).err
    assert "Nothing to change" in desk.run("apply", "roles.yaml").out
    assert stat.S_IMODE((desk.directory / "snapshot.json").stat().st_mode) == 0o600


def test_a_snapshot_that_was_changed_otherwise_makes_the_runbook_stale(desk):
    desk.run("apply", "roles.yaml")
    state = small_site(("13", "u2"))
    (desk.directory / "snapshot.json").write_bytes(write_state(state))
    for arguments in (["show"], ["next"], ["check"], ["done", "1"], ["undo", "1"]):
        err = desk.run("runbook", *arguments, expect=5).err
        assert err.startswith("Error: The runbook is stale: "), err
        assert "reconciler apply" in err
    assert (desk.directory / "snapshot.json").read_bytes() == write_state(state)


def test_a_step_is_not_noted_before_one_that_comes_first(desk):
    (desk.directory / "snapshot.json").write_bytes(write_state(small_site(("13", "u2"))))
    desk.run("apply", "roles.yaml")
    steps = desk.run("runbook", "show", "--format", "json").json("runbook")["steps"]
    (late,) = [step for step in steps if step["waits_for"]]
    number, first = str(late["number"]), str(late["waits_for"][0])
    assert f"not done yet: step {first}." in desk.run("runbook", "done", number, expect=64).err
    desk.run("runbook", "done", first, number)
    assert f"done already: step {number}." in desk.run("runbook", "undo", first, expect=64).err
    desk.run("runbook", "undo", number, first)
    assert holders(desk) == {"13"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["done", "9"], "There is no step 9."),
        (["done", "0"], "There is no step 0."),
        (["done", "3-1"], "3-1 is no step."),
        (["done", "one"], "one is no step."),
        (["show", "--language", "xx"], "There is no language xx."),
    ],
)
def test_what_is_no_step_or_language_is_told(desk, arguments, said):
    desk.run("apply", "roles.yaml")
    assert said in desk.run("runbook", *arguments, expect=64).err


def test_the_page_is_whole_and_asks_nobody_for_anything(desk):
    desk.run("apply", "roles.yaml")
    desk.run("runbook", "done", "1")
    page = desk.run("runbook", "show", "--format", "html", "--language", "nb").out
    assert "Kjørebok for nord" in page
    assert page.count('<input type="checkbox" checked disabled>') == 3
    assert page.count('<input type="checkbox">') == 3
    for fetching in ("<script", "src=", "href=", "url("):
        assert fetching not in page


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (SETTINGS.replace("snapshot.json", " "), "path is not a file's name"),
        ('[environments.town]\nprovider = "snapshot"\n', "path is missing"),
        (SETTINGS + 'url = "https://roles.example"\n', "url is not known"),
        (SETTINGS.replace('"snapshot"', '"paper"'), "provider is not known"),
        (SETTINGS.replace('provider = "snapshot"\n', ""), "path is for snapshots"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(desk, settings, said):
    desk.write(settings, "reconciler.toml")
    assert said in desk.run("plan", "roles.yaml", expect=1).err


def test_what_is_missing_is_told(desk):
    assert "There is no runbook" in desk.run("runbook", "show", expect=1).err
    (desk.directory / "snapshot.json").unlink()
    assert "snapshot.json cannot be read" in desk.run("plan", "roles.yaml", expect=1).err
    api = 'url = "https://roles.example"\ntoken = {env = "TOKEN"}\n'
    desk.write(f"[environments.api]\n{api}", "reconciler.toml")
    assert "without an API" in desk.run("runbook", "show", expect=1, TOKEN="x").err


def test_a_saved_plan_becomes_a_runbook_as_a_whole(desk):
    desk.run("plan", "roles.yaml", "--out", "plan.json")
    assert "whole plan" in desk.run("apply", "plan.json", "--only", "mentor/t-1", expect=64).err
    desk.run("apply", "plan.json")
    desk.run("runbook", "done", "1-2")
    assert "used before" in desk.run("apply", "plan.json", expect=5).err


def test_a_fleet_leaves_a_site_without_an_api_to_its_own_apply(desk):
    desk.write("version: 1\nsites:\n  town: {manifest: roles.yaml, environment: town}\n", "f.yaml")
    assert "4 to add" in desk.run("fleet", "plan", "f.yaml").out
    done = desk.run("fleet", "apply", "f.yaml", "--yes", expect=1)
    assert "is a snapshot of a site without an API" in done.out + done.err
    assert holders(desk) == set()


def test_who_is_withheld_is_in_no_step(desk):
    desk.write("t-2\n", "withheld.txt")
    desk.run("apply", "roles.yaml")
    for output_format in ("text", "markdown", "html", "json"):
        out = desk.run(
            *("runbook", "show", "--format", output_format),
            RECONCILER_WITHHELD=str(desk.directory / "withheld.txt"),
        ).out
        assert "withheld" in out
        assert "t-2" not in out
        assert "T 2" not in out
        assert "t-1" in out
    key = {"RECONCILER_REDACT_KEY": "a key that is long enough"}
    assert "t-1" not in desk.run("runbook", "show", "--redact", **key).out


def test_what_was_done_is_taken_back_by_another_runbook(desk):
    desk.run("apply", "roles.yaml")
    desk.run("runbook", "done", "1-2")
    run = desk.run("history", "--limit", "1").out.split()[0]
    lifted = ["--override", "RR501", "--override", "RR502", "--reason", "a mistake"]
    assert "2 steps" in desk.run("rollback", run, *lifted).out
    assert "press “Remove”" in desk.run("runbook", "next").out
    desk.run("runbook", "done", "1-2")
    assert holders(desk) == set()


def test_killed_at_any_moment_the_snapshot_is_whole_and_the_same_command_finishes(desk):
    desk.run("apply", "roles.yaml")
    desk.environment["RECONCILER_LEASE_SECONDS"] = "1"
    chance = random.Random(9)
    for _ in range(6):
        process = desk.start("runbook", "done", "1-2")
        time.sleep(chance.uniform(0.2, 1.0))
        process.kill()
        process.communicate()
        assert holders(desk) in (set(), {"11", "12"}), "all of it or nothing"
        time.sleep(1.2)  # until the lease of the killed one has run out
    assert "The runbook is used" in desk.run("runbook", "done", "1-2").out
    assert holders(desk) == {"11", "12"}
    assert "Nothing to change" in desk.run("plan", "roles.yaml").out
