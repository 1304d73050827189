"""A review, as text for people, JSON for programs, CSV for spreadsheets, and a page."""

from collections import Counter
from collections.abc import Iterable, Iterator
from heapq import nsmallest
from itertools import groupby
from typing import Any, Final

from rich.console import RenderableType
from rich.text import Text

from reconciler import json_text
from reconciler.codes import Severity
from reconciler.plain import count
from reconciler.reports import csv_table, documents
from reconciler.reports.documents import Document
from reconciler.reports.printing import Grid, one_line
from reconciler.reports.summary import NAMED, Lists
from reconciler.reports.view import learners
from reconciler.review import CHECKS, Check, Finding, Review

REVIEW_FORMAT: Final = "reconciler.review/1"

_COLUMNS: Final = ("code", "check", "severity", "kind", "id", "key", "unit", "day", "text")

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow"}


def review_document(review: Review) -> Document:
    """Describe everything that a review found."""
    return json_text.whole(_members(review))


def review_json(review: Review) -> Iterator[str]:
    """Render a review as its document, piece by piece."""
    return documents.to_texts(_members(review))


def _members(review: Review) -> json_text.Members:
    counts = Counter(finding.check for finding in review.findings)
    yield "format", REVIEW_FORMAT
    yield "site", review.site
    yield "revision", review.revision
    yield "as_of", review.as_of.isoformat()
    yield "within_days", review.within_days
    yield "counts", {check.value: counts[check] for check in CHECKS}
    yield "findings", map(_row, review.findings)


def review_csv(review: Review) -> Iterator[str]:
    """Render a review as CSV, one finding in a row."""
    rows = ([row[column] for column in _COLUMNS] for row in map(_row, review.findings))
    return csv_table.written(_COLUMNS, rows)


_NO_UNIT: Final = "(in no unit)"


def review_html(review: Review) -> Iterator[str]:
    """Render a review as a page."""
    from reconciler.reports.pages import page  # noqa: PLC0415 - only pages need its templates

    sections = [
        (CHECKS[check], [_row(finding) for finding in findings])
        for check, findings in _by_check(review)
    ]
    title = f"Review of {review.site} on {review.as_of}"
    yield page("review.html", title, summary(review), sections=sections)


def review_text(review: Review, *, full: bool = False) -> Iterator[RenderableType]:
    """Render what was found, check by check; learners by the unit they are in.

    Without `full`, a list that is too long to be read is counted by unit.
    """
    lists = Lists(full=full)
    yield one_line(f"Review of {review.site} on {review.as_of}", "bold")
    yield one_line(summary(review))
    for check, findings in _by_check(review):
        severity = max(finding.severity is Severity.ERROR for finding in findings)
        style = _STYLES[Severity.ERROR if severity else Severity.WARNING]
        title = f"{CHECKS[check].title}: {len(findings)} ({CHECKS[check].code})"
        rows = _table(check, findings)
        table = Grid(2)
        for left, right in _by_unit(findings) if lists.counts(rows) else rows:
            table.add_row(f"  {left}", (right, "dim"))
        yield from (Text(), one_line(title, style), table)
    hint = lists.hint()
    if hint:
        yield from (Text(), one_line(hint, "yellow"))


def _by_unit(findings: Iterable[Finding]) -> list[tuple[str, str]]:
    """Name the units with most findings, and count those."""
    counts = Counter(finding.unit or _NO_UNIT for finding in findings)
    most = nsmallest(NAMED, counts.items(), key=lambda each: (-each[1], each[0]))
    rows = [(unit, f"{number:,} of them") for unit, number in most]
    left = len(counts) - len(most)
    return [*rows, ("elsewhere", f"in {count(left, 'more unit')}")] if left else rows


def _by_check(review: Review) -> list[tuple[Check, list[Finding]]]:
    return [
        (check, list(findings))
        for check, findings in groupby(review.findings, key=lambda finding: finding.check)
    ]


def _table(check: Check, findings: list[Finding]) -> list[tuple[str, str]]:
    if check is not Check.LEARNER_WITHOUT_MENTOR:
        return [(finding.found.key, _note(finding)) for finding in findings]
    units: dict[str, list[str]] = {}
    for finding in findings:
        units.setdefault(finding.unit or _NO_UNIT, []).append(finding.found.key)
    return [(unit, learners(keys)) for unit, keys in sorted(units.items())]


def _note(finding: Finding) -> str:
    where = f"in {finding.unit}" if finding.unit else ""
    return "; ".join(part for part in (finding.found.about, where) if part)


def summary(review: Review) -> str:
    """Say in a line how much a review found."""
    if not review.findings:
        return "Nothing was found."
    errors = sum(finding.severity is Severity.ERROR for finding in review.findings)
    found = len(review.findings)
    return (
        f"Found: {found:,}, of which {count(errors, 'error')}." if errors else f"Found: {found:,}."
    )


def _row(finding: Finding) -> dict[str, Any]:
    check, found = CHECKS[finding.check], finding.found
    return {
        "code": check.code,
        "check": finding.check.value,
        "severity": finding.severity.value,
        "kind": found.kind.value,
        "id": found.id,
        "key": found.key,
        "unit": finding.unit,
        "day": finding.day.isoformat() if finding.day else None,
        "text": f"{check.title}: {found}",
    }
