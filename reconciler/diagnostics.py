"""Diagnostics: what is wrong in a manifest, where, and what to do (design, section 3).

Every diagnostic has a stable code, of which `reconciler.codes` says more.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from reconciler.codes import CODES, Severity
from reconciler.plain import plain


class Position(NamedTuple):
    """A place in a file; line and column count from 1, and 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return ":".join(str(part) for part in self if part)


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: code, place, a sentence that says what is wrong, and what to do."""

    code: str
    message: str
    position: Position | None = None
    advice: str | None = None

    @property
    def severity(self) -> Severity:
        """The severity that the code carries."""
        return CODES[self.code].severity

    @property
    def is_error(self) -> bool:
        """Whether it ends the run."""
        return self.severity is Severity.ERROR

    def __str__(self) -> str:
        place = f"{self.position}: " if self.position else ""
        advice = f" {self.advice}" if self.advice else ""
        return f"{place}{self.severity.value} {self.code}: {self.message}{advice}"


def in_order(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Sort diagnostics by place, then code, so that every run lists them alike."""
    return tuple(
        sorted(found, key=lambda item: (item.position or Position(""), item.code, item.message))
    )


MOST_SHOWN: Final = 200
"""How many diagnostics a person is shown at once; the rest is counted."""


def listing(diagnostics: Sequence[Diagnostic], most: int = MOST_SHOWN) -> Iterator[str]:
    """Yield one line per diagnostic, and at the end how many more there are, if any."""
    for diagnostic in diagnostics[:most]:
        yield plain(str(diagnostic))
    hidden = len(diagnostics) - most
    if hidden > 0:
        yield f"… and {hidden:,} more, {len(diagnostics):,} in all."
