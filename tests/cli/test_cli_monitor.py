"""Runs that are monitored: metrics and messages, from the console script to real receivers."""

import base64
import json
import os
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from receivers import HANG, Gateway, Receiver, Samples, receiving, samples_of, valued
from sandboxes import Desk, Sandbox, example, running

from reconciler.drift import DriftKind
from reconciler.providers.saved import write_state
from reconciler.testing import SAMPLE

SECRET = "webhook-secret-5e1f"
PASSWORD = "gateway-password-77be"
DRIFT = "reconciler_drift_items"
CODE = "reconciler_last_run_exit_code"
GOOD = "reconciler_last_run_success"
LAST_GOOD = "reconciler_last_success_timestamp_seconds"
RAN = "reconciler_last_run_timestamp_seconds"


@pytest.fixture
def receiver():
    with receiving(Receiver()) as running:
        yield running


@pytest.fixture
def gateway():
    with receiving(Gateway()) as running:
        yield running


def hooked(desk: Desk, receiver: Receiver, *more: str) -> Desk:
    """A desk whose settings have a webhook, beside the site that the variables name."""
    lines = ["[webhook]", 'url = {env = "HOOK_URL"}', 'secret = {env = "HOOK_SECRET"}', *more]
    desk.write("\n".join([*lines, "timeout = 2", ""]), "reconciler.toml")
    desk.environment |= {"HOOK_URL": f"{receiver.url}/T0KEN", "HOOK_SECRET": SECRET}
    return desk


def pushing(desk: Desk, gateway: Gateway, *more: str) -> Desk:
    desk.write(
        "\n".join(["[metrics]", f'push_url = "{gateway.url}"', *more, ""]), "reconciler.toml"
    )
    return desk


def events(receiver: Receiver) -> list[tuple[str, str, int, int]]:
    """What was told: event, topic, how much of it is new, and how much there is."""
    bodies = [json.loads(each.body) for each in receiver.got]
    return [
        (each["event"], each["topic"], each["new"], each["total"])
        for body in bodies
        for each in body["events"]
    ]


def written(desk: Desk, name: str = "drift.prom") -> Samples:
    return samples_of((desk.directory / name).read_bytes())


# Metrics in a file


def test_drift_is_measured_into_a_file(applied: Desk, sandbox: Sandbox):
    sandbox.assign("mentor/t-0407/class/8a")
    sandbox.unassign("mentor/t-0403/class/8b")
    applied.run("drift", "roles.yaml", "--metrics", "drift.prom", expect=2)
    found = written(applied)
    assert valued(found, DRIFT, kind="changed") == 2
    assert all(
        valued(found, DRIFT, kind=kind) == 0 for kind in DriftKind if kind is not DriftKind.CHANGED
    )
    assert valued(found, CODE) == 2
    assert valued(found, GOOD) == 1
    assert valued(found, "reconciler_grants_past_end") == 0
    assert valued(found, LAST_GOOD) == valued(found, RAN)
    path = applied.directory / "drift.prom"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert not re.search(r"\b[ts]-\d{4}", path.read_text())


def test_a_grant_past_its_end_is_measured(desk: Desk):
    ends = {"id": "9a", "until": "2027-06-20"}
    manifest = example(mentors=[{"person": "t-0401", "classes": [ends]}], headteachers=None)
    desk.write(manifest)
    desk.run("apply", "roles.yaml", "--yes")
    desk.run(
        *("drift", "roles.yaml", "--as-of", "2027-06-10", "--within", "30d"),
        *("--metrics", "drift.prom"),
    )
    assert valued(written(desk), "reconciler_grants_ending_soon") == 1
    assert valued(written(desk), "reconciler_grants_past_end") == 0
    desk.run("drift", "roles.yaml", "--as-of", "2027-07-01", "--metrics", "drift.prom", expect=2)
    assert valued(written(desk), "reconciler_grants_past_end") >= 1
    assert valued(written(desk), DRIFT, kind="expired") >= 1


