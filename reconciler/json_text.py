"""JSON as text in pieces: neither a document of a million items nor its text is ever held whole.

What is written is the text of `plain.harmless_json`. What is read has to be of just that form, down
to its white space; any other JSON is left to those who read it whole, and can say what is wrong.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, BinaryIO, Final

import msgspec

from reconciler.plain import harmless_json, harmless_lines

Members = Iterable[tuple[str, Any]]
"""The members of a document, one by one; one that is an iterator stands for the list of its items,
which are objects without fractions (those are written in more than one way)."""

_ITEMS_AT_ONCE: Final = 1_000
_BYTES_AT_ONCE: Final = 1_000_000

_FIRST: Final = b"{\n"
_BETWEEN: Final = b",\n"
_LAST: Final = b"\n}\n"
_MEMBER: Final = re.compile(rb'^  "([a-z_]+)": ', re.MULTILINE)
_ITEM_ENDS: Final = b"\n    }"
_NO_ITEMS: Final = b"[]"
_ITEMS_BEGIN, _ITEMS_END = b"[\n", b"\n  ]"


class OtherForm(Exception):
    """A text is not of the form in which documents are written here."""


def whole(members: Members) -> dict[str, Any]:
    """Return a document as one value."""
    return {name: list(each) if isinstance(each, Iterator) else each for name, each in members}


def written(members: Members) -> Iterator[str]:
    """Yield the text of a document, that of `harmless_json` and a line break, piece by piece."""
    begin = _FIRST.decode()
    for name, value in members:
        yield begin
        if isinstance(value, Iterator):
            yield from _listed(name, value)
        else:
            yield harmless_json({name: value})[len(_FIRST) : 1 - len(_LAST)]
        begin = _BETWEEN.decode()
    yield _LAST.decode()


def _listed(name: str, items: Iterator[Any]) -> Iterator[str]:
    begin = f'  "{name}": ['
    before, after = len(_FIRST) + len(begin), len(_ITEMS_END) + len(_LAST) - 1
    while some := list(islice(items, _ITEMS_AT_ONCE)):
        yield begin
        yield _text({name: some})[before:-after]
        begin = ","
    yield _ITEMS_END.decode() if begin == "," else f"{begin}]"


def _text(document: Mapping[str, Any]) -> str:
    try:
        raw = msgspec.json.format(msgspec.json.encode(document), indent=2)
    except UnicodeEncodeError:  # half of a surrogate pair, which has to be escaped
        return harmless_json(document)
    text = raw.decode()
    return text if raw.isascii() and b"\x7f" not in raw else harmless_lines(text)


def digest(members: Members) -> str:
    """Return the digest of a document: of its compact JSON, with the names of all members sorted.

    Raises:
        UnicodeEncodeError: it holds half of a surrogate pair.
    """
    hashed = hashlib.sha256()
    begin = "{"
    for name, value in sorted(members, key=lambda member: member[0]):
        hashed.update(f"{begin}{_compact(name)}:".encode())
        if isinstance(value, Iterator):
            for piece in _compact_list(value):
                hashed.update(piece)
        else:
            hashed.update(_compact(value).encode())
        begin = ","
    hashed.update(b"}")
    return f"sha256:{hashed.hexdigest()}"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _compact_list(items: Iterator[Any]) -> Iterator[bytes]:
    begin = b"["
    while some := list(islice(items, _ITEMS_AT_ONCE)):
        yield begin + msgspec.json.encode(some, order="deterministic")[1:-1]
        begin = b","
    yield b"]" if begin == b"," else b"[]"


class Reading:
    """A document in a file that stays open as long as it is read.

    Args:
        file: stands wherever it is left after each read.

    Raises:
        OtherForm: it is no document, or written in another form; so do all methods, as they come
            to what is wrong.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._places = dict(_places(file))

    @property
    def names(self) -> frozenset[str]:
        """The names of its members."""
        return frozenset(self._places)

    def value(self, name: str) -> Any:
        """Read a member whole."""
        return _decoded(b"".join(self._blocks(*self._places[name])))

    def items(self, name: str) -> Iterator[Any]:
        """Read a member that is a list of objects, piece by piece."""
        start, end = self._places[name]
        first, last = start + len(_ITEMS_BEGIN), end - len(_ITEMS_END)
        if end - start == len(_NO_ITEMS) and self._is(_NO_ITEMS, start):
            return
        if first > last or not (self._is(_ITEMS_BEGIN, start) and self._is(_ITEMS_END, last)):
            raise OtherForm
        rest = b""
        for block in self._blocks(first, last):
            text = rest + block
            cut = text.rfind(_ITEM_ENDS + _BETWEEN) + len(_ITEM_ENDS)
            if cut < len(_ITEM_ENDS):
                rest = text
                continue
            yield from _decoded(b"[%b]" % text[:cut])
            rest = text[cut + len(_BETWEEN) :]
        left = _decoded(b"[%b]" % rest)
        if not left:
            raise OtherForm
        yield from left

    def _is(self, expected: bytes, start: int) -> bool:
        return b"".join(self._blocks(start, start + len(expected))) == expected

    def _blocks(self, start: int, end: int) -> Iterator[bytes]:
        while start < end:
            self._file.seek(start)
            block = self._file.read(min(_BYTES_AT_ONCE, end - start))
            if not block:  # cut short meanwhile
                raise OtherForm
            start += len(block)
            yield block


def _places(file: BinaryIO) -> Iterator[tuple[str, tuple[int, int]]]:
    """Find where the value of each member begins and ends."""
    found: list[tuple[str, int, int]] = []
    at = 0
    file.seek(0)
    # Strings hold no line breaks, and what is deeper is indented by more.
    while text := file.read(_BYTES_AT_ONCE) + file.readline():
        found += (
            (each[1].decode(), at + each.start(), at + each.end())
            for each in _MEMBER.finditer(text)
        )
        at += len(text)
    names = {name for name, _, _ in found}
    if not found or len(names) < len(found):
        raise OtherForm
    joints = [
        (0, _FIRST, found[0][1]),
        *((line - len(_BETWEEN), _BETWEEN, line) for _, line, _ in found[1:]),
        (at - len(_LAST), _LAST, at),
    ]
    for start, expected, end in joints:
        file.seek(max(start, 0))
        if end - start != len(expected) or file.read(len(expected)) != expected:
            raise OtherForm
    ends = [start for start, _, _ in joints[1:]]
    for (name, _, start), end in zip(found, ends, strict=True):
        yield name, (start, end)


def once_each(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its members, for `json.loads`; whoever reads the text sees all of them.

    Raises:
        ValueError: a name stands twice: of those a decoder takes the last.
    """
    found = dict(members)
    if len(found) < len(members):
        raise ValueError("a name stands twice")
    return found


def _decoded(text: bytes) -> Any:
    try:
        value = msgspec.json.decode(text)  # noqa: TID251 - no type is given, so it is safe
        if msgspec.json.encode(value) != msgspec.json.format(text, indent=-1):
            # Something is escaped that need not be; or a name stands twice.
            json.loads(text, object_pairs_hook=once_each)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise OtherForm from None
    return value
