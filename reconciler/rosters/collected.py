"""A collection as it comes in page by page, each of its rows once."""

from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from reconciler.errors import ContractViolation
from reconciler.http.call import Call
from reconciler.rosters.school_system import VIOLATED, Item

Kept = TypeVar("Kept")

MOST_ROWS: Final = 5_000_000
"""No school system has more in one collection; a server that makes them up is left."""


class Collected(Generic[Kept]):
    """What came of a collection so far; of a row that comes again, the later one counts.

    An id that stands for something else the second time, or twice on a page, is a mistake of its
    own, and so is one that cannot be read: these stay, each under its place.

    Args:
        member: what has an item's id.
        keep: makes of an item what is kept of it.
        same: whether two with one id stand for the same, but for what may have changed meanwhile.

    Attributes:
        rows: by id what came.
        received: how many items came, with those that came again.
    """

    def __init__(
        self, member: str, keep: Callable[[Item], Kept], same: Callable[[Kept, Kept], bool]
    ) -> None:
        self.rows: dict[object, Kept] = {}
        self.received = 0
        self._member = member
        self._keep = keep
        self._same = same

    def add(self, call: Call, page: Sequence[Item]) -> None:
        """Take in the items of a page.

        Raises:
            ContractViolation: there are more than any school system has.
        """
        met: dict[object, Kept] = {}
        for at, item in enumerate(page, self.received):
            value, kept = item.get(self._member), self._keep(item)
            readable = isinstance(value, str | int) and not isinstance(value, bool) and value != ""
            key: object = str(value) if readable else at
            before = met.get(key, self.rows.get(key))
            if (
                before is not None
                and before != kept
                and (key in met or not self._same(before, kept))
            ):
                key = at
            self.rows[key] = met[key] = kept
        self.received += len(page)
        if len(self.rows) > MOST_ROWS:
            message = f"{call.name}: there are more than {MOST_ROWS:,} rows."
            raise ContractViolation(message, VIOLATED)
