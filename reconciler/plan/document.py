"""Plans as JSON: what `plan --format json` prints and `plan --out` saves (design, section 5).

The document holds ids and display keys, no names of people. Its digest covers all of it, so that an
edited file is noticed. The schema is published as `schemas/plan-v1.schema.json`.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any, Final

from reconciler.access.changes import AccessChange
from reconciler.cause import Cause, CauseKind, Grant
from reconciler.diagnostics import Diagnostic, Position
from reconciler.diff import Value
from reconciler.domain.address import Address, AddressKind
from reconciler.domain.days import Days
from reconciler.domain.roster import RosterSize
from reconciler.domain.vocabulary import Role
from reconciler.errors import PlanUnusable
from reconciler.manifest.model import PersonKey, UnitKey
from reconciler.plain import harmless_json
from reconciler.plan.model import Action, Basis, Deviation, Moved, Plan, School, Unmanaged, Upcoming
from reconciler.policy import documents as policy_documents
from reconciler.provider import Verb

FORMAT: Final = "reconciler.plan/1"

Document = dict[str, Any]


def to_document(plan: Plan) -> Document:
    """Turn a plan into JSON data, its digest included."""
    document: Document = {
        "format": FORMAT,
        "id": plan.id,
        "site": plan.site,
        "manifest": plan.manifest,
        "commit": plan.commit,
        "revision": plan.revision,
        "timezone": plan.timezone,
        "as_of": plan.as_of.isoformat(),
        "holds_until": plan.holds_until.isoformat() if plan.holds_until else None,
        "refused": plan.refused,
        "redacted": plan.redacted,
        "summary": summary_document(plan),
        "actions": [action_document(action) for action in plan.actions],
        "unmanaged": [
            {
                "address": str(item.address),
                "name": str(item.name),
                "accepted_until": item.accepted_until.isoformat() if item.accepted_until else None,
            }
            for item in plan.unmanaged
        ],
        "upcoming": [
            {
                "address": str(item.address),
                "name": str(item.name),
                "from": item.begins.isoformat(),
            }
            for item in plan.upcoming
        ],
        "accepted": [deviation_document(item) for item in plan.accepted],
        "moved": [moved_document(item) for item in plan.moved],
        "warnings": [diagnostic_document(found) for found in plan.warnings],
        "rosters": {name: size._asdict() for name, size in plan.rosters.items()},
        "policies": policy_documents.policies_document(plan.policies),
        "verdicts": [policy_documents.verdict_document(verdict) for verdict in plan.verdicts],
        "access": [
            {"person": change.person, "gained": list(change.gained), "lost": list(change.lost)}
            for change in plan.access
        ],
        "schools": [asdict(school) for school in plan.schools],
        "people": dict(plan.people),
        "basis": _basis(plan.basis),
    }
    document["digest"] = _digest(document)
    return document


def to_text(plan: Plan) -> str:
    """Turn a plan into the text of its file; the same plan always gives the same text."""
    return harmless_json(to_document(plan)) + "\n"


def from_document(document: Mapping[str, Any]) -> Plan:
    """Read a plan back.

    Raises:
        PlanUnusable: the document was edited, or is not one of this version.
    """
    if document.get("format") != FORMAT:
        raise PlanUnusable(
            f"The file is not a plan that this version reads ({FORMAT}).",
            "Make a new plan with this version.",
        )
    try:
        fits = _digest(document) == document.get("digest")
    except UnicodeEncodeError:  # half of a surrogate pair, escaped: no plan of ours holds one
        fits = False
    if not fits:
        raise PlanUnusable(
            "The plan was changed after it was made: its digest does not match.",
            "Make a new plan; to apply only a part of one, use --only.",
        )
    try:
        return _plan(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PlanUnusable(
            "The plan's file is incomplete or malformed.", "Make a new plan."
        ) from error


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


def value_document(address: Address, value: Value) -> Document:
    """Say what stands at an address, in the form of the API's `expect`."""
    if address.kind is AddressKind.LABEL:
        return {"value": value}
    return {"present": value}


def summary_document(plan: Plan) -> Document:
    """Count what a plan does."""
    return {
        **{verb.value: sum(action.verb is verb for action in plan.actions) for verb in Verb},
        "manual": sum(action.manual for action in plan.actions),
        "unmanaged": len(plan.unmanaged),
    }


def action_document(action: Action) -> Document:
    """Turn an action into JSON data."""
    cause = action.cause
    return {
        "address": str(action.address),
        "name": str(action.name),
        "verb": action.verb.value,
        "before": value_document(action.address, action.before),
        "after": value_document(action.address, action.after),
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
        "grant": _grant_document(action.grant) if action.grant else None,
    }


