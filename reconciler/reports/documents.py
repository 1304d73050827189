"""What `--format json` prints, other than plans: each document has a schema in `schemas/`."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from reconciler import json_text, tracing
from reconciler.access.menu import Explanation
from reconciler.apply.outcome import ActionOutcome, ApplyResult
from reconciler.diagnostics import Diagnostic
from reconciler.drift import Drifted, DriftReport
from reconciler.ending import Ending
from reconciler.plain import harmless_json
from reconciler.plan.items import deviation_document, diagnostic_document, moved_document
from reconciler.plan.model import Action
from reconciler.reports.outcomes import Applied

DIAGNOSTICS_FORMAT: Final = "reconciler.diagnostics/1"
DRIFT_FORMAT: Final = "reconciler.drift/1"
APPLY_FORMAT: Final = "reconciler.apply/1"
EXPLANATION_FORMAT: Final = "reconciler.explanation/1"

Document = dict[str, Any]


def to_text(document: Document) -> str:
    """Turn a document into the text that is printed."""
    return harmless_json(document) + "\n"


def to_texts(document: Document | json_text.Members) -> Iterator[str]:
    """Yield that text piece by piece, of a document or of its members."""
    return json_text.written(document.items() if isinstance(document, dict) else document)


def diagnostics_document(found: Iterable[Diagnostic]) -> Document:
    """Describe what `validate` found, or why another command cannot go on."""
    listed = [diagnostic_document(each) for each in found]
    return {
        "format": DIAGNOSTICS_FORMAT,
        "valid": all(each["severity"] != "error" for each in listed),
        "diagnostics": listed,
    }


def diagnostics_json(found: Iterable[Diagnostic]) -> Iterator[str]:
    """Render diagnostics as their document."""
    return to_texts(diagnostics_document(found))


def drift_json(report: DriftReport) -> Iterator[str]:
    """Render drift as its document, piece by piece."""
    return to_texts(drift_members(report))


def drift_document(report: DriftReport) -> Document:
    """Describe what drifted and what is pending."""
    return json_text.whole(drift_members(report))


def drift_members(report: DriftReport) -> json_text.Members:
    """Describe it member by member, as it may be long."""
    plan = report.plan
    yield "format", DRIFT_FORMAT
    yield "site", plan.site
    yield "as_of", plan.as_of.isoformat()
    yield "revision", plan.revision
    yield "attributed", report.attributed
    yield "drifted", map(drifted_document, report.drifted)
    yield "pending", map(item_document, report.pending)
    yield "held_back", map(item_document, report.held_back)
    yield "held_back_because", plan.held_back.message if plan.held_back else None
    yield "accepted", map(deviation_document, plan.accepted)
    yield "moved", map(moved_document, plan.moved)
    yield "ending", map(_ending, report.ending)
    yield "warnings", map(diagnostic_document, plan.warnings)


def _ending(found: Ending) -> Document:
    return {
        "address": str(found.address),
        "name": str(found.name),
        "until": found.until.isoformat(),
        "accepted": found.accepted,
    }


def result_json(applied: Applied) -> Iterator[str]:
    """Render what became of a plan as its document, piece by piece."""
    return to_texts(result_members(applied.result))


def result_document(result: ApplyResult) -> Document:
    """Describe what became of a plan."""
    return json_text.whole(result_members(result))


def result_members(result: ApplyResult) -> json_text.Members:
    """Describe it member by member, as it may be long."""
    yield "format", APPLY_FORMAT
    yield "run", result.run or None
    yield "plan", result.plan
    yield "site", result.site
    yield "correlation_id", tracing.current() or None
    yield "interrupted", result.interrupted
    yield "counts", {outcome.value: number for outcome, number in result.counts.items()}
    yield "verified", result.verified
    yield "note", result.note or None
    yield "outcomes", map(_outcome, result.outcomes)


def _outcome(found: ActionOutcome) -> Document:
    return {
        **item_document(found.action),
        "outcome": found.outcome.value,
        "detail": found.detail or None,
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


def drifted_document(found: Drifted) -> Document:
    """Describe one thing that drifted."""
    event = found.event
    if isinstance(found.item, Action):
        item = item_document(found.item)
    else:
        item = {
            "address": str(found.item.address),
            "name": str(found.item.name),
            "verb": None,
            "cause": "not declared",
            "school": found.item.school,
        }
    return {
        **item,
        "kind": found.kind.value,
        "on_site": found.on_site.value,
        "held_back": found.held_back,
        "by": event.actor if event else None,
        "by_kind": event.actor_kind if event else None,
        "at": event.at.isoformat() if event else None,
    }


def item_document(action: Action) -> Document:
    """Describe an action by what it is about, and why."""
    return {
        "address": str(action.address),
        "name": str(action.name),
        "verb": action.verb.value,
        "cause": str(action.cause),
        "school": action.school,
    }
