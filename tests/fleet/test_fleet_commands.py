"""The commands of a fleet, from the console script to real sites over HTTP."""

import json
import os
import signal
import stat
import time
from dataclasses import replace
from pathlib import Path

import pytest
from many_sites import MANIFEST, FleetDesk
from sandboxes import ended, validator
from terminals import converse

from reconciler.fleet.applying import apply_site
from reconciler.fleet.machine import this_machine
from reconciler.fleet.model import Task
from reconciler.fleet.site import plan_site

ALL = [f"s{each:03}" for each in range(6)]


def fleet_json(desk: FleetDesk, command: str, *arguments: str, expect: int = 0):
    done = desk.run("fleet", command, "fleet.yaml", "--format", "json", *arguments, expect=expect)
    document = done.json("fleet-result")
    for site in document["sites"]:
        if site["result"] is not None:
            assert site["result"]["format"] == f"reconciler.{command}/1"
            validator(command).validate(site["result"])
    return document


def codes(document) -> dict[str, int | None]:
    return {site["name"]: site["exit_code"] for site in document["sites"]}


def test_a_fleet_is_planned_applied_and_found_without_drift(fleet: FleetDesk):
    planned = fleet.run("fleet", "plan", "fleet.yaml", "--detailed-exitcode", expect=2)
    assert planned.out.splitlines()[0].split("  ") == ["s000", "with changes", "4 to add."]
    assert planned.out.splitlines()[-1] == "6 sites: 6 with changes."
    assert planned.err.count("[6/6] ") == 1
    document = fleet_json(fleet, "apply", "--yes")
    assert document["counts"] == {"ended": 6, "skipped": 0, "not_started": 0}
    assert document["exit_codes"] == {"0": 6}
    assert [site["counts"] for site in document["sites"]] == [{"succeeded": 4}] * 6
    assert fleet.sites.assignments("s003") == {
        "mentor/s003-p0/class/u2",
        "mentor/s003-p1/class/u3",
    }
    assert codes(fleet_json(fleet, "drift")) == dict.fromkeys(ALL, 0)
    assert codes(fleet_json(fleet, "review")) == dict.fromkeys(ALL, 0)
    assert codes(fleet_json(fleet, "plan")) == dict.fromkeys(ALL, 0)
    again = fleet_json(fleet, "apply", "--yes")
    assert [site["counts"] for site in again["sites"]] == [{}] * 6
    assert [fleet.sites.writes(name) for name in ALL] == [4] * 6


def test_a_failing_site_stops_no_other_and_the_worst_exit_code_wins(fleet: FleetDesk):
    fleet.write("version: 1\nsite: s000\nmentors:\n", "s000/roles.yaml")
    fleet.write(MANIFEST.format(name="s001").replace("t-0", "t-9"), "s001/roles.yaml")
    fleet.write("version: 1\nsite: other\nmentors: []\n", "s002/roles.yaml")
    done = fleet.run("fleet", "apply", "fleet.yaml", "--yes", expect=1, SECRET_s003="hunter2")
    assert "hunter2" not in done.out + done.err
    lines = done.out.splitlines()
    assert lines[4].startswith("s004  done")
    assert lines[-1] == "6 sites: 2 done, 4 failed."
    assert "s000/roles.yaml:3:9: error RR106" in done.out
    assert "RR202: the site has no person with the sync_key t-9" in done.out
    assert "RR201" in done.out
    assert [fleet.sites.writes(name) for name in ALL] == [0, 0, 0, 0, 4, 4]


def test_a_guard_refuses_a_site_alone(fleet: FleetDesk):
    fleet.run("fleet", "apply", "fleet.yaml", "--yes")
    fleet.write("version: 1\nsite: s002\nmentors: []\n", "s002/roles.yaml")
    assert codes(fleet_json(fleet, "plan", expect=4))["s002"] == 4
    document = fleet_json(fleet, "apply", "--yes", expect=4)
    assert codes(document) == {**dict.fromkeys(ALL, 0), "s002": 4}
    advice = document["sites"][2]["details"][-1]
    assert "--config reconciler.toml" in advice
    command = advice.partition("`")[2].partition("`")[0].split()
    assert fleet.sites.writes("s002") == 4
    lifted = ["--override", "RR501", "--override", "RR502", "--reason", "the school closes"]
    assert advice.endswith('with --override RR501 --override RR502 --reason "why".')
    fleet.run(*command[1:], *lifted, "--yes")
    assert fleet.sites.assignments("s002") == set()


