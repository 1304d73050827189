"""Near misses: what the author of a wrong key may have meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(wrong: str, known: Iterable[str]) -> str | None:
    """Return "Did you mean …?" with the nearest known key, or None when nothing is near.

    Only keys of about the same length that share a beginning or an end are compared, so that it
    stays quick among hundreds of thousands.
    """
    near = [
        key
        for key in known
        if abs(len(key) - len(wrong)) <= 2
        and (key[:2].lower() == wrong[:2].lower() or key[-2:].lower() == wrong[-2:].lower())
    ]
    best = get_close_matches(wrong, sorted(near), n=1, cutoff=0.6)
    return f"Did you mean {best[0]}?" if best else None
