"""Makes the plan: the one pure function behind `plan`, `apply`, `drift` and `demo`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType

from reconciler.access.changes import AccessChange
from reconciler.cause import Grant
from reconciler.desired import resolve
from reconciler.diagnostics import Diagnostic
from reconciler.diagnostics import in_order as diagnostics_in_order
from reconciler.diff import Difference, Treatment, diff
from reconciler.directory import Directory, Keys
from reconciler.domain.address import Address, AddressKind
from reconciler.domain.assignments import Assignment
from reconciler.domain.roster import RosterSize
from reconciler.domain.vocabulary import Capability
from reconciler.errors import InvalidInput
from reconciler.manifest.model import Accepted, Manifest
from reconciler.manifest.policies import PolicyKey
from reconciler.plan.basis import digests
from reconciler.plan.judgement import Judgement
from reconciler.plan.model import Action, Basis, Plan, Unmanaged
from reconciler.plan.moved import Counted, idle, named_moves, paired, stand
from reconciler.plan.moves import NO_MOVES, Moves, find_moves
from reconciler.plan.notes import (
    bereft,
    deviations,
    named_deviations,
    named_upcoming,
    pointless,
    protections,
    unknown_sight,
    upcoming,
)
from reconciler.plan.order import in_order
from reconciler.plan.schools import Schools, by_school
from reconciler.plan.select import Selection
from reconciler.plan.treatment import held_back, treated
from reconciler.policy.guards import judge, needless
from reconciler.policy.judged import NOTHING_SAID, Said
from reconciler.policy.model import InForce
from reconciler.policy.resolve import in_force, protection_of, too_much
from reconciler.provider import Verb
from reconciler.rules.shrink import shrunk
from reconciler.scope import Scope
from reconciler.state import LiveState

CAPABILITIES: Mapping[AddressKind, Capability] = {
    AddressKind.PROFILE: Capability.PROFILES,
    AddressKind.LABEL: Capability.LABELS,
    AddressKind.HOLDER: Capability.HOLDERS,
    AddressKind.ASSIGNMENT: Capability.ASSIGNMENTS,
}
"""The capability that each kind of action needs; without it the action is manual."""

EVERYTHING = Selection()
"""Nothing is left out."""

_ONLY_ADVICE = "It may be so already; without --only, `plan --format json` has the addresses."


def make_plan(  # noqa: PLR0913 - the parameters are what a plan depends on
    manifest: Manifest,
    state: LiveState,
    *,
    as_of: date,
    plan_id: str,
    commit: str | None = None,
    overrides: Mapping[str, str] | None = None,
    selection: Selection = EVERYTHING,
    site_policy: Manifest | None = None,
    rosters_before: Mapping[str, RosterSize] | None = None,
) -> Plan:
    """Plan how a site becomes what a manifest declares on a day.

    Pure: the same inputs give the same plan, and nothing is read or written.

    Args:
        manifest: what is wanted.
        state: what is.
        as_of: the day for which dates in the manifest are judged.
        plan_id: a random id, made by the caller.
        commit: the commit of the manifest, where it is in Git.
        overrides: per guard code the reason to lift its refusal in this run.
        selection: what to narrow the plan to.
        site_policy: the site-wide policy file, which the manifest cannot loosen.
        rosters_before: per roster how much there was in it when it was last applied; by one that
            has lost too much since nothing is removed and nobody steps in.

    Raises:
        InvalidInput: the manifest or the policy file does not fit the site; all diagnostics
            together.
        WrongUse: something would be left out that something else must wait for.
    """
    directory = Directory(state)
    keys = Keys(directory, manifest.settings.people, manifest.settings.units)
    selection = selection.on(directory, keys, as_of)
    desired, found = resolve(manifest, directory, keys, as_of)
    policies, more = in_force(directory, manifest, site_policy)
    moves, misnamed = find_moves(manifest, directory, keys)
    found = (*found, *(each for each in (*more, *misnamed) if each not in found))
    if any(diagnostic.is_error for diagnostic in found):
        raise InvalidInput(diagnostics_in_order((*manifest.warnings, *found)))
    protection = replace(protection_of(directory, policies), unsure=desired.rules.unsure)
    standing = stand(directory, desired, moves, protection, diff(directory, desired))
    differences = treated(directory, desired, protection, standing.differences)
    sizes = {name: RosterSize.of(roster) for name, roster in manifest.rosters.items()}
    before = rosters_before or {}
    lost = tuple(shrunk(sizes, before))
    kept = held_back(desired, differences)
    due = tuple(each.address for each in kept if each.treatment is Treatment.HOLD_BACK)
    if "RR521" not in (overrides or {}) and too_much(lost, policies):
        differences = kept
        # What was held back is still to be compared with what there was.
        sizes |= {each.name: each.before for each in lost}
    elif selection.narrows:
        sizes |= {each.name: each.before for each in lost}
    unmanaged = (each for each in differences if each.treatment is Treatment.REPORT)
    let_be = tuple(deviations(desired, differences))
    frame = Frame(
        id=plan_id,
        manifest=manifest.digest,
        commit=commit,
        timezone=manifest.settings.timezone,
        as_of=as_of,
        holds_until=min(
            (day for day in (desired.holds_until, standing.holds_until) if day is not None),
            default=None,
        ),
        scope=desired.scope,
        basis=Basis(
            scope=desired.scope.tops,
            managed=tuple(sorted(desired.managed)),
            profile_roles=tuple(sorted(desired.profiles)),
            labels=tuple(sorted(Address.label(role, field) for role, field in desired.labels)),
            people=manifest.settings.people,
            units=manifest.settings.units,
            digests={},
            compared=standing.compared,
            rosters={name: size for name, size in before.items() if name in sizes},
        ),
        unmanaged=tuple(unmanaged),
        warnings=(
            *manifest.warnings,
            *(site_policy.warnings if site_policy else ()),
            *found,
            *protections(keys, desired, differences, protection),
            *pointless(manifest, desired, differences),
            *idle(moves, standing.used),
            *unknown_sight(directory, as_of),
        ),
        policies=policies,
        overrides=overrides or {},
        selection=selection,
        upcoming=tuple(upcoming(desired, directory)),
        deviations=let_be,
        moves=moves,
        counted=standing.counted,
        rosters=sizes,
        said=Said(
            declared=desired.assignments.all.changed(desired.upcoming, ()),
            grants=desired.grants,
            accepted={
                each.address: accepted.until
                for each, accepted in let_be
                if each.verb is Verb.REMOVE
            },
            due=tuple(at for at in due if selection.asks_for(at, keys.name(at))),
            shrunk=lost,
        ),
    )
    wanted = [each for each in differences if each.treatment is Treatment.ACT]
    return assemble(directory, keys, wanted, frame)


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
