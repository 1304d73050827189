"""The reading commands and their exit codes (design, section 4)."""

import json
import re
import subprocess
import sys

import pytest
from jsonschema import Draft202012Validator
from sandboxes import Desk, example, running

from reconciler.cli.main import COMMANDS
from reconciler.cli.schema import SCHEMAS

BROKEN = example(mentors=[{"person": "t-0401", "classes": ["9a", "9a"]}], labels={"mentro": {}})
STRANGER = example(mentors=[{"person": "t-0413", "classes": ["9a"]}])


# validate


def test_validate_says_yes_offline_without_a_site(tmp_path):
    desk = Desk(tmp_path)
    desk.write(example())
    done = desk.run("validate", "roles.yaml")
    assert done.out == "Valid: roles.yaml (checked offline).\n"
    found = desk.run("validate", "roles.yaml", "--format", "json").json("diagnostics")
    assert found == {"format": "reconciler.diagnostics/1", "valid": True, "diagnostics": []}


def test_validate_tells_every_mistake_with_code_and_place(tmp_path):
    desk = Desk(tmp_path)
    desk.write(BROKEN)
    done = desk.run("validate", "roles.yaml", expect=1)
    assert done.out == ""
    assert "RR113" in done.err
    assert "RR101" in done.err
    assert done.err.endswith("Error: 2 errors found.\n")
    found = desk.run("validate", "roles.yaml", "--format", "json", expect=1).json("diagnostics")
    assert not found["valid"]
    assert {each["code"] for each in found["diagnostics"]} == {"RR101", "RR113"}
    assert all(each["file"] == "roles.yaml" and each["line"] for each in found["diagnostics"])


def test_validate_joins_files_and_directories(tmp_path):
    desk = Desk(tmp_path)
    desk.write(example(mentors=None, headteachers=None), "site.yaml")
    desk.write({"version": 1, "mentors": [{"person": "t-0401", "classes": ["9a"]}]}, "m/a.yaml")
    desk.write({"version": 1, "mentors": [{"person": "t-0403", "classes": ["8b"]}]}, "m/b/c.yml")
    desk.run("validate", "site.yaml", "m")
    desk.write({"version": 1, "mentors": [{"person": "t-0401"}]}, "m/d.yaml")
    done = desk.run("validate", "site.yaml", "m", expect=1)
    assert "m/d.yaml:" in done.err
    assert "m/a.yaml:" in done.err, "the first place is named too"


def test_validate_online_knows_who_is_there(first_desk):
    assert "against the site" in first_desk.run("validate", "roles.yaml", "--online").out
    first_desk.write(STRANGER)
    first_desk.run("validate", "roles.yaml")
    told = first_desk.run("validate", "roles.yaml", "--online", expect=1).err
    assert "the site has no person with the sync_key t-0413. Did you mean" in told
    document = first_desk.run(
        "validate", "roles.yaml", "--online", "--format", "json", expect=1
    ).json("diagnostics")
    assert [each["code"] for each in document["diagnostics"]] == ["RR202"]


# plan and show


def test_plan_exits_0_or_2_and_is_shown_alike_from_its_file(first_desk):
    planned = first_desk.run("plan", "roles.yaml", "--out", "plan.json")
    assert "17 to add, 4 to change." in planned.out
    assert planned.err == "Saved the plan to plan.json.\n"
    assert first_desk.run("show", "plan.json").out == planned.out
    document = first_desk.run(
        "plan", "roles.yaml", "--detailed-exitcode", "--format", "json", expect=2
    ).json("plan")
    shown = first_desk.run("show", "plan.json", "--format", "json").json("plan")
    for each in (document, shown):
        del each["id"], each["digest"]
    assert document == shown


def test_plan_of_a_settled_site_is_empty(settled_desk):
    done = settled_desk.run("plan", "roles.yaml", "--detailed-exitcode")
    assert "Nothing to change" in done.out


def test_plan_explains_itself_by_person_with_cause_and_access(first_desk):
    out = first_desk.run("plan", "roles.yaml").out
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "mentor t-0408" in lines
    assert "+ class no declared at roles.yaml:29:19" in lines
    assert "t-0401 gains 10 learners: " + ", ".join(f"s-{n}" for n in range(1030, 1040)) in lines
    assert "\x1b" not in out


REFUSED = {
    "RR501": example(mentors=[{"person": "t-0412", "classes": ["8a"]}]),
    "RR502": example(mentors=[]),
}


