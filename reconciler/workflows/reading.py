"""Everything that only reads a site: fetch a state, plan, look for drift."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from reconciler.apply.journal import Earlier
from reconciler.apply.preflight import (
    check_basis,
    check_holds,
    check_readable,
    check_site,
    check_unused,
)
from reconciler.connection import Connection
from reconciler.desired import resolve, scope_of
from reconciler.diagnostics import Diagnostic
from reconciler.directory import Directory, Keys
from reconciler.domain.address import Address
from reconciler.domain.roster import RosterSize
from reconciler.domain.vocabulary import Capability
from reconciler.drift import DriftReport, classify
from reconciler.ending import REVIEWED_DAYS, WARNED_DAYS, ending
from reconciler.errors import InvalidInput
from reconciler.gc_pause import collector_paused
from reconciler.manifest.model import Manifest
from reconciler.manifest.naming import PersonKey, UnitKey
from reconciler.manifest.roster_rules import ForUnknown
from reconciler.plan import build
from reconciler.plan.end_state import end_state
from reconciler.plan.model import Action, Plan
from reconciler.plan.select import Selection
from reconciler.policy.resolve import in_force, renewed
from reconciler.provider import Reader
from reconciler.providers.saved import SavedStateReader
from reconciler.references import References
from reconciler.review import Review, Reviewed, review
from reconciler.rules.result import Derived
from reconciler.scope import Scope
from reconciler.state import LiveState

Source = Connection | Path
"""Where live state comes from: a site (or its snapshot), or a file that `export --state` wrote."""


def open_reader(source: Source) -> AbstractContextManager[Reader]:
    """Open a source for reading; nothing can be written through it."""
    if isinstance(source, Path):
        return SavedStateReader(source)
    if source.snapshot is not None:
        return SavedStateReader(source.snapshot, lacking=frozenset(Capability))
    if source.plugged is not None:
        from reconciler.providers.plugged.reader import PluggedReader  # noqa: PLC0415 - only who asks for it needs it

        return PluggedReader[Reader](source.plugged)
    from reconciler.providers.rest.cache import Cache  # noqa: PLC0415 - loads requests
    from reconciler.providers.rest.reader import RestReader  # noqa: PLC0415 - loads requests

    return RestReader(source, cache=Cache.at(source.cache))


@collector_paused()
def fetch_state(source: Source) -> LiveState:
    """Read the whole live state of a site.

    It is kept on disk for the next time only where the connection names a `cache`.

    Raises:
        SiteError: something could not be read; then nothing is returned.
    """
    with open_reader(source) as reader:
        return reader.fetch()


def today_in(timezone: str) -> date:
    """Return today's date in a time zone, by its IANA name."""
    return datetime.now(UTC if timezone == "UTC" else ZoneInfo(timezone)).date()


@collector_paused()
def make_plan(  # noqa: PLR0913 - the parameters are what a plan depends on
    manifest: Manifest,
    state: LiveState,
    *,
    as_of: date | None = None,
    commit: str | None = None,
    overrides: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
    excepted: Sequence[str] = (),
    left: Collection[Address] = (),
    site_policy: Manifest | None = None,
    rosters_before: Mapping[str, RosterSize] | None = None,
) -> Plan:
    """Plan how a site becomes what a manifest declares.

    Args:
        manifest: what is wanted.
        state: what is.
        as_of: the day to plan for; today, in the manifest's time zone, by default.
        commit: the commit of the manifest, for the record (`reconciler.commits.commit_of`).
        overrides: per guard code the reason to lift its refusal in this run.
        only: address patterns to narrow the plan to.
        excepted: address patterns to leave out.
        left: addresses (in ids) to leave out.
        site_policy: the site-wide policy file (`load_policy`), which the manifest cannot loosen.
        rosters_before: per roster how much there was in it when it was last applied
            (`reconciler.workflows.recalling.rosters_before`): one that lost too much removes
            nothing.

    Raises:
        InvalidInput: the manifest or the policy file does not fit the site.
    """
    return build.make_plan(
        manifest,
        state,
        as_of=as_of or today_in(manifest.settings.timezone),
        plan_id=str(uuid.uuid4()),
        commit=commit,
        overrides=overrides,
        selection=Selection(only, excepted, frozenset(left)),
        site_policy=site_policy,
        rosters_before=rosters_before,
    )


