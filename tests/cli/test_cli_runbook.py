"""A site without an API: its snapshot is read as a site is, and an apply makes a runbook."""

import json
import random
import stat
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sandboxes import Desk
from small import small_site

from reconciler.cli.plan_files import read_plan
from reconciler.connection import load_connection
from reconciler.domain.vocabulary import Capability
from reconciler.errors import LeaseHeld, SiteError
from reconciler.providers.saved import write_state
from reconciler.workflows import runbooks
from reconciler.workflows.snapshots import Snapshot, held

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


def mark(desk):
    return json.loads((desk.directory / "snapshot.runbook.json").read_text())["id"][:4]


def head(desk, done):
    today = datetime.now(UTC).date()
    return f"Runbook of nord\nMark {mark(desk)}, for {today}.\n{done} of 2 steps are done.\n"


def test_a_runbook_from_the_plan_to_its_last_step(desk):
    before = (desk.directory / "snapshot.json").read_bytes()
    planned = desk.run("plan", "roles.yaml").out
    assert "4 of them by hand" in planned
    assert "by hand: no API does it" in planned
    done = desk.run("apply", "roles.yaml")
    assert done.out.startswith("2 steps to be done by hand: ")
    assert (desk.directory / "snapshot.json").read_bytes() == before, "nothing is done yet"
    file = desk.directory / "snapshot.runbook.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    document = desk.run("runbook", "show", "--format", "json").json("runbook")
    assert [step["done"] for step in document["steps"]] == [False, False]
    assert desk.run("runbook", "next").out.startswith(head(desk, 0) + "\n1.")
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
    assert desk.run("runbook", "next").out == head(desk, 2)
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
        (["done", "1-999999"], "There is no step 3, 4, 5 and 999,994 more."),
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
    assert "Arbeidsliste for nord" in page
    assert "ved klassen 8A" in page
    assert page.count('<input type="checkbox" checked disabled>') == 3
    assert page.count('<input type="checkbox">') == 3
    for fetching in ("<script", "src=", "href=", "url("):
        assert fetching not in page


def test_where_a_page_in_another_language_is_found_is_told(desk):
    done = desk.run("apply", "roles.yaml", "--format", "html")
    assert "for nb: `reconciler runbook show --format html --language CODE`" in done.err
    desk.run("runbook", "show", "--format", "html", "--language", "nb")
    done = desk.run("apply", "roles.yaml", "--format", "json", "--format", "markdown=book.md")
    assert "`reconciler runbook show --format markdown --language CODE`" in done.err
    assert "language" not in desk.run("apply", "roles.yaml").err


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
    desk.run("runbook", "undo", "2")
    assert desk.run("apply", "plan.json").out.startswith("1 step to be done by hand: ")


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


def test_a_saved_plan_that_is_refused_is_made_anew_with_all_that_lifts(desk):
    """A runbook is made of a whole plan, and no option beside it lifts anything."""
    desk.run("apply", "roles.yaml")
    desk.run("runbook", "done", "1-2")
    run = desk.run("history", "--limit", "1").out.split()[0]
    both = '--override RR501 --override RR502 --reason "why".'
    desk.write("version: 1\nsite: nord\nmentors: []\n")
    for command in (("plan", "roles.yaml"), ("rollback", run)):
        given = ("--override", "RR501", "--reason", "some")
        saved = f"{command[0]}.json"
        planned = desk.run(*command, *given, "--out", saved, expect=4).out
        refused = desk.run("apply", saved, expect=4).err
        assert f"If it is meant, run {command[0]} with {both}" in planned
        assert f"If it is meant, run {command[0]} with {both}" in refused


def recorded(desk):
    return desk.run("history", "--format", "json").json("history")["runs"]


def test_what_was_noted_by_mistake_is_taken_back_also_after_the_last_step(desk):
    desk.run("apply", "roles.yaml")
    desk.run("runbook", "done", "1-2")
    assert desk.run("runbook", "undo", "2").out == "1 of 2 steps are done.\n"
    assert holders(desk) == {"11"}
    newest, oldest = recorded(desk)
    assert (newest["status"], newest["counts"]) == ("done", {"succeeded": 2})
    told = desk.run("history", "show", newest["run"]).out
    assert "remove  mentor/t-2/class/8b  taken back: it was noted as done by mistake" in told
    assert oldest["counts"] == {"succeeded": 4}
    assert "2 to add" in desk.run("plan", "roles.yaml").out
    assert "\n2. " in desk.run("runbook", "next").out
    assert "The runbook is used" in desk.run("runbook", "done", "2").out
    assert holders(desk) == {"11", "12"}


def test_where_nothing_is_to_be_done_any_more_the_older_runbook_goes(desk):
    desk.run("apply", "roles.yaml")
    older = mark(desk)
    desk.write("version: 1\nsite: nord\nmentors: []\n")
    done = desk.run("apply", "roles.yaml")
    today = datetime.now(UTC).date()
    assert done.out == "Nothing to change: the snapshot is as the manifest declares.\n"
    assert f"The runbook {older} of {today} is withdrawn: 0 of its 2 steps are done, " in done.err
    assert "and 2 are dropped." in done.err
    assert "There is no runbook" in desk.run("runbook", "next", expect=1).err


