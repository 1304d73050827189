"""The way to a site on which several requests travel at once, and the news of a run on its way.

The engine itself is one thread and knows no time: it posts a request, goes on while there is room,
and collects whichever answer comes next. A real courier has threads (`reconciler.providers`), a
test's one has a seed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from reconciler.apply.outcome import Outcome
from reconciler.errors import SiteError
from reconciler.provider import Change, ChangeResult


class Courier(Protocol):
    """Carries requests to a site and their answers back, in whatever order they come."""

    @property
    def capacity(self) -> int:
        """How many requests may be on their way at once."""
        ...

    @property
    def batch_limit(self) -> int:
        """How many changes one request takes."""
        ...

    def post(self, number: int, changes: Sequence[Change]) -> None:
        """Send changes in one request, and do not wait for the answer.

        Args:
            number: told again with the answer.
            changes: at most `batch_limit` of them.
        """
        ...

    def collect(self) -> tuple[int, list[ChangeResult] | SiteError]:
        """Wait for the next answer to anything posted; give its request's number beside it.

        The results stand in the order of the changes; an error stands for the whole request.
        """
        ...


@dataclass(frozen=True, slots=True)
class Report:
    """How far a run is.

    Attributes:
        run: its id in the journal.
        total: how many actions were selected.
        counts: how many of them had each outcome so far.
    """

    run: str
    total: int
    counts: Mapping[Outcome, int]

    @property
    def settled(self) -> int:
        """How many actions have an outcome."""
        return sum(self.counts.values())


Watcher = Callable[[Report], None]
"""Told once when a run begins, before anything is sent, and then as actions are settled."""
