"""Console scripts that start at once: forks of an interpreter that has loaded the modules before.

A script spends most of its time on imports, and the tests start it hundreds of times. So each test
session (with pytest-xdist: each worker) has one interpreter that loads the modules once, and forks
for every script. What is forked runs the very file that a shell would run, in a process of its own,
with a directory, an environment, standard streams, signals, an exit and an end as anywhere.

What differs: modules that a script does not ask for are loaded too, strings have the same hashes in
all scripts of a session, and a script that has ended does not take its modules apart. Therefore
`test_cli_cold.py` and the first use of each command in the pages start cold, and so does what is
about starting or being killed. With `COLD=1` in the environment everything does, as in
`make soak`.

A story that takes months names a file in TESTS_CLOCK. There stands by how many seconds the clock
is ahead of ours, and what is forked goes by that clock. It never starts cold: no other process
could be given another clock without a library of the system.
"""

import atexit
import contextlib
import datetime
import fcntl
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any, NamedTuple, NoReturn

END_SECONDS = 15
NUMBER = struct.Struct("=i")
AT_START = ("LANG", "LC_", "LD_", "MALLOC_", "PYTHON")
"""The variables that an interpreter reads as it starts; warm, it is too late for others."""
CLOCK = "TESTS_CLOCK"
"""The variable that names the file of another clock."""


class Process:
    """A script that runs with nothing to read; its output is there when it has ended.

    The command is a script and its arguments, or `-m`, a module and its arguments. With a
    descriptor of a terminal, it runs on that, in a session of its own.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        env: Mapping[str, str],
        cwd: Path,
        *,
        cold: bool = False,
        terminal: int | None = None,
    ) -> None:
        self.command = [str(each) for each in command]
        self.returncode: int | None = None
        self.stdout = self.stderr = ""
        order = {
            "argv": self.command,
            "env": dict(env),
            "cwd": str(cwd),
            "cold": cold or "COLD" in os.environ,
            "terminal": terminal is not None,
        }
        self._files = _file(), _file()
        self._report, theirs = socket.socketpair()
        with theirs, Path(os.devnull).open("rb") as nothing:
            streams = [each.fileno() for each in (nothing, *self._files)]
            if terminal is not None:
                streams = [terminal] * 3
            socket.send_fds(_forks().control, [b"+"], [*streams, theirs.fileno()])
        self._report.sendall(json.dumps(order).encode() + b"\n")
        self.pid = self._told()

    def poll(self) -> int | None:
        """Its exit code, or None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float) -> int:
        """Wait for its end, and return its exit code; raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            if not select.select([self._report], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.command, timeout)
            self.returncode = self._told()
            self._report.close()
            self.stdout, self.stderr = (_content(file) for file in self._files)
        return self.returncode

    def end(self, number: int = signal.SIGTERM, timeout: float = END_SECONDS) -> int:
        """End it with a signal, or by force where it does not heed that; returns its exit code."""
        if self.poll() is None:
            os.kill(self.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(timeout)
        os.kill(self.pid, signal.SIGKILL)
        return self.wait(timeout)

    def _told(self) -> int:
        said = self._report.recv(NUMBER.size, socket.MSG_WAITALL)
        assert said, "the warm interpreter has ended"
        return int(NUMBER.unpack(said)[0])


class Programs(NamedTuple):
    """A folder with a console script for shells.

    Attributes:
        folder: where it stands.
        kept: the descriptors that a shell must be given (`pass_fds`).
    """

    folder: Path
    kept: tuple[int, ...]


@cache
def programs(script: Path) -> Programs:
    """Return what stands in for a console script, and starts warm; with `COLD=1` the script."""
    return Programs(script.parent, ()) if "COLD" in os.environ else own_programs(script)


def own_programs(script: Path) -> Programs:
    """Return what nobody else uses: the first use of each command in it starts cold."""
    folder = Path(tempfile.mkdtemp(prefix="warm-"))
    atexit.register(shutil.rmtree, folder)
    for name in ("started", "bin"):
        (folder / name).mkdir()
    program, control = Path(__file__).with_name("warm_program.py"), _forks().control.fileno()
    start = [sys.executable, "-I", "-S", program, script, folder / "started", control]
    own = folder / "bin" / script.name
    words = shlex.join(str(each) for each in start)
    own.write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
    own.chmod(0o755)
    return Programs(own.parent, (control,))


def _file() -> IO[bytes]:
    return tempfile.TemporaryFile()


def _content(file: IO[bytes]) -> str:
    with file:
        file.seek(0)
        return file.read().decode()


class _Forks:
    """The warm interpreter, as the tests see it."""

    def __init__(self) -> None:
        self.control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", __file__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for the tests, which end what they started
            )

    def close(self) -> None:
        self.control.close()  # which ends it
        self._process.wait()


@cache
def _forks() -> _Forks:
    forks = _Forks()
    atexit.register(forks.close)
    return forks


# What follows runs in the warm interpreter.


def _modules() -> Iterator[str]:
    """Every module of the package, but none that does something when it is imported."""
    import reconciler  # noqa: PLC0415 - the tests' own processes use this module too

    for module in pkgutil.walk_packages(reconciler.__path__, "reconciler."):
        if not module.name.startswith("reconciler.journal.migrations"):
            yield module.name


def _serve(control: socket.socket) -> None:
    """Fork for each order, and tell its number and how it ended; returns in each fork."""
    woken, wake = socket.socketpair()
    woken.setblocking(False)
    wake.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno())
    reports: dict[int, socket.socket] = {}
    while True:
        ready = select.select([control, woken], [], [])[0]
        if woken in ready:
            woken.recv(4096)
            for number, status in _ended(reports):
                with reports.pop(number) as report, contextlib.suppress(BrokenPipeError):
                    report.sendall(NUMBER.pack(os.waitstatus_to_exitcode(status)))
        if control in ready:
            order, descriptors, *_ = socket.recv_fds(control, 1, 4)
            if not order:
                for running in reports:  # the tests have ended, and perhaps not by themselves
                    os.kill(running, signal.SIGTERM)
                os._exit(0)
            number = os.fork()
            if not number:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for each in (control, woken, wake, *reports.values()):
                    each.close()
                _become(*descriptors)
                return
            for descriptor in descriptors[:3]:
                os.close(descriptor)
            reports[number] = socket.socket(fileno=descriptors[3])
            reports[number].sendall(NUMBER.pack(number))


def _ended(running: Mapping[int, socket.socket]) -> Iterator[tuple[int, int]]:
    for _ in range(len(running)):
        number, status = os.waitpid(-1, os.WNOHANG)
        if not number:
            return
        yield number, status


def _become(stdin: int, stdout: int, stderr: int, report: int) -> None:
    """Take over what the script is to have."""
    with socket.socket(fileno=report) as orders:
        order = json.loads(orders.makefile("rb").readline())
    for number, descriptor in enumerate((stdin, stdout, stderr)):
        os.dup2(descriptor, number)
        os.close(descriptor)
    if order.get("terminal"):  # so that Ctrl-C typed on it reaches the script
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for name, mode, number in (("stdin", "r", 0), ("stdout", "w", 1), ("stderr", "w", 2)):
        was = getattr(sys, name)  # it knows whether one can seek in what it had before
        line_buffered = 1 if name == "stderr" else -1
        stream = open(  # noqa: SIM115 - it is the script's
            number, mode, line_buffered, was.encoding, was.errors, closefd=False
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    os.chdir(order["cwd"])
    cold = order["cold"] and CLOCK not in order["env"]
    if cold or _at_start(order["env"]) != _at_start(os.environ):
        start = [sys.executable] if order["argv"][0] == "-m" else []
        command = [*start, *order["argv"]]
        os.execve(command[0], command, order["env"])  # noqa: S606 - no shell is wanted
    os.environ.clear()
    os.environ.update(order["env"])
    time.tzset()
    if CLOCK in os.environ:
        _go_by(Path(os.environ[CLOCK]))
    sys.argv = order["argv"]


class _Kind(type):
    """The kind of a class whose instances are all times."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime.datetime)


