"""What somebody meets on the first day: mistyped arguments, wrong files, a file in the way."""

import json
import os
import re
import shutil
import subprocess

import pytest
from sandboxes import PROGRAM, Desk, example, running

from reconciler.cli import main, schema
from reconciler.private_files import write_private


@pytest.fixture(scope="session")
def _live(tmp_path_factory):
    directory = tmp_path_factory.mktemp("live")
    with running(directory) as site:
        Desk(directory, site).run("export", "--state", "live.json")
    return directory / "live.json"


@pytest.fixture
def desk(tmp_path, _live):
    """A desk without a site, with the example and a saved state of the untouched municipality."""
    shutil.copy(_live, tmp_path / "live.json")
    desk = Desk(tmp_path)
    desk.write(example())
    return desk


def content(desk: Desk, name: str) -> bytes:
    return (desk.directory / name).read_bytes()


# A file in the way

LIVE = ("--live", "live.json")
PLAN = ("plan", "roles.yaml", *LIVE)
OVER = {
    "a plan over its manifest": ([*PLAN, "--out", "roles.yaml"], "roles.yaml"),
    "a plan over the manifest by another name": ([*PLAN, "--out", "./alias.yaml"], "alias.yaml"),
    "a plan over a manifest in the folder": (["plan", "m", *LIVE, "--out", "m/a.yaml"], "m/a.yaml"),
    "a plan over the state": ([*PLAN, "--out", "live.json"], "live.json"),
    "a plan over a text": ([*PLAN, "--out", "note.txt"], "note.txt"),
    "an export over a manifest": (["export", *LIVE, "--out", "roles.yaml"], "roles.yaml"),
    "an export over its state": (["export", *LIVE, "--out", "live.json"], "live.json"),
    "a state over a manifest": (["export", *LIVE, "--state", "roles.yaml"], "roles.yaml"),
    "a state over the state it is read from": (
        ["export", *LIVE, "--state", "live.json"],
        "live.json",
    ),
    "a plan over a pipe": ([*PLAN, "--out", "pipe"], "pipe"),  # stands for every device
    "a plan through a link": ([*PLAN, "--out", "link.json"], "link.json is a link"),
    "a plan to a dash": ([*PLAN, "--out", "-"], "--out"),
    "an export to a dash": (["export", *LIVE, "--out", "-"], "--out"),
    "a state to a dash": (["export", *LIVE, "--state", "-"], "--state"),
    "a plan to nothing": ([*PLAN, "--out", ""], "--out"),
}


@pytest.mark.parametrize("case", OVER)
def test_nothing_that_it_did_not_write_itself_is_replaced(desk, case):
    (desk.directory / "alias.yaml").symlink_to("roles.yaml")
    (desk.directory / "link.json").symlink_to(desk.write("", "empty"))
    desk.write(example(), "m/a.yaml")
    desk.write("mine\n", "note.txt")
    os.mkfifo(desk.directory / "pipe")
    before = {path: path.read_bytes() for path in desk.directory.rglob("*") if path.is_file()}
    arguments, named = OVER[case]
    done = desk.run(*arguments, expect=64)
    assert named in done.err
    assert done.out == ""
    after = {path: path.read_bytes() for path in desk.directory.rglob("*") if path.is_file()}
    assert after == before
    assert (desk.directory / "pipe").is_fifo()


def test_what_it_wrote_itself_is_replaced(desk):
    for arguments in (
        [*PLAN, "--out", "plan.json"],
        ["export", *LIVE, "--out", "out.yaml"],
        ["export", *LIVE, "--state", "copy.json"],
    ):
        name = arguments[-1]
        desk.write("", name)  # as mktemp leaves one
        desk.run(*arguments)
        desk.run(*arguments)
        assert content(desk, name)
    assert desk.run("export", *LIVE).out.encode() == content(desk, "out.yaml")
    edited = content(desk, "out.yaml").decode().split("\n", 1)[1]
    desk.write(edited, "out.yaml")
    told = desk.run("export", *LIVE, "--out", "out.yaml", expect=64).err
    assert "delete" in told


def test_a_place_that_is_not_there_is_told_before_anything_is_fetched(desk):
    nowhere = {"RECONCILER_URL": "http://127.0.0.1:9", "RECONCILER_TOKEN": "t"}
    for command in (["plan", "roles.yaml", "--out"], ["export", "--out"], ["export", "--state"]):
        told = desk.run(*command, "no/where.json", expect=1, **nowhere).err
        assert told.startswith("Error: There is no folder no")
        assert ".where.json." not in told
        desk.run(*command, "roles.yaml", expect=64, **nowhere)


