"""Whatever a user hands over: an exit code and a sentence, never a traceback.

`Desk.run` checks that for every run; here are the inputs that invite one.
"""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from sandboxes import PROGRAM, Desk, example

PLAN_LIKE = json.dumps({"format": "reconciler.plan/1", "digest": "sha256:0"})
JSON_MANIFEST = json.dumps(example())

# Files by name, the arguments, the exit code, and what the message names.
HOSTILE: dict[str, tuple[dict[str, str | bytes], list[str], int, str]] = {
    "a binary manifest": ({"m.yaml": bytes(range(256)) * 9}, ["validate", "m.yaml"], 1, "m.yaml"),
    "a manifest that is gone": ({}, ["plan", "m.yaml"], 1, "RR001"),
    "an empty manifest": ({"m.yaml": ""}, ["validate", "m.yaml"], 1, "RR004"),
    "a directory without one": ({"d/note.txt": "x"}, ["validate", "d"], 1, "RR002"),
    "a name with a line break": ({}, ["validate", "a\nb.yaml"], 1, "RR001"),
    "no plan but a manifest": (
        {"m.yaml": JSON_MANIFEST},
        ["show", "m.yaml"],
        1,
        "is a manifest, not a saved plan",
    ),
    "a manifest called plan.json": ({"plan.json": "a: 1"}, ["show", "plan.json"], 5, "plan.json"),
    "a plan that is a list": ({"p.json": "[]"}, ["show", "p.json"], 5, "p.json"),
    "a plan that is deep": ({"p.json": "[" * 99_999}, ["show", "p.json"], 5, "p.json"),
    "a plan with nothing in it": ({"p.json": PLAN_LIKE}, ["apply", "p.json"], 5, "digest"),
    "a plan for validate": ({"p.json": PLAN_LIKE}, ["validate", "p.json"], 1, "is a saved plan"),
    "an empty list as manifest": ({"m.json": "[]"}, ["apply", "m.json", "--yes"], 1, "m.json"),
    "a state that was cut short": (
        {"live.json": '{"format": "reconciler.state/1", "site": {"id": "nordb'},
        ["export", "--live", "live.json"],
        1,
        "live.json",
    ),
    "a state that is a manifest": (
        {"live.json": JSON_MANIFEST},
        ["explain", "t-0401", "--live", "live.json"],
        1,
        "not a saved state",
    ),
    "settings that are not TOML": (
        {"reconciler.toml": "[environments\n"},
        ["export"],
        1,
        "reconciler.toml",
    ),
    "settings that are not text": (
        {"reconciler.toml": b"\xff\xfe"},
        ["export"],
        1,
        "reconciler.toml",
    ),
    "settings with a secret in them": (
        {"reconciler.toml": '[environments.a]\nurl = "https://a.example"\ntoken = "hunter2"\n'},
        ["export"],
        1,
        "must be a reference",
    ),
    "settings with a typing error": (
        {"reconciler.toml": '[environments.a]\nulr = "https://a.example"\n'},
        ["export"],
        1,
        "ulr",
    ),
    "an environment without settings": ({}, ["export", "-e", "test"], 1, "reconciler.toml"),
    "a seed that is a text": ({"seed": "x"}, ["sandbox", "--seed", "seed"], 1, "seed"),
    "a schema nobody knows": ({}, ["schema", "../../secret"], 64, "secret"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_sentence_and_never_a_traceback(tmp_path, case):
    files, arguments, code, named = HOSTILE[case]
    desk = Desk(tmp_path)
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    done = desk.run(*arguments, expect=code)
    assert named in done.err
    assert "hunter2" not in done.err
    assert done.out == ""


def test_a_manifest_in_json_is_a_manifest(first_desk):
    first_desk.write(JSON_MANIFEST, "roles.json")
    first_desk.run("plan", "roles.json", "--detailed-exitcode", expect=2)


URLS = {
    "another protocol": ("ftp://127.0.0.1/", "is not a web address"),
    "no address at all": ("nordberg", "is not a web address"),
    "an empty one": ("", "url"),
    "not encrypted": ("http://site.example", "not encrypted"),
    "a password in it": ("https://admin:hunter2@site.example", "holds credentials"),
    "a broken one": ("https://[::1", "is not a web address"),
    "a port that is none": ("https://site.example:99999", "is not a web address"),
}


@pytest.mark.parametrize("case", URLS)
def test_an_url_that_cannot_be_used_is_told(tmp_path, case):
    url, told = URLS[case]
    done = Desk(tmp_path).run("export", expect=1, RECONCILER_URL=url, RECONCILER_TOKEN="t")
    assert told in done.err
    assert "hunter2" not in done.err


@pytest.fixture
def web_page() -> Iterator[str]:
    """A server that answers everything with a page to sign in on."""

    class Page(BaseHTTPRequestHandler):
        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<html>Sign in as t-0401, please</html>")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(10)


def test_a_page_instead_of_the_api_is_never_an_empty_site(tmp_path, web_page):
    desk = Desk(tmp_path)
    desk.write(example())
    for credentials in (
        {"RECONCILER_TOKEN": "t"},
        {"RECONCILER_CLIENT_ID": "c", "RECONCILER_CLIENT_SECRET": "s"},
    ):
        for command in (["plan", "roles.yaml"], ["export"], ["apply", "roles.yaml", "--yes"]):
            done = desk.run(*command, expect=1, RECONCILER_URL=web_page, **credentials)
            assert done.out == ""
            assert "text/html" in done.err


def test_an_output_that_cannot_be_written_is_told_and_harms_nothing(first_desk):
    (first_desk.directory / "folder").mkdir()
    for command in (["plan", "roles.yaml", "--out"], ["export", "--out"], ["export", "--state"]):
        told = first_desk.run(*command, "no/where.json", expect=1).err
        assert "There is no folder no" in told
        first_desk.run(*command, "folder", expect=64)
    left = sorted(path.name for path in first_desk.directory.iterdir())
    assert left == ["folder", "roles.yaml"], "no half-written file"


@pytest.mark.parametrize("command", [["plan", "roles.yaml"], ["schema"], ["--help"]])
def test_a_reader_who_leaves_is_no_drama(first_desk, command):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [PROGRAM, *command],
        cwd=first_desk.directory,
        env=first_desk.environment,
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert done.stderr == b""
    assert done.returncode == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110 - a device
def test_a_full_disk_is_told(first_desk):
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [PROGRAM, "plan", "roles.yaml"],
            cwd=first_desk.directory,
            env=first_desk.environment,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == b"Error: No space left on device.\n"
