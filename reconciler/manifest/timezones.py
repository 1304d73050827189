"""The time zones that a manifest may name, for what "today" is (design, section 3)."""

from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from reconciler.manifest.words import shorten
from reconciler.suggest import did_you_mean

_OF_THE_MACHINE: Final = frozenset({"localtime", "posixrules", "Factory"})
"""Names that mean something else on every machine, so that "today" would."""


class Refusal(NamedTuple):
    """Why a name is no time zone's, and what to do."""

    message: str
    advice: str


def refused_timezone(name: str) -> Refusal | None:
    """Say what is wrong with the name of a time zone, or None where it can stand in a manifest."""
    if _is_known(name):
        return None
    known = sorted(available_timezones() - _OF_THE_MACHINE - {name})
    advice = (
        (did_you_mean(name, known) or "Write an IANA name, such as Europe/Oslo.")
        if known
        else "Here only UTC is known: this system knows no time zones; install tzdata."
    )
    return Refusal(f"'{shorten(name)}' is not a time zone.", advice)


def _is_known(name: str) -> bool:
    if name in _OF_THE_MACHINE:
        return False
    try:
        if name != "UTC":  # it needs no data
            ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