def test_a_new_runbook_says_what_it_drops_and_its_numbers_are_told_from_the_older_ones(desk):
    desk.run("apply", "roles.yaml")
    older = mark(desk)
    for output_format in ("text", "markdown", "html", "json"):
        out = desk.run("runbook", "show", "--format", output_format).out
        assert older in out
        assert str(datetime.now(UTC).date()) in out
    desk.run("runbook", "done", f"{older}:1")
    done = desk.run("apply", "roles.yaml")
    assert f"The runbook {older} of " in done.err
    assert "is replaced: 1 of its 2 steps is done, and 1 is dropped." in done.err
    assert mark(desk) != older
    refused = desk.run("runbook", "done", f"{older}:1", expect=5).err
    assert f"{older}:1 is of another runbook: this one is {mark(desk)}" in refused
    assert "1 of 1 steps are done" in desk.run("runbook", "done", f"{mark(desk)}:1").out


def test_after_a_date_in_the_manifest_the_runbook_gives_no_instructions(desk):
    last = datetime.now(UTC).date() - timedelta(days=9)
    first = last - timedelta(days=9)
    desk.write(MANIFEST.replace("[8a]", f"[{{id: 8a, until: {last}}}]"))
    desk.run("plan", "roles.yaml", "--as-of", str(first), "--out", "old.json")
    (desk.directory / "old.json").rename(desk.directory / "snapshot.runbook.json")
    for arguments in (["show"], ["next"], ["check"]):
        err = desk.run("runbook", *arguments, expect=5).err
        assert f"The runbook held until {last}" in err
        assert "reconciler apply" in err
    desk.run("runbook", "done", "1-2")  # it was done in time, and is noted late
    assert desk.run("runbook", "show").out


def test_a_plan_made_of_a_saved_state_becomes_a_runbook_that_can_be_ticked(desk):
    state = small_site()
    state = replace(state, site=replace(state.site, capabilities=frozenset(Capability)))
    (desk.directory / "snapshot.json").write_bytes(write_state(state))
    desk.run("plan", "roles.yaml", "--live", "snapshot.json", "--out", "plan.json")
    desk.run("apply", "plan.json")
    assert "1 of 2 steps" in desk.run("runbook", "done", "1").out
    assert "\n2. " in desk.run("runbook", "next").out
    desk.run("apply", "plan.json")
    assert "2 of 2 steps" in desk.run("runbook", "done", "2").out


def test_colleagues_with_journals_of_their_own_lose_no_tick(desk):
    names = [f"t-{n}" for n in range(4)]
    desk.write(
        "version: 1\nsite: nord\nmentors:\n"
        + "".join(f"  - {{person: {name}, classes: [8a]}}\n" for name in names)
    )
    desk.run("apply", "roles.yaml")
    ends = []

    def note(number):
        state = {"RECONCILER_STATE_DIR": str(desk.directory / f"state-{number}")}
        ends.append(desk.run("runbook", "done", str(number), **state).code)

    threads = [threading.Thread(target=note, args=(number,)) for number in range(1, 5)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert ends == [0] * 4
    assert len(holders(desk)) == 4


def test_who_may_read_the_snapshot_may_read_its_runbook(desk):
    path = desk.directory / "snapshot.json"
    path.chmod(0o660)
    desk.run("apply", "roles.yaml")
    desk.run("runbook", "done", "1")
    for name in ("snapshot.json", "snapshot.runbook.json", ".snapshot.json.lock"):
        assert stat.S_IMODE((desk.directory / name).stat().st_mode) == 0o660, name


def test_who_writes_past_the_lock_is_noticed(desk, tmp_path):
    path = tmp_path / "snapshot.json"
    with held(path) as snapshot:
        with pytest.raises(LeaseHeld, match="Another command is writing"), held(path, 0.1):
            pass
        path.write_bytes(write_state(small_site(("13", "u2"))))
        with pytest.raises(SiteError, match="was changed while the command ran"):
            snapshot.write(small_site())
    assert holders(desk) == {"13"}


@pytest.mark.parametrize("written", [False, True])
def test_a_command_that_was_killed_is_told_as_what_the_snapshot_says(desk, written, monkeypatch):
    desk.run("apply", "roles.yaml")
    for name in ("RECONCILER_STATE_DIR", "RECONCILER_CACHE_DIR"):
        monkeypatch.setenv(name, desk.environment[name])
    site = load_connection(None, config=None, environ={}, directory=desk.directory)
    plan = read_plan(desk.directory / "snapshot.runbook.json")
    write = Snapshot.write

    def killed(self, state):
        if written:
            write(self, state)
        raise KeyboardInterrupt

    monkeypatch.setattr(Snapshot, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        runbooks.tick(plan, site, {1, 2})
    assert [run["status"] for run in recorded(desk)] == ["killed"]
    assert "The runbook is used" in desk.run("runbook", "done", "1-2").out
    *_, first = recorded(desk)
    ended = ("done", {"succeeded": 4}) if written else ("interrupted", {"skipped": 4})
    assert (first["status"], first["counts"]) == ended
    told = desk.run("history", "show", first["run"], "--format", "annotations").out
    assert ("It was killed." in told) is not written
    assert len(recorded(desk)) == (1 if written else 2)


def test_killed_at_any_moment_the_snapshot_is_whole_and_the_same_command_finishes(desk):
    desk.run("apply", "roles.yaml")
    chance = random.Random(9)
    for _ in range(6):
        process = desk.start("runbook", "done", "1-2")
        time.sleep(chance.uniform(0.2, 1.0))
        process.kill()
        process.communicate()
        assert holders(desk) in (set(), {"11", "12"}), "all of it or nothing"
    assert "The runbook is used" in desk.run("runbook", "done", "1-2").out
    assert all(run["status"] != "killed" for run in recorded(desk))
    assert holders(desk) == {"11", "12"}
    assert "Nothing to change" in desk.run("plan", "roles.yaml").out
