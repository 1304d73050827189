"""Everything that only reads: load a manifest, fetch a state, plan, look for drift."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from reconciler.apply.journal import Earlier
from reconciler.apply.preflight import check_basis, check_site
from reconciler.connection import Connection
from reconciler.domain.vocabulary import Capability
from reconciler.drift import DriftReport, classify
from reconciler.errors import PlanUnusable
from reconciler.manifest import load
from reconciler.manifest.model import Manifest
from reconciler.plan import build
from reconciler.plan.end_state import end_state
from reconciler.plan.model import Plan
from reconciler.plan.select import Selection
from reconciler.provider import Reader
from reconciler.providers.rest.reader import RestReader
from reconciler.providers.saved import SavedStateReader
from reconciler.state import LiveState

Source = Connection | Path
"""Where live state comes from: a site, or a file that `export --state` wrote."""


def load_manifest(paths: Iterable[str | Path]) -> Manifest:
    """Read a manifest from files and directories, and check it by itself.

    Raises:
        InvalidInput: it has mistakes; all of them together.
    """
    return load.load_manifest([Path(path) for path in paths])


def open_reader(source: Source) -> AbstractContextManager[Reader]:
    """Open a source for reading; nothing can be written through it."""
    if isinstance(source, Path):
        return SavedStateReader(source)
    return RestReader(source)


def fetch_state(source: Source) -> LiveState:
    """Read the whole live state of a site.

    Raises:
        SiteError: something could not be read; then nothing is returned.
    """
    with open_reader(source) as reader:
        return reader.fetch()


def today_in(timezone: str) -> date:
    """Return today's date in a time zone, by its IANA name."""
    return datetime.now(UTC if timezone == "UTC" else ZoneInfo(timezone)).date()


def make_plan(
    manifest: Manifest,
    state: LiveState,
    *,
    as_of: date | None = None,
    commit: str | None = None,
    overrides: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
    excepted: Sequence[str] = (),
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

    Raises:
        InvalidInput: the manifest does not fit the site.
    """
    return build.make_plan(
        manifest,
        state,
        as_of=as_of or today_in(manifest.settings.timezone),
        plan_id=str(uuid.uuid4()),
        commit=commit,
        overrides=overrides,
        selection=Selection(only, excepted),
    )


@dataclass(frozen=True, slots=True)
class StateOn:
    """A state, live or as a plan would leave it, and the day on which it is looked at."""

    state: LiveState
    as_of: date


def after_manifest(
    manifest: Manifest, source: Source, *, as_of: date | None = None
) -> tuple[StateOn, Plan]:
    """Return what a site would be once a manifest is applied, and the plan that makes it so.

    Raises:
        InvalidInput: the manifest does not fit the site.
        SiteError: the site could not be read.
    """
    state = fetch_state(source)
    plan = make_plan(manifest, state, as_of=as_of)
    return StateOn(end_state(state, plan.actions), plan.as_of), plan


def after_plan(plan: Plan, source: Source, earlier: Earlier) -> StateOn:
    """Return what a site would be once a saved plan is applied, or applied to its end.

    Args:
        plan: as it was saved.
        source: the site.
        earlier: what earlier runs of the plan did.

    Raises:
        PlanUnusable: it is stale, used, for another site, or for reading only.
        SiteError: the site could not be read.
    """
    if earlier.used:
        raise PlanUnusable(
            "The plan was used before.", "Ask without it: the site is what it made of it."
        )
    with open_reader(source) as reader:
        state = reader.fetch()
        check_site(plan, state.site.id)
        check_basis(plan, state, earlier, reader)
    return StateOn(end_state(state, plan.actions), plan.as_of)


def find_drift(manifest: Manifest, source: Source, *, as_of: date | None = None) -> DriftReport:
    """Compare a site with a manifest and tell drift from what is not yet applied.

    Raises:
        InvalidInput: the manifest does not fit the site.
        SiteError: the site or its events could not be read.
    """
    with open_reader(source) as reader:
        state = reader.fetch()
        plan = make_plan(manifest, state, as_of=as_of)
        events = None
        if Capability.EVENTS in state.site.capabilities:
            differing = [action.address for action in plan.actions]
            differing += [item.address for item in plan.unmanaged]
            events = reader.last_events(differing)
    own = {state.site.actor} if state.site.actor else set()
    others = source.actors if isinstance(source, Connection) else ()
    return classify(plan, events, own | set(others))
