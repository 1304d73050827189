"""A pseudo-terminal on which a command asks, and somebody types answers."""

import os
import select
import signal
import time
from collections.abc import Sequence

import pytest
import warm
from sandboxes import PROGRAM, Desk

pty = pytest.importorskip("pty", reason="pseudo-terminals need a POSIX system")

INTERRUPT = "\x03"


def converse(
    desk: Desk, arguments: list[str], asked: str, answer: str, **variables: str
) -> tuple[int, str]:
    """Run a command on a terminal, type an answer once it has asked, and return how it ended."""
    return converse_on(desk, arguments, [(asked, answer)], **variables)


def converse_on(
    desk: Desk, arguments: list[str], turns: Sequence[tuple[str, str]], **variables: str
) -> tuple[int, str]:
    """Do the same with several answers, each once its question stands in what was said since.

    All of them have to be asked.
    """
    master, slave = pty.openpty()
    process = warm.Process(
        [PROGRAM, *arguments],
        {**desk.environment, "TERM": "xterm", "COLUMNS": "120", **variables},
        desk.directory,
        terminal=slave,
    )
    os.close(slave)
    said, typed, end = b"", 0.0, time.monotonic() + 60
    waiting, answer, heard = list(turns), "", 0
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
            # that Ctrl-C is pressed again, as people do while nothing is said but its echo.
            unheard = answer == INTERRUPT and not said[heard:].strip(b" ^C\r\n")
            again = unheard and time.monotonic() > typed + 1
            if again:
                os.write(master, answer.encode())
                typed = time.monotonic()
            while waiting and (at := said.find(waiting[0][0].encode(), heard)) >= 0:
                question, answer = waiting.pop(0)
                heard = at + len(question.encode())
                os.write(master, answer.encode())
                typed = time.monotonic()
        code = process.wait(timeout=20)
    finally:
        process.end(signal.SIGKILL)
        os.close(master)
    assert not waiting, f"never asked: {waiting[0][0]}\n{said.decode()}"
    desk.check_manners(said.decode())
    return code, said.decode()
