"""Who may sign in to the console, and how fast passwords can be tried."""

import hmac
import logging
import threading
import time
from collections.abc import Callable
from math import ceil
from typing import Final

from reconciler.sandbox.context import ConsoleUser

LONGEST_PAUSE: Final = 30.0
"""Seconds. Longer, and strangers could keep the administrator out for as long."""

_FREE: Final = 3
_LOG = logging.getLogger(__name__)


class Paused(Exception):
    """No password is looked at now, not even a right one.

    Attributes:
        seconds: how long that lasts.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(f"no password is looked at for {seconds} seconds")
        self.seconds = seconds


class Passwords:
    """Tells the administrator from others.

    After a few wrong ones each further one begins a pause, the next twice as long, up to
    `LONGEST_PAUSE`. Nobody waits for it: until it is over, attempts are refused at once.
    """

    def __init__(self, user: ConsoleUser, clock: Callable[[], float] = time.monotonic) -> None:
        self._user = user
        self._clock = clock
        self._lock = threading.Lock()
        self._wrong = 0
        self._pause_ends = clock()

    def check(self, name: str, password: str, whence: str) -> bool:
        """Whether these sign in; takes the same time whatever is wrong.

        Args:
            name: what was given as the name; no log ever shows it, since it may be a password.
            password: what was given as the password.
            whence: the address from which it came, for the log.

        Raises:
            Paused: too many wrong ones came before.
        """
        with self._lock:
            left = self._pause_ends - self._clock()
            if left > 0:
                raise Paused(ceil(left))
            right = self._knows(name, password)
            self._wrong = 0 if right else self._wrong + 1
            pause = min(2.0 ** (self._wrong - _FREE - 1), LONGEST_PAUSE)
            pause = pause if self._wrong > _FREE else 0.0
            self._pause_ends = self._clock() + pause
            if not right:
                told = f"; no other is looked at for {pause:.0f} s" if pause else ""
                _LOG.warning(
                    "a wrong name or password for the console from %s, number %d in a row%s",
                    *(whence, self._wrong, told),
                )
            return right

    def _knows(self, name: str, password: str) -> bool:
        right_name = hmac.compare_digest(name.encode(), self._user.name.encode())
        right_password = hmac.compare_digest(password.encode(), self._user.password.encode())
        return right_name and right_password
