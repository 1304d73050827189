"""The items of a plan as JSON data, and back: what its document holds lists of."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from reconciler.access.changes import AccessChange
from reconciler.cause import Cause, CauseKind, Grant
from reconciler.diagnostics import Diagnostic, Position
from reconciler.diff import Value
from reconciler.domain.address import Address, AddressKind
from reconciler.domain.days import ALWAYS, Days
from reconciler.plan.model import Action, Deviation, Moved, School, Unmanaged, Upcoming
from reconciler.policy import documents as policy_documents
from reconciler.provider import Verb

Document = dict[str, Any]


def diagnostic_document(found: Diagnostic) -> Document:
    """Turn a diagnostic into JSON data."""
    position = found.position
    return {
        "code": found.code,
        "severity": found.severity.value,
        "message": found.message,
        "advice": found.advice,
        "file": position.file if position else None,
        "line": position.line if position and position.line else None,
        "column": position.column if position and position.column else None,
    }


def deviation_document(item: Deviation) -> Document:
    """Turn an accepted deviation into JSON data."""
    return {
        "address": str(item.address),
        "name": str(item.name),
        "verb": item.verb.value,
        "owner": item.owner,
        "reason": item.reason,
        "until": item.until.isoformat(),
    }


def moved_document(item: Moved) -> Document:
    """Turn what moved into JSON data."""
    return {
        "address": str(item.address),
        "name": str(item.name),
        "to": str(item.to),
        "to_name": str(item.to_name),
        "counts": item.counts,
        "learners": item.learners,
        "until": item.until.isoformat() if item.until else None,
    }


def _value(address: Address, value: Value) -> Document:
    """Say what stands at an address, in the form of the API's `expect`."""
    if address.kind is AddressKind.LABEL:
        return {"value": value}
    return {"present": value}


def change_document(action: Action) -> Document:
    """Say what an action changes, and where, whyever it does."""
    return {
        "address": str(action.address),
        "name": str(action.name),
        "verb": action.verb.value,
        "before": _value(action.address, action.before),
        "after": _value(action.address, action.after),
    }


def action_document(action: Action) -> Document:
    """Turn an action into JSON data."""
    cause = action.cause
    return {
        **change_document(action),
        "cause": {
            "kind": cause.kind.value,
            "text": str(cause),
            "file": cause.position.file if cause.position else None,
            "line": cause.position.line if cause.position else None,
            "column": cause.position.column if cause.position else None,
            "day": cause.day.isoformat() if cause.day else None,
            "run": cause.run,
            "rule": cause.rule,
            "from": cause.days.begins.isoformat() if cause.days.begins else None,
            "until": cause.days.ends.isoformat() if cause.days.ends else None,
            "accepted_until": cause.accepted_until.isoformat() if cause.accepted_until else None,
        },
        "requires": [str(address) for address in action.requires],
        "manual": action.manual,
        "sees_change": action.sees_change,
        "grant": grant_document(action.grant),
        "school": action.school,
    }


def grant_document(grant: Grant | None) -> Document | None:
    """Turn what a manifest says of an assignment beyond its target into JSON data."""
    if grant is None:
        return None
    return {
        "from": grant.begins.isoformat() if grant.begins else None,
        "until": grant.ends.isoformat() if grant.ends else None,
        "reason": grant.reason,
    }


def _unmanaged_document(item: Unmanaged) -> Document:
    return {
        "address": str(item.address),
        "name": str(item.name),
        "accepted_until": item.accepted_until.isoformat() if item.accepted_until else None,
        "school": item.school,
    }


def _upcoming_document(item: Upcoming) -> Document:
    return {
        "address": str(item.address),
        "name": str(item.name),
        "from": item.begins.isoformat(),
    }


def _access_document(change: AccessChange) -> Document:
    return {"person": change.person, "gained": list(change.gained), "lost": list(change.lost)}


