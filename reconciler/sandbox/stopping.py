"""Ends the sandbox on SIGTERM and SIGINT, whenever they come."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class _Stopped(BaseException):
    """A signal came before the server was up."""


@contextmanager
def stoppable() -> Iterator[None]:
    """End quietly on SIGTERM and SIGINT, also while the server is being loaded and started.

    uvicorn handles them while it serves and raises them once more when it is done; a process that
    was asked to stop and did has succeeded.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise _Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    except _Stopped:
        return
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
