"""What a site would be after some actions: pure, and the measure of guards and read-backs."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from reconciler.diff import Value
from reconciler.domain.address import Address, AddressKind
from reconciler.domain.assignments import Assignment, Holder
from reconciler.domain.vocabulary import LabelField, Role
from reconciler.plan.model import Action
from reconciler.provider import Verb
from reconciler.state import Labels, LiveState, Profile


class Step(Protocol):
    """A write, planned or found: an action and a difference are both one."""

    @property
    def address(self) -> Address:
        """What it writes, in the site's ids."""
        ...

    @property
    def verb(self) -> Verb:
        """What it does there."""
        ...

    @property
    def after(self) -> Value:
        """What stands there afterwards."""
        ...


@dataclass(frozen=True, slots=True)
class Undo:
    """The step that takes another one back."""

    address: Address
    verb: Verb
    after: Value


_INVERSE = {Verb.ADD: Verb.REMOVE, Verb.REMOVE: Verb.ADD, Verb.CHANGE: Verb.CHANGE}


def undo(action: Action) -> Undo:
    """Return the inverse of an action."""
    return Undo(action.address, _INVERSE[action.verb], action.before)


def value_at(state: LiveState, address: Address) -> Value:
    """Return what stands at an address (in ids): a label's text, or whether it is present."""
    parts = address.parts
    match address.kind:
        case AddressKind.PROFILE:
            return any(
                profile.id == parts[0] and parts[1] in profile.roles for profile in state.profiles
            )
        case AddressKind.LABEL:
            return next(
                labels.value(LabelField(parts[1]))
                for labels in state.labels
                if labels.role == parts[0]
            )
        case AddressKind.HOLDER:
            return Holder(Role(parts[0]), parts[1]) in state.holders
        case AddressKind.ASSIGNMENT:
            return Assignment.at(address) in state.assignments


def stands(state: LiveState, step: Step) -> bool:
    """Whether a site is as a step wants it."""
    return value_at(state, step.address) == step.after


def end_state(state: LiveState, steps: Iterable[Step]) -> LiveState:
    """Return the state as it is once the steps have been made; the same one without any."""
    steps = list(steps)
    if not steps:
        return state
    holders: set[Holder] = set(state.holders)
    added: list[Assignment] = []
    removed: list[Assignment] = []
    profiles: dict[str, Profile] = {profile.id: profile for profile in state.profiles}
    labels: dict[Role, Labels] = {labels.role: labels for labels in state.labels}
    for step in steps:
        parts = step.address.parts
        adds = step.verb is Verb.ADD
        match step.address.kind:
            case AddressKind.PROFILE:
                profile, role = profiles[parts[0]], frozenset((Role(parts[1]),))
                roles = profile.roles | role if adds else profile.roles - role
                profiles[profile.id] = replace(profile, roles=roles)
            case AddressKind.LABEL:
                labels[Role(parts[0])] = _relabelled(labels[Role(parts[0])], step)
            case AddressKind.HOLDER:
                holder = Holder(Role(parts[0]), parts[1])
                (holders.add if adds else holders.discard)(holder)
            case AddressKind.ASSIGNMENT:
                (added if adds else removed).append(Assignment.at(step.address))
    return replace(
        state,
        profiles=tuple(profiles.values()),
        labels=tuple(labels.values()),
        holders=frozenset(holders),
        assignments=state.assignments.changed(added, removed),
    )


def _relabelled(labels: Labels, step: Step) -> Labels:
    text = step.after if isinstance(step.after, str) else None
    if LabelField(step.address.parts[1]) is LabelField.TOOL_NAME:
        return replace(labels, tool_name=text)
    return replace(labels, role_name=text)
