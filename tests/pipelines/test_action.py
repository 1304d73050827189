"""The action for GitHub: its own steps and scripts, against a sandbox and a host of code."""

import json
import re
from dataclasses import replace

import pytest
from actions import ACTION, HEAD, MERGE, MERGED, NIGHT, PULL, Ran, Runner
from broken_roster import GHOST, break_the_roster
from sandboxes import ROOT

LEARNER = re.compile(r"\bs-\d{4}\b")
KEY = "a long secret of the repository"


@pytest.fixture
def runner(desk, host, tmp_path_factory):
    return Runner(desk, host, tmp_path_factory.mktemp("runner"))


def manifest(runner) -> str:
    return (runner.desk.directory / "roles.yaml").read_text(encoding="utf-8")


def add_8b(runner) -> None:
    """Let the mentor of 9a have 8b, too."""
    text = manifest(runner)
    changed = re.sub(r"(?m)^( *)(- 9a|classes: \[9a\])$", _with_8b, text, count=1)
    assert changed != text
    runner.desk.write(changed)


def _with_8b(found: re.Match[str]) -> str:
    if found[2] == "- 9a":
        return f"{found[0]}\n{found[1]}- 8b"
    return f"{found[1]}classes: [9a, 8b]"


def add_a_learner(runner) -> None:
    text = manifest(runner)
    changed = text.replace("- s-1020", "- s-1020\n      - s-1021", 1)
    assert changed != text
    runner.desk.write(changed)


def names_no_learner(ran: Ran) -> None:
    assert not LEARNER.search(ran.log), ran.log
    assert not LEARNER.search(ran.summary), ran.summary


def test_a_plan_is_told_in_one_comment_and_kept_for_the_merge(runner, host):
    add_8b(runner)
    add_a_learner(runner)
    ran = runner.run(PULL, command="plan")
    assert ran.code == 0, ran.log
    assert ran.outputs["code"] == "2"
    assert ran.outputs["artefact"] == f"reconciler-plan-roles-{HEAD}"
    assert "2 to add." in ran.log
    assert "2 to add." in ran.summary
    names_no_learner(ran)
    ran = runner.run(PULL, command="plan")
    assert [what for what, _ in host.writes] == ["made", "renewed"]
    assert "2 to add." in host.comments[0]["body"]
    assert not LEARNER.search(host.comments[0]["body"])
    (kept,) = runner.kept.values()
    assert json.loads(kept)["format"] == "reconciler.plan/1"


def test_a_merge_applies_what_was_reviewed(runner, host):
    add_8b(runner)
    runner.run(PULL, command="plan")
    host.merge(3, HEAD, MERGE)
    ran = runner.run(MERGED, command="apply")
    assert ran.code == 0, ran.log
    assert "1 succeeded; read back and confirmed." in ran.log
    assert "1 succeeded" in ran.summary
    assert "mentor/t-0401/class/8b" in runner.desk.sandbox.assignments()
    assert "t-0401" not in ran.log, "the log has pseudonyms"
    assert runner.run(NIGHT, command="drift").code == 0


def test_what_nobody_reviewed_is_not_applied(runner, host):
    add_8b(runner)
    runner.run(PULL, command="plan")
    add_a_learner(runner)
    host.merge(3, HEAD, MERGE)
    before = runner.desk.sandbox.writes()
    ran = runner.run(MERGED, command="apply")
    assert ran.code == 5
    assert "1 change would be made that nobody reviewed" in ran.log
    assert "::error::Not what was reviewed: nothing was changed." in ran.log
    names_no_learner(ran)
    assert runner.desk.sandbox.writes() == before


def test_a_plan_forged_with_more_lets_pass_what_was_merged_and_nothing_else(runner, host):
    """Who may push a branch may write its artefact; what was merged is the most that it can do."""
    add_8b(runner)
    add_a_learner(runner)
    both = manifest(runner)
    runner.desk.write(both.replace("- s-1021", "- s-1021\n      - s-1022", 1))
    runner.run(PULL, command="plan")  # of three changes, where two are merged
    runner.desk.write(both)
    host.merge(3, HEAD, MERGE)
    ran = runner.run(MERGED, command="apply")
    assert ran.code == 0, ran.log
    assert "2 succeeded" in ran.log
    assert "1 change that was reviewed need not be made any more" in ran.log


def test_a_plan_forged_with_less_keeps_changes_from_being_made(runner, host):
    merged = manifest(runner)
    runner.run(PULL, command="plan")  # of nothing
    runner.desk.write(merged)
    add_8b(runner)
    host.merge(3, HEAD, MERGE)
    before = runner.desk.sandbox.writes()
    assert runner.run(MERGED, command="apply").code == 5
    assert runner.desk.sandbox.writes() == before