def run_rules(
    manifest: Manifest, source: Source, *, as_of: date | None = None
) -> tuple[Derived, dict[str, str]]:
    """Find what the rules of a manifest give on a site, and how the people found are called.

    Raises:
        InvalidInput: the manifest does not fit the site.
        SiteError: the site could not be read.
    """
    directory = Directory(fetch_state(source))
    keys = Keys(directory, manifest.settings.people, manifest.settings.units)
    refs = References(directory, keys)
    refs.site(manifest.site)
    scope_of(manifest, directory, refs)
    if refs.found:
        raise InvalidInput(refs.only_elsewhere())
    day = as_of or today_in(manifest.settings.timezone)
    desired, found = resolve(manifest, directory, keys, day)
    derived = desired.rules
    # Whom the rules find may not be able to have the role: a plan would say so, at the rule or at
    # an entry of theirs.
    told = (each for each in found if each in derived.found or each.code == "RR210")
    derived = replace(derived, found=tuple(told))
    people = {each for result in derived.results for unit in result.units for each in unit.people}
    return derived, {person: keys.person(person) for person in sorted(people)}


def check_online(
    manifest: Manifest | None,
    site_policy: Manifest | None,
    state: LiveState,
    as_of: date | None = None,
) -> tuple[Diagnostic, ...]:
    """Check a manifest, a policy file or both against a site.

    Returns:
        The warnings.

    Raises:
        InvalidInput: they do not fit the site.
    """
    if manifest is not None:
        return make_plan(manifest, state, as_of=as_of, site_policy=site_policy).warnings
    _policies, found = in_force(Directory(state), None, site_policy)
    if found:
        raise InvalidInput(found)
    return site_policy.warnings if site_policy else ()


@dataclass(frozen=True, slots=True)
class StateOn:
    """A state, live or as a plan would leave it, and the day on which it is looked at.

    `plan` is what makes it so, and `manifest` what that was made from, as far as they are known.
    """

    state: LiveState
    as_of: date
    plan: Plan | None = None
    manifest: Manifest | None = None


def after_manifest(
    manifest: Manifest,
    source: Source,
    *,
    as_of: date | None = None,
    site_policy: Manifest | None = None,
    rosters_before: Mapping[str, RosterSize] | None = None,
) -> tuple[StateOn, Plan]:
    """Return what a site would be once a manifest is applied, and the plan that makes it so.

    Raises:
        InvalidInput: the manifest does not fit the site.
        SiteError: the site could not be read.
    """
    state = fetch_state(source)
    plan = make_plan(
        manifest, state, as_of=as_of, site_policy=site_policy, rosters_before=rosters_before
    )
    return StateOn(end_state(state, plan.actions), plan.as_of, plan, manifest), plan


def after_plan(plan: Plan, source: Source, earlier: Earlier) -> StateOn:
    """Return what a site would be once a saved plan is applied, or applied to its end.

    Raises:
        PlanUnusable: as `before_plan`.
        SiteError: the site could not be read.
    """
    return StateOn(end_state(before_plan(plan, source, earlier), plan.actions), plan.as_of, plan)


def before_plan(plan: Plan, source: Source, earlier: Earlier) -> LiveState:
    """Return a site as it was before anything of a saved plan was done, which is still to be done.

    Args:
        plan: as it was saved.
        source: the site.
        earlier: what earlier runs of the plan did.

    Raises:
        PlanUnusable: it is stale, used, for another site, or for reading only.
        SiteError: the site could not be read.
    """
    check_unused(
        earlier,
        "What it did stands on the site already: ask about the site itself, without the plan.",
    )
    check_readable(plan)
    check_holds(plan, today_in(plan.timezone))
    with open_reader(source) as reader:
        state = reader.fetch()
        check_site(plan, state.site.id)
        return check_basis(plan, state, earlier, reader)


