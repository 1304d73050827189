"""A manifest's text as a tree that keeps its comments and blank lines, for `fmt`.

The parser is the one that reads manifests, so that both see the same. It passes comments over; they
are found in the text between the scalars, and each stays with what it stands beside:

- one at the end of a line belongs to what stands on the line;
- one on a line of its own belongs to what comes next, or, at the end of a block and indented like
  it, to the block.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from yaml.events import (
    AliasEvent,
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

from reconciler.manifest.reader import ParserFactory, fastest_parser


@dataclass(slots=True)
class Comment:
    """A comment.

    Attributes:
        text: from its `#` to the end of its line, without white space at the end.
        index: where it begins, in characters from the beginning.
        line: its line, from 0.
        column: its column, from 0.
        alone: whether nothing stands before it on its line.
        blank: whether a blank line stands between it and what comes before.
    """

    text: str
    index: int
    line: int
    column: int
    alone: bool
    blank: bool = False


@dataclass(slots=True)
class Scalar:
    """A text, number or word.

    Attributes:
        text: its value, out of its quotes and put together from its lines.
        plain: whether it stood without quotes, so that it may be no text.
        tag: the tag before it, if any.
        anchor: the name that aliases call it by, if any.
    """

    text: str
    plain: bool
    tag: str | None
    anchor: str | None


@dataclass(slots=True)
class Alias:
    """A value that stands elsewhere, under an anchor."""

    name: str


@dataclass(slots=True)
class Collection:
    """A mapping or a list.

    Attributes:
        is_mapping: a mapping, or else a list.
        flow: whether it stood in brackets.
        anchor: the name that aliases call it by, if any.
        parts: its entries or items, in order.
        tail: the comments after the last of them.
        commented: whether there is a comment within the brackets.
    """

    is_mapping: bool
    flow: bool
    anchor: str | None
    parts: "list[Part]" = field(default_factory=list)
    tail: list[Comment] = field(default_factory=list)
    commented: bool = False


Node: TypeAlias = Scalar | Alias | Collection


@dataclass(slots=True)
class Part:
    """An entry of a mapping, or an item of a list.

    Attributes:
        value: what it holds.
        key: of an entry, its key.
        lead: the comments above it.
        beside: the comment at the end of its line, or of the line that opens its block.
        blank: whether a blank line stands between it and what comes before.
    """

    value: Node
    key: Scalar | Alias | None = None
    lead: list[Comment] = field(default_factory=list)
    beside: Comment | None = None
    blank: bool = False

    def put_above(self, comments: list[Comment]) -> None:
        """Put comments above it, after the one beside it, if that stood before them."""
        if comments and self.beside:
            self.lead.append(self.beside)
            self.beside = None
        self.lead += comments


@dataclass(frozen=True, slots=True)
class Layout:
    """A manifest's tree.

    Attributes:
        root: the mapping of its sections.
        comments: all comments, in their order.
        has_aliases: whether something stands for something else, so that order matters.
    """

    root: Collection
    comments: list[Comment]
    has_aliases: bool


def read_layout(text: str, make_parser: ParserFactory = fastest_parser) -> Layout:
    """Read the tree of a text that `read_document` has found to be a manifest.

    Args:
        text: without a byte order mark; its lines end in line feeds, the last one too.
        make_parser: which of PyYAML's parsers reads it.
    """
    events = list(_events(text, make_parser))
    comments = list(_comments(text, events))
    has_aliases = any(isinstance(event, AliasEvent) for event in events)
    return Layout(_Builder(text, events, comments).root(), comments, has_aliases)


def read_comments(text: str, make_parser: ParserFactory = fastest_parser) -> Iterator[Comment]:
    """Read the comments alone; args as `read_layout`."""
    yield from _comments(text, _events(text, make_parser))


def _events(text: str, make_parser: ParserFactory) -> Iterator[Any]:
    next_event = make_parser(text.encode()).get_event
    event: Any = None
    while event.__class__ is not StreamEndEvent:
        event = next_event()
        yield event


_COMMENT: Final = re.compile(r"#[^\n]*")
_PROPERTIES: Final = re.compile(r"(?:[&!]\S*|#[^\n]*|\s+)*")
"""What may stand before a scalar's own first character: anchor, tag, and comments between them."""

_HEADER: Final = re.compile(r"[^\n]*?[|>][-+0-9]*[ \t]+(?P<comment>#[^\n]*)")
"""The line that begins a block scalar; a comment may stand at its end."""


