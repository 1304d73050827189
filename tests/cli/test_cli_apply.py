"""`apply` and `drift`: exit codes, outcomes, and what they leave behind (design, sections 4, 5)."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from sandboxes import Desk, example, running


def test_apply_does_what_was_shown_and_nothing_is_left_to_do(desk, sandbox):
    done = desk.run("apply", "roles.yaml", "--yes")
    assert "17 to add, 4 to change." in done.err
    assert done.out == ("Applied to nordberg-kommune: 21 succeeded; read back and confirmed.\n")
    assert sandbox.assignments() == {
        *("mentor/t-0401/class/9a", "mentor/t-0403/class/8b", "mentor/t-0407/class/1a"),
        *("mentor/t-0408/class/1b", "mentor/t-0408/class/no", "mentor/t-0412/class/8a"),
        *("mentor/t-0412/group/choir", "mentor/t-0412/learner/s-1020"),
        *("mentor/t-0412/learner/s-1040", "headteacher/t-0007/school/nordberg-skole"),
        "headteacher/t-0008/school/fjellvik-skole",
    }
    revision = sandbox.revision()
    desk.run("plan", "roles.yaml", "--detailed-exitcode")
    again = desk.run("apply", "roles.yaml", "--yes", "--format", "json").json("apply")
    assert again["outcomes"] == []
    assert sandbox.revision() == revision


def test_outcomes_as_json(desk):
    desk.run("plan", "roles.yaml", "--out", "plan.json")
    document = desk.run("apply", "plan.json", "--format", "json").json("apply")
    planned = json.loads((desk.directory / "plan.json").read_text())
    assert document["plan"] == planned["id"]
    assert document["counts"] == {"succeeded": 21}
    assert document["verified"]
    assert [each["address"] for each in document["outcomes"]] == [
        each["address"] for each in planned["actions"]
    ]


def test_apply_asks_nobody_where_there_is_no_terminal(first_desk):
    done = first_desk.run("apply", "roles.yaml", expect=64)
    assert "There is no terminal to ask on." in done.err
    assert "--yes" in done.err


def test_apply_of_a_broken_manifest_or_to_no_site_fails(first_desk):
    first_desk.write("mentors:\n", "broken.yaml")
    assert "RR106" in first_desk.run("apply", "broken.yaml", "--yes", expect=1).err
    missing = first_desk.run("apply", "roles.yaml", "--yes", expect=1, RECONCILER_URL="")
    assert "RECONCILER_URL is not set" in missing.err


def test_an_override_lifts_a_refusal_for_one_run(applied, sandbox):
    applied.write(example(mentors=[{"person": "t-0412", "classes": ["8a"]}]))
    applied.run("apply", "roles.yaml", "--yes", expect=4)
    reason = ("--override", "RR501", "--reason", "the year is over")
    planned = applied.run("plan", "roles.yaml", "--out", "plan.json", *reason)
    assert "overridden RR501" in planned.out
    assert "(reason: the year is over)" in planned.out
    shown = applied.run("show", "plan.json", "--format", "json").json("plan")
    assert [each["override"] for each in shown["verdicts"] if not each["passed"]] == [
        "the year is over"
    ]
    applied.run("apply", "plan.json")
    assert {each for each in sandbox.assignments() if each.startswith("mentor")} == {
        "mentor/t-0412/class/8a"
    }
    applied.write(example(mentors=[]))
    refused = applied.run("apply", "roles.yaml", "--yes", *reason, expect=4)
    assert "RR502" in refused.err
    applied.run("apply", "roles.yaml", "--yes", *reason, "--override", "RR502")


def test_what_the_api_cannot_do_is_left_to_people_and_said(tmp_path_factory, tmp_path):
    directory = tmp_path_factory.mktemp("site")
    with running(directory, "--without", "labels") as site:
        desk = Desk(tmp_path, site)
        desk.write(example())
        assert "4 of them by hand" in desk.run("plan", "roles.yaml", "--out", "plan.json").out
        done = desk.run("apply", "plan.json", expect=6)
        assert "17 succeeded, 4 manual" in done.out
        assert "manual ~ label/mentor/tool_name" in done.out
        assert len(site.assignments()) == 11
        left = desk.run("plan", "roles.yaml", "--format", "json").json("plan")
        assert left["summary"]["manual"] == len(left["actions"]) == 4


@contextmanager
def refusing_after(url: str, writes: int) -> Iterator[str]:
    """Stand between a client and a real site, and refuse every write after the first few."""
    left = [writes]

    class Between(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/v1/changes":
                left[0] -= 1
                if left[0] < 0:
                    self.answer(403, {"Content-Type": "text/plain"}, b"the gateway says no")
                    return
            self.pass_on(body)

        def do_GET(self) -> None:
            self.pass_on(None)

        def pass_on(self, body: bytes | None) -> None:
            kept = ("Authorization", "Content-Type", "Idempotency-Key")
            headers = {name: self.headers[name] for name in kept if name in self.headers}
            found = requests.request(
                self.command, url + self.path, data=body, headers=headers, timeout=20
            )
            kept = ("Content-Type", "ETag")
            headers = {name: found.headers[name] for name in kept if name in found.headers}
            self.answer(found.status_code, headers, found.content)

        def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Between) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(10)


def test_a_run_that_was_cut_off_is_finished_by_the_same_command(desk, sandbox):
    desk.run("plan", "roles.yaml", "--out", "plan.json")
    with refusing_after(sandbox.url, 2) as between:
        cut = desk.run("apply", "plan.json", expect=6, RECONCILER_URL=between)
    assert "failed" in cut.out
    assert "the same command again" in cut.out
    assert 0 < sandbox.writes() < 21
    finished = desk.run("apply", "plan.json", "--format", "json").json("apply")
    assert finished["verified"]
    assert set(finished["counts"]) <= {"succeeded", "already"}
    assert sum(finished["counts"].values()) == 21
    addresses = [event["address"] for event in sandbox.events()]
    assert len(addresses) == len(set(addresses)) == 21, "something was done twice"
    desk.run("apply", "plan.json", expect=5)
    desk.run("plan", "roles.yaml", "--detailed-exitcode")


# drift


def test_drift_exits_3_for_what_is_only_pending_and_1_when_it_cannot_tell(first_desk):
    done = first_desk.run("drift", "roles.yaml", expect=3)
    assert done.out.startswith("Not yet applied: 21\n")
    document = first_desk.run("drift", "roles.yaml", "--format", "json", expect=3).json("drift")
    assert len(document["pending"]) == 21
    assert document["drifted"] == []
    first_desk.write("version: 1\n", "empty.yaml")
    first_desk.run("drift", "empty.yaml", expect=1)


@pytest.mark.parametrize("who", ["another client", "the administrator"])
def test_drift_exits_2_with_direction_author_and_time_and_is_repaired(applied, sandbox, who):
    if who == "another client":
        actor, kind = "other", "api"
        sandbox.unassign("mentor/t-0403/class/8b")
        sandbox.assign("mentor/t-0407/class/8a")
        sandbox.call("PATCH", "labels", "mentor", json={"tool_name": "Elever"})
    else:
        from reconciler.demo import Administrator  # noqa: PLC0415 - needs requests only here

        administrator = Administrator(sandbox.ready["console"])
        actor, kind = administrator.name, "console"
        people, units = sandbox.ids("people"), sandbox.ids("units")
        administrator.remove("mentor", people["t-0403"], "class", units["8b"])
        administrator.add("mentor", people["t-0407"], "class", units["8a"])
    done = applied.run("drift", "roles.yaml", expect=2)
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    said = {line.partition(" ")[0]: line for line in lines}
    assert (
        f"missing on the site; removed by {actor} ({kind}) at 2" in said["mentor/t-0403/class/8b"]
    )
    assert f"added by {actor} ({kind}) at 2" in said["mentor/t-0407/class/8a"]
    document = applied.run("drift", "roles.yaml", "--format", "json", expect=2).json("drift")
    expected = {"mentor/t-0403/class/8b": "add", "mentor/t-0407/class/8a": "remove"}
    if who == "another client":
        expected["label/mentor/tool_name"] = "change"
    assert {each["name"]: each["verb"] for each in document["drifted"]} == expected
    assert {(each["by"], each["by_kind"]) for each in document["drifted"]} == {(actor, kind)}
    applied.run("apply", "roles.yaml", "--yes")
    assert "No drift" in applied.run("drift", "roles.yaml").out


def test_what_a_listed_pipeline_wrote_is_pending_not_drift(applied, sandbox):
    sandbox.unassign("mentor/t-0403/class/8b")
    variables = applied.environment
    applied.write(
        f'[environments.test]\nurl = "{sandbox.url}"\nactors = ["other"]\n'
        f'client_id = "{variables["RECONCILER_CLIENT_ID"]}"\n'
        'client_secret = {env = "RECONCILER_CLIENT_SECRET"}\n',
        "reconciler.toml",
    )
    applied.run("drift", "roles.yaml", expect=2)
    applied.run("drift", "roles.yaml", "-e", "test", expect=3)


def test_a_saved_state_cannot_tell_who_and_says_so(first_desk):
    first_desk.run("export", "--state", "live.json")
    done = first_desk.run("drift", "roles.yaml", "--live", "live.json", expect=2)
    assert "There are no events to ask who changed what" in done.out
    document = first_desk.run(
        "drift", "roles.yaml", "--live", "live.json", "--format", "json", expect=2
    ).json("drift")
    assert not document["attributed"]
    assert {each["by"] for each in document["drifted"]} == {None}