def test_a_plan_and_an_apply_share_a_file(desk: Desk):
    desk.run("plan", "roles.yaml", "--metrics", "runs.prom")
    desk.run("apply", "roles.yaml", "--yes", "--metrics", "runs.prom")
    found = written(desk, "runs.prom")
    added = valued(found, "reconciler_plan_actions", command="plan", verb="add")
    changed = valued(found, "reconciler_plan_actions", command="plan", verb="change")
    assert valued(found, "reconciler_apply_actions", outcome="succeeded") == added + changed > 0
    assert valued(found, "reconciler_apply_actions", outcome="failed") == 0
    assert valued(found, CODE, command="plan") == 0


def test_a_failing_run_is_written_too_and_the_last_success_stays(settled_desk: Desk):
    settled_desk.run("drift", "roles.yaml", "--metrics", "drift.prom")
    good = written(settled_desk)
    settled_desk.run(
        *("drift", "roles.yaml", "--metrics", "drift.prom"),
        expect=1,
        RECONCILER_URL="http://127.0.0.1:1",
        RECONCILER_TOKEN_URL="http://127.0.0.1:1/token",
    )
    found = written(settled_desk)
    assert valued(found, CODE) == 1
    assert valued(found, GOOD) == 0
    assert valued(found, LAST_GOOD) == valued(good, LAST_GOOD)
    assert valued(found, RAN) > valued(good, RAN)
    assert valued(found, DRIFT, kind="changed") == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("drift", "nothing.yaml"), 1),
        (("drift", "roles.yaml", "-e", "nosuch"), 1),
        (("apply", "roles.yaml"), 64),  # there is nobody to ask
    ],
)
def test_every_end_of_a_run_is_written(first_desk: Desk, arguments, code: int):
    first_desk.run(*arguments, "--metrics", "runs.prom", expect=code)
    assert valued(written(first_desk, "runs.prom"), CODE) == code


def test_a_refused_apply_is_written(settled_desk: Desk):
    settled_desk.write(example(mentors=[]))
    settled_desk.run("apply", "roles.yaml", "--yes", "--metrics", "runs.prom", expect=4)
    found = written(settled_desk, "runs.prom")
    assert valued(found, CODE) == 4
    assert valued(found, GOOD) == 0
    assert valued(found, "reconciler_plan_refused") == 1


def test_a_failure_before_the_settings_are_read_is_over_with_the_next_good_run(
    settled_desk: Desk,
):
    desk, variables = settled_desk, settled_desk.environment
    drift = ("drift", "roles.yaml", "-e", "town", "--metrics", "drift.prom")
    good = f"""\
[environments.town]
url = "{variables["RECONCILER_URL"]}"
client_id = "{variables["RECONCILER_CLIENT_ID"]}"
client_secret = {{env = "RECONCILER_CLIENT_SECRET"}}
"""
    goods = []
    for text, code in (("[", 1), (good, 0), ("[", 1), (good, 0)):
        desk.write(text, "reconciler.toml")
        desk.run(*drift, expect=code)
        goods.append(valued(written(desk), GOOD))
    assert goods == [0, 1, 0, 1]
    (desk.directory / "reconciler.toml").unlink()
    desk.run(*drift, expect=1)
    assert valued(written(desk), GOOD, site="town") == 0


@pytest.mark.parametrize("saved", [False, True])
def test_an_apply_that_the_sites_policy_refuses_when_it_begins_is_written(
    settled_desk: Desk, *, saved: bool
):
    desk = settled_desk
    desk.write(example(mentors=[]))
    apply = ("apply", "roles.yaml", "--yes")
    if saved:
        desk.run("plan", "roles.yaml", "--out", "plan.json", expect=4)
        apply = ("apply", "plan.json")
    desk.run(*apply, "--metrics", "runs.prom", expect=4)
    assert valued(written(desk, "runs.prom"), "reconciler_plan_refused") == 1


def test_no_other_file_is_replaced(first_desk: Desk):
    first_desk.write("somebody's work\n", "notes.txt")
    done = first_desk.run("plan", "roles.yaml", "--metrics", "notes.txt", expect=64)
    assert "is not a file of metrics" in done.err
    done = first_desk.run("plan", "roles.yaml", "--metrics", "gone/x.prom", expect=1)
    assert "There is no folder gone" in done.err
    assert (first_desk.directory / "notes.txt").read_text() == "somebody's work\n"


