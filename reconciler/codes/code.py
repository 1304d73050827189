"""What a stable code of a diagnostic is: how bad, about what, why it usually is, what helps."""

from enum import StrEnum
from typing import NamedTuple


class Severity(StrEnum):
    """How bad it is: an error ends the run with exit 1, a warning is only shown."""

    ERROR = "error"
    WARNING = "warning"


class Code(NamedTuple):
    """A stable code, which never changes its meaning.

    The page `docs/diagnostics.md` is written out of these. Cause and remedy may have links, which
    are relative to that page.

    Attributes:
        name: such as RR202.
        title: what it means, a few words.
        cause: what has usually happened.
        remedy: what to do about it.
    """

    name: str
    severity: Severity
    title: str
    cause: str
    remedy: str


def error(name: str, title: str, cause: str, remedy: str) -> Code:
    """Give out a code that ends the run."""
    return Code(name, Severity.ERROR, title, cause, remedy)


def warning(name: str, title: str, cause: str, remedy: str) -> Code:
    """Give out a code that is only shown."""
    return Code(name, Severity.WARNING, title, cause, remedy)
