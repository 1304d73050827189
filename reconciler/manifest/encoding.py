"""What can be wrong with a file before, or beside, its YAML: encoding, binary content, tabs."""

import codecs
import re
from bisect import bisect_right
from typing import Final

from reconciler.diagnostics import Diagnostic, Position
from reconciler.manifest.placed import packed, position

_WIDE_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
"""Longest first: the mark of UTF-32 begins with that of UTF-16."""

_SAVE_AS_UTF8: Final = "Save the file as UTF-8: in most editors, 'Save with encoding'."
_NOT_A_MANIFEST: Final = "Check that the path names the manifest and not another file."

_UNPRINTABLE: Final = re.compile(
    "[^\t\n\r -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
"""Control characters, and the three line breaks that YAML 1.1 and 1.2 read differently."""

_ODD_BREAKS: Final = tuple(character.encode() for character in "\x85\u2028\u2029")
_SAVED_STATE: Final = re.compile(rb'\s*\{\s*"format"\s*:\s*"reconciler\.state/')
_MARKUP: Final = re.compile(rb"\s*<(?:!doctype|html|\?xml|head|body|[a-z]+>)", re.IGNORECASE)
_DIRECTIVE: Final = re.compile(
    rb"(?:[ ]*(?:#[^\r\n]*)?\r?\n)*(?P<directive>%)(?!YAML[ ]+1\.2[ ]*[\r\n])"
)


def check_bytes(file: str, raw: bytes) -> tuple[bytes | None, list[Diagnostic]]:
    """Check that bytes are the text of a YAML file.

    Returns:
        The text as UTF-8 without a byte order mark, or None where it cannot be read, and the
        diagnostics about it.
    """
    found: list[Diagnostic] = []
    for mark, name in _WIDE_MARKS:
        if raw.startswith(mark):
            where = Position(file, 1, 1)
            return None, [Diagnostic("RR006", f"the file is {name}.", where, _SAVE_AS_UTF8)]
    if raw.startswith(codecs.BOM_UTF8):
        raw = raw[len(codecs.BOM_UTF8) :]
        found.append(
            Diagnostic(
                "RR007",
                "the file begins with a byte order mark, which is passed over.",
                Position(file, 1, 1),
                "Save it as UTF-8 without BOM.",
            )
        )
    problem = _unreadable(file, raw)
    if problem is not None:
        return None, [*found, problem]
    return raw, found


def _unreadable(file: str, raw: bytes) -> Diagnostic | None:
    """Return why the bytes are not the text of a YAML file, or None where they are."""
    if b"\0" in raw:
        return Diagnostic(
            "RR008",
            "the file holds NUL characters: it is binary, or text saved as UTF-16.",
            _byte_position(file, raw, raw.index(b"\0")),
            _NOT_A_MANIFEST,
        )
    if not raw.isascii():
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            return Diagnostic(
                "RR005",
                f"the byte 0x{raw[error.start]:02X} here is not UTF-8; "
                "the file may be in Latin-1 or Windows-1252.",
                _byte_position(file, raw, error.start),
                _SAVE_AS_UTF8,
            )
        if any(odd in raw for odd in _ODD_BREAKS):
            return first_unprintable(file, raw)
    if other := _something_else(file, raw):
        return other
    if found := _DIRECTIVE.match(raw):
        return Diagnostic(
            "RR018",
            "this file asks for another version of YAML, or gives it a directive.",
            _byte_position(file, raw, found.start("directive")),
            "Manifests are read as YAML 1.2: take the line that begins with % out.",
        )
    return None


def _something_else(file: str, raw: bytes) -> Diagnostic | None:
    """Return what a text is that no manifest begins like, or None."""
    if _MARKUP.match(raw):
        return Diagnostic(
            "RR009",
            "this is a web page or XML, not a manifest.",
            Position(file, 1, 1),
            "Download the file itself, not the page that shows it.",
        )
    if is_saved_state(raw):
        return Diagnostic(
            "RR009",
            "this is a saved state of a site, not a manifest.",
            Position(file, 1, 1),
            "Name a manifest, and the state with --live.",
        )
    return None


def is_saved_state(raw: bytes) -> bool:
    """Whether a file that begins so is a live state that `export --state` wrote."""
    return _SAVED_STATE.match(raw) is not None


def first_unprintable(file: str, raw: bytes) -> Diagnostic:
    """Return a diagnostic for the first character that a manifest cannot hold as it is."""
    text = raw.decode()
    bad = _UNPRINTABLE.search(text)
    index = bad.start() if bad else 0
    return Diagnostic(
        "RR008",
        f"the character U+{ord(text[index]):04X} here cannot stand in a manifest as it is.",
        _byte_position(file, raw, len(text[:index].encode())),
        "Take it out, or write it as an escape in double quotes. " + _NOT_A_MANIFEST,
    )


def check_tabs(
    file: str, raw: bytes, spans: list[tuple[int, int]], give_up: int | None
) -> Diagnostic | None:
    """Find a tab that YAML does not allow, or that its parsers disagree about.

    Within quoted text and comments a tab is welcome; and after a key's colon and before a comment,
    where it can be no indentation.

    Args:
        file: the file as the user named it.
        raw: its text as UTF-8.
        spans: where quoted and block text stands, as character indexes, in order.
        give_up: the packed place at which the parser gave up, or None; tabs after it have not been
            told apart.
    """
    text = raw.decode()
    starts = [start for start, _ in spans]
    line = line_start = 0
    comment = -1  # the last line on which a comment was found to have begun
    for match in _TAB_OR_BREAK.finditer(text):
        index = match.start()
        if match[0] != "\t":
            line, line_start = line + 1, match.end()
            continue
        if comment == line:
            continue
        if give_up is not None and packed(line, index - line_start) > give_up:
            return None
        span = bisect_right(starts, index) - 1
        if span >= 0 and index < spans[span][1]:
            continue
        if not (
            _separates(text, line_start, index)
            or _in_comment(text, line_start, index, spans, starts)
        ):
            return Diagnostic(
                "RR011",
                "there is a tab here, and YAML is indented with spaces.",
                position(file, packed(line, index - line_start)),
                "Replace tabs by spaces; most editors can do it for the whole file.",
            )
        comment = line
    return None


_TAB_OR_BREAK: Final = re.compile("\t|\r\n|\r|\n")
_HASH: Final = re.compile(r"(?:(?<=\s)|^)#")


_BEFORE: Final = re.compile(r":[ \t]*\Z")
_AFTER: Final = re.compile(r"[ \t]*#")


def _separates(text: str, line_start: int, index: int) -> bool:
    """Whether a tab stands between two things, and not before the first one of its line."""
    before = text[line_start:index]
    if not before.strip(" \t"):
        return False
    return bool(_BEFORE.search(before) or (before[-1] not in "-?" and _AFTER.match(text, index)))


def _in_comment(
    text: str, line_start: int, index: int, spans: list[tuple[int, int]], starts: list[int]
) -> bool:
    """Whether a comment begins on the line before the index."""
    for match in _HASH.finditer(text[line_start:index]):
        at = line_start + match.start()
        span = bisect_right(starts, at) - 1
        if span < 0 or at >= spans[span][1]:
            return True
    return False


def _byte_position(file: str, raw: bytes, index: int) -> Position:
    """Return the position of a byte; what stands before it on its line is counted as characters."""
    before = raw[:index].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    line_start = before.rfind(b"\n") + 1
    column = len(before[line_start:].decode(errors="replace"))
    return position(file, packed(before.count(b"\n"), column))