def test_a_roster_has_an_age(first_desk: Desk):
    first_desk.write("unit,person,role,grade\n9a,t-0401,teacher,9\n", "staff.csv")
    os.utime(first_desk.directory / "staff.csv", (1_700_000_000, 1_700_000_000))
    columns = {each: each for each in ("unit", "person", "role", "grade")}
    rule = {"name": "teachers", "mentor": {"who": "teacher", "of": {"grades": ["9"]}}}
    first_desk.write(
        example(
            mentors=None,
            headteachers=None,
            rosters={"sis": {"type": "csv", "path": "staff.csv", "columns": columns}},
            rules=[rule],
        )
    )
    first_desk.run("plan", "roles.yaml", "--metrics", "runs.prom")
    found = written(first_desk, "runs.prom")
    assert valued(found, "reconciler_roster_timestamp_seconds", roster="sis") == 1_700_000_000


# Metrics by the settings


def test_each_command_has_a_file_in_the_collectors_folder(settled_desk: Desk):
    folder = settled_desk.directory / "collector"
    folder.mkdir()
    settled_desk.write('[metrics]\ntextfile_folder = "collector"\n', "reconciler.toml")
    settled_desk.run("drift", "roles.yaml", "--monitor")
    settled_desk.run("plan", "roles.yaml", "--monitor")
    settled_desk.run("plan", "roles.yaml")
    drift, plan = sorted(each.name for each in folder.glob("*.prom"))
    assert re.fullmatch("reconciler_drift_[0-9a-f]{8}.prom", drift)
    assert plan == drift.replace("drift", "plan")
    settled_desk.run("drift", "roles.yaml", "--monitor", expect=1, RECONCILER_URL="http://[::1]:1")
    files = [*folder.glob("reconciler_drift_*.prom")]
    targets = {
        dict(labels)["target"] for each in files for _, labels in samples_of(each.read_bytes())
    }
    assert len(files) == len(targets) == 2


def test_a_push_replaces_the_group_and_a_failure_leaves_the_last_success(
    settled_desk: Desk, gateway: Gateway
):
    desk = pushing(settled_desk, gateway)
    desk.run("drift", "roles.yaml", "--monitor")
    good = gateway.samples()
    desk.run("drift", "nothing.yaml", "--monitor", expect=1)
    found = gateway.samples()
    assert [each.method for each in gateway.got] == ["PUT", "POST"]
    (path,) = {each.path for each in gateway.got}
    assert re.fullmatch("/metrics/job/reconciler/command/drift/target/[0-9a-f]{8}", path)
    assert valued(found, CODE, job="reconciler") == 1
    assert valued(found, LAST_GOOD) == valued(good, LAST_GOOD)
    assert valued(found, DRIFT, kind="changed") == 0


def test_an_environment_has_metrics_and_a_name_of_its_own(settled_desk: Desk, gateway: Gateway):
    variables = settled_desk.environment
    gateway.credentials = f"pusher:{PASSWORD}"
    settled_desk.write(
        f"""\
[environments."a/b"]
url = "{variables["RECONCILER_URL"]}"
client_id = "{variables["RECONCILER_CLIENT_ID"]}"
client_secret = {{env = "RECONCILER_CLIENT_SECRET"}}

[environments."a/b".metrics]
push_url = "{gateway.url}"
job = "roles"
username = "pusher"
password = {{env = "GATEWAY_PASSWORD"}}
""",
        "reconciler.toml",
    )
    done = settled_desk.run(
        *("drift", "roles.yaml", "-e", "a/b", "--monitor", "-v"), GATEWAY_PASSWORD=PASSWORD
    )
    assert PASSWORD not in done.out + done.err
    assert valued(gateway.samples(), CODE, job="roles", site="a/b", command="drift") == 0


@pytest.mark.parametrize("answer", [(500, {}), (401, {}), (302, {"Location": "/"}), HANG])
def test_a_push_that_fails_is_a_warning(settled_desk: Desk, gateway: Gateway, answer):
    gateway.answers = [answer] * 10
    desk = pushing(settled_desk, gateway, "timeout = 0.2")
    done = desk.run("drift", "roles.yaml", "--monitor")
    assert "No drift" in done.out
    assert done.err.startswith("warning: Metrics could not be pushed: the Pushgateway: ")
    assert len(done.err.splitlines()) == 1


