"""YAML's own errors as sentences that an administrator understands."""

import re
from typing import Final, NamedTuple

from yaml.error import MarkedYAMLError

from reconciler.manifest.placed import packed
from reconciler.manifest.words import KEYS


class Mistake(NamedTuple):
    """A syntax error: what is wrong, what to do, and the packed place."""

    message: str
    advice: str
    place: int


class _Sentence(NamedTuple):
    """How to say one kind of parser error.

    `at_context` points at where the construct began, which is what has to be mended, rather than at
    where the parser gave up. `by_key` says that a key which is none for YAML may be the cause.
    """

    pattern: re.Pattern[str]
    message: str
    advice: str
    at_context: bool = False
    by_key: bool = False


_INDENT: Final = "Keys of one mapping stand under each other, and so do the dashes of one list."

_SENTENCES: Final = (
    _Sentence(
        re.compile("a tag|tag handle|directive"),
        "this is neither a tag nor a directive that YAML knows",
        "Put text that begins with ! or % in quotes.",
    ),
    _Sentence(
        re.compile("mapping values are not allowed"),
        "there is a ': ' here, where no key can stand",
        "Put text that holds ': ' in quotes, or mend the indentation of this line.",
        by_key=True,
    ),
    _Sentence(
        re.compile("quoted scalar.*(end of stream|document indicator)"),
        "a quote is opened here and never closed",
        "Close it, and mind that a quote within quoted text has to be escaped.",
        at_context=True,
    ),
    _Sentence(
        re.compile("unknown escape character|escape sequence|hexdecimal|hexadecimal"),
        "a backslash in double quotes begins an escape that YAML does not know",
        "Double the backslash, or use single quotes.",
        at_context=True,
    ),
    _Sentence(
        re.compile("expected ':'"),
        "this line is neither 'key: value' nor '- item'",
        "Write a colon and a space after a key, and a dash and a space before an item.",
        at_context=True,
        by_key=True,
    ),
    _Sentence(
        re.compile("flow node"),
        "a value or a closing bracket is missing here",
        "Close every [ with ] and every { with }, and put one comma between two items.",
    ),
    _Sentence(
        re.compile("flow (sequence|mapping)"),
        "a bracket is opened here and not closed, or a comma is missing inside",
        "Close every [ with ] and every { with }, and put commas between the items.",
        at_context=True,
    ),
    _Sentence(
        re.compile("cannot start any token"),
        "a value cannot begin with this character",
        "Put the value in quotes.",
    ),
    _Sentence(
        re.compile("sequence entries are not allowed|block sequence|block collection"),
        "this line does not fit the list around it",
        _INDENT,
    ),
    _Sentence(
        re.compile("block mapping|expected key"),
        "this line does not fit the mapping around it",
        _INDENT,
    ),
    _Sentence(
        re.compile("document start"),
        "there is something more after the end of the manifest",
        _INDENT,
    ),
    _Sentence(
        re.compile("anchor|alias"),
        "this is no name for an anchor or an alias",
        "Put text that begins with & or * in quotes.",
    ),
    _Sentence(
        re.compile(""),
        "this cannot be read as YAML",
        "Look for a missing quote, colon or space here and on the line above.",
    ),
)


NO_BREAK_SPACE: Final = "there is a no-break space (U+00A0) here, which YAML takes for a letter"
ORDINARY_SPACE: Final = "Write an ordinary space in its place."

_CAUSES: Final = (
    (re.compile(r"(?:^ *|(?<=[-:]) *)(?P<place>\xa0)"), NO_BREAK_SPACE, ORDINARY_SPACE),
    (
        re.compile(rf"^ *(?:- +)*(?:{'|'.join(sorted(KEYS))})(?P<place>:)(?=[^\s/])"),
        "a space is missing after this colon",
        "Write it as 'key: value'.",
    ),
    (
        re.compile(r"(?P<place>[^\s:,{}\[\]][^:,{}\[\]]{1024,}):"),
        "this key has more than 1,024 characters, which YAML does not read",
        "Shorten it, or look for what is missing before the colon.",
    ),
)
"""What in a line makes a parser stumble, there or on the next line."""


def _cause(text: str, line: int) -> Mistake | None:
    """Look for a cause on the line where a parser stumbled, and on the one before it."""
    lines = re.split("\r\n|\r|\n", text)
    above = next((number for number in range(line - 1, -1, -1) if lines[number].strip()), line)
    for number in (above, line):
        for pattern, message, advice in _CAUSES:
            if found := pattern.search(lines[number]):
                return Mistake(message, advice, packed(number, found.start("place")))
    return None


def explain(error: MarkedYAMLError, text: str) -> Mistake:
    """Turn a parser's error into a sentence; the last row of the table fits every error.

    Args:
        error: the parser's.
        text: what was parsed, for causes that the parser cannot know.
    """
    told = f"{error.context or ''}: {error.problem or ''}"
    sentence = next(row for row in _SENTENCES if row.pattern.search(told))
    marks = [error.problem_mark, error.context_mark]
    if sentence.at_context:
        marks.reverse()
    mark = next((mark for mark in marks if mark is not None), None)
    if sentence.by_key and mark and (cause := _cause(text, mark.line)):
        return cause
    place = packed(mark.line, mark.column) if mark else 0
    return Mistake(sentence.message, sentence.advice, place)
