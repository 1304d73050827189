"""Text from elsewhere, made harmless to show: on a terminal, and in a pipeline's log."""

import unicodedata
from typing import Final

_JOINERS: Final = frozenset("\u200c\u200d")
"""They shape words of some scripts (Persian, Hindi), and do nothing else."""


def plain(text: str) -> str:
    """Make control characters visible instead of effective; every script survives.

    Line breaks are among them: nothing that a site or a manifest says can begin a line of its own.
    Characters that reverse the direction of what follows are, too.
    """
    if text.isprintable():
        return text
    return "".join(char if _is_harmless(char) else _escaped(char) for char in text)


def _is_harmless(char: str) -> bool:
    if char.isprintable() or char in _JOINERS:
        return True
    return unicodedata.category(char) == "Zs"


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
