"""Plain data that remembers where it stood: what the reader makes and the checks walk through.

Every key, value and item costs one small integer beside itself, so that a manifest of a million
items stays as small as its data.
"""

from array import array
from typing import Final, TypeAlias, cast

from reconciler.diagnostics import Position

COLUMN_BITS: Final = 28
_COLUMN_MASK: Final = (1 << COLUMN_BITS) - 1
NEXT_LINE: Final = 1 << COLUMN_BITS
"""How much further a place is on the next line."""


def packed(line: int, column: int) -> int:
    """Pack a place, both counted from 0, into one integer; larger is further down the file."""
    return line << COLUMN_BITS | column


def position(file: str, place: int) -> Position:
    """Unpack a place into a position, whose line and column count from 1."""
    return Position(file, (place >> COLUMN_BITS) + 1, (place & _COLUMN_MASK) + 1)


class PlainDate(str):
    """Text that stood without quotes and that YAML 1.1 would have read as a date.

    The 1.2 core schema reads it as text. It is welcome as a `from` or an `until`, but as an id it
    is an error, since the next program may read it as a date (design, section 3).
    """

    __slots__ = ()


class PlacedDict(dict[str, "Value"]):
    """A mapping with the places of its keys and values.

    Attributes:
        places: for the n-th key its place at 2n and its value's at 2n + 1.
    """

    __slots__ = ("places",)

    def __init__(self) -> None:
        super().__init__()
        self.places = array("Q")

    def key_place(self, key: str) -> int:
        """Return the place of a key."""
        return self.places[2 * list(self).index(key)]

    def value_place(self, key: str) -> int:
        """Return the place of a key's value."""
        return self.places[2 * list(self).index(key) + 1]

    def placed_items(self) -> "list[tuple[str, Value, int, int]]":
        """Return key, value, the key's place and the value's place, in the author's order."""
        return [
            (key, value, place, value_place)
            for (key, value), place, value_place in zip(
                self.items(), self.places[::2], self.places[1::2], strict=True
            )
        ]


class PlacedList(list["Value"]):
    """A list with the places of its items."""

    __slots__ = ("places",)

    def __init__(self) -> None:
        super().__init__()
        self.places = array("Q")


Value: TypeAlias = str | int | float | bool | PlacedDict | PlacedList | None
"""Anything that a manifest can hold."""


def texts_of(values: PlacedList) -> list[str] | None:
    """Return a list as texts, if everything in it is text and no date to other programs."""
    return cast("list[str]", values) if {str}.issuperset(map(type, values)) else None
