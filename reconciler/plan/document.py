"""Plans as JSON: what `plan --format json` prints and `plan --out` saves (design, section 5).

The document holds ids and display keys, no names of people. Its digest covers all of it, so that an
edited file is noticed. The schema is published as `schemas/plan-v1.schema.json`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from itertools import chain
from typing import Any, Final

from reconciler import json_text
from reconciler.domain.address import Address
from reconciler.domain.roster import RosterSize
from reconciler.domain.vocabulary import Role
from reconciler.errors import PlanUnusable
from reconciler.manifest.naming import PersonKey, UnitKey
from reconciler.plan.items import LISTS, Document, read_day
from reconciler.plan.model import Basis, Plan
from reconciler.policy import documents as policy_documents
from reconciler.provider import Verb

FORMAT: Final = "reconciler.plan/1"

_DIGEST: Final = "digest"
_MALFORMED: Final = (KeyError, TypeError, ValueError, AttributeError)
_HEADER: Final = frozenset(
    ("manifest", "revision", "timezone", "summary", "rosters", "policies", "basis")
)


def to_document(plan: Plan) -> Document:
    """Turn a plan into JSON data, its digest included."""
    return json_text.whole(_document(plan))


def to_texts(plan: Plan) -> Iterator[str]:
    """Yield the text of a plan's file, piece by piece; the same plan always gives the same text."""
    return json_text.written(_document(plan))


def to_text(plan: Plan) -> str:
    """Return the text of a plan's file."""
    return "".join(to_texts(plan))


def header_document(plan: Plan) -> Document:
    """Turn into JSON data what a journal keeps of a plan beside its actions.

    It is what history, rollback and the next plan read back, and nothing else: a list of people
    kept for nobody would be one in which somebody is to be forgotten.
    """
    members = _members(replace(plan, basis=replace(plan.basis, digests={})))
    return json_text.whole(member for member in members if member[0] in _HEADER)


def _document(plan: Plan) -> json_text.Members:
    return chain(_members(plan), [(_DIGEST, json_text.digest(_members(plan)))])


def _members(plan: Plan) -> json_text.Members:
    def listed(name: str) -> tuple[str, Iterator[Document]]:
        return name, map(LISTS[name].made, getattr(plan, name))

    yield "format", FORMAT
    yield "id", plan.id
    yield "site", plan.site
    yield "manifest", plan.manifest
    yield "commit", plan.commit
    yield "revision", plan.revision
    yield "timezone", plan.timezone
    yield "as_of", plan.as_of.isoformat()
    yield "holds_until", plan.holds_until.isoformat() if plan.holds_until else None
    yield "refused", plan.refused
    yield "redacted", plan.redacted
    yield "summary", summary_document(plan)
    yield from map(listed, ("actions", "unmanaged", "upcoming", "accepted", "moved", "warnings"))
    yield "rosters", _rosters(plan.rosters)
    yield "policies", policy_documents.policies_document(plan.policies)
    yield from map(listed, ("verdicts", "access", "schools"))
    yield "people", dict(plan.people)
    yield "basis", _basis(plan.basis)


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
    covered = ((name, value) for name, value in document.items() if name != _DIGEST)
    try:
        fits = json_text.digest(covered) == document.get(_DIGEST)
    except UnicodeEncodeError:  # half of a surrogate pair, escaped: no plan of ours holds one
        fits = False
    if not fits:
        raise PlanUnusable(
            "The plan was changed after it was made: its digest does not match.",
            "Make a new plan; to apply only a part of one, use --only.",
        )
    try:
        lists = {name: map(each.read, document[name]) for name, each in LISTS.items()}
        return _plan({**document, **lists})
    except _MALFORMED as error:
        raise PlanUnusable(
            "The plan's file is incomplete or malformed.", "Make a new plan."
        ) from error


def read(found: json_text.Reading) -> Plan | None:
    """Read a plan back, piece by piece, where nothing is wrong with it.

    Returns:
        None where `from_document` has to look, and says what is wrong.
    """
    values: dict[str, Any] = {}

    def kept(name: str) -> Iterator[Document]:
        values[name] = []
        for item in found.items(name):
            values[name].append(LISTS[name].read(item))
            yield item

    def covered() -> json_text.Members:
        for name in found.names - {_DIGEST}:
            if name in LISTS:
                yield name, kept(name)
            else:
                values[name] = found.value(name)
                yield name, values[name]

    try:
        digest = json_text.digest(covered())
        if values["format"] != FORMAT or digest != found.value(_DIGEST):
            return None
        return _plan(values)
    except (*_MALFORMED, json_text.OtherForm):
        return None


def summary_document(plan: Plan) -> Document:
    """Count what a plan does."""
    return {
        **{verb.value: sum(action.verb is verb for action in plan.actions) for verb in Verb},
        "manual": sum(action.manual for action in plan.actions),
        "unmanaged": len(plan.unmanaged),
    }


def _rosters(sizes: Mapping[str, RosterSize]) -> Document:
    return {name: size._asdict() for name, size in sizes.items()}


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
        "rosters": _rosters(basis.rosters),
    }


def _plan(values: Mapping[str, Any]) -> Plan:
    """Make a plan of the values of its members, whose lists are read already."""
    return Plan(
        id=values["id"],
        site=values["site"],
        manifest=values["manifest"],
        commit=values["commit"],
        revision=values["revision"],
        timezone=values["timezone"],
        as_of=date.fromisoformat(values["as_of"]),
        holds_until=read_day(values["holds_until"]),
        actions=tuple(values["actions"]),
        unmanaged=tuple(values["unmanaged"]),
        upcoming=tuple(values["upcoming"]),
        accepted=tuple(values["accepted"]),
        moved=tuple(values["moved"]),
        warnings=tuple(values["warnings"]),
        rosters=read_rosters(values["rosters"]),
        policies=policy_documents.read_policies(values["policies"]),
        verdicts=tuple(values["verdicts"]),
        access=tuple(values["access"]),
        schools=tuple(values["schools"]),
        people=dict(values["people"]),
        basis=read_basis(values["basis"]),
        redacted=values["redacted"],
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
        rosters=read_rosters(basis.get("rosters", {})),
    )


def read_rosters(rosters: Mapping[str, Any]) -> dict[str, RosterSize]:
    """Read back how much there was in each roster.

    Raises:
        KeyError, TypeError, ValueError: it is not that.
    """
    return {name: RosterSize(**size) for name, size in rosters.items()}
