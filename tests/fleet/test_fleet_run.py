"""Who begins when, and what is told of whom, whatever becomes of a worker."""

import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from reconciler.errors import ExitCode, GuardRefused
from reconciler.fleet.executors import LocalPool, open_pool
from reconciler.fleet.model import Ended, SiteResult, Task
from reconciler.fleet.run import Guard, run

FAILING = frozenset({ExitCode.FAILED, ExitCode.REFUSED})


def tasks(number: int) -> list[Task]:
    return [Task(f"s{each}", (Path("x"),), "e", Path("c")) for each in range(number)]


def done(task: Task) -> SiteResult:
    return SiteResult(task.name, ExitCode.DONE, "Done.")


def failing_at(*names: str) -> Callable[[Task], SiteResult]:
    def work(task: Task) -> SiteResult:
        return replace(done(task), code=ExitCode.FAILED) if task.name in names else done(task)

    return work


def play(work, number=6, *, pool=None, parallel=2, **more):
    pool = pool or open_pool("threads", parallel)
    try:
        return run(tasks(number), work, pool, max_parallel=parallel, **more)
    finally:
        pool.close()


def started(results) -> list[str]:
    return [each.name for each in results if each.ended is not Ended.NOT_STARTED]


def test_a_failing_site_stops_no_other():
    results, stopped = play(failing_at("s0", "s3"), guard=Guard(failing=FAILING))
    assert [each.code for each in results] == [1, 0, 0, 1, 0, 0]
    assert not stopped


def test_a_run_that_failed_in_its_last_site_was_not_stopped_early():
    results, stopped = play(failing_at("s5"), guard=Guard(0, 0, FAILING), parallel=1)
    assert [each.code for each in results] == [0, 0, 0, 0, 0, 1]
    assert not stopped


def test_a_failed_canary_lets_no_other_begin():
    results, stopped = play(failing_at("s1"), guard=Guard(2, None, FAILING))
    assert started(results) == ["s0", "s1"]
    assert stopped == "1 site has failed, and max_failed_sites is 0."
    assert results[2].code is None
    assert results[2].summary == f"Not started: {stopped}"


def test_so_many_canary_sites_may_fail_as_is_said():
    results, _ = play(failing_at("s1"), guard=Guard(2, 1, FAILING))
    assert len(started(results)) == 6
    results, _ = play(failing_at("s1"), guard=Guard(6, None, FAILING))
    assert len(started(results)) == 6, "there is no other site to keep it from"
    results, _ = play(failing_at("s1"), parallel=1, guard=Guard(6, 0, FAILING))
    assert started(results) == ["s0", "s1"]
    results, _ = play(failing_at("s1", "s3"), parallel=1, guard=Guard(2, 1, FAILING))
    assert started(results) == ["s0", "s1", "s2", "s3"]


def test_what_is_known_before_counts_and_is_not_begun():
    def known(code: ExitCode, *names: str) -> dict[str, SiteResult]:
        return {name: SiteResult(name, code, "Known.") for name in names}

    two = known(ExitCode.FAILED, "s0", "s1")
    for guard in (Guard(2, None, FAILING), Guard(1, None, FAILING), Guard(0, 1, FAILING)):
        results, stopped = play(done, guard=guard, known=two)
        assert started(results) == ["s0", "s1"]
        assert stopped.startswith("2 sites have failed" if guard.canary != 1 else "1 site has")
    late = known(ExitCode.FAILED, "s4")
    assert started(play(done, guard=Guard(2, 0, FAILING), known=late)[0]) == ["s4"]
    results, stopped = play(done, guard=Guard(2, None, FAILING), known=late)
    assert [each.code for each in results] == [0, 0, 0, 0, 1, 0]
    assert not stopped, "it is no canary site, and of the others any number may fail"
    results, _ = play(
        failing_at("s1"), guard=Guard(2, None, FAILING), known=known(ExitCode.DONE, "s0")
    )
    assert started(results) == ["s0", "s1"], (
        "no other is a canary site in the place of one that is done"
    )
    results, stopped = play(done, 2, guard=Guard(1, None, FAILING), known=two)
    assert [each.code for each in results] == [1, 1]
    assert not stopped, "there is no other site to keep it from"


def test_no_site_begins_before_the_canary_sites_have_ended():
    ended: list[str] = []

    def work(task: Task) -> SiteResult:
        if task.name == "s0":
            time.sleep(0.2)
        else:
            assert task.name == "s1" or {"s0", "s1"} <= set(ended)
        return done(task)

    results, _ = play(work, parallel=4, guard=Guard(2), watch=lambda each: ended.append(each.name))
    assert all(each.code == 0 for each in results)


