"""`reconciler demo`: the whole story in a minute, and nothing left of it."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from sandboxes import PROGRAM, Desk, clean_environment

STORY = (
    "validate roles.yaml --online",
    "plan roles.yaml --out plan.json",
    "apply plan.json",
    "plan roles.yaml --detailed-exitcode",
    "drift roles.yaml",
    "apply roles.yaml --yes",
    "drift roles.yaml",
    "explain t-0412",
)
MINUTE = 60


def start(directory: Path, **variables: str) -> "subprocess.Popen[bytes]":
    """Start a demo whose files, and only they, go to a directory."""
    directory.mkdir()
    return subprocess.Popen(
        [PROGRAM, "demo"],
        cwd=directory,
        env={**clean_environment(), "TMPDIR": str(directory), **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def descendants(directory: Path) -> list[str]:
    """The processes that were started with the directory as theirs for temporary files."""
    marker = f"TMPDIR={directory}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if marker in (process / "environ").read_bytes().split(b"\0"):
                found.append(process.name)
        except OSError:  # it has ended, or is somebody else's
            continue
    return found


def end(demo: "subprocess.Popen[bytes]") -> str:
    """Wait for a demo to end and return what it said; whatever happens, all of it is ended."""
    try:
        return demo.communicate(timeout=MINUTE)[0].decode()
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(demo.pid, signal.SIGKILL)
        demo.communicate()
        raise


def nothing_left(directory: Path) -> bool:
    if Path("/proc/self/environ").exists():
        deadline = time.monotonic() + 10
        while descendants(directory) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert descendants(directory) == []
    return list(directory.iterdir()) == []


def test_two_demos_at_once_tell_the_whole_story_and_leave_nothing(tmp_path):
    began = time.monotonic()
    # One of them where a proxy is set, as at many schools: it is not for this machine's own server.
    proxy = {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    demos = [start(tmp_path / "one"), start(tmp_path / "other", **proxy)]
    said = [end(demo) for demo in demos]
    assert time.monotonic() - began < MINUTE
    for demo, told in zip(demos, said, strict=True):
        assert demo.returncode == 0, told
        Desk(tmp_path).check_manners(told)
        commands = [line[13:] for line in told.splitlines() if line.startswith("$ reconciler ")]
        assert tuple(commands) == STORY
        for words in ("21 succeeded", "Nothing to change", "Drifted: 2", "by admin", "No drift"):
            assert words in told
        assert told.index("Drifted: 2") < told.index("No drift")
        assert "To try next" in told
    assert nothing_left(tmp_path / "one")
    assert nothing_left(tmp_path / "other")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_broken_off_leaves_nothing_either(tmp_path, number):
    demo = start(tmp_path / "demo")
    assert demo.stdout
    while not demo.stdout.readline().startswith(b"$ reconciler plan"):
        assert demo.poll() is None
    if number == signal.SIGINT:
        os.killpg(demo.pid, number)  # Ctrl-C goes to everybody on the terminal
    else:
        demo.send_signal(number)
    said = end(demo)
    assert demo.returncode != 0
    assert "Traceback" not in said
    assert said.count("Interrupted.") <= 1, "the step that was running has said so"
    assert nothing_left(tmp_path / "demo")


def test_the_help_says_how_to_get_the_server_from_a_checkout(tmp_path):
    assert "pip install '.[sandbox]'" in Desk(tmp_path).run("demo", "--help").out
