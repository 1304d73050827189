"""What a plan rests on, as digests: is the site still what it was when the plan was made?

A revision that moved for another reason does not make a plan stale; a change to anything below
does (design, section 5). Memberships are left out on purpose: learners join and leave every day,
the actions do not depend on it, and a plan that went stale with each of them could never be
approved. Where a membership decides what is in scope, it shows in the assignments in scope.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from reconciler.directory import Directory, Keys
from reconciler.domain.address import Address, AddressKind
from reconciler.domain.vocabulary import LabelField, Role, TargetKind
from reconciler.plan.judgement import in_scope
from reconciler.plan.model import Action, Basis
from reconciler.plan.order import as_assignment
from reconciler.scope import Scope
from reconciler.state import Assignment, Holder

Row = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class _View:
    """A live site, seen through what a plan is about."""

    directory: Directory
    keys: Keys
    basis: Basis
    in_scope: frozenset[Assignment]
    addresses: tuple[Address, ...]

    @property
    def holders(self) -> set[Holder]:
        """The holders that the actions name."""
        return {
            Holder(Role(address.parts[0]), address.parts[1])
            for address in self.addresses
            if address.kind in (AddressKind.HOLDER, AddressKind.ASSIGNMENT)
        }

    @property
    def targets(self) -> set[Assignment]:
        """The assignments that the actions name."""
        return {
            as_assignment(address)
            for address in self.addresses
            if address.kind is AddressKind.ASSIGNMENT
        }


def digests(
    directory: Directory, basis: Basis, actions: Iterable[Action], as_of: date
) -> Mapping[str, str]:
    """Take the digest of every part that a plan rests on, from a live site.

    Args:
        directory: the live site.
        basis: says what the plan is about; its own digests are not read.
        actions: the plan's actions.
        as_of: the plan's day.
    """
    scope = Scope.of(directory, basis.scope)
    view = _View(
        directory,
        Keys(directory, basis.people, basis.units),
        basis,
        in_scope(directory, scope, basis.managed, as_of),
        tuple(sorted(action.address for action in actions)),
    )
    return {part: _digest(rows(view)) for part, rows in PARTS.items()}


def moved(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """Name the parts that differ between two sets of digests."""
    return tuple(part for part in PARTS if before.get(part) != now.get(part))


def _profiles(view: _View) -> Iterable[Row]:
    roles = {*view.basis.managed, *view.basis.profile_roles}
    for profile in view.directory.state.profiles:
        for role in profile.roles & roles:
            yield profile.id, role.value


def _labels(view: _View) -> Iterable[Row]:
    wanted = set(view.basis.labels)
    for labels in view.directory.state.labels:
        for field in LabelField:
            if Address.label(labels.role, field) in wanted:
                yield labels.role.value, field.value, labels.value(field)


def _holders(view: _View) -> Iterable[Row]:
    state = view.directory.state
    concerned = view.holders | {found.holder for found in view.in_scope}
    for holder in state.holders:
        if holder in concerned or (view.basis.scope is None and holder.role in view.basis.managed):
            yield holder.role.value, holder.person


def _assignments(view: _View) -> Iterable[Row]:
    leaving = {
        Holder(Role(address.parts[0]), address.parts[1])
        for address in view.addresses
        if address.kind is AddressKind.HOLDER
    }
    for found in view.directory.state.assignments:
        # A holder leaves only when nothing is left to them, outside the scope either.
        if found in view.in_scope or found.holder in leaving:
            yield tuple(str(part) for part in found)


def _people(view: _View) -> Iterable[Row]:
    named = {holder.person for holder in view.holders} | {
        found.target for found in view.targets if found.kind is TargetKind.LEARNER
    }
    for person in sorted(named):
        known = view.directory.people.get(person)
        yield person, view.keys.person(person), known.profile if known else None


def _units(view: _View) -> Iterable[Row]:
    named = {found.target for found in view.targets if found.kind is not TargetKind.LEARNER}
    for unit in sorted(named | set(view.basis.scope or ())):
        known = view.directory.units.get(unit)
        kind, parent = (known.kind.value, known.parent) if known else (None, None)
        yield unit, view.keys.unit(unit), kind, parent


PARTS: Final[Mapping[str, Callable[[_View], Iterable[Row]]]] = {
    "profiles": _profiles,
    "labels": _labels,
    "holders": _holders,
    "assignments": _assignments,
    "people": _people,
    "units": _units,
}


def _digest(rows: Iterable[Row]) -> str:
    ordered = sorted(rows, key=lambda row: tuple((part is not None, part or "") for part in row))
    text = json.dumps(ordered, ensure_ascii=False, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