def test_a_file_that_cannot_be_written_is_a_warning(settled_desk: Desk):
    folder = settled_desk.directory / "collector"
    folder.mkdir()
    settled_desk.write('[metrics]\ntextfile_folder = "collector"\n', "reconciler.toml")
    settled_desk.run("drift", "roles.yaml", "--monitor")
    (file,) = folder.glob("*.prom")
    file.unlink()
    file.mkdir()
    done = settled_desk.run("drift", "roles.yaml", "--monitor")
    assert "warning: Metrics could not be written" in done.err


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("", "reconciler.toml does not say whom to tell."),
        ("[metrics]\njob = 'x'\n", "it is not said where metrics go"),
        ("[metrics]\ntextfile = 'x'\n", "reconciler.toml: metrics: textfile is not known"),
        ("[metrics]\ntextfile_folder = 'gone'\n", "textfile_folder is not there"),
        ("[metrics]\npush_url = 'x'\n", "push_url is not a web address"),
        (
            "[metrics]\npush_url = 'http://gw.example'\nusername = 'a'\npassword = {env = 'HOME'}",
            "push_url is not encrypted",
        ),
        (
            "[metrics]\npush_url = 'https://gw.example'\nusername = 'a'\npassword = 'hunter2'\n",
            "password must be a reference",
        ),
        ("metrics = 3\n", "metrics is not a table"),
        ("[webhook]\nurl = 'http://hooks.example/x'\n", "url is not encrypted"),
        ("[webhook]\nurl = {env = 'NOT_THERE'}\n", "refers to the variable NOT_THERE"),
        (
            "[webhook]\nurl = 'https://h.example'\nsecret = 'hunter2'\n",
            "secret must be a reference",
        ),
        ("[webhook]\nurl = 'https://h.example'\ntopics = ['all']\n", "is not a list of topics"),
        ("[webhook]\nurl = 'https://h.example'\nbody = 'xml'\n", "body is not known"),
    ],
)
def test_a_mistake_in_the_settings_is_told_before_anything_is_done(
    first_desk: Desk, settings: str, said: str
):
    first_desk.write(settings, "reconciler.toml")
    done = first_desk.run("plan", "roles.yaml", "--monitor", expect=1)
    assert said in done.err
    assert "hunter2" not in done.err
    assert not done.out


# Messages


def test_drift_is_told_once_and_that_it_is_over(
    applied: Desk, sandbox: Sandbox, receiver: Receiver
):
    desk = hooked(applied, receiver)
    desk.run("drift", "roles.yaml", "--monitor")
    assert not receiver.got
    sandbox.assign("mentor/t-0407/class/8a")
    for _ in range(2):
        desk.run("drift", "roles.yaml", "--monitor", expect=2)
    sandbox.unassign("mentor/t-0412/learner/s-1020")
    desk.run("drift", "roles.yaml", "--monitor", expect=2)
    desk.run("apply", "roles.yaml", "--yes", "--monitor")
    for _ in range(2):
        desk.run("drift", "roles.yaml", "--monitor")
    assert events(receiver) == [
        ("drift", "drift", 1, 1),
        ("drift", "drift", 1, 2),
        ("recovery", "drift", 0, 0),
    ]
    first, second, _ = (json.loads(each.body) for each in receiver.got)
    assert first["command"] == "drift"
    assert first["exit_code"] == 2
    who = "`mentor t-0407` `class 8a` on the site, not declared; added by `other (api)`"
    assert who in first["text"]
    (item,) = first["events"][0]["items"]
    assert (item["name"], item["on_site"]) == ("mentor/t-0407/class/8a", "surplus")
    assert "s-1020" not in json.dumps(second)
    assert "a learner missing on the site; removed by `other (api)`" in second["text"]


