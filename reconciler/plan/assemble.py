"""Makes a plan of differences: ordered, judged, narrowed, and with the digests of its basis."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType

from reconciler.access.changes import AccessChange
from reconciler.cause import Grant
from reconciler.diagnostics import Diagnostic
from reconciler.diagnostics import in_order as diagnostics_in_order
from reconciler.diff import Difference
from reconciler.directory import Directory, Keys
from reconciler.domain.address import Address, AddressKind
from reconciler.domain.assignments import Assignment
from reconciler.domain.roster import RosterSize
from reconciler.domain.vocabulary import Capability
from reconciler.manifest.model import Accepted
from reconciler.manifest.policies import PolicyKey
from reconciler.plan.basis import digests
from reconciler.plan.judgement import Judgement
from reconciler.plan.model import Action, Basis, Plan, Unmanaged
from reconciler.plan.moved import Counted, named_moves, paired
from reconciler.plan.moves import NO_MOVES, Moves
from reconciler.plan.notes import bereft, named_deviations, named_upcoming
from reconciler.plan.order import in_order
from reconciler.plan.schools import Schools, by_school
from reconciler.plan.select import Selection
from reconciler.policy.guards import judge
from reconciler.policy.judged import NOTHING_SAID, Said
from reconciler.policy.model import InForce
from reconciler.policy.overrides import needless
from reconciler.provider import Verb
from reconciler.scope import Scope

CAPABILITIES: Mapping[AddressKind, Capability] = {
    AddressKind.PROFILE: Capability.PROFILES,
    AddressKind.LABEL: Capability.LABELS,
    AddressKind.HOLDER: Capability.HOLDERS,
    AddressKind.ASSIGNMENT: Capability.ASSIGNMENTS,
}
"""The capability that each kind of action needs; without it the action is manual."""

EVERYTHING = Selection()
"""Nothing is left out."""

_ONLY_ADVICE = (
    "It may be so already; the same command without --only and --except, with --format json, "
    "has the addresses."
)


@dataclass(frozen=True, slots=True)
class Frame:
    """All of a plan but its actions and what follows from them; the names are the plan's own.

    Attributes:
        scope: the part of the site that the guards look at.
        basis: what the plan rests on; its digests are taken when the actions are known.
        unmanaged: the differences that are reported only.
        policies: the rules that it has to keep to.
        overrides: per guard code the reason to lift its refusal.
        selection: what to narrow the plan to.
        upcoming: per declared assignment that begins later its first day.
        deviations: the differences that are accepted.
        moves: the units and people that have other keys now.
        counted: what is live and counts as something declared.
        rosters: per roster how much there was in it when its rules last removed what it lacks.
        said: what the manifest and its rosters say.
    """

    id: str
    manifest: str
    commit: str | None
    timezone: str
    as_of: date
    holds_until: date | None
    scope: Scope
    basis: Basis
    unmanaged: tuple[Difference, ...]
    warnings: tuple[Diagnostic, ...]
    policies: tuple[InForce, ...]
    overrides: Mapping[str, str]
    selection: Selection = EVERYTHING
    upcoming: tuple[tuple[Assignment, date], ...] = ()
    deviations: tuple[tuple[Difference, Accepted], ...] = ()
    moves: Moves = NO_MOVES
    counted: tuple[Counted, ...] = ()
    rosters: Mapping[str, RosterSize] = field(default_factory=lambda: MappingProxyType({}))
    said: Said = NOTHING_SAID


def assemble(
    directory: Directory, keys: Keys, differences: Sequence[Difference], frame: Frame
) -> Plan:
    """Make a plan of differences: ordered, judged, narrowed, and with the digests of its basis.

    Args:
        directory: the live site.
        keys: name what is planned for people.
        differences: what is to be done; an address stands in one of them only.
        frame: everything else.

    Raises:
        WrongUse: something would be left out that something else must wait for.
    """
    judgement = Judgement(directory, frame.scope, differences, frame.as_of)
    schools = Schools(directory, keys, frame.as_of)
    actions = _actions(directory, keys, differences, judgement, frame, schools)
    notes = list(_nothing_matched(frame.selection, actions))
    if frame.selection.narrows:
        actions = frame.selection.of(actions, directory.state.site.id)
        frame = _confined(frame, directory, actions)
        judgement = Judgement(directory, frame.scope, actions, frame.as_of)
        actions = tuple(
            replace(
                action,
                sees_change=judgement.sees_change(action.address, action.verb),
                school=school,
            )
            for action, school in zip(actions, schools.of_steps(actions), strict=True)
        )
        if differences and not actions and not notes:
            notes.append(
                Diagnostic("RR504", "--only and --except leave nothing that would change.")
            )
    counted = {each.live: each.declared for each in frame.counted}
    judged = judgement.judged(keys, frame.said, counted)
    verdicts = judge(judged, frame.policies, frame.overrides)
    notes += needless(verdicts, frame.overrides)
    notes += bereft(judged, verdicts)
    unmanaged = (
        Unmanaged(each.address, keys.name(each.address), each.cause.accepted_until, school)
        for each, school in zip(frame.unmanaged, schools.of_steps(frame.unmanaged), strict=True)
    )
    taken = digests(directory, frame.basis, actions, frame.as_of)
    return Plan(
        id=frame.id,
        site=directory.state.site.id,
        manifest=frame.manifest,
        commit=frame.commit,
        revision=directory.state.site.revision,
        timezone=frame.timezone,
        as_of=frame.as_of,
        holds_until=frame.holds_until,
        actions=actions,
        unmanaged=tuple(sorted(unmanaged, key=lambda item: (str(item.name), item.address))),
        upcoming=named_upcoming(keys, frame.upcoming),
        accepted=named_deviations(keys, frame.deviations),
        moved=named_moves(keys, frame.counted, _told(frame.moves, actions)),
        warnings=diagnostics_in_order((*frame.warnings, *notes)),
        rosters=frame.rosters,
        policies=frame.policies,
        verdicts=verdicts,
        access=judgement.access,
        schools=by_school(schools, directory, judgement, actions, frame.as_of),
        people=_names(keys, judgement.access, frame.policies),
        basis=replace(frame.basis, digests=taken),
    )


def _confined(frame: Frame, directory: Directory, actions: Iterable[Action]) -> Frame:
    """Confine a plan to the part of the site that it was narrowed to, as if that were its scope.

    It is judged there, and rests on nothing else, so that batches do not make each other stale.
    What an action in that part must wait for takes its own unit along.
    """
    parts = frame.selection.parts
    if parts is None:
        return frame
    tops = set(parts)
    if not frame.scope.whole_site:
        below = directory.subtree(parts)
        tops = (tops & frame.scope.units) | (below & set(frame.scope.tops or ()))
    scope = Scope.of(directory, tops)
    for action in actions:
        if action.address.kind is AddressKind.ASSIGNMENT:
            place = directory.place(Assignment.at(action.address), frame.as_of)
            if place is None:  # reached by the whole site only
                return frame
            if not scope.has(place):
                tops.add(place)
    scope = Scope.of(directory, tops)
    if scope.whole_site:
        return frame
    touched = {action.address for action in actions}
    basis = frame.basis
    enabling = any(address.kind is AddressKind.PROFILE for address in touched)
    return replace(
        frame,
        scope=scope,
        counted=tuple(each for each in frame.counted if scope.has(each.live.target)),
        basis=replace(
            basis,
            scope=scope.tops,
            profile_roles=basis.profile_roles if enabling else (),
            labels=tuple(label for label in basis.labels if label in touched),
            compared=tuple(pair for pair in basis.compared if scope.has(pair[0])),
            batch=True,
        ),
    )


def _actions(
    directory: Directory,
    keys: Keys,
    differences: Sequence[Difference],
    judgement: Judgement,
    frame: Frame,
    schools: Schools,
) -> tuple[Action, ...]:
    dependencies = judgement.dependencies()
    capabilities = directory.state.site.capabilities
    return in_order(
        Action(
            address=each.address,
            name=keys.name(each.address),
            verb=each.verb,
            before=each.before,
            after=each.after,
            cause=each.cause,
            requires=dependencies.of(each.address, each.verb),
            manual=CAPABILITIES[each.address.kind] not in capabilities,
            sees_change=judgement.sees_change(each.address, each.verb),
            grant=_grant(frame, each),
            school=school,
        )
        for each, school in zip(differences, schools.of_steps(differences), strict=True)
    )


def _told(moves: Moves, actions: Iterable[Action]) -> list[tuple[Address, Address]]:
    """Pair what is removed with what is added in its place."""
    verbs: dict[Verb, list[Address]] = {verb: [] for verb in Verb}
    for action in actions:
        verbs[action.verb].append(action.address)
    return paired(moves, verbs[Verb.REMOVE], verbs[Verb.ADD])


def _grant(frame: Frame, difference: Difference) -> Grant | None:
    """Return what the manifest says of an assignment that is to be added, of the day's own item."""
    added = difference.address.kind is AddressKind.ASSIGNMENT and difference.verb is Verb.ADD
    if not (added and frame.said.grants):
        return None
    grants = frame.said.grants.get(Assignment.at(difference.address), ())
    return next((each for each in grants if each.days.include(frame.as_of)), None)


def _nothing_matched(selection: Selection, actions: Sequence[Action]) -> Iterator[Diagnostic]:
    """Warn of patterns that match nothing: what they mean may be mistyped."""
    for option, there in selection.unmatched(actions):
        yield Diagnostic(
            "RR504",
            f"{option} matches nothing that would change.",
            None,
            f"{there} {_ONLY_ADVICE}" if actions else there,
        )


def _names(
    keys: Keys, access: Iterable[AccessChange], policies: Iterable[InForce]
) -> dict[str, str]:
    named = {
        person
        for each in policies
        if each.rule is PolicyKey.PROTECTED and isinstance(each.value, Mapping)
        for person in each.value["people"]
    }
    for change in access:
        named.update((change.person, *change.gained, *change.lost))
    return {person: keys.person(person) for person in sorted(named)}