def read_action(item: Mapping[str, Any]) -> Action:
    """Read an action back.

    Raises:
        KeyError, TypeError, ValueError: the data is not an action.
    """
    address = Address.parse(item["address"])
    cause = item["cause"]
    part = "value" if address.kind is AddressKind.LABEL else "present"
    return Action(
        address=address,
        name=Address.parse(item["name"]),
        verb=Verb(item["verb"]),
        before=item["before"][part],
        after=item["after"][part],
        cause=Cause(
            CauseKind(cause["kind"]),
            _position(cause),
            read_day(cause["day"]),
            cause["run"],
            cause.get("rule"),  # an older journal's actions have none of these
            _read_days(cause),
            read_day(cause.get("accepted_until")),
        ),
        requires=tuple(Address.parse(each) for each in item["requires"]),
        manual=item["manual"],
        sees_change=item["sees_change"],
        grant=_read_grant(item.get("grant")),  # a journal keeps neither
        school=_interned(item.get("school")),
    )


def _read_days(item: Mapping[str, Any]) -> Days:
    begins, ends = read_day(item.get("from")), read_day(item.get("until"))
    return Days(begins, ends) if begins or ends else ALWAYS  # one for a million actions


def _read_grant(item: Mapping[str, Any] | None) -> Grant | None:
    return Grant(read_day(item["from"]), read_day(item["until"]), item["reason"]) if item else None


def _interned(text: str | None) -> str | None:
    return None if text is None else sys.intern(text)  # one for a million actions


def _position(item: Mapping[str, Any]) -> Position | None:
    if item["file"] is None:
        return None
    return Position(sys.intern(item["file"]), item["line"] or 0, item["column"] or 0)


def read_day(text: str | None) -> date | None:
    """Read a day, where there is one.

    Raises:
        TypeError, ValueError: it is none.
    """
    return date.fromisoformat(text) if text else None


def _read_unmanaged(item: Mapping[str, Any]) -> Unmanaged:
    return Unmanaged(
        Address.parse(item["address"]),
        Address.parse(item["name"]),
        read_day(item["accepted_until"]),
        _interned(item.get("school")),  # an older plan has none
    )


def _read_upcoming(item: Mapping[str, Any]) -> Upcoming:
    return Upcoming(
        Address.parse(item["address"]),
        Address.parse(item["name"]),
        date.fromisoformat(item["from"]),
    )


def _read_deviation(item: Mapping[str, Any]) -> Deviation:
    return Deviation(
        Address.parse(item["address"]),
        Address.parse(item["name"]),
        Verb(item["verb"]),
        item["owner"],
        item["reason"],
        date.fromisoformat(item["until"]),
    )


def _read_moved(item: Mapping[str, Any]) -> Moved:
    return Moved(
        Address.parse(item["address"]),
        Address.parse(item["name"]),
        Address.parse(item["to"]),
        Address.parse(item["to_name"]),
        item["counts"],
        item["learners"],
        read_day(item["until"]),
    )


def _read_diagnostic(item: Mapping[str, Any]) -> Diagnostic:
    return Diagnostic(item["code"], item["message"], _position(item), item["advice"])


def _read_access(item: Mapping[str, Any]) -> AccessChange:
    return AccessChange(item["person"], tuple(item["gained"]), tuple(item["lost"]))


def _read_school(item: Mapping[str, Any]) -> School:
    return School(**item)


class Kind(NamedTuple):
    """How the items of a list of a plan become JSON data, and how they are read back."""

    made: Callable[[Any], Document]
    read: Callable[[Mapping[str, Any]], Any]


LISTS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "actions": Kind(action_document, read_action),
        "unmanaged": Kind(_unmanaged_document, _read_unmanaged),
        "upcoming": Kind(_upcoming_document, _read_upcoming),
        "accepted": Kind(deviation_document, _read_deviation),
        "moved": Kind(moved_document, _read_moved),
        "warnings": Kind(diagnostic_document, _read_diagnostic),
        "verdicts": Kind(policy_documents.verdict_document, policy_documents.read_verdict),
        "access": Kind(_access_document, _read_access),
        "schools": Kind(asdict, _read_school),
    }
)
"""The lists of a plan, by the names that they have in it and in its document."""
