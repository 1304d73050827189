"""The differences between live and desired state, within the manifest's scope.

Both sides are frozen first and turned into the same small objects: a role's labels, a profile's
roles, one person's entry in a role. One comparison serves all three. Nothing here reads a site or
decides an order.
"""

from collections.abc import Iterator, Mapping, Sized
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from reconciler.cause import Cause, CauseKind
from reconciler.desired import Desired
from reconciler.directory import Directory
from reconciler.domain.address import Address
from reconciler.domain.assignments import Assignment, Holder, Targets
from reconciler.domain.vocabulary import LabelField, Role, TargetKind
from reconciler.manifest.model import Unmanaged
from reconciler.provider import Verb

Value: TypeAlias = bool | str | None
"""What stands at an address: for a label its text or None, for all else whether it is present."""


class Treatment(StrEnum):
    """What the manifest wants done about a difference."""

    ACT = "act"
    REPORT = "report"
    PROTECT = "protect"
    ACCEPT = "accept"
    HOLD_BACK = "hold_back"


@dataclass(frozen=True, slots=True)
class Difference:
    """One address (in ids) at which live and desired state differ.

    `follows` is the address of another difference, where this one is treated as that one is.
    """

    address: Address
    verb: Verb
    before: Value
    after: Value
    cause: Cause
    treatment: Treatment = Treatment.ACT
    follows: Address | None = None


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of an object that changed; for a field that is a set, one member of it."""

    field: str
    before: Value
    after: Value
    member: str | None = None


Fields: TypeAlias = Mapping[str, str | frozenset[str] | None]
"""A settings-like object: each field is a text, or a set of members."""


def changed_fields(before: Fields, after: Fields) -> list[FieldChange]:
    """Compare two objects with the same fields and types, sorted by field and member."""
    return [] if before == after else list(_changes(before, after))


def _changes(before: Fields, after: Fields) -> Iterator[FieldChange]:
    for field in sorted(before):
        old, new = before[field], after[field]
        if isinstance(old, frozenset) and isinstance(new, frozenset):
            for member in sorted(old ^ new):
                yield FieldChange(field, member in old, member in new, member)
        elif old != new:
            yield FieldChange(field, _text(old), _text(new))


def _text(value: str | frozenset[str] | None) -> str | None:
    return value if isinstance(value, str) else None


def diff(directory: Directory, desired: Desired) -> list[Difference]:
    """Find every difference within the scope, in no particular order.

    Sections that the manifest leaves out give none, and with `unmanaged: ignore` there are none of
    undeclared holders.
    """
    found = list(_labels(directory, desired))
    found.extend(_profiles(directory, desired))
    for role in sorted(desired.managed):
        found.extend(_role(directory, desired, role))
    return found


def _labels(directory: Directory, desired: Desired) -> Iterator[Difference]:
    for labels in directory.state.labels:
        live: dict[str, str | None] = {field.value: labels.value(field) for field in LabelField}
        wanted = dict(live)
        for (role, field), (text, _cause) in desired.labels.items():
            if role is labels.role:
                wanted[field.value] = text
        for change in changed_fields(live, wanted):
            yield Difference(
                Address.label(labels.role, change.field),
                Verb.CHANGE,
                change.before,
                change.after,
                desired.labels[labels.role, LabelField(change.field)][1],
            )


def _profiles(directory: Directory, desired: Desired) -> Iterator[Difference]:
    for profile in directory.state.profiles:
        live = frozenset(role.value for role in profile.roles)
        wanted = set(live)
        for role, (profiles, _cause) in desired.profiles.items():
            (wanted.add if profile.id in profiles else wanted.discard)(role.value)
        for change in changed_fields({"roles": live}, {"roles": frozenset(wanted)}):
            role = Role(str(change.member))
            address = Address.profile(profile.id, role)
            yield _presence(address, change, desired.profiles[role][1])


def _role(directory: Directory, desired: Desired, role: Role) -> Iterator[Difference]:
    state = directory.state
    live, wanted = state.assignments, desired.assignments.all
    differing = (
        holder
        for holder in state.holders | desired.holders.keys()
        if holder.role is role
        and not (
            holder in desired.holders
            and holder in state.holders
            and live.targets(holder) == wanted.targets(holder)
        )
    )
    for holder in sorted(differing):
        everything = live.targets(holder)
        before = _entry(everything)
        if not desired.scope.whole_site:
            before = _within(directory, desired, holder, before)
        if holder in desired.holders:
            if holder not in state.holders:
                yield Difference(
                    Address.holder(*holder),
                    Verb.ADD,
                    before=False,
                    after=True,
                    cause=desired.holders[holder],
                )
            declared = desired.assignments.causes(holder)
            for change in changed_fields(before, _entry(wanted.targets(holder))):
                assignment = Assignment(*holder, TargetKind(change.field), str(change.member))
                cause = declared(assignment) or _not_declared(desired, assignment)
                yield _presence(Address.assignment(*assignment), change, cause)
        elif desired.unmanaged is not Unmanaged.IGNORE:
            leaves = desired.scope.whole_site or (
                bool(_size(before)) and _size(before) == _size(everything)
            )
            yield from _undeclared(holder, before, leaves=leaves)


def _undeclared(
    holder: Holder, before: Mapping[str, frozenset[str]], *, leaves: bool
) -> Iterator[Difference]:
    """Take out a holder who is not declared: what is in scope, and themselves where they leave.

    A holder without assignments is taken out only by a manifest for the whole site, or by the run
    that removes their last one (design, section 3): they may be another manifest's.
    """
    cause = Cause(CauseKind.UNDECLARED)
    addresses = [
        Address.assignment(*holder, kind, target)
        for kind, targets in before.items()
        for target in sorted(targets)
    ]
    if leaves:
        addresses.append(Address.holder(*holder))
    for address in addresses:
        yield Difference(address, Verb.REMOVE, True, False, cause)  # noqa: FBT003 - before, after


def _not_declared(desired: Desired, assignment: Assignment) -> Cause:
    found = desired.dormant.get(assignment)
    if found is not None:
        return found
    holder = desired.holders[assignment.holder]
    position = holder.position if holder.kind is CauseKind.DECLARED else None
    of_role = (
        each.rule.name.key for each in desired.rules.results if each.rule.role is assignment.role
    )
    return Cause(CauseKind.NOT_IN_ENTRY, position, rule=holder.rule or next(of_role, None))


def _presence(address: Address, change: FieldChange, cause: Cause) -> Difference:
    verb = Verb.ADD if change.after else Verb.REMOVE
    return Difference(address, verb, change.before, change.after, cause)


_Entry: TypeAlias = dict[str, frozenset[str]]


def _entry(targets: Targets) -> _Entry:
    """Make a settings-like object of what a holder is assigned: the targets of each kind."""
    return {kind.value: frozenset(targets.get(kind, ())) for kind in TargetKind}


def _within(directory: Directory, desired: Desired, holder: Holder, entry: _Entry) -> _Entry:
    return {
        kind: frozenset(
            target
            for target in targets
            if desired.scope.includes(
                directory, Assignment(*holder, TargetKind(kind), target), desired.as_of
            )
        )
        for kind, targets in entry.items()
    }


def _size(entry: Mapping[Any, Sized]) -> int:
    return sum(len(targets) for targets in entry.values())
