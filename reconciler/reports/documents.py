"""What `--format json` prints, other than plans: each document has a schema in `schemas/`."""

from collections.abc import Iterable
from typing import Any, Final

from reconciler.access.menu import Explanation
from reconciler.apply.outcome import ApplyResult
from reconciler.diagnostics import Diagnostic
from reconciler.drift import Drifted, DriftReport
from reconciler.plain import harmless_json
from reconciler.plan.items import deviation_document, diagnostic_document, moved_document
from reconciler.plan.model import Action

DIAGNOSTICS_FORMAT: Final = "reconciler.diagnostics/1"
DRIFT_FORMAT: Final = "reconciler.drift/1"
APPLY_FORMAT: Final = "reconciler.apply/1"
EXPLANATION_FORMAT: Final = "reconciler.explanation/1"

Document = dict[str, Any]


def to_text(document: Document) -> str:
    """Turn a document into the text that is printed."""
    return harmless_json(document) + "\n"


def diagnostics_document(found: Iterable[Diagnostic]) -> Document:
    """Describe what `validate` found, or why another command cannot go on."""
    listed = [diagnostic_document(each) for each in found]
    return {
        "format": DIAGNOSTICS_FORMAT,
        "valid": all(each["severity"] != "error" for each in listed),
        "diagnostics": listed,
    }


def drift_document(report: DriftReport) -> Document:
    """Describe what drifted and what is pending."""
    return {
        "format": DRIFT_FORMAT,
        "site": report.plan.site,
        "as_of": report.plan.as_of.isoformat(),
        "revision": report.plan.revision,
        "attributed": report.attributed,
        "drifted": [_drifted(found) for found in report.drifted],
        "pending": [_item(action) for action in report.pending],
        "held_back": [_item(action) for action in report.held_back],
        "held_back_because": report.plan.held_back.message if report.plan.held_back else None,
        "accepted": [deviation_document(each) for each in report.plan.accepted],
        "moved": [moved_document(each) for each in report.plan.moved],
        "ending": [
            {
                "address": str(each.address),
                "name": str(each.name),
                "until": each.until.isoformat(),
                "accepted": each.accepted,
            }
            for each in report.ending
        ],
        "warnings": [diagnostic_document(each) for each in report.plan.warnings],
    }


def result_document(result: ApplyResult) -> Document:
    """Describe what became of a plan."""
    return {
        "format": APPLY_FORMAT,
        "run": result.run or None,
        "plan": result.plan,
        "site": result.site,
        "interrupted": result.interrupted,
        "counts": {outcome.value: number for outcome, number in result.counts.items()},
        "verified": result.verified,
        "note": result.note or None,
        "outcomes": [
            {**_item(found.action), "outcome": found.outcome.value, "detail": found.detail or None}
            for found in result.outcomes
        ],
    }


def explanation_document(explanation: Explanation, person: str) -> Document:
    """Describe a person's menu; `person` is how they were asked for."""
    return {
        "format": EXPLANATION_FORMAT,
        "person": person,
        "menu": [{"entry": entry.entry.value, "label": entry.label} for entry in explanation.menu],
        "conditions": [
            {
                "code": condition.code,
                "met": condition.met,
                "text": condition.text,
                "remedy": condition.remedy,
            }
            for condition in explanation.conditions
        ],
    }


def _drifted(found: Drifted) -> Document:
    event = found.event
    if isinstance(found.item, Action):
        item = _item(found.item)
    else:
        item = {
            "address": str(found.item.address),
            "name": str(found.item.name),
            "verb": None,
            "cause": "not declared",
        }
    return {
        **item,
        "kind": found.kind.value,
        "held_back": found.held_back,
        "by": event.actor if event else None,
        "at": event.at.isoformat() if event else None,
    }


def _item(action: Action) -> Document:
    return {
        "address": str(action.address),
        "name": str(action.name),
        "verb": action.verb.value,
        "cause": str(action.cause),
    }