def test_without_canary_sites_any_number_may_fail_unless_one_is_given():
    everyone = failing_at(*(f"s{each}" for each in range(6)))
    assert len(started(play(everyone, guard=Guard(failing=FAILING))[0])) == 6
    results, _ = play(everyone, parallel=1, guard=Guard(0, 1, FAILING))
    assert started(results) == ["s0", "s1"]


def test_no_more_are_under_way_than_may_be():
    lock, now, most = threading.Lock(), 0, 0

    def work(task: Task) -> SiteResult:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.02)
        with lock:
            now -= 1
        return done(task)

    play(work, 20, parallel=3)
    assert most == 3


def test_who_is_told_to_stop_begins_no_other():
    stop = threading.Event()

    def work(task: Task) -> SiteResult:
        stop.set()
        return done(task)

    results, stopped = play(work, parallel=1, stopping=stop.is_set)
    assert started(results) == ["s0"]
    assert stopped == "the run was told to stop."


def test_whatever_is_raised_is_the_failure_of_one_site():
    def work(task: Task) -> SiteResult:
        if task.name == "s1":
            raise GuardRefused("RR501.")
        if task.name == "s2":
            raise MemoryError("hunter2")
        return done(task)

    results, _ = play(work, guard=Guard(lost=ExitCode.PARTIAL))
    assert [each.code for each in results] == [0, 4, 6, 0, 0, 0]
    assert results[2].summary == "The worker was lost (MemoryError)."


# Workers that die


def dying(task: Task, *, folder: Path, always: bool) -> SiteResult:
    """Kill the process that works on s2: the first time, or every time."""
    mark = folder / "died"
    if task.name == "s2" and (always or not mark.exists()):
        mark.touch()
        os._exit(9)
    time.sleep(0.05)
    return done(task)


@pytest.mark.parametrize("always", [False, True])
def test_a_process_that_dies_is_the_failure_of_its_site_alone(always: bool, tmp_path: Path):
    work = partial(dying, folder=tmp_path, always=always)
    results, stopped = play(work, pool=open_pool("processes", 2))
    codes = {each.name: each.code for each in results}
    assert codes.pop("s2") == (ExitCode.FAILED if always else ExitCode.DONE)
    assert set(codes.values()) == {ExitCode.DONE}
    assert not stopped


def marked(task: Task, *, folder: Path, dies: str = "", seconds: float = 0) -> SiteResult:
    """Leave a mark at the beginning and one at the end; one of them dies in between."""
    with (folder / f"{task.name}-begun").open("a") as mark:
        mark.write("x")
    if task.name == dies:
        (folder / "stop").touch()
        os._exit(9)
    if dies:  # its process may begin later
        wait_for((folder / "stop").exists)
    time.sleep(seconds)
    (folder / f"{task.name}-ended").touch()
    return done(task)


def marks(folder: Path) -> dict[str, str]:
    return {mark.name: mark.read_text() for mark in folder.iterdir()}