def test_canary_sites_keep_a_bad_change_from_the_others(fleet: FleetDesk):
    for name in ALL[:2]:
        fleet.write(MANIFEST.format(name=name).replace("8a", "9z"), f"{name}/roles.yaml")
    document = fleet_json(fleet, "apply", "--yes", "--canary", "2", expect=1)
    assert codes(document) == {**dict.fromkeys(ALL, None), "s000": 1, "s001": 1}
    assert document["stopped"] == "2 sites have failed, and max_failed_sites is 0."
    assert document["counts"]["not_started"] == 4
    assert [fleet.sites.writes(name) for name in ALL] == [0] * 6
    fleet.sites.write_fleet(fleet.directory, canary=1, max_failed_sites=0)
    assert fleet_json(fleet, "apply", "--yes")["exit_codes"] == {"0": 6}


def test_only_some_sites_are_meant(fleet: FleetDesk):
    document = fleet_json(fleet, "apply", "--yes", "--only", "s00[12]", "--only", "s005")
    assert codes(document) == {"s001": 0, "s002": 0, "s005": 0}
    done = fleet.run("fleet", "plan", "fleet.yaml", "--only", "s01", expect=64)
    assert "--only s01: the fleet has no such site. Did you mean" in done.err.replace("\n", " ")


def test_the_document_goes_into_a_file_and_the_table_to_standard_output(fleet: FleetDesk):
    asked = ("fleet", "apply", "fleet.yaml", "--yes", "--only", "s001", "--format")
    refused = fleet.run(*asked, "json=fleet.yaml", expect=64)
    assert "is what the command reads" in refused.err
    assert "there is no csv" in fleet.run(*asked, "csv", expect=64).err
    for _ in range(2):
        done = fleet.run(*asked, "json=found.json")
    found = fleet.directory / "found.json"
    assert stat.S_IMODE(found.stat().st_mode) == 0o600
    document = json.loads(found.read_text())
    validator("fleet-result").validate(document)
    (site,) = document["sites"]
    assert site["result"]["format"] == "reconciler.apply/1"
    assert "s001" in done.out
    assert "{" not in done.out


def test_without_a_terminal_and_without_yes_nothing_is_asked(fleet: FleetDesk):
    assert "--yes" in fleet.run("fleet", "apply", "fleet.yaml", expect=64).err
    assert fleet.sites.writes("s000") == 0


