"""Reads the days of a roster: year-month-day, whatever else Python would read."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Final, TypeAlias

Tell: TypeAlias = Callable[[str, str], object]
"""Takes the code and the sentence of a problem; its place is the teller's to know."""

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class DayReader:
    """Reads days; the same ones come back many times over, and one of each is kept."""

    def __init__(self) -> None:
        self._known: dict[str, date] = {}

    def read(self, text: str, tell: Tell) -> date | None:
        """Return a day; None where there is none, or no readable one, which is told."""
        if not text:
            return None
        known = self._known.get(text)
        if known is None:
            try:
                # fromisoformat also reads week dates, which no format of rosters has.
                known = date.fromisoformat(text if _DAY.fullmatch(text) else "")
            except ValueError:
                tell("RR312", "the value is not a date such as 2026-08-17")
                return None
            self._known[text] = known
        return known


def check_order(begin: date | None, end: date | None, tell: Tell) -> None:
    """Tell where an end is before its beginning."""
    if begin and end and end < begin:
        tell("RR312", "the end is before the beginning")


def day_after(last: date | None) -> date | None:
    """Return the first day on which no more holds what holds on a last one."""
    return last + timedelta(days=1) if last and last < date.max else None


def overlap(
    one: tuple[date | None, date | None], other: tuple[date | None, date | None]
) -> tuple[date | None, date | None]:
    """Return from when to before when both hold; never, where that is no later."""
    begin = max((day for day in (one[0], other[0]) if day), default=None)
    end = min((day for day in (one[1], other[1]) if day), default=None)
    return begin, end