@pytest.mark.parametrize("code", REFUSED)
def test_a_refused_plan_exits_4_and_is_printed_and_saved(settled_desk, code):
    settled_desk.write(REFUSED[code])
    done = settled_desk.run("plan", "roles.yaml", "--out", "plan.json", expect=4)
    assert "to remove." in done.out
    assert f"refused {code}:" in done.out
    (meant,) = [line for line in done.out.splitlines() if "If it is meant" in line]
    assert re.fullmatch(r'.* run plan with (--override RR\d+ )+--reason "why"\.', meant)
    assert f"--override {code} " in meant
    shown = settled_desk.run("show", "plan.json", "--format", "json").json("plan")
    assert shown["refused"]
    assert code in {each["code"] for each in shown["verdicts"] if not each["passed"]}
    settled_desk.run("plan", "roles.yaml", "--detailed-exitcode", expect=4)
    settled_desk.run("apply", "roles.yaml", "--yes", expect=4)
    assert meant in settled_desk.run("show", "plan.json").out
    assert "--override" in settled_desk.run("apply", "plan.json", expect=4).err
    codes = re.findall(r"--override=\S+", meant.replace("--override ", "--override="))
    lifted = settled_desk.run("plan", "roles.yaml", *codes, "--reason", "it is meant")
    assert "If it is meant" not in lifted.out


@pytest.mark.parametrize(
    ("command", "again"),
    [(("plan",), "plan"), (("apply", "--yes"), "again")],
    ids=["plan", "apply"],
)
def test_of_two_guards_that_refuse_both_are_named_also_where_one_is_lifted(
    settled_desk, command, again
):
    """What is advised is enough, word for word: overrides are those of one run."""
    settled_desk.write(REFUSED["RR502"])
    given = ("--override", "RR501", "--reason", "it is meant")
    done = settled_desk.run(*command, "roles.yaml", *given, expect=4)
    meant = f'run {again} with --override RR501 --override RR502 --reason "why".'
    assert (done.out + done.err).count("If it is meant") == 1
    assert meant in done.out + done.err


def test_what_a_saved_plan_lifts_stays_lifted_for_its_reason(applied):
    """Only what still refuses it is named: an option would put its reason over the approved one."""
    applied.write(REFUSED["RR502"])
    approved = ("--override", "RR501", "--reason", "approved, ticket 7")
    applied.run("plan", "roles.yaml", *approved, "--out", "plan.json", expect=4)
    refused = applied.run("apply", "plan.json", expect=4)
    assert 'run again with --override RR502 --reason "why".' in refused.err
    given = ("--override", "RR511", "--reason", "it is meant")
    assert (
        "with --override RR502 --reason" in applied.run("apply", "plan.json", *given, expect=4).err
    )
    applied.run("apply", "plan.json", "--override", "RR502", "--reason", "it is meant")
    run = applied.run("history", "--limit", "1", "--format", "json").json("history")["runs"][0]
    lifted = {each["code"]: each["reason"] for each in run["overrides"]}
    assert lifted == {"RR501": "approved, ticket 7", "RR502": "it is meant"}


def test_plan_fails_for_an_unfit_manifest_or_another_site(first_desk):
    first_desk.write(STRANGER)
    assert "RR202" in first_desk.run("plan", "roles.yaml", expect=1).err
    first_desk.write(example(site="sydberg-kommune"))
    done = first_desk.run("plan", "roles.yaml", expect=1)
    assert done.out == ""
    assert "RR201" in done.err


READING = {
    "validate": ["validate", "roles.yaml", "--online"],
    "plan": ["plan", "roles.yaml"],
    "drift": ["drift", "roles.yaml"],
    "export": ["export"],
    "explain": ["explain", "t-0412"],
    "access": ["access", "--learner", "s-1001"],
    "review": ["review"],
}


def test_an_unreachable_site_is_one_sentence(first_desk):
    closed = first_desk.run(
        "plan", "roles.yaml", expect=1, RECONCILER_TOKEN_URL="http://127.0.0.1:9/token"
    )
    assert closed.out == ""
    told = "POST to the token endpoint: the connection was refused (127.0.0.1:9)."
    assert told in closed.err


@pytest.mark.parametrize("command", READING)
def test_reading_fails_with_one_sentence_without_site_or_rights(first_desk, command):
    run = READING[command]
    first_desk.use_token("not-a-token")
    wrong = first_desk.run(*run, expect=1)
    assert "401" in wrong.err
    assert "not-a-token" not in wrong.err
    del first_desk.environment["RECONCILER_URL"]
    nowhere = first_desk.run(*run, expect=1)
    assert "RECONCILER_URL is not set" in nowhere.err


