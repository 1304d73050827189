"""Makes the plan: the one pure function behind `plan`, `apply`, `drift` and `demo`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from reconciler.access.changes import AccessChange
from reconciler.desired import Desired, resolve
from reconciler.diagnostics import Diagnostic
from reconciler.diagnostics import in_order as diagnostics_in_order
from reconciler.diff import Difference, Treatment, diff
from reconciler.directory import Directory, Keys
from reconciler.domain.address import Address, AddressKind
from reconciler.domain.vocabulary import Capability, Role
from reconciler.errors import InvalidInput
from reconciler.manifest.model import Manifest
from reconciler.plan.basis import digests
from reconciler.plan.guards import judge
from reconciler.plan.judgement import Judgement
from reconciler.plan.model import Action, Basis, Plan, Unmanaged
from reconciler.plan.order import Dependencies, in_order
from reconciler.plan.select import select, unmatched
from reconciler.state import Holder, LiveState

CAPABILITIES: Mapping[AddressKind, Capability] = {
    AddressKind.PROFILE: Capability.PROFILES,
    AddressKind.LABEL: Capability.LABELS,
    AddressKind.HOLDER: Capability.HOLDERS,
    AddressKind.ASSIGNMENT: Capability.ASSIGNMENTS,
}
"""The capability that each kind of action needs; without it the action is manual."""

_ONLY_ADVICE = "It may be so already; the addresses stand in `plan --format json`."


def make_plan(
    manifest: Manifest,
    state: LiveState,
    *,
    as_of: date,
    plan_id: str,
    overrides: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
) -> Plan:
    """Plan how a site becomes what a manifest declares on a day.

    Pure: the same inputs give the same plan, and nothing is read or written.

    Args:
        manifest: what is wanted.
        state: what is.
        as_of: the day for which dates in the manifest are judged.
        plan_id: a random id, made by the caller.
        overrides: per guard code the reason to lift its refusal in this run.
        only: address patterns to narrow the plan to (see `reconciler.plan.select`).

    Raises:
        InvalidInput: the manifest does not fit the site; all diagnostics together.
    """
    directory = Directory(state)
    keys = Keys(directory, manifest.settings.people, manifest.settings.units)
    desired, found = resolve(manifest, directory, keys, as_of)
    if any(diagnostic.is_error for diagnostic in found):
        raise InvalidInput(diagnostics_in_order((*manifest.warnings, *found)))
    differences = diff(directory, desired, as_of)
    wanted = [each for each in differences if each.treatment is Treatment.ACT]
    judgement = Judgement(directory, desired.scope, wanted, as_of)
    actions = _actions(directory, keys, wanted, judgement)
    notes = [
        Diagnostic(
            "RR504", f"--only {pattern} matches nothing that would change.", None, _ONLY_ADVICE
        )
        for pattern in unmatched(actions, only)
    ]
    if only:
        actions = select(actions, only)
        judgement = Judgement(directory, desired.scope, actions, as_of)
        actions = tuple(
            replace(action, sees_change=judgement.sees_change(action.address, action.verb))
            for action in actions
        )
    limits = dict.fromkeys(Role, manifest.policy.max_removals)
    basis = Basis(
        scope=desired.scope.tops,
        managed=tuple(sorted(desired.managed)),
        profile_roles=tuple(sorted(desired.profiles)),
        labels=tuple(sorted(Address.label(role, field) for role, field in desired.labels)),
        people=manifest.settings.people,
        units=manifest.settings.units,
        digests={},
    )
    return Plan(
        id=plan_id,
        site=state.site.id,
        manifest=manifest.digest,
        revision=state.site.revision,
        timezone=manifest.settings.timezone,
        as_of=as_of,
        holds_until=desired.holds_until,
        actions=actions,
        unmanaged=tuple(
            sorted(
                (
                    Unmanaged(each.address, keys.name(each.address))
                    for each in differences
                    if each.treatment is Treatment.REPORT
                ),
                key=lambda item: (str(item.name), item.address),
            )
        ),
        warnings=diagnostics_in_order(
            (*manifest.warnings, *found, *notes, *_protections(keys, desired, differences))
        ),
        verdicts=judge(judgement.cases(limits), overrides or {}),
        access=judgement.access,
        people=_names(keys, judgement.access),
        basis=replace(basis, digests=digests(directory, basis, actions, as_of)),
    )


def _actions(
    directory: Directory, keys: Keys, differences: list[Difference], judgement: Judgement
) -> tuple[Action, ...]:
    dependencies = Dependencies(
        directory,
        judgement.learners,
        ((each.address, each.verb) for each in differences),
        kept=(
            found
            for found in judgement.effective_before & judgement.effective_after
            if found.role is Role.MENTOR
        ),
    )
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
        )
        for each in differences
    )


def _names(keys: Keys, access: Iterable[AccessChange]) -> dict[str, str]:
    named: set[str] = set()
    for change in access:
        named.update((change.person, *change.gained, *change.lost))
    return {person: keys.person(person) for person in sorted(named)}


def _protections(
    keys: Keys, desired: Desired, differences: Iterable[Difference]
) -> list[Diagnostic]:
    """Warn, once per holder, of what protection keeps in place (design, section 5)."""
    kept = {Holder.at(each.address) for each in differences if each.treatment is Treatment.PROTECT}
    return [
        Diagnostic(
            "RR503",
            f"{keys.name(Address.holder(*holder))} is not declared, but policy.protected keeps "
            f"them added and assigned{_without_effect(keys, desired, holder)}.",
            None,
            "Declare the person again, or take them out of policy.protected to remove them.",
        )
        for holder in sorted(kept)
    ]


def _without_effect(keys: Keys, desired: Desired, holder: Holder) -> str:
    """Say so where the manifest takes a protected holder's role off their profile."""
    profile = keys.profile_of(holder.person)
    listed = desired.profiles.get(holder.role)
    if listed is None or profile.id in listed[0]:
        return ""
    return f"; without effect, though, as {profile.name} is not under roles.{holder.role}.profiles"
