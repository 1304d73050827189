"""Takes back what a run did, and only that: what somebody changed since stays as they left it.

`inverted` turns a whole plan round, for reading. `plan_rollback` makes a plan, against the site as
it is, of those actions of a run whose effect still stands and may be taken back.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from reconciler.cause import Cause, CauseKind
from reconciler.diagnostics import Diagnostic
from reconciler.diff import Difference
from reconciler.directory import Directory, Keys
from reconciler.domain.address import Address, AddressKind
from reconciler.domain.assignments import Assignment, Holder
from reconciler.domain.vocabulary import TargetKind
from reconciler.plan.assemble import EVERYTHING, Frame, assemble
from reconciler.plan.end_state import end_state, stands, undo
from reconciler.plan.model import Action, Basis, Plan
from reconciler.plan.order import followers, in_order, reached
from reconciler.plan.select import Selection
from reconciler.policy.model import InForce
from reconciler.policy.protection import Protection
from reconciler.policy.resolve import protection_of
from reconciler.provider import Event, Verb
from reconciler.scope import Scope
from reconciler.state import LiveState


def inverted(plan: Plan) -> Plan:
    """Turn a plan round: what would take back all of it, if nothing else had changed since.

    It is for reading: nothing judged it against a site, so no run accepts it.
    """
    waiting = followers(plan.actions)
    actions = in_order(
        replace(
            action,
            verb=undo(action).verb,
            before=action.after,
            after=action.before,
            cause=Cause(CauseKind.ROLLED_BACK),
            requires=tuple(sorted(waiting.get(action.address, ()))),
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
        upcoming=(),
        accepted=(),
        moved=(),
        schools=(),
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
        manifest: what the plan names in place of a manifest's digest.
        timezone: where that manifest's days begin and end.
        basis: what its plan rested on; the digests are not read.
        effects: what it did.
        events: per address (in ids) the last write to it; None where the site keeps no events.
        since: the site's revision when the run's plan was made.
        policies: the rules that the rollback has to keep to.
        unsettled: what the run sent, and of which nobody knows what became.
        forgotten: what it may have done to people who have been forgotten since.
    """

    run: str
    manifest: str
    timezone: str
    basis: Basis
    effects: Sequence[Effect]
    events: Mapping[Address, Event] | None
    since: int
    policies: tuple[InForce, ...]
    unsettled: Sequence[Action] = ()
    forgotten: Sequence[Action] = ()


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

    What stays is named in a warning (RR506). The guards judge it by the policies that its plan had
    to keep to.

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
    scope = Scope.of(directory, _left_of(directory, done.basis.scope))
    cause = Cause(CauseKind.ROLLED_BACK, run=done.run)
    kept: dict[Address, str] = {}
    steps: dict[Address, Difference] = {}
    for effect in done.effects:
        step = undo(effect.action)
        reason = (
            _changed_since(effect, directory, done)
            or _out_of_scope(directory, scope, step.address, as_of)
            or _not_its_day(effect.action, as_of)
        )
        if reason:
            kept[step.address] = reason
        else:
            before = effect.action.after
            own = replace(cause, days=effect.action.cause.days)
            steps[step.address] = Difference(step.address, step.verb, before, step.after, own)
    kept |= _drop_impossible(directory, steps)
    names = {effect.action.address: effect.action.name for effect in done.effects}
    frame = Frame(
        id=plan_id,
        manifest=done.manifest,
        commit=None,
        timezone=done.timezone,
        as_of=as_of,
        holds_until=min(
            (
                step.cause.days.ends
                for step in steps.values()
                if step.verb is Verb.ADD and step.cause.days.ends is not None
            ),
            default=None,
        ),
        scope=scope,
        basis=replace(done.basis, digests={}, compared=()),
        unmanaged=(),
        warnings=tuple(_warnings(done, names, kept)),
        policies=done.policies,
        overrides=overrides or {},
        selection=selection.on(directory, keys, as_of),
    )
    ordered = sorted(steps.values(), key=lambda step: step.address)
    plan = assemble(directory, keys, ordered, frame)
    protected = _protected(plan.actions, protection_of(directory, done.policies))
    return replace(plan, warnings=(*plan.warnings, *protected))


