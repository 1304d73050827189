"""Near misses: what the author of a wrong key may have meant."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final
from unicodedata import normalize

SUGGESTION: Final = "Did you mean"
"""How advice begins that names what is near."""

_MANY: Final = 2000


def did_you_mean(wrong: str, known: Iterable[str]) -> str | None:
    """Return "Did you mean '…'?" with the nearest known key, whatever the case, or None.

    Among very many keys only those of about the same length that share a beginning or an end are
    compared, so that it stays quick among hundreds of thousands.
    """
    folded = {_folded(key): key for key in known}
    about = _folded(wrong)
    if len(folded) > _MANY:
        folded = {
            key: written
            for key, written in folded.items()
            if abs(len(key) - len(about)) <= 2 and (key[:2] == about[:2] or key[-2:] == about[-2:])
        }
    best = get_close_matches(about, sorted(folded), n=1)
    if not best:
        return None
    meant = folded[best[0]]
    advice = f"{SUGGESTION} '{meant}'?"
    if normalize("NFC", meant) == normalize("NFC", wrong):
        advice += " It looks the same, but the encoding of an accent differs: copy it from here."
    return advice


def _folded(key: str) -> str:
    return normalize("NFC", key).casefold()
