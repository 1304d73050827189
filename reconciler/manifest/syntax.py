"""YAML's own errors as sentences that an administrator understands."""

import re
from typing import Final, NamedTuple

from yaml.error import MarkedYAMLError

from reconciler.manifest.placed import packed


class Mistake(NamedTuple):
    """A syntax error: what is wrong, what to do, and the packed place."""

    message: str
    advice: str
    place: int


class _Sentence(NamedTuple):
    """How to say one kind of parser error.

    `at_context` points at where the construct began, which is what has to be mended, rather than at
    where the parser gave up.
    """

    pattern: re.Pattern[str]
    message: str
    advice: str
    at_context: bool = False


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


def explain(error: MarkedYAMLError) -> Mistake:
    """Turn a parser's error into a sentence; the last row of the table fits every error."""
    told = f"{error.context or ''}: {error.problem or ''}"
    sentence = next(row for row in _SENTENCES if row.pattern.search(told))
    marks = [error.problem_mark, error.context_mark]
    if sentence.at_context:
        marks.reverse()
    mark = next((mark for mark in marks if mark is not None), None)
    place = packed(mark.line, mark.column) if mark else 0
    return Mistake(sentence.message, sentence.advice, place)
