"""Plans how a site becomes what a manifest declares: one pure function, and its steps."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import NamedTuple

from reconciler.desired import Desired, resolve
from reconciler.diagnostics import Diagnostic, in_order
from reconciler.diff import Difference, Treatment, diff
from reconciler.directory import Directory, Keys
from reconciler.domain.address import Address
from reconciler.domain.roster import RosterSize
from reconciler.errors import InvalidInput
from reconciler.manifest.model import Manifest
from reconciler.plan.assemble import EVERYTHING, Frame, assemble
from reconciler.plan.model import Basis, Plan
from reconciler.plan.moved import Standing, idle, stand
from reconciler.plan.moves import Moves, find_moves
from reconciler.plan.notes import deviations, pointless, protections, unknown_sight, upcoming
from reconciler.plan.select import Selection
from reconciler.plan.treatment import held_back, treated
from reconciler.policy.judged import Said
from reconciler.policy.model import ROSTER_SHRINK, InForce
from reconciler.policy.resolve import in_force, protection_of, too_much
from reconciler.provider import Verb
from reconciler.rules.shrink import Shrunk, shrunk
from reconciler.state import LiveState


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
    fitted = _fitted(manifest, site_policy, directory, keys, as_of)
    desired, policies, moves = fitted.desired, fitted.policies, fitted.moves
    protection = replace(protection_of(directory, policies), unsure=desired.rules.unsure)
    standing = stand(directory, desired, moves, protection, diff(directory, desired))
    treatment = _by_rosters(
        manifest,
        fitted,
        treated(directory, desired, protection, standing.differences),
        rosters_before or {},
        lifted=ROSTER_SHRINK in (overrides or {}),
        narrowed=selection.narrows,
    )
    differences = treatment.differences
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
        basis=_basis(manifest, desired, standing, treatment, rosters_before or {}),
        unmanaged=tuple(each for each in differences if each.treatment is Treatment.REPORT),
        warnings=(
            *manifest.warnings,
            *(site_policy.warnings if site_policy else ()),
            *fitted.found,
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
        rosters=treatment.sizes,
        said=Said(
            declared=desired.assignments.all.changed(desired.upcoming, ()),
            grants=desired.grants,
            accepted={
                each.address: accepted.until
                for each, accepted in let_be
                if each.verb is Verb.REMOVE
            },
            due=tuple(at for at in treatment.due if selection.asks_for(at, keys.name(at))),
            shrunk=treatment.lost,
        ),
    )
    wanted = [each for each in differences if each.treatment is Treatment.ACT]
    return assemble(directory, keys, wanted, frame)


class _Fitted(NamedTuple):
    """A manifest as it fits a site: what it wants there, and what there is to say of it."""

    desired: Desired
    policies: tuple[InForce, ...]
    moves: Moves
    found: tuple[Diagnostic, ...]


def _fitted(
    manifest: Manifest,
    site_policy: Manifest | None,
    directory: Directory,
    keys: Keys,
    as_of: date,
) -> _Fitted:
    """Resolve all that a manifest names.

    Raises:
        InvalidInput: it does not fit the site; all diagnostics together.
    """
    desired, found = resolve(manifest, directory, keys, as_of)
    policies, more = in_force(directory, manifest, site_policy)
    moves, misnamed = find_moves(manifest, directory, keys)
    found = (*found, *(each for each in (*more, *misnamed) if each not in found))
    if any(diagnostic.is_error for diagnostic in found):
        raise InvalidInput(in_order((*manifest.warnings, *found)))
    return _Fitted(desired, policies, moves, found)


class _Treatment(NamedTuple):
    """What is done about each difference, once the rosters have been looked at.

    Attributes:
        sizes: per roster how much was in it when its rules last removed what it lacks; after this
            plan.
        lost: the rosters that have shrunk.
        due: what a roster that has lost too much asks for, and a guard may hold back.
    """

    differences: list[Difference]
    sizes: Mapping[str, RosterSize]
    lost: tuple[Shrunk, ...]
    due: tuple[Address, ...]


def _by_rosters(
    manifest: Manifest,
    fitted: _Fitted,
    differences: list[Difference],
    before: Mapping[str, RosterSize],
    *,
    lifted: bool,
    narrowed: bool,
) -> _Treatment:
    """Hold back what a roster asks for that has lost too much, unless that is meant."""
    sizes = {name: RosterSize.of(roster) for name, roster in manifest.rosters.items()}
    lost = tuple(shrunk(sizes, before))
    kept = held_back(fitted.desired, differences)
    due = tuple(each.address for each in kept if each.treatment is Treatment.HOLD_BACK)
    holds = not lifted and too_much(lost, fitted.policies)
    if holds or narrowed:
        # What was held back, or left out, is still to be compared with what there was.
        sizes |= {each.name: each.before for each in lost}
    return _Treatment(kept if holds else differences, sizes, lost, due)


def _basis(
    manifest: Manifest,
    desired: Desired,
    standing: Standing,
    treatment: _Treatment,
    before: Mapping[str, RosterSize],
) -> Basis:
    """Return what a plan rests on, without its digests."""
    return Basis(
        scope=desired.scope.tops,
        managed=tuple(sorted(desired.managed)),
        profile_roles=tuple(sorted(desired.profiles)),
        labels=tuple(sorted(Address.label(role, field) for role, field in desired.labels)),
        people=manifest.settings.people,
        units=manifest.settings.units,
        digests={},
        compared=standing.compared,
        rosters={name: size for name, size in before.items() if name in treatment.sizes},
    )