def wait_for(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_who_is_told_to_stop_begins_none_again_whose_worker_died(tmp_path: Path):
    work = partial(marked, folder=tmp_path, dies="s1", seconds=60)
    results, stopped = play(
        work,
        4,
        pool=open_pool("processes", 2),
        guard=Guard(lost=ExitCode.PARTIAL),
        stopping=(tmp_path / "stop").exists,
    )
    assert [each.code for each in results] == [6, 6, None, None]
    assert results[0].summary == "The worker died while the run was stopping."
    assert stopped == "the run was told to stop."
    wait_for(lambda: not multiprocessing.active_children())
    # s0 may not have begun yet; what it had is not ended by anybody who is left.
    assert {**marks(tmp_path), "s0-begun": "x"} == {"s0-begun": "x", "s1-begun": "x", "stop": ""}


class Refusing:
    """A pool that cannot start anything for one of the sites."""

    within = elsewhere = False

    def __init__(self, error: Exception) -> None:
        self.error = error

    def submit(self, work, task):
        if task.name == "s1":
            raise self.error
        future: Future[SiteResult] = Future()
        future.set_result(work(task))
        return future

    def renew(self) -> None:
        """There is nothing to renew."""

    def lost(self) -> str:
        return ""

    def close(self) -> None:
        """There is nothing to close."""


@pytest.mark.parametrize("error", [OSError(11, "again"), RuntimeError("no thread")])
def test_a_worker_that_cannot_be_started_is_the_failure_of_its_site_alone(error: Exception):
    results, stopped = play(done, 3, pool=Refusing(error), guard=Guard(lost=ExitCode.PARTIAL))
    assert [each.code for each in results] == [0, 6, 0]
    assert not stopped


def test_a_thread_that_cannot_be_started_is_waited_for_by_nobody(monkeypatch: pytest.MonkeyPatch):
    begun: list[threading.Thread] = []
    start = threading.Thread.start

    def second_fails(thread: threading.Thread) -> None:
        begun.append(thread)
        if len(begun) == 2:
            raise RuntimeError("can't start new thread")
        start(thread)

    pool = open_pool("threads", 2)
    monkeypatch.setattr(threading.Thread, "start", second_fails)
    results, _ = play(done, 4, pool=pool, guard=Guard(lost=ExitCode.PARTIAL))
    assert sorted(each.code for each in results) == [0, 0, 0, 6]


def answering_then_dying(task: Task, *, folder: Path) -> SiteResult:
    """Die at the first try of s0; at the second, answer and die when idle."""
    mark = folder / "died"
    if task.name == "s0":
        if not mark.exists():
            mark.touch()
            os._exit(9)
        threading.Timer(0.05, os._exit, (9,)).start()
    return done(task)


def test_a_worker_that_dies_once_it_has_answered_is_replaced(tmp_path: Path):
    work = partial(answering_then_dying, folder=tmp_path)
    pool = open_pool("processes", 2)
    results, _ = play(work, 2, pool=pool, watch=lambda _result: time.sleep(0.5))
    assert [each.code for each in results] == [0, 0]


def dying_while_another_is_told_of(task: Task, *, folder: Path) -> SiteResult:
    mark = folder / "told"
    if task.name == "s1" and not mark.exists():
        wait_for(mark.exists)
        os._exit(9)
    if task.name == "s2":
        time.sleep(1)
    return done(task)


def test_a_worker_that_dies_while_another_is_told_of_keeps_nobody_waiting(tmp_path: Path):
    """From Python 3.12 on, a broken executor waits for its processes while it holds a lock."""

    def watch(_result: SiteResult) -> None:
        (tmp_path / "told").touch()
        time.sleep(0.3)

    work = partial(dying_while_another_is_told_of, folder=tmp_path)
    results, _ = play(work, 5, pool=open_pool("processes", 3), parallel=3, watch=watch)
    assert [each.code for each in results] == [0] * 5


def test_a_process_that_is_just_starting_leaves_signals_to_its_parent(tmp_path: Path):
    pool = open_pool("processes", 1)
    try:
        future = pool.submit(partial(marked, folder=tmp_path), tasks(1)[0])
        for process in multiprocessing.active_children():
            for number in (signal.SIGTERM, signal.SIGINT):
                os.kill(process.pid, number)
        assert future.result(30).code == 0
    finally:
        pool.close(at_once=True)


def test_processes_that_shall_end_at_once_do(tmp_path: Path):
    pool = open_pool("processes", 1)
    pool.submit(partial(marked, folder=tmp_path, seconds=60), tasks(1)[0])
    wait_for(lambda: marks(tmp_path) == {"s0-begun": "x"})
    pool.close(at_once=True)
    wait_for(lambda: not multiprocessing.active_children())
    assert marks(tmp_path) == {"s0-begun": "x"}


class Gone:
    """A pool whose workers all went away: nothing comes back from them."""

    within = elsewhere = False

    def submit(self, work, task):
        return Future()

    def renew(self):
        raise AssertionError

    def lost(self):
        return "there is no worker left."

    def close(self, *, at_once=False):
        pass


def test_a_run_without_workers_ends():
    results, stopped = play(done, 3, pool=Gone())
    assert [each.code for each in results] == [1, 1, None]
    assert stopped == "there is no worker left."


def test_a_pool_that_is_broken_before_anything_is_given_to_it_is_made_anew():
    made = []

    class Broken:
        def submit(self, *_args):
            raise BrokenExecutor

        def shutdown(self, **_how):
            pass

    class Sound(Broken):
        def submit(self, work, task):
            future = Future()
            future.set_result(work(task))
            return future

    def make():
        made.append(Sound() if made else Broken())
        return made[-1]

    results, _ = play(done, 3, pool=LocalPool(make, within=True))
    assert [each.code for each in results] == [0, 0, 0]
    assert len(made) == 2


def test_what_a_worker_is_told_is_small_and_names_no_secret(monkeypatch):
    monkeypatch.setenv("RECONCILER_REDACT_KEY", "hunter2-hunter2-hunter2")
    told = pickle.dumps(Task("s", (Path("roles.yaml"),), "nord", Path("reconciler.toml"), True))
    assert len(told) < 500
    assert b"hunter2" not in told