@pytest.mark.parametrize("reviewed", ["pull-request", "run"])
def test_an_older_commit_is_not_applied_after_a_newer_one(runner, host, reviewed):
    """A newer merge may have taken back what it declares."""
    add_8b(runner)
    runner.run(PULL, command="plan")
    runner.run(MERGED, command="plan")
    host.merge(3, HEAD, MERGE)
    host.newest = "c" * 40
    before = runner.desk.sandbox.writes()
    ran = runner.run(MERGED, command="apply", reviewed=reviewed)
    assert ran.code == 5
    assert "Let the job of the newest commit apply" in ran.log
    assert "::error::Nothing was applied: the default branch" in ran.log
    assert runner.desk.sandbox.writes() == before


@pytest.mark.parametrize("command", ["plan", "drift"])
def test_mistakes_of_a_roster_are_told_without_the_ids_of_learners(runner, host, command):
    twice = break_the_roster(runner.desk)
    ran = runner.run(PULL if command == "plan" else NIGHT, command=command)
    assert ran.code == 1
    assert "RR309" in ran.log
    assert "RR310" in ran.log
    assert "users.csv row " in ran.log
    for told in (ran.log, ran.summary, *(each["body"] for each in host.comments)):
        assert twice not in told
        assert GHOST not in told


def test_a_plan_that_does_what_was_merged_already_does_nothing(runner, host):
    untouched = manifest(runner)
    add_8b(runner)
    runner.run(PULL, command="plan")  # keeps a plan for what is not merged
    runner.desk.write(untouched)
    host.merge(3, HEAD, MERGE)
    before = runner.desk.sandbox.writes()
    ran = runner.run(MERGED, command="apply")
    assert ran.code == 0, ran.log
    assert runner.desk.sandbox.writes() == before
    assert "1 change that was reviewed need not be made any more" in ran.log


def test_without_a_reviewed_plan_nothing_is_applied(runner):
    add_8b(runner)
    ran = runner.run(MERGED, command="apply")
    assert ran.code == 5
    assert "No pull request was reviewed" in ran.log
    assert "::error::Nothing was applied: no reviewed plan was found." in ran.log
    ran = runner.run(MERGED, command="apply", reviewed="anything")
    assert ran.code == 64
    assert "neither pull-request nor run" in ran.log


def test_a_plan_of_the_same_run_is_applied_as_it_is(runner):
    add_8b(runner)
    assert runner.run(MERGED, command="plan").code == 0
    ran = runner.run(MERGED, command="apply", reviewed="run")
    assert ran.code == 0, ran.log
    assert "1 succeeded" in ran.log
    ran = runner.run(MERGED, command="apply", reviewed="run")
    assert ran.code == 5
    assert "The plan was used before." in ran.log


def test_a_plan_that_went_stale_is_told_and_named_without_people(runner):
    add_8b(runner)
    runner.run(MERGED, command="plan")
    runner.desk.sandbox.assign("mentor/t-0412/learner/s-1033")
    ran = runner.run(MERGED, command="apply", reviewed="run")
    assert ran.code == 5
    assert "The plan is stale" in ran.log
    assert "Make a new plan, and have it reviewed." in ran.log
    names_no_learner(ran)


def test_what_a_public_repository_would_keep_is_encrypted_or_not_kept(runner, host):
    public = replace(PULL, visibility="public")
    add_8b(runner)
    assert runner.run(replace(PULL, visibility="internal"), command="plan").code == 0
    assert not runner.kept, "all of an enterprise can read it"
    ran = runner.run(public, command="plan")
    assert ran.code == 0, ran.log
    assert "artefact" not in ran.outputs
    assert "::warning::The plan is not kept" in ran.log
    assert not runner.kept
    assert "t-0401" not in ran.log
    ran = runner.run(public, command="plan", plan_key=KEY)
    assert ran.code == 0, ran.log
    (kept,) = runner.kept.values()
    assert kept.startswith(b"Salted__")
    assert b"t-0401" not in kept
    host.merge(3, HEAD, MERGE)
    merged = replace(MERGED, visibility="public")
    ran = runner.run(merged, command="apply")
    assert ran.code == 1
    assert "was given no plan-key" in ran.log
    ran = runner.run(merged, command="apply", plan_key="another")
    assert ran.code == 1
    assert "plan-key is another" in ran.log
    ran = runner.run(merged, command="apply", plan_key=KEY)
    assert ran.code == 0, ran.log
    assert "1 succeeded" in ran.log


