import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import warm
from browsers import Browser
from sandboxes import ROOT


def run(*arguments):
    """Run it to its end, where what it says is not about how it starts."""
    process = warm.Process(["-m", "reconciler.sandbox", *arguments], os.environ, Path.cwd())
    try:
        process.wait(30)
    finally:
        process.end()
    return process


def run_cold(*arguments, **kwargs):
    return subprocess.run(
        [sys.executable, "-m", "reconciler.sandbox", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        **kwargs,
    )


def test_ready_file_is_private_complete_and_gone_at_the_end(start):
    running = start()
    assert stat.S_IMODE(running.ready_file.stat().st_mode) == 0o600
    assert running.ready["pid"] == running.process.pid
    assert running.ready["token_url"] == f"{running.url}/oauth/token"
    assert running.ready["site"] == running.get("site").json()["id"]
    assert running.ready["clients"]["auditor"]["scope"] == "roles.read"
    assert running.ready["clients"]["other"]["scope"] == "roles.read roles.write"
    assert running.ready["console"]["username"] == "admin"
    code, out, err = running.stop()
    assert (code, out) == (0, "")
    assert "Traceback" not in err
    assert err.startswith(f"Sandbox of Nordberg kommune at {running.url}, console ")
    assert running.ready["client_secret"] not in err
    assert not running.ready_file.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly(start, number):
    running = start()
    assert running.process.end(number) == 0, running.process.stderr
    assert "Traceback" not in running.process.stdout + running.process.stderr
    assert not running.ready_file.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    ("module", "code", "said"), [("click", 1, "Error: Interrupted.\n"), ("uvicorn", 0, "")]
)
def test_a_signal_while_it_starts_ends_it_without_a_traceback(tmp_path, number, module, code, said):
    """Before the command is read that is a failure; then it was asked to stop, and did."""
    (tmp_path / f"{module}.py").write_text(
        f"import os, time\nos.kill(os.getpid(), {int(number)})\ntime.sleep(30)\n"
    )
    done = run_cold(env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"})
    assert (done.returncode, done.stdout, done.stderr) == (code, "", said)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="is a device of Linux")
def test_standard_output_that_takes_nothing_is_told_in_one_line():
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "reconciler.sandbox"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == (
        "Error: standard output cannot be written: No space left on device; name a --ready-file\n"
    )


def test_standard_output_that_is_closed_is_told_in_one_line():
    done = run_cold(preexec_fn=lambda: os.close(1))
    assert done.returncode == 1
    assert done.stderr == "Error: standard output is closed; open it, or name a --ready-file\n"


def test_a_defect_is_told_without_a_traceback(tmp_path):
    (tmp_path / "uvicorn.py").write_text("raise RuntimeError('hunter2')\n")
    done = run_cold(env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"})
    assert done.returncode == 1
    assert done.stderr == "Error: The sandbox has met a defect of its own: RuntimeError.\n"


def test_starts_fast(tmp_path):
    ready = tmp_path / "ready.json"
    started = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-m", "reconciler.sandbox", "--ready-file", str(ready)],
        stderr=subprocess.DEVNULL,
    ) as process:
        while not ready.exists() and time.monotonic() < started + 20:
            time.sleep(0.01)
        took = time.monotonic() - started
        process.terminate()  # first, or the block would wait for it
        # Five times what it takes alone: other tests share the processors.
        assert took < 8
        assert process.wait(10) == 0