def _go_by(clock: Path) -> None:
    """Let the package tell the time by a clock that its tests set.

    Times that are made are ordinary ones; only what `now` is differs.
    """

    class Shifted(datetime.datetime, metaclass=_Kind):
        def __new__(cls, *arguments: Any, **more: Any) -> Any:
            return datetime.datetime(*arguments, **more)  # noqa: DTZ001 - as it is asked for

        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Any:
            ahead = datetime.timedelta(seconds=float(clock.read_text()))
            now = (datetime.datetime.now(datetime.UTC) + ahead).astimezone(tz)
            return now if tz else now.replace(tzinfo=None)

    for name, module in list(sys.modules.items()):
        if name.startswith("reconciler") and getattr(module, "datetime", None) is datetime.datetime:
            module.datetime = Shifted  # type: ignore[attr-defined]


def _at_start(env: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in env.items() if key.startswith(AT_START)}


def _main() -> None:
    for name in _modules():
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # or every process would copy what it only looks at
    _serve(socket.socket(fileno=int(sys.argv[1])))
    script, *_ = sys.argv
    try:
        if script == "-m":
            del sys.argv[0]
            sys.modules.pop(f"{sys.argv[0]}.__main__", None)  # or runpy warns of it
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(script, run_name="__main__")
    except SystemExit as left:
        if isinstance(left.code, str):  # which the interpreter is to print
            raise
        code = left.code or 0
    else:
        code = 0
    _leave(code)


def _leave(code: int) -> NoReturn:
    """End as the interpreter does, but leave the memory to the kernel.

    Taking all modules apart would copy what the processes share: ten times the work of the script.
    """
    threading._shutdown()
    atexit._run_exitfuncs()
    gc.collect()  # what is not closed, or cannot be, is told about as ever
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except OSError:
            code = 120  # as the interpreter does
    os._exit(code & 0xFF)


if __name__ == "__main__":
    _main()