def test_one_line_of_progress_for_programs(fleet: FleetDesk):
    done = fleet.run("fleet", "drift", "fleet.yaml", "--format", "json", expect=3)
    lines = [json.loads(line) for line in done.err.splitlines()]
    assert [line["ended"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert {line["exit_code"] for line in lines} == {3}


def test_pseudonyms_stand_for_people(fleet: FleetDesk):
    key = "0123456789abcdef0123456789abcdef"
    done = fleet.run(
        "fleet", "plan", "fleet.yaml", "--redact", "--format", "json", RECONCILER_REDACT_KEY=key
    )
    assert "t-0" not in done.out
    fleet.write(MANIFEST.format(name="s001").replace("t-0", "t-9"), "s001/roles.yaml")
    done = fleet.run("fleet", "plan", "fleet.yaml", "--redact", expect=1, RECONCILER_REDACT_KEY=key)
    assert "t-9" not in done.out + done.err


# Two entries for one site


def two_parts(desk: FleetDesk, one: str, other: str, **more: int) -> None:
    """Make s000 a site of two entries, each with a scope."""
    sites = {}
    for name, scope in (("one", one), ("other", other)):
        within = f"scope: {{within: [{scope}]}}\n" if scope else ""
        desk.write(f"version: 1\nsite: s000\n{within}mentors: []\n", f"{name}.yaml")
        sites[name] = {"manifest": f"{name}.yaml", "environment": "s000"}
    sites["s001"] = {"manifest": "s001/roles.yaml"}
    desk.write(json.dumps({"version": 1, **more, "sites": sites}), "fleet.yaml")


@pytest.mark.parametrize("command", ["plan", "drift", "review", "apply"])
def test_scopes_that_overlap_are_an_error_before_anything_is_done(fleet: FleetDesk, command: str):
    yes = ["--yes"] if command == "apply" else []
    cases = [("", "8a", "everything"), ("8a", "8a", "8a"), ("skole", "8a", "1 unit")]
    for one, other, what in cases if command == "plan" else cases[2:]:
        two_parts(fleet, one, other)
        done = fleet.run("fleet", command, "fleet.yaml", *yes, expect=1)
        assert f"error RR702: other and one both speak for {what} on the site s000." in done.err
        assert done.err.startswith("fleet.yaml:1:")
        assert done.out == ""
    assert fleet.sites.writes("s001") == 0


def test_scopes_side_by_side_are_none(fleet: FleetDesk):
    two_parts(fleet, "8a", "8b")
    assert codes(fleet_json(fleet, "apply", "--yes")) == {"one": 0, "other": 0, "s001": 0}


def test_scopes_that_cannot_be_compared_are_not_applied(fleet: FleetDesk):
    two_parts(fleet, "8a", "8b")
    done = fleet.run(
        "fleet", "apply", "fleet.yaml", "--yes", "--format", "json", expect=1, SECRET_s000="wrong"
    )
    assert codes(done.json("fleet-result")) == {"one": 1, "other": 1, "s001": 0}


@pytest.mark.parametrize(
    "guard",
    [{"canary": 2}, {"canary": 1}, {"max_failed_sites": 1}, {"canary": 3, "max_failed_sites": 0}],
)
def test_scopes_that_cannot_be_compared_are_failed_sites_and_canary_sites(
    fleet: FleetDesk, guard: dict[str, int]
):
    two_parts(fleet, "8a", "8b", **guard)
    command = ("fleet", "apply", "fleet.yaml", "--yes", "--format", "json")
    document = fleet.run(*command, expect=1, SECRET_s000="wrong").json("fleet-result")
    assert codes(document) == {"one": 1, "other": 1, "s001": None}
    assert "failed, and max_failed_sites is" in document["stopped"]
    assert fleet.sites.writes("s001") == 0
    only = fleet.run(*command, "--only", "o*", expect=1, SECRET_s000="wrong")
    assert codes(only.json("fleet-result")) == {"one": 1, "other": 1}


# Going on


def noted(record: Path) -> dict[str, dict[str, str]]:
    """What a record of a run says of each site."""
    _, *lines = map(json.loads, record.read_text().splitlines())
    return {each["site"]: each for each in lines}


def test_a_run_that_was_killed_is_gone_on_with(fleet: FleetDesk):
    fleet.run("fleet", "apply", "fleet.yaml", "--yes", "--only", "s00[0-3]")
    (record,) = (fleet.directory / "state").glob("fleet-*.json")
    assert record.stat().st_mode & 0o077 == 0
    assert set(noted(record)) == set(ALL[:4])
    fleet.write(MANIFEST.format(name="s001").replace("8b", "8a"), "s001/roles.yaml")
    document = fleet_json(fleet, "apply", "--yes", "--resume")
    states = {site["name"]: site["state"] for site in document["sites"]}
    skipped = {name for name, state in states.items() if state == "skipped"}
    assert skipped == {"s000", "s002", "s003"}, "another manifest is applied anew"
    assert fleet.sites.writes("s004") == 4
    whole = record.read_text()
    record.write_text(whole[: whole.rindex("\n") + 20])
    document = fleet_json(fleet, "apply", "--yes", "--resume")
    assert document["counts"]["skipped"] == 5, "a line that was cut off tells of no site"
    record.write_text("{")
    assert (
        "--resume" in fleet.run("fleet", "apply", "fleet.yaml", "--yes", "--resume", expect=1).err
    )


def test_what_was_done_at_another_site_of_the_same_id_is_not_done_before(fleet: FleetDesk):
    fleet.run("fleet", "apply", "fleet.yaml", "--yes")
    settings, file = fleet.directory / "reconciler.toml", fleet.directory / "fleet.yaml"
    real = settings.read_text()

    def resumed() -> dict[str, tuple[str, int]]:
        command = ("fleet", "apply", "fleet.yaml", "--yes", "--resume", "--format", "json")
        document = fleet.run(*command, expect=1).json("fleet-result")
        found = {each["name"]: (each["state"], each["exit_code"]) for each in document["sites"]}
        assert [found.pop(name) for name in ALL[2:]] == [("skipped", 0)] * 4
        return found

    # An address that is not the site's, as of one that is not there, and the same by another name.
    settings.write_text(real.replace('/s000"', '/s005"'))
    assert resumed() == {"s000": ("ended", 1), "s001": ("skipped", 0)}
    again = real.partition("\n\n")[0].replace("s000]", "rehearsal]")
    settings.write_text(f"{real}\n{again.replace('SECRET_s000', 'NOT_SET')}\n")
    sites = json.loads(file.read_text())
    sites["sites"]["s000"]["environment"] = "rehearsal"
    file.write_text(json.dumps(sites))
    assert resumed() == {"s000": ("ended", 1), "s001": ("skipped", 0)}
    settings.write_text(real)
    assert resumed() == {"s000": ("ended", 1), "s001": ("skipped", 0)}, "it is in no settings"
    (record,) = (fleet.directory / "state").glob("fleet-*.json")
    found = noted(record)["s001"]
    assert found["url"] == f"{fleet.sites.url}/s001"
    assert found["environment"] == "s001"


def test_a_failed_canary_site_keeps_others_from_being_begun_when_gone_on_with(fleet: FleetDesk):
    fleet.sites.write_fleet(fleet.directory, canary=2)
    fleet.write(MANIFEST.format(name="s001").replace("8a", "9z"), "s001/roles.yaml")
    left = dict.fromkeys(ALL[2:])
    for resumed in ([], ["--resume"]):
        document = fleet_json(fleet, "apply", "--yes", *resumed, expect=1)
        assert codes(document) == {"s000": 0, "s001": 1, **left}
        assert document["counts"]["skipped"] == len(resumed)
    assert [fleet.sites.writes(name) for name in ALL] == [4, 0, 0, 0, 0, 0]
    fleet.write(MANIFEST.format(name="s001"), "s001/roles.yaml")
    assert fleet_json(fleet, "apply", "--yes", "--resume")["counts"]["skipped"] == 1
    assert [fleet.sites.writes(name) for name in ALL] == [4] * 6


def test_kill_in_the_middle_and_resume(fleet: FleetDesk):
    process = fleet.start("fleet", "apply", "fleet.yaml", "--yes", "--max-parallel", "1")
    records = fleet.directory / "state"
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if any('"s001"' in each.read_text() for each in records.glob("fleet-*.json")):
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    fleet.environment["RECONCILER_LEASE_SECONDS"] = "1"
    document = fleet_json(fleet, "apply", "--yes", "--resume", "--wait", "40")
    assert document["exit_code"] == 0
    assert document["counts"]["skipped"] >= 2
    assert [fleet.sites.writes(name) for name in ALL] == [4] * 6


def test_who_interrupts_begins_no_other_site(fleet: FleetDesk):
    process = fleet.start("fleet", "apply", "fleet.yaml", "--yes", "--max-parallel", "1")
    assert process.stderr
    first = process.stderr.readline().decode()
    assert first.startswith("[1/6] s000: done")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 6
    assert "not started" in out.decode()
    assert "Stopped early: the run was told to stop." in out.decode()


def test_sigterm_to_all_processes_finishes_what_is_on_its_way_and_begins_nothing(fleet: FleetDesk):
    """As a service manager stops a service: each process of it gets the signal."""
    apply = ("apply", "fleet.yaml", "--yes", "--executor", "processes", "--max-parallel", "2")
    with fleet.sites.held():
        process = fleet.start("fleet", *apply, "--format", "json", own_group=True)
        assert process.stderr
        try:
            end = time.monotonic() + 40
            while set(fleet.sites.posted()) != {"s000", "s001"}:
                assert process.poll() is None
                assert time.monotonic() < end
                time.sleep(0.05)
            os.killpg(process.pid, signal.SIGTERM)
            assert process.stderr.readline().startswith(b"Stopping: what is on its way is finished")
        except BaseException:
            process.kill()
            raise
    done = ended(process)
    fleet.check_manners(done.out + done.err)
    assert done.code == 6
    document = done.json("fleet-result")
    assert codes(document) == {**dict.fromkeys(ALL), "s000": 0, "s001": 0}
    assert document["stopped"] == "the run was told to stop."
    assert [fleet.sites.writes(name) for name in ALL] == [4, 4, 0, 0, 0, 0]
    assert fleet_json(fleet, "apply", "--yes", "--resume")["counts"]["skipped"] == 2
    assert [fleet.sites.writes(name) for name in ALL] == [4] * 6
    assert len(set(fleet.sites.posted().values())) == 1, "nothing is sent twice"


# Workers elsewhere


def test_processes_do_the_same_and_print_nothing(fleet: FleetDesk):
    one = fleet_json(fleet, "plan", "--as-of", "2026-11-24")
    done = fleet.run(
        *("fleet", "plan", "fleet.yaml", "--format", "json", "--as-of", "2026-11-24"),
        *("--executor", "processes", "--max-parallel", "2"),
    )
    other = done.json("fleet-result")
    for document in (one, other):
        for site in document["sites"]:
            site["result"].pop("id")
            site["result"].pop("digest")
    assert one == other
    assert len(done.err.splitlines()) == 6


@pytest.mark.parametrize(
    "named", ["thread", "dask://", "dask://host", "tcp://host:1", "dask://a@b:1"]
)
def test_another_executor_is_wrong_use(fleet: FleetDesk, named: str):
    done = fleet.run("fleet", "plan", "fleet.yaml", "--executor", named, expect=64)
    assert "dask://host:8786" in done.err


def test_the_record_is_not_lost_by_a_command_that_fails_before(fleet: FleetDesk, tmp_path: Path):
    fleet.run("fleet", "apply", "fleet.yaml", "--yes")
    (record,) = (fleet.directory / "state").glob("fleet-*.json")
    before = record.read_text()
    fleet.run("fleet", "apply", "fleet.yaml", "--yes", "--only", "none", expect=64)
    assert record.read_text() == before


def test_a_worker_that_came_later_from_another_machine_writes_with_no_journal_in_a_file(
    fleet: FleetDesk, monkeypatch
):
    for name, variable in fleet.sites.variables.items():
        monkeypatch.setenv(name, variable)
    monkeypatch.setenv("RECONCILER_STATE_DIR", str(fleet.directory / "state"))
    folder = fleet.directory / "s000"
    task = Task("s000", (folder / "roles.yaml",), "s000", fleet.directory / "reconciler.toml")
    refused = apply_site(task.anywhere("another.example/1"), max_concurrency=1, wait_seconds=0)
    assert refused.code == 1
    assert "the journal is a file" in refused.summary
    assert fleet.sites.writes("s000") == 0
    assert apply_site(task.anywhere(this_machine()), max_concurrency=1, wait_seconds=0).code == 0


# On a terminal


ASKED = "Apply these changes to 6 sites? [y/N]:"


def test_one_yes_applies_what_was_shown_of_all_sites(fleet: FleetDesk):
    code, said = converse(fleet, ["fleet", "apply", "fleet.yaml"], ASKED, "y\n")
    assert code == 0, said
    before, after = said.split(ASKED)
    assert before.count("4 to add.") == 12, "as each ends, and in the summary"
    assert "6 sites: 6 done." in after
    assert fleet.sites.writes("s005") == 4


def test_no_leaves_everything_as_it_was(fleet: FleetDesk):
    code, said = converse(fleet, ["fleet", "apply", "fleet.yaml"], ASKED, "n\n")
    assert code == 1
    assert "Nothing was changed." in said
    assert fleet.sites.writes("s000") == 0


def test_other_changes_than_were_agreed_to_are_not_made(fleet: FleetDesk, monkeypatch):
    for name, variable in fleet.sites.variables.items():
        monkeypatch.setenv(name, variable)
    monkeypatch.setenv("RECONCILER_STATE_DIR", str(fleet.directory / "state"))
    folder = fleet.directory / "s000"
    task = Task("s000", (folder / "roles.yaml",), "s000", fleet.directory / "reconciler.toml")
    seen = plan_site(task).actions
    fleet.write(MANIFEST.format(name="s000").replace("8b", "8a"), "s000/roles.yaml")
    how = {"max_concurrency": 1, "wait_seconds": 0}
    moved = apply_site(replace(task, agreed=seen), **how)
    assert moved.code == 5
    assert "other changes are due than were shown" in moved.summary
    assert fleet.sites.writes("s000") == 0
    assert apply_site(replace(task, agreed=plan_site(task).actions), **how).code == 0