# Arguments that say nothing

EMPTY = {
    "validate": (["validate", ""], "MANIFEST is empty"),
    "init": (["init", ""], "DIRECTORY is empty"),
    "fmt": (["fmt", ""], "PATHS is empty"),
    "plan": (["plan", ""], "MANIFEST is empty"),
    "plan beside another": (["plan", "roles.yaml", ""], "MANIFEST is empty"),
    "drift": (["drift", ""], "MANIFEST is empty"),
    "apply": (["apply", ""], "MANIFEST is empty"),
    "show": (["show", ""], "PLAN is empty"),
    "review": (["review", "", *LIVE], "MANIFEST is empty"),
    "fleet": (["fleet", "plan", ""], "FLEET is empty"),
    "fleet only": (["fleet", "plan", "roles.yaml", "--only", ""], "--only is empty"),
    "explain": (["explain", "", *LIVE], "PERSON is empty"),
    "access": (["access", "--person", "", *LIVE], "--person is empty"),
    "only": ([*PLAN, "--only", ""], "--only is empty"),
    "live": (["export", "--live", ""], "--live is empty"),
}


@pytest.mark.parametrize("case", EMPTY)
def test_an_empty_argument_is_wrong_use(desk, case):
    arguments, told = EMPTY[case]
    assert told in desk.run(*arguments, expect=64).err


def test_the_bare_command_prints_its_help(tmp_path):
    done = Desk(tmp_path).run(expect=64)
    assert done.out == ""
    assert done.err == Desk(tmp_path).run("--help").out
    assert "\\n" not in done.err


def test_only_an_option_that_is_near_is_suggested(desk):
    assert "--out" not in desk.run("plan", "roles.yaml", "--nosuch", expect=64).err
    assert "--format" in desk.run("plan", "roles.yaml", "--fromat", "json", expect=64).err


def test_a_connection_for_an_offline_check_is_wrong_use(desk):
    desk.write("[environments.test]\n", "reconciler.toml")
    for option in (["-e", "nosuch"], ["--config", "reconciler.toml"]):
        told = desk.run("validate", "roles.yaml", *option, expect=64).err
        assert "--online" in told


# A plan that is narrowed to nothing


def test_a_plan_narrowed_to_nothing_does_not_say_that_the_site_is_in_order(desk):
    done = desk.run(*PLAN, "--only", "mentor/t-0413", "--detailed-exitcode", "--out", "plan.json")
    assert "the site is as the manifest declares" not in done.out
    assert "Nothing is planned: --only and --except leave nothing that would change." in done.out
    assert (
        "RR504: --only mentor/t-0413 matches nothing that would change. Did you mean "
        "'mentor/t-0412'? There is profile/* (1), label/* (4), headteacher/* (2), mentor/* (14)."
    ) in done.out
    assert desk.run("show", "plan.json").out == done.out
    nothing = desk.run(*PLAN, "--except", "*", "--detailed-exitcode").out
    assert "the site is as the manifest declares" not in nothing


def test_an_override_that_nothing_needed_is_a_warning(desk):
    override = ("--override", "RR501", "--reason", "August")
    done = desk.run(*PLAN, *override, "--out", "plan.json")
    assert "warning RR505: --override RR501" in done.out
    plan = desk.run("show", "plan.json", "--format", "json").json("plan")
    assert "RR505" in {each["code"] for each in plan["warnings"]}
    desk.write(example(headteachers=[]))
    needed = desk.run(*PLAN, "--override", "RR502", "--reason", "August").out
    assert "RR505" not in needed


# Files of another kind, and files that are not there


def test_a_saved_state_is_no_manifest(desk):
    for command in ("validate", "plan", "drift"):
        told = desk.run(command, "live.json", *LIVE, expect=1).err
        assert "live.json:1:1: error RR009: this is a saved state" in told
        assert "--live" in told
        assert told.endswith("Error: 1 error found.\n")


def test_show_says_what_a_file_is_instead_of_a_plan(desk):
    assert "is a saved state, not a saved plan" in desk.run("show", "live.json", expect=1).err
    assert "is a manifest, not a saved plan" in desk.run("show", "roles.yaml", expect=1).err
    desk.write(json.dumps(example()), "roles.json")
    assert "is a manifest, not a saved plan" in desk.run("show", "roles.json", expect=1).err
    desk.write("mine\n", "note.txt")
    assert "note.txt is not a saved plan" in desk.run("show", "note.txt", expect=5).err


