"""Commands measured in processes of their own: processor time, wall time, and the most memory.

A launcher as small as an interpreter can be starts each command. The kernel counts the memory of
whoever starts a process as the process's own, and a benchmark has much of it.
"""

import os
import subprocess
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PYTHON: Final = sys.executable
PROGRAM: Final = Path(sys.executable).with_name("reconciler")
BARE: Final = (PYTHON, "-I", "-c", "pass")
"""The interpreter alone."""

MOST_ROUNDS: Final = 5

Command = Sequence[str | Path]

_LAUNCHER: Final = """
import os, sys, time
nowhere = os.open(os.devnull, os.O_RDWR)
began = time.perf_counter()
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ, file_actions=[
    (os.POSIX_SPAWN_DUP2, nowhere, 0), (os.POSIX_SPAWN_DUP2, nowhere, 1)])
_, status, used = os.wait4(child, 0)
wall = time.perf_counter() - began
with open(int(sys.argv[1]), "w") as told:
    print(os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, wall,
          used.ru_maxrss * (1 if sys.platform == "darwin" else 1024), file=told)
"""


class Failed(Exception):
    """A command that was to be measured ended otherwise than it should."""


@dataclass(frozen=True, slots=True)
class Used:
    """What a command took.

    Attributes:
        processor: seconds of processor time, of the system's share, too.
        wall: seconds from its start to its end.
        peak: the most bytes that it had in memory.
    """

    processor: float
    wall: float
    peak: int

    def least(self, other: "Used") -> "Used":
        """Return the less of two rounds, each by itself: what is more was the machine's doing."""
        return Used(
            min(self.processor, other.processor),
            min(self.wall, other.wall),
            min(self.peak, other.peak),
        )


def environment(**variables: str) -> dict[str, str]:
    """Return an environment for commands: bytecode may be kept, and nothing steers the program."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if key != "PYTHONDONTWRITEBYTECODE" and not key.startswith("RECONCILER_")
    }
    return kept | variables


def once(
    command: Command,
    *,
    cwd: Path | None = None,
    variables: Mapping[str, str] | None = None,
    codes: Collection[int] = (0,),
) -> Used:
    """Run a command once, with nothing to read and its output thrown away.

    Raises:
        Failed: its exit code is none of `codes`.
    """
    theirs, ours = os.pipe()[::-1]
    launcher = [PYTHON, "-I", "-S", "-c", _LAUNCHER, str(theirs), *map(str, command)]
    with open(ours, encoding="ascii") as told:  # noqa: PTH123 - a descriptor
        done = subprocess.Popen(
            launcher,
            cwd=cwd,
            env=environment(**(variables or {})),
            pass_fds=[theirs],
            stderr=subprocess.PIPE,
            text=True,
        )
        os.close(theirs)
        _, said = done.communicate()
        words = told.read().split()
    if not words or int(words[0]) not in codes:
        raise Failed(f"{' '.join(map(str, command))} ended with {words[:1]}: {said.strip()[-500:]}")
    return Used(float(words[1]), float(words[2]), int(words[3]))


def in_turn(commands: Mapping[str, Command], seconds: float, **how: Any) -> dict[str, Used]:
    """Run commands in turn, up to five rounds, until so many seconds are used up.

    In turn, since a machine that has more to do in one minute than in the next would favour one.

    Returns:
        Per command the least of all rounds.
    """
    best: dict[str, Used] = {}
    began = time.perf_counter()
    for number in range(MOST_ROUNDS):
        if number and time.perf_counter() - began > seconds:
            break
        for name, command in commands.items():
            used = once(command, **how)
            best[name] = used.least(best[name]) if name in best else used
    return best
