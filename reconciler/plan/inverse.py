"""Takes back what a run did, and only that: what somebody changed since stays as they left it.

`inverted` turns a whole plan round, for reading. `plan_rollback` makes a plan, against the site as
it is, of those actions of a run whose effect still stands and may be taken back.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from reconciler.desired import Cause, CauseKind
from reconciler.diagnostics import Diagnostic
from reconciler.diff import Difference
from reconciler.directory import Directory, Keys
from reconciler.domain.address import Address, AddressKind
from reconciler.domain.vocabulary import MembershipRole, TargetKind
from reconciler.manifest.model import Policy
from reconciler.plan.build import EVERYTHING, Frame, assemble
from reconciler.plan.end_state import end_state, undo, value_at
from reconciler.plan.model import Action, Basis, Plan
from reconciler.plan.order import in_order
from reconciler.plan.select import Selection
from reconciler.provider import Event, Verb
from reconciler.scope import Scope
from reconciler.state import Assignment, Holder, LiveState


def inverted(plan: Plan) -> Plan:
    """Turn a plan round: what would take back all of it, if nothing else had changed since.

    It is for reading: nothing judged it against a site, so no run accepts it.
    """
    followers: defaultdict[Address, list[Address]] = defaultdict(list)
    for action in plan.actions:
        for needed in action.requires:
            followers[needed].append(action.address)
    actions = in_order(
        replace(
            action,
            verb=undo(action).verb,
            before=action.after,
            after=action.before,
            cause=Cause(CauseKind.ROLLED_BACK),
            requires=tuple(sorted(followers[action.address])),
        )
        for action in plan.actions
    )
    access = tuple(
        replace(change, gained=change.lost, lost=change.gained) for change in plan.access
    )
    return replace(
        plan,
        holds_until=None,
        actions=actions,
        unmanaged=(),
        warnings=(),
        verdicts=(),
        access=access,
        basis=replace(plan.basis, digests={}),
    )


@dataclass(frozen=True, slots=True)
class Effect:
    """An action of a run that took effect, and the site's revision then, where it is known."""

    action: Action
    revision: int | None


@dataclass(frozen=True, slots=True)
class Done:
    """A run that is to be taken back.

    Attributes:
        run: its id.
        manifest: the digest of its plan's manifest.
        timezone: where that manifest's days begin and end.
        basis: what its plan rested on; the digests are not read.
        effects: what it did.
        events: per address (in ids) the last write to it; None where the site keeps no events.
    """

    run: str
    manifest: str
    timezone: str
    basis: Basis
    effects: Sequence[Effect]
    events: Mapping[Address, Event] | None


def plan_rollback(
    done: Done,
    state: LiveState,
    *,
    as_of: date,
    plan_id: str,
    overrides: Mapping[str, str] | None = None,
    selection: Selection = EVERYTHING,
) -> Plan:
    """Plan how a run is taken back, as far as nobody has changed its effects since.

    What stays is named in a warning (RR506). The guards judge it with their default limits, since
    the manifest that set others is not at hand.

    Args:
        done: the run.
        state: the site as it is.
        as_of: today.
        plan_id: a random id, made by the caller.
        overrides: per guard code the reason to lift its refusal in this run.
        selection: what to narrow the plan to.

    Raises:
        WrongUse: something would be left out that something else must wait for.
    """
    directory = Directory(state)
    keys = Keys(directory, done.basis.people, done.basis.units)
    scope = Scope.of(directory, _known(directory, done.basis.scope))
    cause = Cause(CauseKind.ROLLED_BACK, run=done.run)
    kept: dict[Address, str] = {}
    steps: dict[Address, Difference] = {}
    for effect in done.effects:
        step = undo(effect.action)
        reason = _changed_since(effect, state, done.events) or _out_of_scope(
            directory, scope, step.address, as_of
        )
        if reason:
            kept[step.address] = reason
        else:
            before = effect.action.after
            steps[step.address] = Difference(step.address, step.verb, before, step.after, cause)
    kept |= _drop_impossible(directory, steps)
    names = {effect.action.address: effect.action.name for effect in done.effects}
    frame = Frame(
        id=plan_id,
        manifest=done.manifest,
        commit=None,
        timezone=done.timezone,
        as_of=as_of,
        holds_until=None,
        scope=scope,
        basis=replace(done.basis, digests={}),
        unmanaged=(),
        warnings=tuple(_warnings(done, names, kept)),
        limit=Policy().max_removals,
        overrides=overrides or {},
        selection=selection,
    )
    ordered = sorted(steps.values(), key=lambda step: step.address)
    return assemble(directory, keys, ordered, frame)


