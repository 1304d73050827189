"""Reads runs of entries in normal form without asking the YAML parser about each.

A manifest of a million assignments is mostly thousands of entries, one below the other, in the form
that `fmt` writes. The parser is given the text with all but the first and the last of such a run
blanked out. Where it reads these two exactly as they are read here, at the same places and one
after the other, everything between them stands in the same list, and its few forms can mean one
thing only. Wherever anything is different, the whole text is given to the parser.
"""

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from reconciler.manifest.placed import (
    NEXT_LINE,
    PlacedDict,
    PlacedList,
    PlainDate,
    Value,
    packed,
)
from reconciler.manifest.scalars import WORDS
from reconciler.manifest.words import LIST_NAMES

SHORTEST: Final = 16
"""How many entries a run must have to be worth it."""

_OTHERWISE: Final = (b"&", b"*", b"\t", b"\r")
"""What aliases and other layouts need. An alias counts what it stands for, so none may be cut."""

_BEGINNING: Final = "  - person: "
_DASH: Final = "      - "
_NAMES: Final = "|".join(LIST_NAMES.values())
_WORD: Final = f"(?:{'|'.join(word for word in WORDS if word.isalpha())})"
_LETTER: Final = "A-Za-z\xc0-\u024f"
_IN_KEYS: Final = rf"{_LETTER}0-9_.@/+\-"
_NO_NUMBER: Final = "[0-9]++(?:[A-DF-WYZa-df-np-wyz\xc0-\u024f]|[Ee](?![0-9+-]))"
_KEY: Final = (
    rf"(?:(?!{_WORD}(?![{_IN_KEYS} ]))"
    rf"(?:[{_LETTER}]|{_NO_NUMBER})[{_IN_KEYS}]*+(?: [{_IN_KEYS}]++)*+"
    rf'|"[{_IN_KEYS} ]++")'
)
"""A key as text of few characters; in quotes, or such as is no word, number or date."""

_DAY: Final = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_PAIR: Final = rf"(?:id|from|until): (?:{_KEY}|{_DAY})"
_ITEM: Final = rf"(?:{_KEY}|\{{{_PAIR}(?:, {_PAIR})*+\}})"
_LIST: Final = rf"    (?:{_NAMES}):(?: \[{_ITEM}(?:, {_ITEM})*+\]\n|\n(?:{_DASH}{_ITEM}\n)++)"
_BETWEEN: Final = "(?: *+(?:#[ -~\xa0-\ud7ff]*+)?\n)*+"
_ENTRY: Final = re.compile(
    rf"{_BEGINNING}(?P<person>{_KEY})\n(?P<lists>(?:{_LIST})*+){_BETWEEN}(?=  - |[A-Za-z]|\Z)"
)
"""An entry and the blank lines and comments below it, where nothing more can belong to it."""

_LISTS: Final = re.compile(
    rf"    (?P<name>[a-z]+):(?: \[(?P<row>[^\n]*)\]|(?P<column>(?:\n{_DASH}[^\n]*)++))\n"
)
_ITEMS: Final = re.compile(_ITEM)
_PAIRS: Final = re.compile(rf"(?P<name>[a-z]+): (?P<value>(?P<day>{_DAY})|{_KEY})")


class _Run(NamedTuple):
    """Entries that follow each other, and the place of each."""

    entries: Sequence[PlacedDict]
    places: "array[int]"


class Shortened(NamedTuple):
    """A text without what its runs say between their first and their last entries.

    Attributes:
        text: the rest; every line of it stands where it stood.
        runs: what the runs say, first and last entries included.
    """

    text: bytes
    runs: Sequence[_Run]

    def complete(self, root: Value) -> bool:
        """Put back what was cut out; return whether all of it belongs where it was cut out.

        Args:
            root: what the parser made of the text; of no use where False is returned.
        """
        values = root.values() if isinstance(root, PlacedDict) else ()
        lists = [value for value in values if isinstance(value, PlacedList)]
        return all(any(_put_back(run, entries) for entries in lists) for run in self.runs)


def shortened(text: bytes, shortest: int = SHORTEST) -> Shortened | None:
    """Return a text without its runs, or None where there are none, or none can be cut out.

    Args:
        text: UTF-8 whose lines all end.
        shortest: how many entries a run must have; at least 2.
    """
    if any(mark in text for mark in _OTHERWISE):
        return None
    whole = text.decode()
    kept: list[str] = []
    runs: list[_Run] = []
    copied = line = counted = 0
    for run in _runs(whole):
        if len(run) < shortest:
            continue
        begin, end = run[0].end(), run[-1].start()
        line += whole.count("\n", counted, run[0].start())
        counted = run[0].start()
        read = _read(run, line)
        if read is None:
            return None
        runs.append(read)
        kept += (whole[copied:begin], "\n" * whole.count("\n", begin, end))
        copied = end
    kept.append(whole[copied:])
    return Shortened("".join(kept).encode(), runs) if runs else None


