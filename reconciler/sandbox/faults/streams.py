"""Which requests meet a fault: counts and chance, apart for each fault and each client.

Nothing here depends on what other clients do, or on the time: the same requests of a client in the
same order meet the same faults, whenever and beside whomever they come. Only a limit knows a clock.
"""

import json
import math
from random import Random

from reconciler.sandbox.faults.model import Limit, Occurrence


def occurs(occurrence: Occurrence, number: int, met: int, draw: float) -> bool:
    """Whether a fault occurs.

    Args:
        occurrence: when it does.
        number: which of the requests that match this is, from 1.
        met: how many of them met the fault before.
        draw: by chance from 0 up to, but not including, 1.
    """
    counted = number - occurrence.after
    if counted <= 0 or (occurrence.times is not None and met >= occurrence.times):
        return False
    if occurrence.every is not None:
        return counted % occurrence.every == 0
    return draw < occurrence.rate


class Stream:
    """What one client has met of one fault so far."""

    def __init__(self, *key: object) -> None:
        self._key = key
        self._number = 0
        self._met = 0
        self._opened = -math.inf
        self._admitted = 0

    def meet(self, occurrence: Occurrence) -> Random | None:
        """Count one more; return the chance that belongs to it if it meets the fault."""
        self._number += 1
        # A generator for each, so that what one of them draws changes nothing for the next.
        chance = Random(json.dumps([*self._key, self._number]))  # noqa: S311 - to be played again
        if not occurs(occurrence, self._number, self._met, chance.random()):
            return None
        self._met += 1
        return chance

    def wait(self, limit: Limit, now: float) -> float:
        """Admit one more, or return the seconds until the limit admits another."""
        if now >= self._opened + limit.window:
            self._opened, self._admitted = now, 0
        if self._admitted < limit.requests:
            self._admitted += 1
            return 0.0
        return self._opened + limit.window - now


class Streams:
    """The streams of a running sandbox."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._streams: dict[tuple[object, ...], Stream] = {}

    def of(self, name: str, client: str) -> Stream:
        """Return a client's stream of a fault, by the fault's name."""
        key = (self._seed, name, client)
        if key not in self._streams:
            self._streams[key] = Stream(*key)
        return self._streams[key]