def test_a_refusal_is_told_and_that_it_is_over(settled_desk: Desk, receiver: Receiver):
    desk = hooked(settled_desk, receiver)
    good = (desk.directory / "roles.yaml").read_text()
    desk.write(example(mentors=[]))
    for _ in range(2):
        desk.run("plan", "roles.yaml", "--monitor", expect=4)
    desk.write(good)
    desk.run("plan", "roles.yaml", "--monitor")
    assert events(receiver) == [
        ("refusal", "refusal", 2, 2),  # too many removals, and a role without holders
        ("recovery", "refusal", 0, 0),
    ]


def test_a_failure_is_told_and_that_it_works_again(settled_desk: Desk, receiver: Receiver):
    desk = hooked(settled_desk, receiver)
    for _ in range(2):
        desk.run(
            *("drift", "roles.yaml", "--monitor"),
            expect=1,
            RECONCILER_TOKEN_URL="http://127.0.0.1:1/token",
        )
    desk.run("drift", "roles.yaml", "--monitor")
    assert events(receiver) == [("failure", "failure", 1, 1), ("recovery", "failure", 0, 0)]
    assert "the connection was refused" in json.loads(receiver.got[0].body)["text"]


def test_what_ends_soon_is_told_before_it_ends(settled_desk: Desk, receiver: Receiver):
    desk = hooked(settled_desk, receiver)
    day = ("--as-of", "2033-06-10")
    for _ in range(2):
        desk.run("drift", "roles.yaml", "--monitor", *day)
    assert [each for each in events(receiver) if each[0] == "ending"] == [
        ("ending", "ending", 1, 1)
    ]
    assert "2033-06-20" in json.loads(receiver.got[0].body)["text"]


@pytest.mark.parametrize("answer", [(500, {}), (404, {}), (302, {"Location": "/"}), HANG])
def test_a_webhook_that_fails_is_a_warning_and_is_told_again(
    settled_desk: Desk, receiver: Receiver, answer
):
    desk = hooked(settled_desk, receiver)
    receiver.answers = [answer] * 4
    failing = ("drift", "nothing.yaml", "--monitor")
    done = desk.run(*failing, expect=1)
    assert "warning: The webhook was not told: the webhook: " in done.err
    assert "T0KEN" not in done.err
    receiver.answers = []
    before = len(receiver.got)
    desk.run(*failing, expect=1)
    desk.run(*failing, expect=1)
    assert len(receiver.got) == before + 1
    assert len({each.headers["webhook-id"] for each in receiver.got}) == 1


def test_a_message_is_signed_and_no_secret_is_in_it_nor_in_the_log(
    settled_desk: Desk, receiver: Receiver
):
    desk = hooked(settled_desk, receiver)
    done = desk.run("drift", "nothing.yaml", "--monitor", expect=1)
    (got,) = receiver.got
    assert got.path == "/T0KEN"
    said = done.out + done.err + got.body.decode() + json.dumps(got.headers)
    for secret in (SECRET, base64.b64encode(SECRET.encode()).decode(), "T0KEN"):
        assert secret not in said
    assert got.headers["webhook-signature"].startswith("v1,")


@pytest.mark.parametrize("redact", [(), ("--redact",)])
def test_who_is_missing_in_a_site_is_in_no_message_and_hidden_where_that_is_asked_for(
    tmp_path: Path, receiver: Receiver, redact: tuple[str, ...]
):
    desk = Desk(tmp_path)
    desk.environment["RECONCILER_REDACT_KEY"] = "0123456789abcdef" * 4
    broken = json.loads(write_state(SAMPLE))
    broken["people"] = [each for each in broken["people"] if each["id"] != "s1"]
    long = json.dumps(broken).replace('"s1"', '"learner-4711"')
    desk.write(long, "site.json")
    hooked(desk, receiver)
    settings = (desk.directory / "reconciler.toml").read_text()
    site = '[environments.a]\nprovider = "snapshot"\npath = "site.json"\n'
    desk.write(f"{settings}\n{site}", "reconciler.toml")
    desk.write("version: 1\nsite: sample\n")
    done = desk.run("drift", "roles.yaml", "--monitor", *redact, expect=1)
    (got,) = receiver.got
    assert b"learner-4711" not in got.body
    assert b"the state does not hold together" in got.body
    assert ("learner-4711" in done.err) == (not redact)


# One id


