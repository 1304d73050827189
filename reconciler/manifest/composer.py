"""Builds plain data from YAML events, without nodes in between (design, section 3).

Depth, and what aliases stand for, are bounded by arithmetic before anything is expanded; aliases
share what they stand for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from reconciler.diagnostics import Diagnostic
from reconciler.manifest.placed import COLUMN_BITS, PlacedDict, PlacedList, Value, packed, position
from reconciler.manifest.scalars import NUMBER_STARTS, WORDS, resolve
from reconciler.manifest.words import shorten

DEPTH_LIMIT: Final = 64
"""How deep a file may nest; the format itself needs six levels."""

ALIAS_LIMIT: Final = 100_000
"""How many values all the aliases of a file may stand for together."""

_TAGS: Final = {
    f"tag:yaml.org,2002:{name}": kinds
    for name, kinds in {
        "str": (str,),
        "int": (int,),
        "float": (float,),
        "bool": (bool,),
        "null": (type(None),),
        "map": (PlacedDict,),
        "seq": (PlacedList,),
    }.items()
}
"""The tags of the core schema, and what may stand under each."""


class EventSource(Protocol):
    """What is needed of a YAML parser."""

    def get_event(self) -> Event | None:
        """Return the next event."""
        ...


class Refused(Exception):
    """The file cannot be read on; carries the reason."""

    def __init__(self, code: str, message: str, advice: str, place: int) -> None:
        super().__init__(message)
        self.code, self.advice, self.place = code, advice, place


@dataclass(slots=True)
class _Anchored:
    """What an anchor stands for; `value` is not yet complete while the anchor is open."""

    value: Value
    place: int
    size: int = 1
    height: int = 0
    complete: bool = True


@dataclass(slots=True)
class _Frame:
    """An open container: what it stands in, and what is counted while it is open."""

    parent: PlacedDict | PlacedList | None
    anchored: _Anchored | None
    size_before: int
    height: int = 0


_NO_KEY: Final = "\0none"
_DROPPED: Final = "\0dropped"
"""Stand-ins for a key; a NUL cannot stand in a manifest, so no key is ever equal to them."""


class Composer:
    """Builds the data of one file from its events; owns the open containers and the anchors.

    The handlers take `Any`, since the stubs make marks optional that parsers always set.
    """

    def __init__(self, file: str, *, spans: list[tuple[int, int]] | None) -> None:
        self.root: Value = None
        self.written: dict[int, str] = {}
        self.found: list[Diagnostic] = []
        self.documents = 0
        self._file = file
        self.spans = spans
        self._top: PlacedDict | PlacedList | None = None
        self._key = _NO_KEY
        self._frames: list[_Frame] = []
        self._anchors: dict[str, _Anchored] = {}
        self._size = 0
        self._added = 0

    def run(self, parser: EventSource) -> None:
        """Read to the end of the text.

        Raises:
            Refused: something in it is not allowed in a manifest.
            YAMLError: it is not YAML.
        """
        handlers: dict[type[Event], Callable[[Any], None]] = {
            ScalarEvent: self._scalar,
            SequenceStartEvent: self._start,
            MappingStartEvent: self._start,
            SequenceEndEvent: self._end,
            MappingEndEvent: self._end,
            AliasEvent: self._alias,
            DocumentStartEvent: self._document,
            StreamStartEvent: _nothing,
            DocumentEndEvent: _nothing,
            StreamEndEvent: _nothing,
        }
        next_event = parser.get_event
        kind: type[Event] = StreamStartEvent
        while kind is not StreamEndEvent:
            event: Any = next_event()
            if isinstance(self._top, PlacedList):
                event = self._texts(self._top, event, next_event)
            kind = type(event)
            handlers[kind](event)

    def _texts(self, top: PlacedList, event: Any, next_event: Callable[[], Any]) -> Any:
        """Append plain texts to a list; return the first event that is something else.

        They are most of what a large manifest holds, so they take no further call.
        """
        before = len(top)
        append, append_place = top.append, top.places.append
        while (
            event.__class__ is ScalarEvent
            and event.tag is None
            and event.anchor is None
            and not event.style
        ):
            text = event.value
            if text in WORDS or text[0] in NUMBER_STARTS:
                break
            mark: Any = event.start_mark
            append(text)
            append_place(mark.line << COLUMN_BITS | mark.column)
            event = next_event()
        self._size += len(top) - before
        return event

    def _scalar(self, event: Any) -> None:
        mark = event.start_mark
        place = packed(mark.line, mark.column)
        text: str = event.value
        value: Value = text
        if event.tag is not None:
            value = self._tagged(event, place)
        elif event.implicit[0] and (text in WORDS or text[0] in NUMBER_STARTS):
            value = resolve(text)
            if not isinstance(value, str):
                self.written[place] = text
        if event.style and self.spans is not None:
            self.spans.append((mark.index, event.end_mark.index))
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(value, place)
        self._add(value, place)

    def _tagged(self, event: ScalarEvent, place: int) -> Value:
        kinds = _core_kinds(event.tag, place)
        text: str = event.value
        value = text if kinds == (str,) else resolve(text)
        if value.__class__ not in kinds:
            raise Refused(
                "RR014", f"{shorten(text)!r} is not what its tag says.", _TAG_ADVICE, place
            )
        if not isinstance(value, str):
            self.written[place] = text
        return value

    def _add(self, value: Value, place: int) -> None:
        self._size += 1
        top = self._top
        if top is None:
            self.root = value
        elif isinstance(top, PlacedList):
            top.append(value)
            top.places.append(place)
        elif self._key is _NO_KEY:
            self._open_key(top, value, place)
        else:
            if self._key is not _DROPPED:
                top[self._key] = value
                top.places.append(place)
            self._key = _NO_KEY

    def _open_key(self, top: PlacedDict, value: Value, place: int) -> None:
        if isinstance(value, PlacedDict | PlacedList):
            raise Refused("RR017", "a list or a mapping cannot be a key.", _KEY_ADVICE, place)
        key = value if isinstance(value, str) else self.written[place]
        if key not in top:
            self._key = key
            top.places.append(place)
            return
        self._key = _DROPPED
        first = position(self._file, top.key_place(key))
        self.found.append(
            Diagnostic(
                "RR012",
                f"the key {shorten(key)!r} stands here again; first at {first}.",
                position(self._file, place),
                "Keep one of the two, or join what they hold.",
            )
        )

    def _start(self, event: Any) -> None:
        mark = event.start_mark
        place = packed(mark.line, mark.column)
        container = PlacedDict() if event.__class__ is MappingStartEvent else PlacedList()
        if event.tag is not None and container.__class__ not in _core_kinds(event.tag, place):
            raise Refused("RR014", "this is not what its tag says.", _TAG_ADVICE, place)
        if len(self._frames) >= DEPTH_LIMIT:
            raise _too_deep(place)
        anchored = None
        if event.anchor is not None:
            anchored = _Anchored(container, place, complete=False)
            self._anchors[event.anchor] = anchored
        frame = _Frame(self._top, anchored, self._size)
        self._add(container, place)
        self._frames.append(frame)
        self._top = container

    def _end(self, event: Event) -> None:  # noqa: ARG002 - a handler's signature
        frame = self._frames.pop()
        self._top = frame.parent
        height = frame.height + 1
        if frame.anchored is not None:
            frame.anchored.size = self._size - frame.size_before
            frame.anchored.height = height
            frame.anchored.complete = True
        self._raise_height(height)

    def _raise_height(self, height: int) -> None:
        if self._frames and self._frames[-1].height < height:
            self._frames[-1].height = height

    def _alias(self, event: Any) -> None:
        place = packed(event.start_mark.line, event.start_mark.column)
        anchored = self._anchors.get(event.anchor)
        name = shorten(event.anchor)
        if anchored is None:
            raise Refused(
                "RR015",
                f"the alias *{name} has no anchor &{name} above it.",
                f'If it is meant as text, write "*{name}" in quotes.',
                place,
            )
        if not anchored.complete:
            raise Refused(
                "RR015",
                f"the alias *{name} stands inside what it stands for, so it has no end.",
                "Write out what is meant.",
                place,
            )
        self._added += anchored.size
        if self._added > ALIAS_LIMIT:
            raise Refused(
                "RR015",
                f"the aliases of this file stand for more than {ALIAS_LIMIT:,} values.",
                "Write out what is meant, or split the manifest into several files.",
                place,
            )
        if len(self._frames) + anchored.height > DEPTH_LIMIT:
            raise _too_deep(place)
        self._size += anchored.size - 1
        self._raise_height(anchored.height)
        if anchored.place in self.written:
            self.written[place] = self.written[anchored.place]
        self._add(anchored.value, place)

    def _document(self, event: Any) -> None:
        place = packed(event.start_mark.line, event.start_mark.column)
        self.documents += 1
        if self.documents > 1:
            raise Refused(
                "RR013",
                "a second YAML document begins here.",
                "A manifest is one document: take '---' out, or put the rest in its own file.",
                place,
            )
        if event.version not in (None, (1, 2)):
            raise Refused(
                "RR018",
                "this file asks for another version of YAML.",
                "Manifests are read as YAML 1.2: take the %YAML line out.",
                place,
            )


_TAG_ADVICE: Final = "A manifest needs no tags: take it out, or put the text in quotes."
_KEY_ADVICE: Final = "Keys are text. If it is text that begins with [ or {, put it in quotes."


def _nothing(event: Event) -> None:
    """Pass over an event that says nothing about the data."""


def _core_kinds(tag: str | None, place: int) -> tuple[type, ...]:
    """Return what may stand under a tag.

    Raises:
        Refused: the tag is not one of the core schema's.
    """
    if tag is not None and tag in _TAGS:
        return _TAGS[tag]
    raise Refused(
        "RR014", f"the tag {shorten(str(tag))!r} has no meaning in a manifest.", _TAG_ADVICE, place
    )


def _too_deep(place: int) -> Refused:
    return Refused(
        "RR016",
        f"lists and mappings are nested more than {DEPTH_LIMIT} deep.",
        "A manifest needs six levels: look for brackets or indentation gone astray.",
        place,
    )
