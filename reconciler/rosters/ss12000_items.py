"""The items of an SS 12000 service: where each stands, what its members say, and what is wrong."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from sys import intern
from typing import NamedTuple
from unicodedata import normalize

from reconciler.rosters.days import DayReader, check_order, day_after
from reconciler.rosters.problems import Problem
from reconciler.rosters.school_system import Item


class Place(NamedTuple):
    """Where something stands: a collection, and an item's place in it."""

    file: str
    row: int


def _as_text(value: object) -> str | None:
    """Return a text or a whole number as a text, empty for nothing; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else "" if value is None else None


class Items:
    """The items of one service's collections, read member by member.

    Args:
        read: per collection its items; what others refer to comes first.

    Attributes:
        ids: per collection the ids in it, with their places.
        problems: what is wrong, once each, in the order of reading.
    """

    def __init__(self, read: Mapping[str, Sequence[Item]]) -> None:
        self.problems: dict[Problem, None] = {}
        self.ids: dict[str, dict[str, int]] = {}
        self._read = read
        self._days = DayReader()
        for name in read:
            self.ids[name] = self._known(name)

    def _known(self, name: str) -> dict[str, int]:
        """Return the ids of a collection, with their places; one that is not its own is told."""
        known: dict[str, int] = {}
        for place, item in self.items(name):
            key = self.text(place, item, "id")
            first = known.setdefault(key, place.row)
            if not key:
                self.problem(place, "id", "RR308", "a value is missing")
            elif first != place.row:
                self.problem(place, "id", "RR309", f"row {first} has the same id", key)
            elif name == "groups" and key in self.ids["organisations"]:
                self.problem(place, "id", "RR309", "an organisation has the same id", key)
        return known

    def items(self, name: str) -> Iterator[tuple[Place, Item]]:
        """Yield the items of a collection, and where each stands."""
        for row, item in enumerate(self._read[name], 1):
            yield Place(f"/{name}", row), item

    def id(self, place: Place, item: Item) -> str:
        """Return an item's own id; the same text is kept once."""
        return intern(self.text(place, item, "id"))

    def refer(self, place: Place, column: str, key: str, target: str) -> None:
        """Note a reference that leads nowhere."""
        if key not in self.ids[target]:
            message = f"/{target} has no such item:" if key else "a value is missing"
            self.problem(place, column, "RR310" if key else "RR308", message, key or None)

    def period(self, place: Place, dated: Item) -> tuple[date | None, date | None]:
        """Read when something begins, and the first day on which it holds no more."""
        first, last = (self._day(place, dated, name) for name in ("startDate", "endDate"))
        check_order(first, last, partial(self.problem, place, "endDate"))
        return first, day_after(last)

    def _day(self, place: Place, dated: Item, name: str) -> date | None:
        return self._days.read(self.text(place, dated, name), partial(self.problem, place, name))

    def text(self, place: Place, item: Item, member: str) -> str:
        """Return a text, empty where there is none; some write numbers as numbers."""
        value = item.get(member)
        text = _as_text(value)
        if text is None:
            self.problem(place, member, "RR313", "the value is no text")
        return text or ""

    def word(self, place: Place, item: Item, member: str, known: Collection[str]) -> str:
        """Return one of the standard's words in small letters; a role could be lost by another."""
        text = self.text(place, item, member).strip()
        word = normalize("NFC", text).casefold()
        if word in known or _as_text(item.get(member)) is None:
            return word
        message = f"the value is none of {', '.join(known)}:" if word else "a value is missing"
        self.problem(place, member, "RR313" if word else "RR308", message, text or None)
        return word

    def to(self, place: Place, item: Item, member: str) -> str:
        """Return the id of what an item refers to, empty where it refers to nothing."""
        value = item.get(member)
        key = _as_text(value.get("id")) if isinstance(value, dict) else None
        if value is not None and not key:
            self.problem(place, member, "RR313", "the value refers to nothing by an id")
        return key or ""

    def listed(self, place: Place, item: Item, member: str) -> Sequence[Item]:
        """Return a list of objects, empty where there is none."""
        value = item.get(member)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            self.problem(place, member, "RR313", "the value is no list of objects")
            return ()
        return value

    def problem(
        self, place: Place, column: str, code: str, message: str, value: str | None = None
    ) -> None:
        """Note what is wrong; what is read twice is told once."""
        self.problems[Problem(*place, column, value, code, message)] = None