def test_every_reading_command_accepts_a_saved_state(settled_desk):
    settled_desk.run("export", "--state", "live.json")
    offline = Desk(settled_desk.directory)
    for command, arguments in READING.items():
        without_site = [part for part in arguments if part != "--online"]
        saved = offline.run(*without_site, "--live", "live.json")
        if command == "drift":
            assert "No drift" in saved.out
        elif command == "validate":
            assert saved.out == "Valid: roles.yaml (checked against live.json).\n"
        else:
            assert saved.out == settled_desk.run(*arguments).out
    both = settled_desk.run("export", "--live", "live.json", "-e", "test", expect=64)
    assert "exclude each other" in both.err


def test_an_environment_file_finds_the_site_too(first_desk):
    variables = first_desk.environment
    (first_desk.directory / "secret").write_text(variables.pop("RECONCILER_CLIENT_SECRET"))
    url, client = variables.pop("RECONCILER_URL"), variables.pop("RECONCILER_CLIENT_ID")
    del variables["RECONCILER_TOKEN_URL"]
    first_desk.write(
        f'[environments.test]\nurl = "{url}"\nclient_id = "{client}"\n'
        'client_secret = {file = "secret"}\n'
        '[environments.live]\nurl = "https://live.example"\ntoken = {env = "LIVE_TOKEN"}\n',
        "reconciler.toml",
    )
    first_desk.run("plan", "roles.yaml", "-e", "test", "--detailed-exitcode", expect=2)
    unnamed = first_desk.run("plan", "roles.yaml", expect=1)
    assert "live, test" in unnamed.err
    assert "live, test" in first_desk.run("plan", "roles.yaml", "-e", "prod", expect=1).err
    assert "LIVE_TOKEN" in first_desk.run("plan", "roles.yaml", "-e", "live", expect=1).err


# schema, help, version, wrong use


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema_prints_what_is_published(tmp_path, name):
    document = json.loads(Desk(tmp_path).run("schema", name).out)
    if name == "openapi":
        assert document["openapi"].startswith("3.1.")
    else:
        Draft202012Validator.check_schema(document)
        assert document["title"]
        assert document["description"]


def test_schema_is_the_manifest_s_by_default(tmp_path):
    desk = Desk(tmp_path)
    assert desk.run("schema").out == desk.run("schema", "manifest").out
    assert "nonsense" in desk.run("schema", "nonsense", expect=64).err


def test_help_and_version(tmp_path):
    desk = Desk(tmp_path)
    listed = desk.run("--help").out
    for name in COMMANDS:
        assert f"\n  {name} " in listed
        assert f"Usage: reconciler {name} " in desk.run(name, "--help").out
    assert desk.run("--version").out.startswith("reconciler, version ")


WRONG = {
    "unknown command": (["aply", "roles.yaml"], "aply"),
    "unknown option": (["plan", "roles.yaml", "--force"], "--force"),
    "no manifest": (["plan"], "MANIFEST"),
    "no such day": (["plan", "roles.yaml", "--as-of", "31.12.2026"], "31.12.2026"),
    "override without reason": (["plan", "roles.yaml", "--override", "RR501"], "--reason"),
    "blank reason": (["plan", "roles.yaml", "--override", "RR501", "--reason", " "], "--reason"),
    "reason without override": (["apply", "roles.yaml", "--reason", "why"], "--override"),
    "no such guard": (["plan", "roles.yaml", "--override", "RR9", "--reason", "x"], "RR9"),
    "no such format": (["plan", "roles.yaml", "--format", "xml"], "xml"),
    "two exports at once": (["export", "--state", "a", "--out", "b"], "--state"),
    "a port that is none": (["sandbox", "--port", "70000"], "70000"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_use_is_64_and_says_what(tmp_path, case):
    desk = Desk(tmp_path)
    desk.write(example())
    arguments, named = WRONG[case]
    done = desk.run(*arguments, expect=64)
    assert done.out == ""
    assert named in done.err


def test_the_sandbox_fails_with_one_sentence(tmp_path):
    (tmp_path / "seed.json").write_text("{}")
    done = Desk(tmp_path).run("sandbox", "--seed", "seed.json", expect=1)
    assert done.err.startswith("Error: the seed seed.json is not valid")
    with running(tmp_path) as site:
        port = site.url.rpartition(":")[2]
        assert f"port {port}" in Desk(tmp_path).run("sandbox", "--port", port, expect=1).err


def test_a_journal_in_a_file_does_not_load_what_postgresql_takes():
    dialect = "sqlalchemy.dialects.postgresql"
    code = f"import sys, reconciler.workflows.applying; sys.exit({dialect!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