def _comments(text: str, events: Iterable[Any]) -> Iterator[Comment]:
    """Find what stands between the scalars and begins with a `#`."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def comment(match: re.Match[str], group: str | int = 0) -> Comment:
        index = match.start(group)
        line = bisect_left(starts, index + 1) - 1
        alone = not text[starts[line] : index].strip()
        return Comment(match[group].rstrip(), index, line, index - starts[line], alone)

    end = 0
    event: Any
    for event in events:
        if not _is_scalar(event):
            continue
        start = event.start_mark.index
        if event.anchor or event.tag:  # the event begins with them, and comments may follow
            start = _PROPERTIES.match(text, start).end()  # type: ignore[union-attr] # always matches
        yield from map(comment, _COMMENT.finditer(text, end, start))
        end = event.end_mark.index
        if _is_block(event) and (found := _HEADER.match(text, start)):
            yield comment(found, "comment")
    yield from map(comment, _COMMENT.finditer(text, end))


def _is_scalar(event: Any) -> bool:
    return isinstance(event, ScalarEvent)


def _is_block(event: Any) -> bool:
    return event.style in ("|", ">")


class _Builder:
    """Builds the tree; owns how far it has come in the events, the comments and the lines."""

    def __init__(self, text: str, events: list[Any], comments: list[Comment]) -> None:
        self._text = text
        self._events = events
        self._at = 0
        self._comments = comments
        self._next = 0
        self._waiting: list[Comment] = []
        self._line = -1
        self._blanks = [0]
        for line in text.split("\n"):
            self._blanks.append(self._blanks[-1] + (not line.strip()))

    def root(self) -> Collection:
        """Build the tree of the whole text."""
        while isinstance(self._events[self._at], StreamStartEvent | DocumentStartEvent):
            self._at += 1
        root = self._collection(self._event(), None)
        self._reach(len(self._text))
        root.tail += self._waited()
        return root

    def _event(self) -> Any:
        self._at += 1
        return self._events[self._at - 1]

    def _blank_before(self, line: int) -> bool:
        """Whether a blank line stands between what was last seen and a line."""
        return line > self._line and self._blanks[line] > self._blanks[self._line + 1]

    def _reach(self, index: int) -> None:
        """Let the comments before an index wait for what they belong to."""
        while self._next < len(self._comments) and self._comments[self._next].index < index:
            found = self._comments[self._next]
            found.blank = self._blank_before(found.line)
            self._line = found.line
            self._waiting.append(found)
            self._next += 1

    def _waited(self) -> list[Comment]:
        found, self._waiting = self._waiting, []
        return found

    def _at_the_end_of_the_line(self) -> Comment | None:
        """Take the next comment where it ends the line of what was last seen, and nothing else."""
        if self._waiting or self._next == len(self._comments):
            return None
        found = self._comments[self._next]
        if found.line != self._line or found.index >= self._events[self._at].start_mark.index:
            return None
        self._next += 1
        return found

    def _collection(self, start: Any, owner: Part | None) -> Collection:
        is_mapping = isinstance(start, MappingStartEvent)
        node = Collection(is_mapping, bool(start.flow_style), start.anchor)
        if node.flow:
            self._line = start.end_mark.line
            if owner and not owner.beside:
                owner.beside = self._at_the_end_of_the_line()
        while not isinstance(self._events[self._at], MappingEndEvent | SequenceEndEvent):
            self._reach(self._events[self._at].start_mark.index)
            if owner and not owner.beside and not node.parts and not node.flow:
                owner.beside = self._before_the_block(start)
            node.parts.append(self._part(is_mapping=is_mapping))
        end = self._event()
        self._reach(end.start_mark.index)
        if node.flow:
            node.tail = self._waited()
            self._line = end.end_mark.line
            node.commented = bool(node.tail) or any(map(_is_commented, node.parts))
        else:
            node.tail = self._belonging(start.end_mark.column)
        return node

    def _before_the_block(self, start: Any) -> Comment | None:
        """Take a comment that stands between an anchor and its block, on the anchor's line."""
        first = self._waiting[0] if self._waiting else None
        if first is None or first.alone or first.index >= start.end_mark.index:
            return None
        return self._waiting.pop(0)

    def _belonging(self, column: int) -> list[Comment]:
        """Take the comments that are indented at least as far as the block that ends here."""
        outside = (n for n, each in enumerate(self._waiting) if each.column < column)
        end = next(outside, len(self._waiting))
        found, self._waiting = self._waiting[:end], self._waiting[end:]
        return found

    def _part(self, *, is_mapping: bool) -> Part:
        first = self._events[self._at]
        lead = self._waited()
        blank = self._blank_before(first.start_mark.line)
        self._line = first.start_mark.line
        part = Part(Alias(""), lead=lead, blank=blank)
        if is_mapping:
            part.key = self._leaf(self._event())
            part.beside = self._at_the_end_of_the_line()
        part.value = self._value(part)
        return part

    def _value(self, part: Part) -> Node:
        event = self._event()
        collection = isinstance(event, MappingStartEvent | SequenceStartEvent)
        if not collection or event.flow_style:
            self._reach(event.start_mark.index)
            part.put_above(self._waited())
        if not collection:
            node: Node = self._leaf(event)
            if _is_scalar(event) and _is_block(event):
                self._reach(event.end_mark.index)
                part.beside = part.beside or self._waiting.pop() if self._waiting else part.beside
                self._line = self._last_line(event)
        else:
            node = self._collection(event, part)
            if not event.flow_style:
                return node
        self._close(part, node)
        return node

    def _close(self, part: Part, node: Node) -> None:
        """Keep in their order the comments around a value that is on one line, or in brackets."""
        beside = self._at_the_end_of_the_line()
        if isinstance(node, Collection) and not node.parts and node.tail:
            part.put_above(node.tail)
            node.tail, node.commented = [], False
        if not part.beside or not beside:
            part.beside = part.beside or beside
        elif isinstance(node, Collection) and node.commented:
            part.lead.append(beside)  # what opens the block stays where it opens
        else:
            part.lead.append(part.beside)
            part.beside = beside

    def _leaf(self, event: Any) -> Scalar | Alias:
        self._line = event.end_mark.line
        if isinstance(event, AliasEvent):
            return Alias(str(event.anchor))
        return Scalar(event.value, not event.style, event.tag, event.anchor)

    def _last_line(self, event: Event) -> int:
        """Return the last line of a block scalar; the parser counts the blank ones below to it."""
        start: Any = event.start_mark
        end: Any = event.end_mark
        return int(start.line) + self._text[start.index : end.index].rstrip().count("\n")


def _is_commented(part: Part) -> bool:
    below = isinstance(part.value, Collection) and part.value.commented
    return bool(part.lead or part.beside or below)