def _known(directory: Directory, tops: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Leave out of a scope the units that are gone: nothing lies below them any more."""
    return None if tops is None else tuple(top for top in tops if top in directory.units)


def _changed_since(
    effect: Effect, state: LiveState, events: Mapping[Address, Event] | None
) -> str | None:
    """Say who changed an address since, or that somebody did; None where nobody has."""
    action = effect.action
    event = events.get(action.address) if events is not None else None
    if event is not None and effect.revision is not None and event.revision > effect.revision:
        return f"{event.author} has changed it since, at {event.time}"
    if not _known_subject(Directory(state), action.address):
        return "what it is about is not on the site any more"
    if value_at(state, action.address) != action.after:
        return "it has been changed since"
    return None


def _known_subject(directory: Directory, address: Address) -> bool:
    match address.kind, address.parts:
        case AddressKind.PROFILE, (profile, _):
            return profile in directory.profiles
        case AddressKind.LABEL, _:
            return True
        case AddressKind.HOLDER, (_, person):
            return person in directory.people
        case _, (_, person, kind, target):
            known = directory.people if kind == TargetKind.LEARNER else directory.units
            return person in directory.people and target in known
    return False


def _out_of_scope(directory: Directory, scope: Scope, address: Address, day: date) -> str | None:
    if address.kind is not AddressKind.ASSIGNMENT:
        return None
    if scope.includes(directory, Assignment.at(address), day):
        return None
    return "it lies outside the scope of that run's manifest by now"


def _drop_impossible(directory: Directory, steps: dict[Address, Difference]) -> dict[Address, str]:
    """Take out the steps that the site would refuse, and those which that makes impossible."""
    dropped: dict[Address, str] = {}
    while True:
        end = end_state(directory.state, steps.values())
        refused = {
            address: reason
            for address, step in steps.items()
            if (reason := _refusal(directory, end, step))
        }
        if not refused:
            return dropped
        dropped |= refused
        for address in refused:
            del steps[address]


def _refusal(directory: Directory, end: LiveState, step: Difference) -> str | None:
    rule = _RULES.get((step.address.kind, step.verb))
    return rule(directory, end, step.address) if rule else None


def _no_role(directory: Directory, end: LiveState, address: Address) -> str | None:
    role, person = address.parts
    profile = directory.people[person].profile
    enabled = any(each.id == profile and role in each.roles for each in end.profiles)
    return None if enabled else "the role is not enabled on the person's profile any more"


def _has_assignments(_directory: Directory, end: LiveState, address: Address) -> str | None:
    holder = Holder.at(address)
    left = any(each.holder == holder for each in end.assignments)
    return "the person has assignments that stay" if left else None


def _no_holder(directory: Directory, end: LiveState, address: Address) -> str | None:
    assignment = Assignment.at(address)
    if assignment.holder not in end.holders:
        return "the person does not have the role any more"
    if assignment.kind is TargetKind.LEARNER and not any(
        each.person == assignment.target and each.role is MembershipRole.LEARNER
        for each in directory.state.memberships
    ):
        return "its target is no learner any more"
    return None


_Rule = Callable[[Directory, LiveState, Address], str | None]

_RULES: Final[Mapping[tuple[AddressKind, Verb], _Rule]] = {
    (AddressKind.HOLDER, Verb.ADD): _no_role,
    (AddressKind.HOLDER, Verb.REMOVE): _has_assignments,
    (AddressKind.ASSIGNMENT, Verb.ADD): _no_holder,
}
"""What the site would refuse (design, section 2, "Dependencies" and "What the server does")."""


def _warnings(
    done: Done, names: Mapping[Address, Address], kept: Mapping[Address, str]
) -> Iterable[Diagnostic]:
    if done.events is None:
        yield Diagnostic(
            "RR507",
            "The site keeps no events, so only what stands there now tells what was changed since.",
            None,
            "Look whether somebody took a change back and made it again since the run.",
        )
    for address in sorted(kept):
        yield Diagnostic(
            "RR506", f"{names[address]} is not rolled back: {kept[address]}.", None, None
        )