def test_a_fork_gets_its_manifest_checked_and_no_plan(runner, host):
    for name in ("RECONCILER_CLIENT_ID", "RECONCILER_CLIENT_SECRET"):
        del runner.desk.environment[name]
    host.permitted = False  # its token may only read
    fork = replace(PULL, head_repository="stranger/roles")
    ran = runner.run(fork, command="plan")
    assert ran.code == 0, ran.log
    assert "::notice::No plan: a pull request from a fork gets no secrets." in ran.log
    assert host.comments == []
    runner.desk.write(manifest(runner) + "mentor: []\n")
    ran = runner.run(fork, command="plan")
    assert ran.code == 1
    assert "::error file=roles.yaml" in ran.log


def test_mistakes_of_a_manifest_are_told_beside_their_lines_and_in_the_comment(runner, host):
    good = manifest(runner)
    runner.desk.write(good + "mentor: []\n")
    ran = runner.run(PULL, command="plan")
    assert ran.code == 1
    assert "::error file=roles.yaml" in ran.log
    assert "1 error" in host.comments[0]["body"]
    runner.desk.write("\n" + good.replace("version: 1", "version:   1"))
    assert runner.run(PULL, command="plan").code == 2
    runner.desk.write(good)
    assert runner.run(PULL, command="plan").code == 0
    assert "Nothing to change" in host.comments[0]["body"]


def test_a_refused_plan_fails_and_is_told(runner, host):
    runner.desk.write("version: 1\nsite: nordberg-kommune\nmentors: []\n")
    ran = runner.run(PULL, command="plan")
    assert ran.code == 4
    assert "::error::A guard or policy refuses this plan" in ran.log
    assert "RR502" in host.comments[0]["body"]
    assert not runner.kept


def test_a_comment_that_cannot_be_written_fails_the_step_with_advice(runner, host):
    host.permitted = False
    add_8b(runner)
    ran = runner.run(PULL, command="plan")
    assert ran.code == 1
    assert "Resource not accessible by integration" in ran.log
    assert "permissions that docs/pipelines.md lists" in ran.log


def test_drift_fails_where_somebody_edited_and_not_where_changes_wait(runner):
    add_8b(runner)
    ran = runner.run(NIGHT, command="drift")
    assert ran.code == 0, ran.log
    assert "::notice::Changes wait to be applied" in ran.log
    runner.desk.sandbox.assign("mentor/t-0412/learner/s-1033")
    ran = runner.run(NIGHT, command="drift")
    assert ran.code == 2
    assert "Drifted: 1" in ran.log
    assert "::error::Somebody edited the site" in ran.log
    assert "t-0412" in ran.summary
    names_no_learner(ran)


@pytest.mark.parametrize("event", ["pull_request_target", "workflow_run"])
def test_events_that_lend_secrets_to_strangers_are_refused(runner, event):
    ran = runner.run(replace(PULL, name=event), command="plan")
    assert ran.code == 64
    assert "Use pull_request." in ran.log
    (temp,) = runner.folder.iterdir()
    assert not (temp / "reconciler").exists(), "nothing was installed before"


def test_inputs_are_values_and_never_code(runner):
    """Whatever an input says, no shell reads it."""
    for name in ("manifest", "environment", "about", "wait"):
        ran = runner.run(NIGHT, command="drift", **{name: '$(touch pwned); "; touch pwned'})
        assert (ran.code != 0) is (name in ("manifest", "environment"))
    assert runner.run(NIGHT, command="drift; touch pwned").code == 64
    assert not (runner.desk.directory / "pwned").exists()
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", "")


def test_a_folder_and_several_manifests(runner, host):
    folder = runner.desk.directory / "all the roles"
    folder.mkdir()
    text = manifest(runner)
    head, found, tail = text.partition("headteachers:")
    (folder / "mentors.yaml").write_text(head)
    (folder / "heads.yaml").write_text(f"version: 1\nsite: nordberg-kommune\n{found}{tail}")
    runner.desk.run("fmt", folder)
    ran = runner.run(
        PULL,
        command="plan",
        working_directory="all the roles",
        manifest="mentors.yaml\nheads.yaml\n",
        about="north",
    )
    assert ran.code == 0, ran.log
    assert ran.outputs["artefact"] == f"reconciler-plan-north-{HEAD}"
    assert "<!-- about north -->" in host.comments[0]["body"]


def test_every_action_of_others_is_pinned_and_every_script_can_be_run():
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    assert not re.search(r"uses: (?!\S+@[0-9a-f]{40} # v)", text)
    for name in ("install", "find-plan", "run"):
        assert (ROOT / "pipelines" / name).stat().st_mode & 0o111