def _protected(actions: Sequence[Action], protection: Protection) -> Iterable[Diagnostic]:
    """Warn of what is taken away although a policy protects it from being left out by mistake."""
    waiting = followers(actions)
    by_address = {action.address: action for action in actions}
    for action in sorted(actions, key=lambda each: str(each.name)):
        if action.verb is Verb.REMOVE and protection.covers(action.address):
            left = in_order(by_address[each] for each in reached([action.address], waiting))
            options = " ".join(f"--except '{each.name}'" for each in left)
            yield Diagnostic(
                "RR509",
                f"{action.name} is under policy.protected, and goes.",
                None,
                f"If it is to stay, leave it out: {options}.",
            )


def _left_of(directory: Directory, tops: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Leave out of a scope the units that are gone: nothing lies below them any more."""
    return None if tops is None else tuple(top for top in tops if top in directory.units)


def _changed_since(effect: Effect, directory: Directory, done: Done) -> str | None:
    """Say who changed an address since, or that somebody did; None where nobody has."""
    action, state = effect.action, directory.state
    if not _has_subject(directory, action.address):
        return "what it is about is not on the site any more"
    if not stands(state, action):
        return _by(done, action.address) or "it has been changed since"
    if done.events is None:
        return None
    event = done.events.get(action.address)
    if effect.revision is not None:
        later = event is not None and event.revision > effect.revision
        return _by(done, action.address) if later else None
    # Without a revision of its own, the last write must be ours, and not older than the plan.
    ours = event is not None and event.revision > done.since and event.is_by(state.site.own)
    return None if ours else "the site's events do not tell whether it is still the run's"


def _by(done: Done, address: Address) -> str | None:
    event = (done.events or {}).get(address)
    return f"{event.author} has changed it since, at {event.time}" if event else None


def _has_subject(directory: Directory, address: Address) -> bool:
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


def _not_its_day(action: Action, as_of: date) -> str | None:
    """Say so of what would be given back on a day on which it was declared not to hold."""
    days = action.cause.days
    if action.verb is not Verb.REMOVE or days.include(as_of):
        return None
    return f"it expired {days.ends}" if days.are_over(as_of) else f"it starts on {days.begins}"


@dataclass(frozen=True, slots=True)
class _End:
    """The site after some steps, in the form that the rules ask for.

    Attributes:
        directory: the live site.
        roles: per profile id the roles enabled on it.
        holders: who has been added.
        assigned: who has assignments.
    """

    directory: Directory
    roles: Mapping[str, frozenset[str]]
    holders: frozenset[Holder]
    assigned: frozenset[Holder]


def _drop_impossible(directory: Directory, steps: dict[Address, Difference]) -> dict[Address, str]:
    """Take out the steps that the site would refuse, and those which that makes impossible."""
    dropped: dict[Address, str] = {}
    while True:
        state = end_state(directory.state, steps.values())
        end = _End(
            directory,
            {profile.id: frozenset(profile.roles) for profile in state.profiles},
            state.holders,
            frozenset(found.holder for found in state.assignments),
        )
        refused = {
            address: reason for address, step in steps.items() if (reason := _refusal(end, step))
        }
        if not refused:
            return dropped
        dropped |= refused
        for address in refused:
            del steps[address]


def _refusal(end: _End, step: Difference) -> str | None:
    rule = _RULES.get((step.address.kind, step.verb))
    return rule(end, step.address) if rule else None


def _no_role(end: _End, address: Address) -> str | None:
    role, person = address.parts
    enabled = role in end.roles[end.directory.people[person].profile]
    return None if enabled else "the role is not enabled on the person's profile any more"


def _has_assignments(end: _End, address: Address) -> str | None:
    left = Holder.at(address) in end.assigned
    return "the person has assignments that stay" if left else None


def _no_holder(end: _End, address: Address) -> str | None:
    assignment = Assignment.at(address)
    if assignment.holder not in end.holders:
        return "the person does not have the role any more"
    known = end.directory.learner_memberships
    if assignment.kind is TargetKind.LEARNER and assignment.target not in known:
        return "its target is no learner any more"
    return None


_Rule = Callable[[_End, Address], str | None]

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
    for action in done.unsettled:
        yield Diagnostic(
            "RR506",
            f"{action.name} is not rolled back: nobody knows yet whether it took effect.",
            None,
            "Run the apply again that was cut off, or look at the site.",
        )
    for action in done.forgotten:
        yield Diagnostic(
            "RR506",
            f"{action.name} is not rolled back: the person has been forgotten.",
            None,
            "Look on the site whether anything is left to take back by hand.",
        )
    for address in sorted(kept):
        yield Diagnostic(
            "RR506", f"{names[address]} is not rolled back: {kept[address]}.", None, None
        )