def test_secrets_go_to_standard_output_without_a_ready_file():
    with subprocess.Popen(
        [sys.executable, "-m", "reconciler.sandbox"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        first = process.stderr.readline()
        process.terminate()
        out, err = process.communicate(timeout=15)
    announced = json.loads(out)
    assert announced["client_secret"] not in first + err
    assert announced["url"] in first
    assert process.returncode == 0


def test_an_old_ready_file_is_replaced_and_a_stranger_s_is_left(start, tmp_path):
    old = tmp_path / "old.json"
    old.write_text('{"url": "http://127.0.0.1:1", "pid": 1}')
    refused = run("--ready-file", str(old), "--seed", str(old))
    assert refused.returncode == 1
    running = start()
    running.ready_file.write_text(json.dumps({**running.ready, "pid": os.getpid()}))
    running.stop()
    assert running.ready_file.exists()


def test_a_port_in_use_is_one_sentence(start):
    running = start()
    port = running.url.rpartition(":")[2]
    refused = run("--port", port)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"Error: port {port} of 127.0.0.1 cannot be used")
    assert refused.stderr.count("\n") == 1


def test_a_database_that_is_none_is_one_sentence(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("not a database, but long enough to look at, " * 30)
    for database in (
        str(text),
        str(tmp_path / "no" / "such" / "folder.db"),
        "nonsense://x/y",
        "://",
    ):
        refused = run("--database", database)
        assert refused.returncode == 1, refused
        assert refused.stderr.startswith("Error: ")
        assert refused.stderr.count("\n") == 1
        assert "Traceback" not in refused.stderr


def test_a_ready_file_that_cannot_be_written_is_one_sentence(tmp_path):
    for path in (tmp_path / "no" / "ready.json", tmp_path / ("x" * 300)):
        refused = run("--ready-file", str(path))
        assert refused.returncode == 1
        assert refused.stderr.startswith(f"Error: the ready file {path} cannot be written: ")
        assert refused.stderr.count("\n") == 1


def test_a_ready_file_takes_the_place_of_nothing_else(tmp_path):
    notes, pipe, link = tmp_path / "notes.txt", tmp_path / "pipe", tmp_path / "link"
    notes.write_text("mine")
    os.mkfifo(pipe)
    (tmp_path / "empty").touch()
    link.symlink_to("empty")  # as /dev/stdout leads to what output goes to
    for path in (notes, pipe, link):
        refused = run("--ready-file", str(path))
        assert refused.returncode == 1
        assert refused.stderr.startswith(f"Error: {path} exists and is no ready file")
        assert refused.stderr.count("\n") == 1
    assert notes.read_text() == "mine"
    assert pipe.is_fifo()
    assert link.is_symlink()


def test_a_ready_file_that_is_gone_or_overwritten_is_no_trouble_at_the_end(start):
    for spoil in (lambda path: path.unlink(), lambda path: path.write_text("[]")):
        running = start()
        spoil(running.ready_file)
        code, _, err = running.stop()
        assert (code, err.count("\n")) == (0, 1)


def test_a_database_that_is_a_link_to_itself_is_one_sentence(tmp_path):
    path = tmp_path / "loop"
    path.symlink_to(path)
    refused = run("--database", str(path))
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: ")
    assert "defect" not in refused.stderr


def test_another_program_s_database_is_refused(tmp_path):
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("create table site (id text)")
    connection.commit()
    connection.close()
    refused = run("--database", str(path))
    assert refused.returncode == 1
    assert "is not a sandbox's" in refused.stderr


def test_the_missing_extra_is_one_sentence(tmp_path):
    (tmp_path / "fastapi.py").write_text("raise ModuleNotFoundError(name='fastapi')")
    refused = run_cold(env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert refused.returncode == 1
    assert "pip install 'reconciler[sandbox]'" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_two_databases_never_share_an_etag(start):
    assert start().get("people").headers["ETag"] != start().get("people").headers["ETag"]


def test_capabilities_can_be_left_out(start):
    running = start("--without", "labels", "--without", "events")
    site = running.get("site").json()
    assert site["capabilities"] == ["assignments", "holders", "profiles"]
    refused = running.call("PATCH", "labels/mentor", json={"tool_name": "x"})
    assert (refused.status_code, refused.json()["code"]) == (403, "not_supported")
    refused = running.get("events")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_supported")
    change = {"address": "label/mentor/tool_name", "verb": "change", "value": "x"}
    result = running.batch(change).json()["results"][0]
    assert (result["status"], result["problem"]["code"]) == (403, "not_supported")
    assert running.get("labels").status_code == 200
    assert running.put("profiles", "p-3", "roles", "mentor").status_code == 201


def test_a_console_s_user_and_password_can_be_given_and_are_told_nowhere(start, tmp_path):
    file = tmp_path / "password"
    file.write_text("correct horse\nand a note\n")
    running = start("--console-user", "kari", "--console-password-file", str(file))
    console = running.ready["console"]
    assert console == {"url": f"{running.url}/console", "username": "kari"}
    stranger = Browser(running, signed_in=False)
    assert stranger.sign_in("correct horse", "kari").url == console["url"]


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff"])
def test_a_password_that_is_none_is_one_sentence(tmp_path, content):
    file = tmp_path / "password"
    file.write_bytes(content)
    done = run("--console-password-file", str(file))
    assert done.returncode == 64
    assert "--console-password-file" in done.stderr
    assert str(file) in done.stderr


def test_it_listens_elsewhere_only_where_that_is_asked_for_and_says_so(start):
    everywhere = start("--host", "0.0.0.0")  # noqa: S104 - what the test is about, for a moment
    assert everywhere.url.startswith("http://127.0.0.1:")
    assert everywhere.revision() == 1
    assert "Other machines can reach this sandbox on 0.0.0.0" in everywhere.stop()[2]
    if socket.has_ipv6:
        six = start("--host", "::1")
        assert six.url.startswith("http://[::1]:")
        assert six.revision() == 1


def test_an_address_of_somebody_else_is_one_sentence():
    done = run("--host", "192.0.2.1")
    assert done.returncode == 1
    assert "192.0.2.1" in done.stderr
