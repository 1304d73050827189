"""Who does the work: threads, processes, or a Dask cluster, all behind `concurrent.futures`."""

import logging
import multiprocessing
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import suppress
from importlib.metadata import version
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from typing import Any, Final, Protocol

from reconciler.errors import ConfigurationError, WrongUse
from reconciler.fleet.machine import this_machine
from reconciler.fleet.model import SiteResult, Task
from reconciler.fleet.site import Work

THREADS: Final = "threads"
PROCESSES: Final = "processes"

_SCHEMES: Final = {"dask": "tcp", "dask+tls": "tls"}
_ADDRESS: Final = re.compile(r"(?:[\w.-]+|\[[0-9a-fA-F:]+\]):\d{1,5}")
_CONNECT_SECONDS: Final = 5
_WITHOUT_WORKERS: Final = "distributed.scheduler.no-workers-timeout"
"""Dask's own setting, read where the command runs; where it is not set, a minute."""

_WITHOUT_WORKERS_SECONDS: Final = 60.0
_STOPS: Final = (signal.SIGINT, signal.SIGTERM)
_MASKS: Final = hasattr(signal, "pthread_sigmask")
"""Windows has none, and sends no signals to groups of processes."""


class Pool(Protocol):
    """An executor that can be made anew.

    Attributes:
        within: whether the work is done in this very process, and can see its events.
        elsewhere: whether some of it is done on another machine, which has files of its own.
    """

    within: bool
    elsewhere: bool

    def submit(self, work: Work, task: Task) -> Future[SiteResult]:
        """Have a site done, and do not wait for it.

        Raises:
            BrokenExecutor: the workers are gone; `renew` makes others.
            RuntimeError: the pool is closed.
        """
        ...

    def renew(self) -> None:
        """Replace what is broken."""
        ...

    def lost(self) -> str:
        """Say why nothing that is under way will come back; empty while it may."""
        ...

    def close(self, *, at_once: bool = False) -> None:
        """End the workers, be they done or not."""
        ...


def open_pool(named: str, max_parallel: int) -> Pool:
    """Open the workers that somebody named.

    Args:
        named: `threads`, `processes`, or where a Dask scheduler is: `dask://host:8786`.
        max_parallel: how many sites will be under way at once.

    Raises:
        WrongUse: it is none of them.
        ConfigurationError: Dask is not installed, or the cluster cannot be used.
    """
    if named == THREADS:
        return LocalPool(lambda: DaemonThreads(max_parallel), within=True)
    if named == PROCESSES:
        return LocalPool(lambda: _processes(max_parallel), within=False)
    scheme, _, address = named.partition("://")
    if scheme not in _SCHEMES or not _ADDRESS.fullmatch(address):
        raise WrongUse(
            f"--executor cannot be {named}.",
            f"Write {THREADS}, {PROCESSES}, or the address of a Dask scheduler: dask://host:8786.",
        )
    return DaskPool(f"{_SCHEMES[scheme]}://{address}")


class DaemonThreads(Executor):
    """Threads that do not keep the program alive: who is told to stop at once does not wait.

    Args:
        capacity: how many there are.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._posted: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have something done in one of the threads."""
        future: Future[Any] = Future()

        def do() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - it is raised where it is asked for
                future.set_exception(error)
            else:
                future.set_result(result)

        if len(self._threads) < self._capacity:
            thread = threading.Thread(target=self._run, name="reconciler-fleet", daemon=True)
            thread.start()
            self._threads.append(thread)
        self._posted.put(do)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - the interface's
        """Let the threads end when they are done."""
        del cancel_futures  # nothing is posted before there is a thread for it
        for _ in self._threads:
            self._posted.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def _run(self) -> None:
        while (do := self._posted.get()) is not None:
            do()


class LocalPool:
    """Threads or processes of this machine.

    Args:
        make: makes the executor.
        within: whether it works in this process.
    """

    elsewhere = False

    def __init__(self, make: Callable[[], Executor], *, within: bool) -> None:
        self.within = within
        self._make = make
        self._before = set(multiprocessing.active_children())
        self._seen: set[BaseProcess] = set()
        self._executor = make()

    def submit(self, work: Work, task: Task) -> Future[SiteResult]:
        """Have a site done."""
        future = self._executor.submit(work, task)
        self._seen |= self._own()
        return future

    def renew(self) -> None:
        """Replace the executor, and what is left of its processes."""
        self._kill()
        self._seen.clear()
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = self._make()

    def lost(self) -> str:
        """Nothing is lost here without being told; have the executor see whose process died.

        Python's own watches the processes that it had when it last woke, which may be before the
        newest of them was started: that one's death would be seen when another site is done.
        """
        if any(process.exitcode is not None for process in self._seen):
            with suppress(RuntimeError):  # it has seen it
                self._executor.submit(_nothing)
        return ""

    def close(self, *, at_once: bool = False) -> None:
        """End the executor; at once, its processes are killed."""
        if at_once:
            self._kill()
        self._executor.shutdown(wait=not at_once, cancel_futures=True)

    def _kill(self) -> None:
        for process in self._own():
            process.kill()

    def _own(self) -> set[BaseProcess]:
        return set(multiprocessing.active_children()) - self._before


