"""The console script killed at random moments, and stopped by signals; the next run finishes it."""

import contextlib
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sandboxes import Desk, Sandbox, ended, example, running

LATENCY = 0.04
SIGNALLED = 20.0


@pytest.fixture
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A site that is far away, so that there is time to be killed on the way."""
    with running(tmp_path_factory.mktemp("far"), "--latency", str(LATENCY)) as sandbox:
        yield sandbox


@pytest.fixture
def far_desk(tmp_path: Path, far: Sandbox) -> Desk:
    desk = Desk(tmp_path, far)
    desk.environment["RECONCILER_LEASE_SECONDS"] = "1"
    desk.write(example(policy={"max_removals": "100%"}), "one.yaml")
    desk.write(swapped(), "two.yaml")
    return desk


def swapped() -> dict[str, object]:
    """The example with every mentor's classes handed to the next one, and other labels."""
    whole = example(policy={"max_removals": "100%"})
    entries = whole["mentors"]
    classes = [entry.get("classes", []) for entry in entries]
    mentors = [
        {**entry, "classes": found}
        for entry, found in zip(entries, classes[1:] + classes[:1], strict=True)
    ]
    labels = {"mentor": {"tool_name": "担任の生徒", "role_name": None}}
    return {**whole, "mentors": mentors, "labels": labels}


def history_is_true(desk: Desk, sandbox: Sandbox) -> None:
    """What the journal calls our effects is what the site's own events tell of us."""
    recorded = {}
    for run in desk.run("history", "--limit", "1000", "--format", "json").json("history")["runs"]:
        shown = desk.run("history", "show", run["run"], "--format", "json").json("run")
        for action in shown["actions"]:
            if action["revision"] is not None:
                recorded[action["revision"]] = (action["verb"], action["address"])
            assert action["outcome"] != "unknown", f"{run['run']} is still in doubt: {action}"
    ours = sandbox.client("main")["client_id"]
    happened = {
        event["revision"]: (event["verb"], event["address"])
        for event in sandbox.events()
        if event["actor"] == ours
    }
    assert recorded == happened


def kill_and_finish(desk: Desk, sandbox: Sandbox, seed: int, rounds: int) -> None:
    chance = random.Random(seed)
    began = time.monotonic()
    assert ended(desk.start("apply", "one.yaml", "--yes")).code == 0
    whole = time.monotonic() - began
    for number in range(rounds):
        wanted = ("two.yaml", "one.yaml")[number % 2]
        desk.environment["RECONCILER_STATE_DIR"] = str(desk.directory / "state")
        (desk.directory / "plan.json").unlink(missing_ok=True)
        desk.run("plan", wanted, "--out", "plan.json")
        process = desk.start("apply", "plan.json", "--wait", "10")
        time.sleep(chance.uniform(0.2, 1.0) * whole)
        process.kill()
        process.communicate()
        again = ended(desk.start("apply", "plan.json", "--wait", "10"))
        told = f"seed {seed}, round {number}: {again.out}{again.err}"
        assert again.code == 0 or (again.code == 5 and "used before" in again.err), told
        assert desk.run("plan", wanted, "--detailed-exitcode").code == 0, told
    history_is_true(desk, sandbox)


def test_a_run_that_is_killed_is_finished_by_the_same_command(far_desk, far):
    kill_and_finish(far_desk, far, seed=int(os.environ.get("KILL_SEED", "4")), rounds=5)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_killed_two_hundred_times(far_desk, far):
    kill_and_finish(far_desk, far, seed=int(os.environ.get("KILL_SEED", "200")), rounds=200)


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + SIGNALLED
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_first_signal_finishes_what_is_on_its_way_and_says_what_remains(far_desk, far, number):
    process = far_desk.start("apply", "one.yaml", "--yes")
    until(lambda: far.writes() > 0)
    process.send_signal(number)
    out, err = process.communicate(timeout=SIGNALLED)
    assert process.returncode == 6, err.decode()
    assert "once more stops at once" in err.decode()
    assert "It was asked to stop." in out.decode()
    assert "the run stopped before it" in out.decode()
    listed = far_desk.run("history", "--format", "json").json("history")["runs"]
    assert [run["status"] for run in listed] == ["interrupted"]
    done = far_desk.run("apply", "one.yaml", "--yes")
    assert "read back and confirmed" in done.out
    history_is_true(far_desk, far)


def test_a_second_signal_stops_at_once_and_the_same_apply_finishes(far_desk, far):
    far_desk.run("plan", "one.yaml", "--out", "plan.json")
    with Relay(far) as relay:
        straight = far_desk.environment["RECONCILER_URL"]
        far_desk.environment["RECONCILER_URL"] = relay.url
        process = far_desk.start("apply", "plan.json")
        far_desk.environment["RECONCILER_URL"] = straight
        assert relay.holds.wait(SIGNALLED), "a write is on its way"
        process.send_signal(signal.SIGINT)
        line = b""
        while b"once more stops at once" not in line:
            line = process.stderr.readline()
            assert line, "it has ended"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=SIGNALLED)
        assert process.returncode == 6, err.decode()
        assert "Stopped at once" in err.decode()
    done = far_desk.run("apply", "plan.json", "--wait", "10")
    assert "read back and confirmed" in done.out
    history_is_true(far_desk, far)


class Relay:
    """Stands before a site, and from the first write on keeps its answers back."""

    def __init__(self, site: Sandbox) -> None:
        self.holds = threading.Event()
        self._over = threading.Event()
        self._site = urlsplit(site.variables()["RECONCILER_URL"])
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self._open: list[socket.socket] = [self._server]
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> "Relay":
        self._begin(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(SIGNALLED)

    def _begin(self, does: Callable[..., None], *arguments: object) -> None:
        self._threads.append(threading.Thread(target=does, args=arguments))
        self._threads[-1].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                site = socket.create_connection((self._site.hostname, self._site.port))
                self._open += [client, site]
                self._begin(self._there, client, site)
                self._begin(self._back, site, client)

    def _there(self, client: socket.socket, site: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65_536):
                if b"POST /v1/changes" in data:
                    self.holds.set()
                site.sendall(data)

    def _back(self, site: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := site.recv(65_536):
                if self.holds.is_set():
                    self._over.wait(SIGNALLED)
                client.sendall(data)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_the_run_has_begun_ends_it_at_once(desk, number):
    """While the site does not answer: it takes the connection, and is silent."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(SIGNALLED)
        desk.environment["RECONCILER_URL"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
        desk.use_token("one")
        process = desk.start("apply", "roles.yaml", "--yes")
        connection, _ = silent.accept()
        with connection:
            process.send_signal(number)
            done = ended(process)
    assert done.code == 1
    assert done.err.endswith("Interrupted.\n")
