"""A whole site as a JSON file (`reconciler.state/1`), read and written item by item.

Neither way holds more than a part of the file at once.
"""

import json
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import IO, Any, Final

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, select

from reconciler.domain.vocabulary import Capability
from reconciler.sandbox import tables
from reconciler.sandbox.collections import COLLECTIONS, as_items
from reconciler.sandbox.items import ITEMS, Shape, first_mistake
from reconciler.sandbox.loading import SITE, Part

FORMAT: Final = "reconciler.state/1"
BEGINNING: Final = f'{{\n"format": "{FORMAT}"'.encode()
"""How a file that was written here begins."""

_CHARACTERS_AT_ONCE: Final = 1 << 20
_ITEMS_AT_ONCE: Final = 10_000
_BLANK: Final = " \t\n\r"
_OPTIONAL: Final = frozenset({"labels"})


class NotAState(Exception):
    """The file is no saved state; says why, with the place in it and nobody's name."""


def read_state(file: IO[str]) -> Iterator[Part]:
    """Yield a saved state in parts, in the file's order.

    Raises:
        NotAState: it is none.
    """
    text = _Json(file)
    met: set[str] = set()
    for name in text.members():
        if name in met:
            raise NotAState(f"{name}: stands there twice")
        met.add(name)
        if name == "format":
            if text.value()[0] != FORMAT:
                raise NotAState(f"format: is not {FORMAT}")
        elif name == SITE:
            yield SITE, _checked(SITE, [text.value()[1]])
        elif name in COLLECTIONS:
            raw = text.elements(name)
            done = 0
            while chunk := list(islice(raw, _ITEMS_AT_ONCE)):
                yield name, _checked(name, chunk, done)
                done += len(chunk)
        else:
            raise NotAState(f"{name}: is no part of a saved state")
    for name in (SITE, *COLLECTIONS):
        if name not in met | _OPTIONAL:
            raise NotAState(f"{name}: Field required")


def write_state(connection: Connection, out: IO[str]) -> None:
    """Write a site; the same site always gives the same text.

    Every item stands on a line of its own, in the order of the keys, so that two can be compared.

    Args:
        connection: in a transaction that sees the site as it is at one moment.
        out: where to write.
    """
    compact = json.JSONEncoder(ensure_ascii=False).encode
    out.write(f'{BEGINNING.decode()},\n"site": {compact(_site(connection))}')
    streamed = connection.execution_options(yield_per=_ITEMS_AT_ONCE)
    for name, table in COLLECTIONS.items():
        out.write(f',\n"{name}": [\n')
        between = ""
        query = select(table).order_by(*table.primary_key.columns)
        for rows in streamed.execute(query).partitions():
            out.write(between + ",\n".join(map(compact, as_items(table, rows))))
            between = ",\n"
        out.write("\n]")
    out.write("\n}\n")


def _site(connection: Connection) -> dict[str, Any]:
    row = connection.execute(select(tables.site)).mappings().one()
    return {
        "id": row["id"],
        "name": row["name"],
        "revision": row["revision"],
        "actor": None,
        "capabilities": sorted(capability.value for capability in Capability),
        "ilp": {
            "enabled": row["ilp_enabled"],
            "published_templates": row["ilp_published_templates"],
        },
    }


def _checked(name: str, raw: list[str], before: int | None = None) -> list[Shape]:
    """Return items, given as JSON texts; `before` counts those of the collection before them."""
    try:
        items: list[Shape] = _reader(name).validate_json(f"[{','.join(raw)}]")
    except ValidationError as error:
        (number, *within), what = first_mistake(error)
        place = [name] if before is None else [name, before + int(number)]
        where = "/".join(str(part) for part in (*place, *within))
        raise NotAState(f"{where}: {what}") from None
    return items


@cache
def _reader(name: str) -> TypeAdapter[Any]:
    item_type: Any = ITEMS[name]
    return TypeAdapter(list[item_type])


class _Json:
    """Reads a JSON object member by member, and a member's list element by element."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._decode = json.JSONDecoder().raw_decode
        self._text = ""
        self._at = 0

    def members(self) -> Iterator[str]:
        """Yield the name of each member; whoever gets it reads the value before the next."""
        self._take("{", "the file")
        for _ in self._until("}", "the file"):
            name, _raw = self.value()
            if not isinstance(name, str):
                raise NotAState("the file: is not JSON")
            self._take(":", name)
            yield name
        if self._next():
            raise NotAState("the file: has something after its end")

    def elements(self, name: str) -> Iterator[str]:
        """Yield the text of each element of a list."""
        self._take("[", name)
        for _ in self._until("]", name):
            yield self.value()[1]

    def value(self) -> tuple[Any, str]:
        """Return the next value, and its text."""
        self._next()
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except (ValueError, RecursionError):
                value, end = None, len(self._text)
            # What ends where the text ends so far, a number say, may go on after it.
            if end < len(self._text):
                raw = self._text[self._at : end]
                self._at = end
                return value, raw
            if len(self._text) - self._at > _CHARACTERS_AT_ONCE or not self._more():
                raise NotAState("the file: is not JSON, or was cut short")

    def _until(self, end: str, name: str) -> Iterator[None]:
        if self._next() != end:
            yield
            while self._next() == ",":
                self._at += 1
                yield
        self._take(end, name)

    def _take(self, mark: str, name: str) -> None:
        if self._next() != mark:
            raise NotAState(f"{name}: is not JSON, or was cut short")
        self._at += 1

    def _next(self) -> str:
        """Return the next character that is not blank, or nothing at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _BLANK:
                    return self._text[self._at]
                self._at += 1
            if not self._more():
                return ""

    def _more(self) -> bool:
        self._text = self._text[self._at :]
        self._at = 0
        try:
            read = self._file.read(_CHARACTERS_AT_ONCE)
        except UnicodeDecodeError:
            raise NotAState("the file: is not UTF-8") from None
        self._text += read
        return bool(read)
