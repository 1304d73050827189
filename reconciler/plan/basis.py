"""What a plan rests on, as digests: is the site still what it was when the plan was made?

A revision that moved for another reason does not make a plan stale; a change to anything below
does (design, section 5). Memberships and the hierarchy above a unit count only as far as they
decide what is in scope: which assignments are, and whether those that the plan names still lie
there. Otherwise learners may join and leave: they do so every day, a plan that went stale with each
of them could never be approved, and which addresses it writes does not depend on them.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Final

import msgspec

from reconciler.directory import Directory, Keys
from reconciler.domain.address import Address, AddressKind
from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.vocabulary import LabelField, Role, TargetKind
from reconciler.plan.model import Action, Basis
from reconciler.plan.moved import Members
from reconciler.provider import Verb
from reconciler.scope import Scope, in_scope

Row = tuple[str | None, ...]


@dataclass(frozen=True)
class _View:
    """A live site, seen through what a plan is about."""

    directory: Directory
    keys: Keys
    basis: Basis
    scope: Scope
    as_of: date
    in_scope: Assignments
    actions: tuple[Action, ...]

    @cached_property
    def addresses(self) -> tuple[Address, ...]:
        """The addresses of the actions."""
        return tuple(action.address for action in self.actions)

    @property
    def roles(self) -> frozenset[Role]:
        """The roles that the manifest speaks of, by a section or under `roles`."""
        return frozenset((*self.basis.managed, *self.basis.profile_roles))

    @cached_property
    def holders(self) -> set[Holder]:
        """The holders whom the plan is about: named by an action, or live in its scope."""
        named = {
            Holder.at(address)
            for address in self.addresses
            if address.kind in (AddressKind.HOLDER, AddressKind.ASSIGNMENT)
        }
        if self.basis.scope is None:
            named |= {
                holder for holder in self.directory.state.holders if holder.role in self.roles
            }
        return named | self.in_scope.holders

    @cached_property
    def targets(self) -> set[Assignment]:
        """The assignments that the actions name."""
        return {
            Assignment.at(address)
            for address in self.addresses
            if address.kind is AddressKind.ASSIGNMENT
        }

    @property
    def emptied(self) -> set[Holder]:
        """The holders to whom the plan leaves nothing in its scope."""
        written: dict[Verb, list[Assignment]] = {verb: [] for verb in Verb}
        for action in self.actions:
            if action.address.kind is AddressKind.ASSIGNMENT:
                written[action.verb].append(Assignment.at(action.address))
        gone = {found.holder for found in written[Verb.REMOVE]}
        return gone - self.in_scope.changed(written[Verb.ADD], written[Verb.REMOVE]).holders


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
        scope,
        as_of,
        in_scope(directory, scope, {*basis.managed, *basis.profile_roles}, as_of),
        tuple(actions),
    )
    return {part: _digest(rows(view)) for part, rows in PARTS.items()}


def moved(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """Name the parts that differ between two sets of digests."""
    return tuple(part for part in PARTS if before.get(part) != now.get(part))


def concerns(basis: Basis, address: Address) -> bool:
    """Whether a plan with this basis may rest on what stands at an address.

    Cheaper and wider than the digests: it does not ask whether an assignment lies in the scope.
    """
    match address.kind:
        case AddressKind.LABEL:
            return address in basis.labels
        case AddressKind.PROFILE:
            return address.parts[1] in (*basis.managed, *basis.profile_roles)
        case _:
            return address.parts[0] in (*basis.managed, *basis.profile_roles)


def _profiles(view: _View) -> Iterable[Row]:
    """All profiles where the manifest lists some; else those of the people it is about."""
    roles = view.roles
    people = view.directory.people
    concerned = {
        people[holder.person].profile for holder in view.holders if holder.person in people
    }
    for profile in view.directory.state.profiles:
        if view.basis.profile_roles or profile.id in concerned:
            yield profile.id, profile.name, *sorted(profile.roles & roles)


def _labels(view: _View) -> Iterable[Row]:
    wanted = set(view.basis.labels)
    for labels in view.directory.state.labels:
        for field in LabelField:
            if Address.label(labels.role, field) in wanted:
                yield labels.role.value, field.value, labels.value(field)


def _holders(view: _View) -> Iterable[Row]:
    state = view.directory.state
    held = view.holders & state.holders
    if view.basis.batch:
        # Another batch may add the same people first. Who leaves is in the assignments' part.
        held -= {
            Holder.at(action.address)
            for action in view.actions
            if action.address.kind is AddressKind.HOLDER and action.verb is Verb.ADD
        }
    for holder in held:
        yield holder.role.value, holder.person, view.directory.people[holder.person].profile
    if view.scope.whole_site or view.basis.batch:
        return
    # Whoever loses their last assignment leaves as well, unless they have one elsewhere.
    elsewhere = state.assignments.of_holders(view.emptied.__contains__) - view.in_scope
    for holder in elsewhere.holders:
        yield "elsewhere", holder.role.value, holder.person


def _assignments(view: _View) -> Iterable[Row]:
    leaving = {
        Holder.at(action.address)
        for action in view.actions
        if action.address.kind is AddressKind.HOLDER and action.verb is Verb.REMOVE
    }
    # A holder leaves only when nothing is left to them, outside the scope either.
    left = view.directory.state.assignments.of_holders(leaving.__contains__)
    for holder, kind, targets in (view.in_scope | left).groups():
        yield holder.role.value, holder.person, kind.value, *targets
    for found in (*view.targets, *left):
        if not view.scope.includes(view.directory, found, view.as_of):
            yield "outside", *(str(part) for part in found)


def _people(view: _View) -> Iterable[Row]:
    named = {
        address.parts[1]
        for address in view.addresses
        if address.kind in (AddressKind.HOLDER, AddressKind.ASSIGNMENT)
    }
    named |= {found.target for found in view.targets if found.kind is TargetKind.LEARNER}
    for person in sorted(named):
        known = view.directory.people.get(person)
        key = view.keys.person(person)
        yield person, key, str(len(view.keys.find_people(key))), known.profile if known else None


def _units(view: _View) -> Iterable[Row]:
    """The units that are named, with their keys, and where everything below them lies."""
    units = view.directory.units
    named = {found.target for found in view.targets if found.kind is not TargetKind.LEARNER}
    named |= {unit for pair in view.basis.compared for unit in pair}
    for unit in sorted(named | set(view.basis.scope or ())):
        key = view.keys.unit(unit)
        yield unit, key, str(len(view.keys.find_units(key)))
    for unit in sorted(view.directory.subtree(named & units.keys())):
        yield unit, units[unit].kind.value, units[unit].parent


def _members(view: _View) -> Iterable[Row]:
    """Whether the units that were compared have the same learners, and until when.

    Who they are does not matter.
    """
    compared = view.basis.compared
    if compared:
        members = Members(view.directory, {unit for pair in compared for unit in pair})
        for one, other in compared:
            until = members.unchanged_until(one, other, view.as_of)
            same = members.same(one, other, view.as_of)
            yield one, other, "same" if same else None, str(until) if until else None


PARTS: Final[Mapping[str, Callable[[_View], Iterable[Row]]]] = {
    "profiles": _profiles,
    "labels": _labels,
    "holders": _holders,
    "assignments": _assignments,
    "people": _people,
    "units": _units,
    "memberships": _members,
}


def _digest(rows: Iterable[Row]) -> str:
    lines = sorted(map(msgspec.json.encode, rows))
    return "sha256:" + hashlib.sha256(b"\n".join(lines)).hexdigest()
