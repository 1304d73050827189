"""What the checks found: a line for each for people, a document for programs."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from rich.console import Group, RenderableType

from reconciler.doctor.model import Found, Verdict
from reconciler.plain import count
from reconciler.reports.documents import Document
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


def text(examined: Examined) -> RenderableType:
    """Render a line for each check, with its remedy, and what they come to."""
    table = Grid(3)
    for name, found in examined:
        remedy = f" {found.remedy}" if found.remedy else ""
        sentence = f"{found.text.removesuffix('.')}.{remedy}"
        table.add_row((found.verdict.value, _STYLES[found.verdict]), name, sentence)
    return Group(table, one_line(_summary(_count(examined))))


def _count(examined: Iterable[tuple[str, Found]]) -> Counter[Verdict]:
    return Counter(found.verdict for _, found in examined)


def _summary(counts: Counter[Verdict]) -> str:
    warned = count(counts[Verdict.WARNING], "warning") if counts[Verdict.WARNING] else ""
    if counts[Verdict.FAILED]:
        return f"{counts[Verdict.FAILED]} failed{f', {warned}' if warned else ''}."
    return f"Nothing failed{f'; {warned}' if warned else ''}."