def _grant_document(grant: Grant) -> Document:
    return {
        "from": grant.begins.isoformat() if grant.begins else None,
        "until": grant.ends.isoformat() if grant.ends else None,
        "reason": grant.reason,
    }


def _basis(basis: Basis) -> Document:
    return {
        "scope": list(basis.scope) if basis.scope is not None else None,
        "managed": [role.value for role in basis.managed],
        "profile_roles": [role.value for role in basis.profile_roles],
        "labels": [str(address) for address in basis.labels],
        "people": basis.people.value,
        "units": basis.units.value,
        "digests": dict(basis.digests),
        "compared": [list(pair) for pair in basis.compared],
        "batch": basis.batch,
    }


def _plan(document: Mapping[str, Any]) -> Plan:
    basis = document["basis"]
    return Plan(
        id=document["id"],
        site=document["site"],
        manifest=document["manifest"],
        commit=document["commit"],
        revision=document["revision"],
        timezone=document["timezone"],
        as_of=date.fromisoformat(document["as_of"]),
        holds_until=_day(document["holds_until"]),
        actions=tuple(read_action(item) for item in document["actions"]),
        unmanaged=tuple(
            Unmanaged(
                Address.parse(item["address"]),
                Address.parse(item["name"]),
                _day(item["accepted_until"]),
            )
            for item in document["unmanaged"]
        ),
        upcoming=tuple(
            Upcoming(
                Address.parse(item["address"]),
                Address.parse(item["name"]),
                date.fromisoformat(item["from"]),
            )
            for item in document["upcoming"]
        ),
        accepted=tuple(
            Deviation(
                Address.parse(item["address"]),
                Address.parse(item["name"]),
                Verb(item["verb"]),
                item["owner"],
                item["reason"],
                date.fromisoformat(item["until"]),
            )
            for item in document["accepted"]
        ),
        moved=tuple(
            Moved(
                Address.parse(item["address"]),
                Address.parse(item["name"]),
                Address.parse(item["to"]),
                Address.parse(item["to_name"]),
                item["counts"],
                item["learners"],
                _day(item["until"]),
            )
            for item in document["moved"]
        ),
        warnings=tuple(
            Diagnostic(item["code"], item["message"], _position(item), item["advice"])
            for item in document["warnings"]
        ),
        rosters=read_rosters(document["rosters"]),
        policies=policy_documents.read_policies(document["policies"]),
        verdicts=tuple(policy_documents.read_verdict(item) for item in document["verdicts"]),
        access=tuple(
            AccessChange(item["person"], tuple(item["gained"]), tuple(item["lost"]))
            for item in document["access"]
        ),
        schools=tuple(School(**item) for item in document["schools"]),
        people=dict(document["people"]),
        basis=read_basis(basis),
        redacted=document["redacted"],
    )


def read_basis(basis: Mapping[str, Any]) -> Basis:
    """Read back what a plan rests on.

    Raises:
        KeyError, TypeError, ValueError: it is not one.
    """
    return Basis(
        scope=tuple(basis["scope"]) if basis["scope"] is not None else None,
        managed=tuple(Role(role) for role in basis["managed"]),
        profile_roles=tuple(Role(role) for role in basis["profile_roles"]),
        labels=tuple(Address.parse(address) for address in basis["labels"]),
        people=PersonKey(basis["people"]),
        units=UnitKey(basis["units"]),
        digests=dict(basis["digests"]),
        # an older journal's basis has none of these
        compared=tuple((one, other) for one, other in basis.get("compared", ())),
        batch=basis.get("batch", False),
    )


def read_rosters(rosters: Mapping[str, Any]) -> dict[str, RosterSize]:
    """Read back how much there was in each roster.

    Raises:
        KeyError, TypeError, ValueError: it is not that.
    """
    return {name: RosterSize(**size) for name, size in rosters.items()}


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
            _day(cause["day"]),
            cause["run"],
            cause.get("rule"),  # an older journal's actions have none of these
            Days(_day(cause.get("from")), _day(cause.get("until"))),
            _day(cause.get("accepted_until")),
        ),
        requires=tuple(Address.parse(each) for each in item["requires"]),
        manual=item["manual"],
        sees_change=item["sees_change"],
        grant=_read_grant(item.get("grant")),  # a journal does not keep it
    )


def _read_grant(item: Mapping[str, Any] | None) -> Grant | None:
    return Grant(_day(item["from"]), _day(item["until"]), item["reason"]) if item else None


def _position(item: Mapping[str, Any]) -> Position | None:
    if item["file"] is None:
        return None
    return Position(item["file"], item["line"] or 0, item["column"] or 0)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _digest(document: Mapping[str, Any]) -> str:
    covered = {key: value for key, value in document.items() if key != "digest"}
    text = json.dumps(covered, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
