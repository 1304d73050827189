"""Plans, drift, runs and mistakes as CSV (RFC 4180), for spreadsheets: one of them in a row.

What a spreadsheet would take for a formula is told apart by an apostrophe before it.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from reconciler import csv_text
from reconciler.cause import Grant
from reconciler.diagnostics import Diagnostic
from reconciler.domain.address import Address, AddressKind
from reconciler.drift import DriftReport, on_site
from reconciler.plan.model import Action, Plan
from reconciler.reports.outcomes import Outcomes

Row = Sequence[str | None]

_NAMED: Final = ("name", "role", "person", "kind", "target")


def written(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    """Yield a table row by row, its heading first."""
    return csv_text.written([*map(csv_text.harmless, row)] for row in chain([columns], rows))


def diagnostics_csv(found: Iterable[Diagnostic]) -> Iterator[str]:
    """Render diagnostics."""
    columns = ("code", "severity", "message", "advice", "file", "line", "column")
    return written(columns, map(_diagnostic, found))


def plan_csv(plan: Plan) -> Iterator[str]:
    """Render the actions of a plan, in its order."""
    rows = (
        (
            each.verb.value,
            *_named(each.name),
            *_why(each),
            each.school,
            *_labels(each),
            *_granted(each.grant),
        )
        for each in plan.actions
    )
    columns = ("cause", "by_hand", "school", "before", "after", "from", "until", "reason")
    return written(("verb", *_NAMED, *columns), rows)


def drift_csv(report: DriftReport) -> Iterator[str]:
    """Render what drifted, what is pending and what is held back."""
    drifted = (
        (
            each.kind.value,
            each.item.verb.value if isinstance(each.item, Action) else None,
            *_named(each.name),
            each.event.actor if each.event else None,
            each.event.at.isoformat() if each.event else None,
            each.item.school,
            each.on_site.value,
        )
        for each in report.drifted
    )
    others = (
        (
            what,
            each.verb.value,
            *_named(each.name),
            None,
            None,
            each.school,
            on_site(each).value,
        )
        for what, found in (("pending", report.pending), ("held_back", report.held_back))
        for each in found
    )
    return written(
        ("what", "verb", *_NAMED, "by", "at", "school", "on_site"), chain(drifted, others)
    )


def run_csv(run: Outcomes) -> Iterator[str]:
    """Render what became of each action of a run."""
    rows = (
        (
            each.word,
            each.action.verb.value,
            *_named(each.action.name),
            *_why(each.action),
            each.detail,
        )
        for each in run.settled
    )
    return written(("outcome", "verb", *_NAMED, "cause", "by_hand", "detail"), rows)


def _diagnostic(found: Diagnostic) -> Row:
    at = found.position
    place = (at.file, str(at.line or ""), str(at.column or "")) if at else (None, None, None)
    return (found.code, found.severity.value, found.message, found.advice, *place)


def _named(name: Address) -> Row:
    match name.kind, name.parts:
        case AddressKind.PROFILE, (profile, role):
            return str(name), role, None, "profile", profile
        case AddressKind.LABEL, (role, field):
            return str(name), role, None, "label", field
        case _, (role, person, *target):
            kind, key = target or (AddressKind.HOLDER.value, None)
            return str(name), role, person, kind, key
    raise AssertionError(name)


def _labels(action: Action) -> Row:
    """Say what a label is and will be; nothing stands for the platform's default."""
    values = (action.before, action.after)
    return [value if isinstance(value, str) else None for value in values]


def _granted(grant: Grant | None) -> Row:
    if grant is None:
        return None, None, None
    days = (grant.begins, grant.ends)
    return *(day.isoformat() if day else None for day in days), grant.reason


def _why(action: Action) -> Row:
    return str(action.cause), "yes" if action.manual else None
