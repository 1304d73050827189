"""A schedule: everything that chance decides in a simulation, out of one seed.

It is calm in the end: the faults, the kills and the other writers of a schedule are limited, so
that what is still not finished then is a defect.
"""

import random
from collections import Counter
from collections.abc import Callable, MutableSequence, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


class Killed(BaseException):
    """The process is no more; nothing of it may run after this, no handler and no `finally`."""


class Schedule:
    """Decides, out of a seed, which faults happen, when the process is killed, who else writes.

    Attributes:
        told: what happened, for the report of a failure.
    """

    def __init__(self, seed: int, faults: Sequence[str]) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.told: list[str] = []
        self.counts: Counter[str] = Counter()
        drawn = self.random.sample(list(faults), self.random.randint(0, len(faults)))
        self._rates = {fault: self.random.choice((0.02, 0.1, 0.4)) for fault in drawn}
        # Reads are many and changes are few: without a share of their own, few would ever fail.
        self._faults = {"reads": self.random.randint(0, 12), "changes": self.random.randint(0, 12)}
        self._kills = self.random.choice((0, 0, 1, 1, 2, 3))
        self._kill_rate = self.random.choice((0.01, 0.05, 0.2))
        self._visits = self.random.choice((0, 0, 1, 2, 4))
        self._visit_rate = self.random.choice((0.02, 0.1, 0.3))
        self.visit: Callable[[], None] = lambda: None

    def happens(self, fault: str, share: str = "changes") -> bool:
        """Whether a fault happens now, out of the share of reads or of changes."""
        rate = self._rates.get(fault, 0.0)
        if not rate or not self._faults[share] or self.random.random() >= rate:
            return False
        self._faults[share] -= 1
        self.tell(fault)
        self.counts[fault] += 1
        return True

    def step(self, where: str) -> None:
        """Pass a point at which the process may be killed."""
        if self._kills and self.random.random() < self._kill_rate:
            self._kills -= 1
            self.counts["killed"] += 1
            self.tell(f"killed where {where}")
            raise Killed

    def let_others_write(self) -> None:
        """Let another client write, perhaps."""
        if self._visits and self.random.random() < self._visit_rate:
            self._visits -= 1
            self.counts["visit"] += 1
            self.visit()

    def calm(self) -> None:
        """Let nothing happen any more."""
        self._kills = self._visits = 0
        self._faults = dict.fromkeys(self._faults, 0)

    def flip(self) -> bool:
        """Toss a coin."""
        return self.random.random() < 0.5

    def shuffle(self, items: MutableSequence[Any]) -> None:
        """Put items into some order."""
        self.random.shuffle(items)

    def pick(self, items: Sequence[T]) -> T:
        """Choose one of some items."""
        return items[self.random.randrange(len(items))]

    def tell(self, what: str) -> None:
        """Note what happened."""
        self.told.append(what)