GONE = {
    "show": ["show", "gone.json"],
    "live": ["plan", "roles.yaml", "--live", "gone.json"],
    "config": ["export", "--config", "gone.toml"],
    "a folder as a config": ["export", "--config", "."],
    "manifest": ["plan", "gone.yaml", *LIVE],
    "a folder as a plan": ["show", "."],
    "a folder as a state": ["export", "--live", "."],
}


@pytest.mark.parametrize("case", GONE)
def test_a_file_that_cannot_be_read_is_a_failure_everywhere(desk, case):
    done = desk.run(*GONE[case], expect=1)
    assert GONE[case][-1] in done.err or "gone" in done.err
    assert len(done.err.splitlines()) > 1 or ": error " in done.err, "what to do"


def test_endings_in_capitals_count_and_files_are_counted(desk):
    desk.write(example(headteachers=None), "m/A.YAML")
    desk.write({"version": 1, "headteachers": []}, "m/b.Yml")
    assert desk.run("validate", "m").out == "Valid: m (2 files, checked offline).\n"
    desk.write({"version": 1, "mentors": []}, "m/c.YML")
    desk.write({"version": 1, "mentors": [{"person": "t-0402"}]}, "m/d/e.yaml")
    assert "4 files" in desk.run("validate", "m").out
    (desk.directory / "m" / "A.YAML").unlink()
    assert "RR118" in desk.run("validate", "m", expect=1).err


def test_validate_says_against_what_it_checked(desk):
    done = desk.run("validate", "roles.yaml", *LIVE)
    assert done.out == "Valid: roles.yaml (checked against live.json).\n"


def test_manifests_for_parts_of_a_site_are_planned_one_by_one(desk):
    for name, school in (("a.yaml", "nordberg-skole"), ("b.yaml", "fjellvik-skole")):
        scope = {"within": [school]}
        desk.write({"version": 1, "site": "nordberg-kommune", "scope": scope}, f"m/{name}")
    told = desk.run("validate", "m", expect=1).err
    assert "RR114" in told
    assert "one by one" in told
    assert "alike" not in told


# What online checks tell


def test_an_unknown_person_hides_none_of_their_classes(desk):
    desk.write(example(mentors=[{"person": "t-0413", "classes": ["8x", "8a"], "groups": ["8a"]}]))
    told = desk.run(*PLAN, expect=1).err
    assert "RR202" in told
    assert "8x" in told
    assert "RR206" in told
    assert told.endswith("Error: 3 errors found.\n")


def test_for_another_site_nothing_else_is_looked_up(desk):
    desk.write(example(site="sydberg-kommune", mentors=[{"person": "t-0413"}]))
    told = desk.run(*PLAN, expect=1).err
    assert "RR201" in told
    assert told.endswith("Error: 1 error found.\n")


def test_explain_advises_with_care(desk):
    told = desk.run("explain", "s-1001", *LIVE).out
    assert "Check that this is the person meant" in told
    assert "everybody with the profile Student" in told


def test_an_export_names_who_cannot_be_named(desk):
    state = json.loads(content(desk, "live.json"))
    people = [each for each in state["people"] if each["sync_key"] in ("t-0401", "t-0403")]
    for person in people:
        state["holders"].append({"role": "mentor", "person": person["id"]})
    people[0]["email"], people[1]["email"] = None, "head@nordberg.example"
    desk.write(json.dumps(state), "live.json")
    told = desk.run("export", *LIVE, "--people", "email", expect=1).err
    assert people[0]["sync_key"] in told
    assert people[1]["sync_key"] not in told


# Standard output


def test_a_closed_standard_output_is_no_defect(desk):
    for command in (PLAN, ("--help",), ("schema",)):
        done = subprocess.run(
            ["bash", "-c", '"$0" "$@" >&-', PROGRAM, *command],
            cwd=desk.directory,
            env=desk.environment,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
        assert done.returncode == 1
        assert done.stderr.decode() == "Error: Standard output is closed.\n"


# A defect of ours


def test_a_defect_is_told_with_its_places_in_our_code_and_without_values(monkeypatch, capsys):
    def lookup(*_):
        return {}["Marit Løken"]

    monkeypatch.setattr(schema, "shipped", lookup)
    assert main.run(["schema"]) == 1
    said = capsys.readouterr().err
    assert "has met a defect of its own: KeyError.\n" in said
    assert re.search(
        r"the command you ran and where it was: reconciler\.cli\.schema:[0-9]+ < reconc", said
    )
    assert "Marit" not in said
    assert said.count("\n") == 2


def test_a_file_that_cannot_be_written_is_named_as_the_user_named_it(tmp_path):
    path = tmp_path / "no" / "plan.json"
    with pytest.raises(FileNotFoundError) as caught:
        write_private(path, b"")
    assert caught.value.filename == str(path)