def review_state(
    found: StateOn,
    manifest: Manifest | None = None,
    *,
    site_policy: Manifest | None = None,
    within_days: int = REVIEWED_DAYS,
) -> Review:
    """Look for what is missing or odd about who looks after whom.

    Args:
        found: the state, and the day on which it is looked at.
        manifest: says what the scope is, what ends, and which policies there are; by default the
            one, or the plan, that makes the state what it is.
        site_policy: the site-wide policy file, where there is one.
        within_days: what ends in so many days is named.

    Raises:
        InvalidInput: the manifest or the policy file does not fit the site.
    """
    state, as_of = found.state, found.as_of
    directory = Directory(state)
    warnings: tuple[Diagnostic, ...] = ()
    manifest = manifest or found.manifest
    if manifest is None:
        basis = found.plan.basis if found.plan else None
        reviewed = Reviewed(
            directory,
            as_of,
            Scope.of(directory, basis.scope if basis else None),
            renewed(found.plan.policies if found.plan else (), directory, site_policy),
            people=basis.people if basis else PersonKey.SYNC_KEY,
            units=basis.units if basis else UnitKey.SYNC_KEY,
        )
    else:
        plan = make_plan(_seeing(manifest), state, as_of=as_of, site_policy=site_policy)
        warnings = plan.warnings
        reviewed = Reviewed(
            directory,
            as_of,
            Scope.of(directory, plan.basis.scope),
            plan.policies,
            plan,
            ending(manifest, directory, plan, within_days),
            manifest.settings.people,
            manifest.settings.units,
        )
    findings = review(reviewed)
    return Review(state.site.id, state.site.revision, as_of, within_days, findings, warnings)


def _seeing(manifest: Manifest) -> Manifest:
    """Let nobody who only looks be blind for one who is not yet on the site: `unknown: refuse`.

    Nothing can be applied of what is made of it: only drift and findings are.
    """
    rules = tuple(replace(rule, unknown=ForUnknown.REPORT) for rule in manifest.rules)
    return replace(manifest, rules=rules)


def find_drift(
    manifest: Manifest,
    source: Source,
    *,
    as_of: date | None = None,
    site_policy: Manifest | None = None,
    rosters_before: Mapping[str, RosterSize] | None = None,
    within_days: int = WARNED_DAYS,
) -> DriftReport:
    """Compare a site with a manifest and tell drift from what is not yet applied.

    Args:
        manifest: what is wanted.
        source: the site.
        as_of: the day; today, in the manifest's time zone, by default.
        site_policy: the site-wide policy file, where there is one.
        rosters_before: per roster how much there was in it when it was last applied.
        within_days: what ends in so many days is named.

    Raises:
        InvalidInput: the manifest does not fit the site.
        SiteError: the site or its events could not be read.
    """
    with open_reader(source) as reader:
        state = reader.fetch()
        plan = make_plan(
            _seeing(manifest),
            state,
            as_of=as_of,
            site_policy=site_policy,
            rosters_before=rosters_before,
        )
        held_back: list[Action] = []
        if plan.held_back:
            whole = make_plan(_seeing(manifest), state, as_of=plan.as_of, site_policy=site_policy)
            planned = {action.address for action in plan.actions}
            held_back += (each for each in whole.actions if each.address not in planned)
        events = None
        if Capability.EVENTS in state.site.capabilities:
            differing = [action.address for action in (*plan.actions, *held_back)]
            differing += [item.address for item in plan.unmanaged]
            events = reader.last_events(differing)
    others = source.actors if isinstance(source, Connection) else ()
    soon = ending(manifest, Directory(state), plan, within_days)
    return classify(plan, events, state.site.own.union(others), soon, held_back)
