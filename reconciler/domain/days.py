"""Stretches of days, as manifests state them: both ends are included, either may be open."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final


@dataclass(frozen=True, slots=True)
class Days:
    """Days without a gap; None for no beginning, or no end."""

    begins: date | None = None
    ends: date | None = None

    def include(self, day: date) -> bool:
        """Whether a day is one of them."""
        return (self.begins is None or self.begins <= day) and not self.are_over(day)

    def are_over(self, day: date) -> bool:
        """Whether the last of them lies before a day."""
        return self.ends is not None and self.ends < day

    def count(self, today: date) -> int | None:
        """Return how many they are, from today on where they have no beginning; None for no end."""
        if self.ends is None:
            return None
        return (self.ends - (self.begins or today)).days + 1


ALWAYS: Final = Days()
"""Without beginning or end."""


def joined(stretches: Iterable[Days]) -> list[Days]:
    """Return the same days in order, with those that touch or overlap made one stretch."""
    found: list[Days] = []
    for each in sorted(stretches, key=lambda days: days.begins or date.min):
        if found and _touch(found[-1], each):
            last = found.pop()
            ends = None if last.ends is None or each.ends is None else max(last.ends, each.ends)
            found.append(Days(last.begins, ends))
        else:
            found.append(each)
    return found


def _touch(earlier: Days, later: Days) -> bool:
    if earlier.ends is None or later.begins is None:
        return True
    return (later.begins - earlier.ends) <= timedelta(days=1)


def runs_on(day: date, begin: date | None, end: date | None) -> bool:
    """Whether what runs from one day to before another does on a day (OneRoster, "endDate")."""
    return (begin is None or begin <= day) and (end is None or day < end)
