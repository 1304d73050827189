"""Gives up on a piece of work when its time is over, whatever it waits for."""

import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import TypeVar

Result = TypeVar("Result")


class OutOfTime(Exception):
    """The work was not done in its time; it is left to itself, and ends with the program."""


def in_time(work: Callable[[], Result], seconds: float, name: str) -> Result:
    """Do some work in a thread of its own, which no server can keep waiting without end.

    A timeout of a socket holds for each piece that comes; who sends a byte now and then is within
    it for ever. The work sees the run's own context: its requests have the run's id.

    Args:
        work: what is to be done; what it raises is raised here.
        seconds: how long it is waited for.
        name: of the thread.

    Raises:
        OutOfTime: it took longer.
    """
    came: list[Result] = []
    failed: list[BaseException] = []

    def do() -> None:
        try:
            came.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again below
            failed.append(error)

    thread = threading.Thread(target=copy_context().run, args=(do,), name=name, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not came:
        raise OutOfTime(name)
    return came[0]
