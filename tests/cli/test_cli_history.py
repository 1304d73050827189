"""What was done, who did it, and how it is taken back."""

import json
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest
from sandboxes import Desk, Sandbox, example, running


def runs(desk: Desk) -> list[dict[str, object]]:
    found: list[dict[str, object]] = desk.run("history", "--format", "json").json("history")["runs"]
    return found


def latest(desk: Desk) -> str:
    return str(runs(desk)[0]["run"])


def test_without_a_run_the_history_says_so(tmp_path):
    assert Desk(tmp_path).run("history").out == "No run is recorded.\n"
    told = Desk(tmp_path).run("history", "show", "3f2a", expect=64)
    assert "There is no run 3f2a" in told.err


def test_the_history_tells_when_who_what_and_what_came_of_it(applied: Desk):
    (run,) = runs(applied)
    assert run["status"] == "done"
    assert run["counts"] == {"succeeded": 21}
    assert run["commit"] is None
    listed = applied.run("history").out
    assert str(run["run"])[:8] in listed
    assert f"{run['who']}@{run['host']}" in listed
    shown = applied.run("history", "show", str(run["run"])[:6])
    assert "mentor/t-0412/class/8a" in shown.out
    document = applied.run("history", "show", str(run["run"]), "--format", "json").json("run")
    assert {action["outcome"] for action in document["actions"]} == {"succeeded"}
    assert all(action["revision"] for action in document["actions"])


