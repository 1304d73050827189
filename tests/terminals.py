"""A pseudo-terminal on which a command asks, and somebody types an answer."""

import os
import select
import subprocess
import sys
import time

import pytest
from sandboxes import PROGRAM, Desk

pty = pytest.importorskip("pty", reason="pseudo-terminals need a POSIX system")

# Makes the terminal the child's own, so that Ctrl-C typed on it reaches the command.
_ON_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "os.execv(sys.argv[1], sys.argv[1:])"
)


INTERRUPT = "\x03"


def converse(
    desk: Desk, arguments: list[str], asked: str, answer: str, **variables: str
) -> tuple[int, str]:
    """Run a command on a terminal, type an answer once it has asked, and return how it ended."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-IS", "-c", _ON_TERMINAL, str(PROGRAM), *arguments],
        cwd=desk.directory,
        env={**desk.environment, "TERM": "xterm", "COLUMNS": "120", **variables},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    said, typed, end = b"", 0.0, time.monotonic() + 60
    try:
        while time.monotonic() < end:
            if select.select([master], [], [], 0.1)[0]:
                try:
                    more = os.read(master, 65536)
                except OSError:  # the other side has closed
                    break
                if not more:
                    break
                said += more
            # A signal between Python's prompt and its read is noticed with the next key only, so
            # that Ctrl-C is pressed again, as people do.
            again = answer == INTERRUPT and time.monotonic() > typed + 1
            if asked.encode() in said and (not typed or again):
                os.write(master, answer.encode())
                typed = time.monotonic()
        code = process.wait(timeout=20)
    finally:
        process.kill()
        process.wait()
        os.close(master)
    assert typed, said.decode()
    desk.check_manners(said.decode())
    return code, said.decode()