def ids(text: str) -> set[str]:
    return set(re.findall(r"\b[0-9a-f]{32}\b", text))


def test_one_id_is_in_the_log_the_journal_the_report_and_the_message(
    desk: Desk, receiver: Receiver
):
    hooked(desk, receiver)
    given = "4bf92f3577b34da6a3ce929d0e0e4736"
    trace = {"TRACEPARENT": f"00-{given}-00f067aa0ba902b7-01"}
    done = desk.run(
        *("apply", "roles.yaml", "--yes", "--format", "json", "--log-format", "json"), **trace
    )
    assert done.json("apply")["correlation_id"] == given
    lines = [json.loads(line) for line in done.err.splitlines()]
    assert {each["correlation_id"] for each in lines} == {given}
    (run,) = desk.run("history", "--format", "json").json("history")["runs"]
    assert run["correlation_id"] == given
    details = desk.run("history", "show", run["run"][:8])
    assert given in details.out
    desk.run("drift", "nothing.yaml", "--monitor", expect=1, **trace)
    (got,) = receiver.got
    assert json.loads(got.body)["correlation_id"] == given
    assert got.headers["traceparent"].split("-")[1] == given


def test_every_request_of_a_run_has_its_id_and_the_sandbox_logs_it(tmp_path: Path):
    given = "4bf92f3577b34da6a3ce929d0e0e4736"
    with running(tmp_path, "--request-log", "requests.jsonl") as sandbox:
        desk = Desk(tmp_path, sandbox)
        desk.write(example())
        desk.run("plan", "roles.yaml")
        desk.run("apply", "roles.yaml", "--yes", TRACEPARENT=f"00-{given}-00f067aa0ba902b7-01")
    path = tmp_path / "requests.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    traces = [line["trace_id"] for line in lines]
    first, *others = dict.fromkeys(traces)
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert others == [given]
    of_apply = {(each["method"], each["path"]) for each in lines if each["trace_id"] == given}
    assert {("POST", "/oauth/token"), ("GET", "/v1/people"), ("POST", "/v1/changes")} <= of_apply
    assert {each["status"] for each in lines} <= {200, 304}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not [secret for secret in sandbox.secrets if secret in path.read_text()]


def test_each_run_has_another_id(first_desk: Desk):
    said = [first_desk.run("plan", "roles.yaml", "-v").err for _ in range(2)]
    first, second = (ids(each) for each in said)
    assert len(first) == len(second) == 1
    assert first != second


# The log


def log(text: str) -> list[dict[str, Any]]:
    """The lines of a log, each an object with what every one has."""
    found = [json.loads(line) for line in text.splitlines()]
    for line in found:
        assert set(line) == {"time", "level", "logger", "message", "correlation_id"}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["time"])
    return found


def test_a_log_in_json_tells_how_the_run_goes(first_desk: Desk):
    lines = log(first_desk.run("plan", "roles.yaml", "--log-format", "json").err)
    assert [each["level"] for each in lines] == ["INFO", "INFO"]
    assert lines[0]["message"].startswith("plan begins")
    assert re.fullmatch(r"ended with exit code 0 after \d+\.\d s", lines[1]["message"])


def test_with_v_it_tells_of_every_request(first_desk: Desk):
    lines = log(first_desk.run("plan", "roles.yaml", "--log-format", "json", "-v").err)
    assert [each for each in lines if each["logger"] == "reconciler.http"]
    assert "DEBUG" in {each["level"] for each in lines}


def test_errors_and_warnings_are_lines_of_it_too(first_desk: Desk):
    first_desk.write("version: 1\nsite: x\nmentors: 3\n", "wrong.yaml")
    lines = log(first_desk.run("plan", "wrong.yaml", "--log-format", "json", expect=1).err)
    assert [each["level"] for each in lines][1:3] == ["ERROR", "ERROR"]
    assert lines[-1]["message"].startswith("ended with exit code 1")


def test_nobody_is_asked_in_json(first_desk: Desk):
    done = first_desk.run("apply", "roles.yaml", "--log-format", "json", expect=64)
    assert "There is no terminal to ask on." in {
        each["message"].removeprefix("Error: ") for each in log(done.err)
    }
