"""Python's garbage collector, and when it is in the way."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Pauses:
    """Those that are under way: in a fleet, several threads have one each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number = 0
        self._running = False

    def begin(self) -> None:
        with self._lock:
            if not self._number:
                self._running = gc.isenabled()
                gc.disable()
            self._number += 1

    def end(self) -> None:
        with self._lock:
            self._number -= 1
            if not self._number and self._running:
                gc.enable()


_PAUSES = _Pauses()


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause the garbage collector while a large site is read or planned.

    Nearly all that is made then is kept, and the collector would look through it again and again.
    """
    _PAUSES.begin()
    try:
        yield
    finally:
        _PAUSES.end()