def _runs(text: str) -> Iterator[list[re.Match[str]]]:
    """Yield the entries in normal form, those together that follow each other."""
    run: list[re.Match[str]] = []
    at = text.find(f"\n{_BEGINNING}") + 1
    while at:
        entry = _ENTRY.match(text, at)
        if entry:
            run.append(entry)
            at = entry.end()
        else:
            yield run
            run = []
            at = text.find(f"\n{_BEGINNING}", at) + 1
    yield run


def _read(run: Sequence[re.Match[str]], line: int) -> _Run | None:
    """Read the entries of a run that begins on a line; None where a key stands twice in one."""
    entries: list[PlacedDict] = []
    places = array("Q")
    for found in run:
        entry = _entry(found, line)
        if entry is None:
            return None
        entries.append(entry)
        places.append(packed(line, 4))
        line += found[0].count("\n")
    return _Run(entries, places)


def _entry(found: re.Match[str], line: int) -> PlacedDict | None:
    entry = PlacedDict()
    entry["person"] = _text(found["person"])
    places = [packed(line, 4), packed(line, len(_BEGINNING))]
    line += 1
    for each in _LISTS.finditer(found["lists"]):
        name, row = each["name"], each["row"]
        if name in entry:
            return None
        column = 4 + len(name) + 2
        if row is not None:
            values = _row(row, line, column + 1)
            places += (packed(line, 4), packed(line, column))
            line += 1
        else:
            values = _column(each["column"], line + 1)
            places += (packed(line, 4), packed(line + 1, len(_DASH) - 2))
            line += 1 + (len(values) if values else 0)
        if values is None:
            return None
        entry[name] = values
    entry.places = array("Q", places)
    return entry


def _row(text: str, line: int, column: int) -> PlacedList | None:
    """Read what stands in brackets, from a column on; None where a key stands twice in one."""
    values = PlacedList()
    for each in _ITEMS.finditer(text):
        place = packed(line, column + each.start())
        item = _item(each[0], place)
        if item is None:
            return None
        values.append(item)
        values.places.append(place)
    return values


def _column(text: str, line: int) -> PlacedList | None:
    """Read the items below each other, from a line on; None where a key stands twice in one."""
    values = PlacedList()
    values += text[len(_DASH) + 1 :].split(f"\n{_DASH}")
    first = packed(line, len(_DASH))
    values.places = array("Q", range(first, first + len(values) * NEXT_LINE, NEXT_LINE))
    if '"' in text or "{" in text:
        others = [number for number, each in enumerate(values) if str(each)[0] in '"{']
        for number in others:
            item = _item(str(values[number]), values.places[number])
            if item is None:
                return None
            values[number] = item
    return values


def _item(text: str, place: int) -> str | PlacedDict | None:
    if text[0] != "{":
        return _text(text)
    item = PlacedDict()
    for pair in _PAIRS.finditer(text):
        item[pair["name"]] = PlainDate(pair["day"]) if pair["day"] else _text(pair["value"])
        item.places.extend((place + pair.start("name"), place + pair.start("value")))
    return item if len(item.places) == 2 * len(item) else None


def _text(key: str) -> str:
    return key[1:-1] if key[0] == '"' else key


def _put_back(run: _Run, entries: PlacedList) -> bool:
    """Put the middle of a run between its first and last entries, where they stand in a list."""
    at = bisect_left(entries.places, run.places[0])
    ends = slice(at, at + 2)
    first, last = run.entries[0], run.entries[-1]
    if entries.places[ends].tolist() != [run.places[0], run.places[-1]] or not all(
        map(_same, entries[ends], (first, last))
    ):
        return False
    entries[at + 1 : at + 1] = run.entries[1:-1]
    entries.places[at + 1 : at + 1] = run.places[1:-1]
    return True


def _same(one: Value, other: Value) -> bool:
    """Whether two values are equal, down to their types, their order and their places."""
    if isinstance(one, PlacedDict) and isinstance(other, PlacedDict):
        return (
            list(one) == list(other)
            and one.places == other.places
            and all(map(_same, one.values(), other.values()))
        )
    if isinstance(one, PlacedList) and isinstance(other, PlacedList):
        return one.places == other.places and all(map(_same, one, other))
    return type(one) is type(other) and one == other