def _nothing() -> None:
    """What wakes an executor."""


def _processes(capacity: int) -> Executor:
    return _Processes(capacity, mp_context=_Spawned(), initializer=_alone)


class _Killed(SpawnProcess):
    """A process that is deaf to SIGTERM, by which a broken executor ends those that it has left.

    It waits for their end, from Python 3.12 on with a lock without which nothing can be submitted.
    """

    def terminate(self) -> None:
        """End it."""
        self.kill()


class _Spawned(SpawnContext):
    """Not forked: there may be threads here, and what they hold would be held for ever."""

    Process = _Killed


class _Processes(ProcessPoolExecutor):
    """Processes that leave it to their parent what a signal to all of them ends."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have something done in one of the processes, which may be started for it."""
        if not _MASKS:
            return super().submit(fn, *args, **kwargs)
        # A process inherits what is held back, and is deaf to it before `_alone` is reached.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
        try:
            return super().submit(fn, *args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _alone() -> None:
    """Leave Ctrl-C and SIGTERM to the parent, who decides what is finished; end when it has ended.

    A terminal, a service manager or a pipeline sends them to a whole group of processes.
    """
    for number in _STOPS:
        signal.signal(number, signal.SIG_IGN)
    if _MASKS:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
    parent = multiprocessing.parent_process()

    def end_with_parent() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


class DaskPool:
    """The workers of a Dask cluster, which have the same files and variables as this machine.

    Args:
        address: where its scheduler is.

    Raises:
        ConfigurationError: Dask is not installed, or the cluster cannot be used.
    """

    within = False

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client  # noqa: PLC0415 - only who asks for it needs it
        except ImportError:
            raise ConfigurationError(
                "Dask is not installed.", "In the program's folder: pip install '.[dask]'."
            ) from None
        self._patience = _patience()
        self._alone_since: float | None = None
        # What it would tell of lost workers, a site's result tells.
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        try:
            connect: Any = Client  # has no types
            self._client = connect(
                address, timeout=_CONNECT_SECONDS, set_as_default=False, direct_to_workers=False
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise ConfigurationError(
                f"The Dask scheduler at {address} does not answer ({type(error).__name__}).",
                "Start it, with workers: dask scheduler, dask worker.",
            ) from None
        try:
            self.elsewhere = self._check()
        except BaseException:
            self.close(at_once=True)
            raise
        self._executor = self._client.get_executor()

    def _check(self) -> bool:
        """Refuse a cluster without workers, or with workers that have another program.

        Returns:
            Whether a worker is on another machine.
        """
        if not self._client.nthreads():
            raise ConfigurationError(
                "The Dask cluster has no workers.", "Start one: dask worker SCHEDULER."
            )
        own, here = _versions(), this_machine()
        machines = set()
        for told in self._client.run(_about, on_error="return").values():
            theirs, machine = told if isinstance(told, tuple) else (None, "")
            machines.add(machine)
            if theirs != own:
                raise ConfigurationError(
                    "A worker of the Dask cluster does not have this reconciler and Python.",
                    f"Install reconciler {own[0]} for Python {own[1][0]}.{own[1][1]} on each.",
                )
        return machines != {here}

    def submit(self, work: Work, task: Task) -> Future[SiteResult]:
        """Have a site done by some worker; where that dies, Dask gives it to another."""
        future: Future[SiteResult] = self._executor.submit(work, task.anywhere(this_machine()))
        return future

    def renew(self) -> None:
        """Nothing to replace: Dask does it."""

    def lost(self) -> str:
        """Say that the scheduler is gone, or that there was no worker for too long."""
        if self._client.status != "running":
            return "the Dask scheduler is gone."
        try:
            workers = self._client.nthreads()
        except Exception as error:  # noqa: BLE001 - whatever it is, the cluster does not answer
            return f"the Dask scheduler does not answer ({type(error).__name__})."
        if workers:
            self._alone_since = None
            return ""
        self._alone_since = self._alone_since or time.monotonic()
        alone = time.monotonic() - self._alone_since
        return "the Dask cluster has no worker left." if alone > self._patience else ""

    def close(self, *, at_once: bool = False) -> None:
        """Leave the cluster, and take back what it has not begun."""
        del at_once  # what a worker has begun, it finishes by itself
        self._client.close(timeout=_CONNECT_SECONDS)


def _patience() -> float:
    """Return for how many seconds a cluster may be without workers."""
    from dask import config  # noqa: PLC0415 - only who asks for it needs it
    from dask.utils import parse_timedelta  # noqa: PLC0415 - as above

    try:
        seconds = parse_timedelta(config.get(_WITHOUT_WORKERS, None))
    except (ValueError, TypeError):
        raise ConfigurationError(
            f"Dask's setting {_WITHOUT_WORKERS} is no time.", 'Write it as in "2 minutes".'
        ) from None
    return _WITHOUT_WORKERS_SECONDS if seconds is None else float(seconds)


def _versions() -> tuple[str, tuple[int, ...]]:
    return version("reconciler"), sys.version_info[:2]


def _about() -> tuple[tuple[str, tuple[int, ...]], str]:
    return _versions(), this_machine()
