"""What the checks found: a line for each for people, a document or tests for programs."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from rich.console import Group, RenderableType

from reconciler.doctor.model import Found, Verdict
from reconciler.plain import count
from reconciler.reports.documents import Document, to_texts
from reconciler.reports.junit import Case, suite
from reconciler.reports.printing import Grid, one_line

FORMAT: Final = "reconciler.doctor/1"

_STYLES: Final[Mapping[Verdict, str]] = MappingProxyType(
    {
        Verdict.OK: "green",
        Verdict.WARNING: "yellow",
        Verdict.FAILED: "red",
        Verdict.SKIPPED: "dim",
    }
)

Examined = Sequence[tuple[str, Found]]
"""Per check, in their order, what it found."""


def document(examined: Examined) -> Document:
    """Describe what every check found."""
    return {
        "format": FORMAT,
        "healthy": not _count(examined)[Verdict.FAILED],
        "checks": [
            {
                "check": name,
                "verdict": found.verdict.value,
                "found": found.text,
                "remedy": found.remedy,
            }
            for name, found in examined
        ],
    }


def as_json(examined: Examined) -> Iterator[str]:
    """Render the document of what every check found."""
    return to_texts(document(examined))


def junit(examined: Examined) -> Iterator[str]:
    """Render every check as a test; a warning is one that passed."""
    return suite(
        Case(
            "doctor",
            name,
            found.text if found.verdict is Verdict.FAILED else None,
            _sentence(found),
            found.verdict.value,
            skipped=found.verdict is Verdict.SKIPPED,
        )
        for name, found in examined
    )


def text(examined: Examined) -> RenderableType:
    """Render a line for each check, with its remedy, and what they come to."""
    table = Grid(3)
    for name, found in examined:
        table.add_row((found.verdict.value, _STYLES[found.verdict]), name, _sentence(found))
    return Group(table, one_line(_summary(_count(examined))))


def _sentence(found: Found) -> str:
    remedy = f" {found.remedy}" if found.remedy else ""
    return f"{found.text.removesuffix('.')}.{remedy}"


def _count(examined: Iterable[tuple[str, Found]]) -> Counter[Verdict]:
    return Counter(found.verdict for _, found in examined)


def _summary(counts: Counter[Verdict]) -> str:
    warned = count(counts[Verdict.WARNING], "warning") if counts[Verdict.WARNING] else ""
    if counts[Verdict.FAILED]:
        return f"{counts[Verdict.FAILED]} failed{f', {warned}' if warned else ''}."
    return f"Nothing failed{f'; {warned}' if warned else ''}."