def git(directory: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=x", "-c", "user.email=x@x.example", *arguments]
    done = subprocess.run(command, cwd=directory, capture_output=True, check=True)
    return done.stdout.decode().strip()


def committed(directory: Path) -> str:
    """Commit all that is in a directory, and return the commit."""
    git(directory, "init", "-q")
    git(directory, "add", "--all")
    git(directory, "commit", "-qm", "Roles")
    return git(directory, "rev-parse", "HEAD")


def test_the_history_names_the_commit_of_the_manifest(desk: Desk):
    commit = committed(desk.directory)
    desk.run("apply", "roles.yaml", "--yes")
    assert runs(desk)[0]["commit"] == commit
    desk.write(example(labels={"mentor": {"tool_name": "Elever"}}))
    desk.run("apply", "roles.yaml", "--yes")
    assert runs(desk)[0]["commit"] == f"{commit}+"
    assert f"{commit[:8]}+" in desk.run("history").out


def test_a_file_that_is_missing_from_a_folder_is_a_difference_from_the_commit(first_desk: Desk):
    folder = first_desk.directory / "manifests"
    first_desk.write(example(), "manifests/roles.yaml")
    for name in ("area/labels.yml", "README.md", ".drafts/new.yaml", ".old.yaml"):
        first_desk.write("version: 1\n", f"manifests/{name}")
    (folder / "same.yaml").symlink_to("roles.yaml")  # read once, under one of its names
    (folder / "links.yaml").symlink_to(".drafts", target_is_directory=True)
    first_desk.write("version: 1\n", "elsewhere.yaml")
    commit = committed(first_desk.directory)

    def planned(*manifest: str) -> object:
        done = first_desk.run("plan", *manifest, "--format", "json")
        return done.json("plan")["commit"]

    for name in ("README.md", ".drafts/new.yaml", ".old.yaml", "../elsewhere.yaml"):
        (folder / name).unlink()
    assert planned("manifests") == commit
    shutil.rmtree(folder / "area")
    assert planned("manifests") == f"{commit}+"
    assert planned("manifests/roles.yaml") == commit


def test_a_rollback_takes_back_what_a_run_did(applied: Desk, sandbox: Sandbox):
    before = sandbox.assignments()
    applied.write(example(mentors=[{"person": "t-0412", "classes": ["8a", "8b"]}]))
    applied.run("apply", "roles.yaml", "--yes", "--override", "RR501", "--reason", "a mistake")
    assert sandbox.assignments() != before
    wrong = latest(applied)
    shown = applied.run("rollback", wrong[:8], expect=64)
    assert "There is no terminal to ask on." in shown.err
    assert f"rolls back run {wrong[:8]}" in shown.err
    applied.run("rollback", wrong[:8], "--yes")
    assert sandbox.assignments() == before
    shutil.copy(applied.directory / "roles.yaml", applied.directory / "wrong.yaml")
    applied.write(example())
    assert "Nothing to change" in applied.run("plan", "roles.yaml").out
    again = applied.run("rollback", wrong[:8], "--yes")
    assert "Nothing is left of the run that could be taken back." in again.out
    assert "is not rolled back" in again.out


def test_a_rollback_with_nothing_left_names_nothing_that_would_lift_anything(applied: Desk):
    fewer = {**example(), "mentors": example()["mentors"][1:]}
    applied.write(fewer)
    applied.run("apply", "roles.yaml", "--yes", "--override", "RR501", "--reason", "a start")
    applied.write({**example(), "policy": {"every_learner_has_mentor": True}})
    applied.run("apply", "roles.yaml", "--yes")
    run = latest(applied)
    lifted = ("--override", "RR501", "--override", "RR513", "--reason", "a mistake")
    applied.run("rollback", run, "--yes", *lifted)
    again = applied.run("rollback", run, "--yes").out
    assert "Nothing is left of the run that could be taken back." in again
    assert "refused RR513" in again
    assert "--override" not in again


def test_a_rollback_leaves_what_somebody_changed_since(applied: Desk, sandbox: Sandbox):
    applied.write(
        example(
            mentors=[
                *example()["mentors"],
                {"person": "t-0402", "classes": ["8a", "9a"]},
            ]
        )
    )
    applied.run("apply", "roles.yaml", "--yes")
    run = latest(applied)
    sandbox.unassign("mentor/t-0402/class/9a")
    sandbox.assign("mentor/t-0402/class/9a")
    done = applied.run("rollback", run, "--yes")
    assert "mentor/t-0402/class/9a is not rolled back: other (api) has changed it" in done.err
    assert "mentor/t-0402 is not rolled back: the person has assignments that stay" in done.err
    assert "mentor/t-0402/class/9a" in sandbox.assignments()
    assert "mentor/t-0402/class/8a" not in sandbox.assignments()


def test_a_saved_rollback_is_a_plan_like_any_other(desk: Desk, sandbox: Sandbox):
    applied, before = desk, sandbox.assignments()
    applied.run("apply", "roles.yaml", "--yes")
    run = latest(applied)
    lifted = ("--override", "RR501", "--override", "RR502", "--reason", "start again")
    refused = applied.run("rollback", run, "--out", "back.json", expect=4).out
    assert "If it is meant, run rollback with --override " in refused
    (applied.directory / "back.json").unlink()
    applied.run("rollback", run, *lifted, "--out", "back.json")
    applied.run("rollback", run, "--out", "roles.yaml", expect=64)
    document = applied.run("show", "back.json", "--format", "json").json("plan")
    assert {action["cause"]["kind"] for action in document["actions"]} == {"rolled_back"}
    assert {action["cause"]["run"] for action in document["actions"]} == {run}
    applied.run("apply", "back.json")
    assert sandbox.assignments() == before
    assert "used before" in applied.run("apply", "back.json", expect=5).err
    assert len(runs(applied)) == 2


def test_a_rollback_is_for_the_site_of_its_run(applied: Desk, tmp_path_factory):
    state = json.loads(
        applied.run("export", "--state", "live.json").out
        or (applied.directory / "live.json").read_text()
    )
    state["site"]["id"] = "sør-kommune"
    (applied.directory / "south.json").write_text(json.dumps(state))
    south = tmp_path_factory.mktemp("south")
    with running(south, "--seed", str(applied.directory / "south.json")) as other:
        told = applied.run("rollback", latest(applied), "--yes", expect=5, **other.variables())
    assert "but this is sør-kommune" in told.err


def test_every_plan_prints_its_inverse(first_desk: Desk):
    first_desk.run("plan", "roles.yaml", "--out", "plan.json")
    forwards = first_desk.run("show", "plan.json", "--format", "json").json("plan")
    back = first_desk.run("show", "plan.json", "--inverse", "--format", "json").json("plan")
    opposite = {"add": "remove", "remove": "add", "change": "change"}
    assert {(a["address"], opposite[a["verb"]]) for a in forwards["actions"]} == {
        (a["address"], a["verb"]) for a in back["actions"]
    }
    for action in back["actions"]:
        places = [each["address"] for each in back["actions"]]
        for needed in action["requires"]:
            assert places.index(needed) < places.index(action["address"])
    assert "mentor t-0412" in first_desk.run("show", "plan.json", "--inverse").out
    (first_desk.directory / "inverse.json").write_text(
        first_desk.run("show", "plan.json", "--inverse", "--format", "json").out
    )
    told = first_desk.run("apply", "inverse.json", expect=5)
    assert "rollback RUN" in told.err


@pytest.mark.parametrize("command", ["history", "rollback"])
def test_a_journal_that_cannot_be_read_is_one_sentence(applied: Desk, command: str):
    (applied.directory / "state" / "journal.db").write_bytes(b"no database at all" * 100)
    arguments = [command] if command == "history" else [command, "3f2a"]
    told = applied.run(*arguments, expect=1)
    assert "journal.db" in told.err


def test_a_repository_that_is_no_friend_runs_nothing_here(first_desk: Desk):
    """A manifest comes from a pull request: what its folder tells Git is not obeyed."""
    folder = first_desk.directory / "manifests"
    for name in ("objects", "refs"):
        (folder / name).mkdir(parents=True)
    first_desk.write(example(), "manifests/roles.yaml")
    (folder / "HEAD").write_text("1" * 40)
    (folder / "config").write_text(
        "[core]\nrepositoryformatversion=0\nbare=false\nworktree=.\n"
        f'fsmonitor="touch {first_desk.directory}/pwned; false"\n'
    )
    document = first_desk.run("plan", "manifests", "--format", "json").json("plan")
    assert document["commit"] is None
    assert not (first_desk.directory / "pwned").exists()


def test_a_rollback_of_a_killed_run_finds_out_what_it_did(
    desk: Desk, sandbox: Sandbox, tmp_path_factory
):
    """What was sent and never answered is looked up in the site's events, and taken back."""
    before = sandbox.assignments()
    desk.run("apply", "roles.yaml", "--yes")
    run = latest(desk)
    journal = desk.directory / "state" / "journal.db"
    with sqlite3.connect(journal) as connection:  # as a kill after the last request leaves it
        connection.execute("update actions set outcome = null, revision = null, answered = 0")
        connection.execute("update runs set end = null, ended_at = null")
    connection.close()
    assert runs(desk)[0]["status"] == "killed"
    lifted = ("--override", "RR501", "--override", "RR502", "--reason", "a mistake")
    done = desk.run("rollback", run, "--yes", *lifted)
    assert "21 succeeded" in done.out
    assert sandbox.assignments() == before
    assert f"rollback of {run[:8]}" in desk.run("history").out


def test_a_rollback_names_what_nobody_can_know(desk: Desk, tmp_path_factory):
    with running(tmp_path_factory.mktemp("mute"), "--without", "events") as mute:
        silent = Desk(desk.directory, mute)
        silent.run("apply", "roles.yaml", "--yes")
        with sqlite3.connect(silent.directory / "state" / "journal.db") as connection:
            connection.execute("update actions set outcome = 'unknown', revision = null")
        connection.close()
        told = silent.run("rollback", latest(silent), "--yes")
        assert "mentor/t-0412/class/8a is not rolled back: nobody knows yet" in told.out


def test_a_rollback_that_means_nothing_is_refused(applied: Desk):
    run = latest(applied)
    applied.run("rollback", run, "--only", "mentor/nobody*", "--yes", expect=64)
    applied.run("rollback", run, "--out", "back.json", "--yes", expect=64)
    applied.run("rollback", "", expect=64)
    applied.run("history", "show", "", expect=64)


def test_a_journal_that_is_named_and_missing_is_told(desk: Desk):
    told = desk.run("history", expect=1, RECONCILER_JOURNAL=str(desk.directory / "no" / "j.db"))
    assert "There is no journal" in told.err
    assert not (desk.directory / "no").exists()
    told = desk.run("apply", "roles.yaml", "--yes", expect=1, RECONCILER_JOURNAL=" ")
    assert "RECONCILER_JOURNAL is set, but empty." in told.err


def test_a_journal_s_location_that_no_file_can_have_is_told_in_short(tmp_path):
    """A value that was pasted by mistake may be anything, and is not repeated as a whole."""
    told = Desk(tmp_path).run("history", expect=1, RECONCILER_JOURNAL="x" * 5000).err
    assert "There is no journal xxx" in told
    assert "Check RECONCILER_JOURNAL" in told
    assert "x" * 100 not in told


def test_a_journal_s_location_that_may_hold_a_password_is_not_repeated(desk):
    wrong = "host=db.example user=r password=hunter2-secret"
    for command in (["history"], ["rollback", "1234"]):
        told = desk.run(*command, expect=1, RECONCILER_JOURNAL=wrong).err
        assert "neither a file nor a URL" in told
        assert "hunter2" not in told
