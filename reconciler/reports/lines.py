"""JSON lines: an action, an outcome, a thing that drifted or a finding in each, as they come.

What reads them needs to keep no document whole; the schema is `schemas/line-v1.schema.json`.
"""

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final

from reconciler.diagnostics import Diagnostic
from reconciler.drift import DriftReport
from reconciler.plan.items import change_document, grant_document
from reconciler.plan.model import Action, Plan
from reconciler.reports import findings
from reconciler.reports.documents import drifted_document, item_document
from reconciler.reports.findings import Reported
from reconciler.reports.outcomes import Outcomes
from reconciler.review import Review

LINE_FORMAT: Final = "reconciler.line/1"

_NOWHERE: Final = ""


def diagnostics_lines(found: Iterable[Diagnostic]) -> Iterator[str]:
    """Render each diagnostic."""
    return map(_finding, findings.of_diagnostics(found, _NOWHERE))


def plan_lines(plan: Plan) -> Iterator[str]:
    """Render each action, in the plan's order; then what there is to say of the plan."""
    return chain(
        (_action("action", each, plan.site) for each in plan.actions),
        map(_finding, findings.of_plan(plan, _NOWHERE)),
    )


def drift_lines(report: DriftReport) -> Iterator[str]:
    """Render what drifted, what is pending and what is held back; then the warnings."""
    site = report.plan.site
    return chain(
        (line("drifted", site=site, **drifted_document(each)) for each in report.drifted),
        (_action("pending", each, site) for each in report.pending),
        (_action("held_back", each, site) for each in report.held_back),
        diagnostics_lines(report.plan.warnings),
    )


def review_lines(review: Review) -> Iterator[str]:
    """Render each finding of a review."""
    return map(_finding, findings.of_review(review, _NOWHERE))


def run_lines(run: Outcomes) -> Iterator[str]:
    """Render what became of each action; then what there is to say of the run."""
    of_run = {"site": run.site, "run": run.run or None}
    settled = (
        line(
            "outcome",
            **of_run,
            **_as_recorded(each.action),
            manual=each.action.manual,
            outcome=each.outcome.value if each.outcome else None,
            detail=each.detail or None,
        )
        for each in run.settled
    )
    return chain(settled, map(_finding, findings.of_run(run, _NOWHERE)))


def _as_recorded(action: Action) -> dict[str, Any]:
    """Leave out the school, which no journal keeps: apply and history tell the same lines."""
    return {key: value for key, value in item_document(action).items() if key != "school"}


def _action(kind: str, action: Action, site: str) -> str:
    return line(
        kind,
        site=site,
        **{**change_document(action), **item_document(action)},
        grant=grant_document(action.grant),
        manual=action.manual,
    )


def _finding(found: Reported) -> str:
    place = found.position
    return line(
        "finding",
        code=found.code,
        severity=found.severity.value,
        message=found.message,
        advice=found.advice,
        file=place.file or None,
        line=place.line or None,
        column=place.column or None,
        fingerprint=found.fingerprint,
    )


def line(kind: str, /, **members: Any) -> str:
    """Render an object: of which type it is, and what else it says."""
    text = json.dumps({"format": LINE_FORMAT, "type": kind, **members})
    return text.replace("\x7f", "\\u007f") + "\n"
