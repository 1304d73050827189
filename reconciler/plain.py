"""Words for people, and text from elsewhere made harmless to show: on a terminal, in a log."""

import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

_JOINERS: Final = frozenset("\u200c\u200d")
"""They shape words of some scripts (Persian, Hindi), and do nothing else."""

_SIMPLE: Final = re.compile(r"[\w\\/:.+-]+")
"""What needs no quotes in the shells of Windows."""


def plain(text: str) -> str:
    """Make control characters visible instead of effective; every script survives.

    Line breaks are among them: nothing that a site or a manifest says can begin a line of its own.
    Characters that reverse the direction of what follows are, too.
    """
    return replace_harmful(text, lambda char: char.encode("unicode_escape").decode("ascii"))


def as_typed(words: Iterable[str], *, windows: bool = os.name == "nt") -> str:
    """Return a command as it is typed in the shells of this system, or of Windows."""
    if windows:  # neither cmd nor PowerShell takes a backslash for more than itself
        return " ".join(word if _SIMPLE.fullmatch(word) else f'"{word}"' for word in words)
    import shlex  # noqa: PLC0415 - few commands are told

    return shlex.join(words)


def harmless_json(data: Any) -> str:
    """Return data as indented JSON in which harmful characters are escaped, and nothing else."""
    import json  # noqa: PLC0415 - a twentieth of what --version takes, which shows none

    return harmless_lines(json.dumps(data, ensure_ascii=False, indent=2))


def harmless_lines(text: str) -> str:
    """Escape harmful characters in indented JSON; the line breaks between its members stay."""
    import json  # noqa: PLC0415 - as above

    return "\n".join(
        replace_harmful(line, lambda char: json.dumps(char)[1:-1]) for line in text.split("\n")
    )


def replace_harmful(text: str, escape: Callable[[str], str]) -> str:
    """Replace each character that does something on a terminal by its escape."""
    if text.isprintable():
        return text
    return "".join(char if _is_harmless(char) else escape(char) for char in text)


def _is_harmless(char: str) -> bool:
    if char.isprintable() or char in _JOINERS:
        return True
    return unicodedata.category(char) == "Zs"


def count(number: int, noun: str, several: str | None = None) -> str:
    """Say how many there are of something, whose plural ends in s unless it is given."""
    return f"{number:,} {noun if number == 1 else several or f'{noun}s'}"


def first_of(
    words: Sequence[str], most: int, total: int | None = None, *, between: str = ", "
) -> str:
    """Join the first of some words, and say how many more there are.

    Args:
        words: all of them, or as many as are at hand.
        most: how many are named.
        total: how many there are; by default, as many words as are given.
        between: what parts them.
    """
    left = (len(words) if total is None else total) - most
    more = f" and {left:,} more" if left > 0 else ""
    return f"{between.join(words[:most])}{more}"
