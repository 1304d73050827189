"""What a fresh site holds: a seed is read, checked as a whole, and refused in one sentence."""

import zipfile
from collections.abc import Hashable, Iterable
from pathlib import Path

from pydantic import ValidationError

from reconciler.domain.vocabulary import TARGET_KINDS, TargetKind, UnitKind
from reconciler.sandbox.items import StateDocument, UnitItem
from reconciler.sandbox.municipality import municipality
from reconciler.sandbox.oneroster import state_of_bundle
from reconciler.sandbox.options import SandboxRefused


def load_seed(path: Path | None) -> StateDocument:
    """Return the state that a fresh site begins with.

    Args:
        path: a OneRoster bundle (zip or folder) or an exported state; None is the built-in
            municipality.

    Raises:
        SandboxRefused: the seed cannot be read, or is no possible site.
    """
    if path is None:
        document = municipality()
    else:
        try:
            document = _read(path)
        except OSError as error:
            raise SandboxRefused(f"the seed {path} cannot be read: {error.strerror}") from error
        except ValidationError as error:
            # Never the input: it holds people's names.
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            place = "/".join(str(part) for part in first["loc"]) or "the file"
            raise SandboxRefused(f"the seed {path} is not valid: {place}: {first['msg']}") from None
    wrong = what_is_wrong(document)
    if wrong is not None:
        raise SandboxRefused(f"the seed {path or 'built in'} is not a possible site: {wrong}")
    return document


def _read(path: Path) -> StateDocument:
    if path.is_dir() or zipfile.is_zipfile(path):
        return state_of_bundle(path)
    return StateDocument.model_validate_json(path.read_bytes())


def what_is_wrong(document: StateDocument) -> str | None:
    """Return the first reason why a state cannot be a site, naming the item, or None."""
    return next(
        filter(
            None,
            (
                _wrong_keys(document),
                _wrong_units(document.units),
                _wrong_people(document),
                _wrong_roles(document),
            ),
        ),
        None,
    )


def _repeated(keys: Iterable[Hashable]) -> Hashable | None:
    seen: set[Hashable] = set()
    for key in keys:
        if key in seen:
            return key
        seen.add(key)
    return None


def _wrong_keys(state: StateDocument) -> str | None:
    keys: dict[str, Iterable[Hashable]] = {
        "profile": (item.id for item in state.profiles),
        "label": (item.role.value for item in state.labels),
        "person": (item.id for item in state.people),
        "unit": (item.id for item in state.units),
        "person with the sync key": (item.sync_key for item in state.people if item.sync_key),
        "unit with the sync key": (item.sync_key for item in state.units if item.sync_key),
        "membership": (
            f"{item.unit} {item.person} {item.role.value} {item.begin or ''}".strip()
            for item in state.memberships
        ),
        "relation": (f"{item.person} {item.learner}" for item in state.relations),
        "holder": (f"{item.role.value}/{item.person}" for item in state.holders),
        "assignment": (
            f"{item.role.value}/{item.person}/{item.kind.value}/{item.target}"
            for item in state.assignments
        ),
    }
    for name, own in keys.items():
        twice = _repeated(own)
        if twice is not None:
            return f"the {name} {twice} stands there twice"
    return None


def _wrong_units(units: list[UnitItem]) -> str | None:
    by_id = {unit.id: unit for unit in units}
    roots = [unit for unit in units if unit.parent is None]
    if len(roots) != 1 or roots[0].kind is not UnitKind.ORGANISATION:
        return f"it needs one root unit, an organisation, and has {len(roots)} root units"
    for unit in units:
        if unit.parent is not None and unit.parent not in by_id:
            return f"the unit {unit.id} has an unknown parent {unit.parent}"
    for unit in units:
        above: set[str] = set()
        at = unit
        while at.parent is not None:
            above.add(at.id)
            at = by_id[at.parent]
            if at.id in above:
                return f"the unit {unit.id} lies below itself"
            if unit.kind is UnitKind.SCHOOL and at.kind is UnitKind.SCHOOL:
                return f"the school {unit.id} lies under the school {at.id}"
    return None


def _wrong_people(state: StateDocument) -> str | None:
    profiles = {item.id for item in state.profiles}
    people = {item.id for item in state.people}
    units = {item.id for item in state.units}
    for person in state.people:
        if person.profile not in profiles:
            return f"the person {person.id} has an unknown profile {person.profile}"
    for member in state.memberships:
        if member.unit not in units or member.person not in people:
            return f"the membership of {member.person} in {member.unit} leads nowhere"
    for relation in state.relations:
        if not {relation.person, relation.learner} <= people:
            return f"the relation of {relation.person} to {relation.learner} leads nowhere"
    return None


def _wrong_roles(state: StateDocument) -> str | None:
    people = {item.id for item in state.people}
    kinds = {item.id: item.kind.value for item in state.units}
    holders = {(item.role, item.person) for item in state.holders}
    for holder in state.holders:
        if holder.person not in people:
            return f"the holder {holder.role.value}/{holder.person} is an unknown person"
    for item in state.assignments:
        name = f"the assignment {item.role.value}/{item.person}/{item.kind.value}/{item.target}"
        if (item.role, item.person) not in holders:
            return f"{name} belongs to no holder"
        if item.kind not in TARGET_KINDS[item.role]:
            return f"{name} is of a kind that the role cannot be assigned"
        known = (
            item.target in people
            if item.kind is TargetKind.LEARNER
            else kinds.get(item.target) == item.kind.value
        )
        if not known:
            return f"{name} has an unknown target"
    return None
