"""From a file's bytes to plain data with places, by the YAML 1.2 core schema (design, section 3).

PyYAML's parser gives the events. libyaml's is used where it is installed, and the pure one gives
the same results. Whatever a hostile or broken file holds, the result is a diagnostic.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

import yaml
from yaml.error import MarkedYAMLError, YAMLError

from reconciler.diagnostics import Diagnostic, Position
from reconciler.manifest import syntax
from reconciler.manifest.composer import Composer, EventSource, Refused
from reconciler.manifest.encoding import check_bytes, check_tabs, first_unprintable
from reconciler.manifest.placed import PlacedDict, PlacedList, packed, position
from reconciler.manifest.runs import shortened


class ParserFactory(Protocol):
    """Makes a parser of UTF-8 bytes without a byte order mark."""

    def __call__(self, raw: bytes, /) -> EventSource:
        """Return a parser at the beginning of the text."""
        ...


class _PureParser(yaml.SafeLoader):
    """PyYAML's own parser, with libyaml's mind about tabs: they separate what is on one line."""

    def scan_to_next_token(self) -> None:
        super().scan_to_next_token()
        while self.peek() == "\t" and (self.flow_level or not self.allow_simple_key):
            self.forward()
            super().scan_to_next_token()


def pure_parser(raw: bytes) -> EventSource:
    """Return PyYAML's parser that needs no compiled library."""
    return _PureParser(raw)


def fastest_parser(raw: bytes) -> EventSource:
    """Return libyaml's parser where PyYAML was built with it, else the pure one."""
    if yaml.__with_libyaml__:
        return yaml.CSafeLoader(raw)
    return pure_parser(raw)


class Kind(NamedTuple):
    """What a file is meant as.

    Attributes:
        name: what it is called.
        content: what follows its version.
    """

    name: str
    content: str


MANIFEST: Final = Kind("manifest", "'site:' and its sections")


@dataclass(frozen=True, slots=True)
class Document:
    """One file, read.

    Attributes:
        file: the file as the user named it.
        root: its data.
        written: for each plain scalar that is not text, by its place, how the author wrote it.
    """

    file: str
    root: PlacedDict
    written: dict[int, str] = field(default_factory=dict)

    def position(self, place: int) -> Position:
        """Return a place of this file as a position."""
        return position(self.file, place)


def read_document(
    file: str,
    raw: bytes,
    make_parser: ParserFactory = fastest_parser,
    kind: Kind = MANIFEST,
) -> tuple[Document | None, list[Diagnostic]]:
    """Read one file's bytes.

    Args:
        file: the file as the user named it, for positions.
        raw: its content, already bounded in size.
        make_parser: which of PyYAML's parsers reads it.
        kind: what it is meant as, for the message that it is something else.

    Returns:
        The document, or None where it cannot be used, and every diagnostic about it.
    """
    text, found = check_bytes(file, raw)
    if text is None:
        return None, found
    if not text.endswith(b"\n"):
        # The two parsers place the end of the text differently where its last line is not ended.
        text += b"\n"
    document = _read_shortened(file, text, make_parser)
    if document is not None:
        return document, found
    composer = Composer(file, spans=[] if b"\t" in text else None)
    problem: Diagnostic | None = None
    give_up: int | None = None
    try:
        composer.run(make_parser(text))
    except Refused as refused:
        place = refused.place
        problem = Diagnostic(refused.code, str(refused), position(file, place), refused.advice)
        give_up = place
    except MarkedYAMLError as error:
        mistake = syntax.explain(error, text.decode())
        where = position(file, mistake.place)
        problem = Diagnostic("RR010", f"{mistake.message}.", where, mistake.advice)
        mark = error.problem_mark
        give_up = packed(mark.line, mark.column) if mark else mistake.place
    except YAMLError:
        problem = first_unprintable(file, text)
    if composer.spans is not None:
        problem = check_tabs(file, text, composer.spans, give_up) or problem
    found += composer.found
    if problem is None:
        problem = _wrong_root(file, composer, kind)
    if problem is not None:
        return None, [*found, problem]
    assert isinstance(composer.root, PlacedDict)  # noqa: S101 - `_wrong_root` saw to it
    return Document(file, composer.root, composer.written), found


def _read_shortened(file: str, text: bytes, make_parser: ParserFactory) -> Document | None:
    """Read a text without its runs of entries; None where only the whole of it will tell."""
    short = shortened(text)
    if short is None:
        return None
    composer = Composer(file, spans=None)
    try:
        composer.run(make_parser(short.text))
    except (Refused, YAMLError):
        return None
    if composer.found or not short.complete(composer.root):
        return None
    assert isinstance(composer.root, PlacedDict)  # noqa: S101 - else it were not complete
    return Document(file, composer.root, composer.written)


def _wrong_root(file: str, composer: Composer, kind: Kind) -> Diagnostic | None:
    """Return what is wrong with a file that is YAML but cannot be what it is meant as."""
    root = composer.root
    if isinstance(root, PlacedDict):
        return None
    if root is None:
        return Diagnostic(
            "RR004",
            "the file is empty.",
            Position(file),
            f"A {kind.name} begins with 'version: 1'; a file that is not needed can be deleted.",
        )
    what = "a list" if isinstance(root, PlacedList) else "plain text"
    return Diagnostic(
        "RR009",
        f"this is {what}, not a {kind.name}.",
        Position(file, 1, 1),
        f"A {kind.name} begins with 'version: 1', followed by {kind.content}.",
    )
