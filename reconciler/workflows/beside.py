"""What is looked at beside a manifest and its site: the policy file, and what was applied."""

import os
from collections.abc import Mapping, Sequence
from datetime import date

from reconciler.connection import Connection, policy_variable
from reconciler.domain.roster import RosterSize
from reconciler.drift import DriftReport
from reconciler.manifest.model import Manifest
from reconciler.plan.model import Plan
from reconciler.workflows import reading


def site_policy(source: reading.Source) -> Manifest | None:
    """Read the site-wide policy file: the environment's, or the one that RECONCILER_POLICY names.

    Raises:
        InvalidInput: it has mistakes.
        ConfigurationError: RECONCILER_POLICY is set, but empty.
    """
    named = source.policy if isinstance(source, Connection) else policy_variable(os.environ)
    if named is None:
        return None
    from reconciler.workflows.loading import load_policy  # noqa: PLC0415 - reads no YAML otherwise

    return load_policy(named)


def rosters_before(manifest: Manifest, source: reading.Source) -> dict[str, RosterSize]:
    """Read how much there was in the manifest's rosters when they were last applied.

    Without rules, or for a saved state, no journal is asked.

    Raises:
        JournalError: the journal cannot be read.
    """
    if not manifest.rules or not isinstance(source, Connection):
        return {}
    from reconciler.workflows import recalling  # noqa: PLC0415 - loads a database library

    return recalling.rosters_before(source.journal, manifest.site.key)


def find_drift(
    manifest: Manifest, source: reading.Source, *, as_of: date | None, within_days: int
) -> DriftReport:
    """Look for drift, as the policy file and what was applied before have it: `reading.find_drift`.

    Raises:
        InvalidInput: the manifest or the policy file does not fit the site.
        SiteError: the site or its events could not be read.
        JournalError: the journal cannot be read.
    """
    return reading.find_drift(
        manifest,
        source,
        as_of=as_of,
        site_policy=site_policy(source),
        rosters_before=rosters_before(manifest, source),
        within_days=within_days,
    )


def plan_manifest(
    manifest: Manifest,
    source: reading.Source,
    *,
    as_of: date | None = None,
    commit: str | None = None,
    overrides: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
    excepted: Sequence[str] = (),
) -> Plan:
    """Read a site, and plan how it becomes what a manifest declares: `reading.make_plan`.

    Raises:
        InvalidInput: the manifest or the policy file does not fit the site.
        SiteError: the site could not be read.
        JournalError: the journal cannot be read.
    """
    policy = site_policy(source)
    return reading.make_plan(
        manifest,
        reading.fetch_state(source),
        as_of=as_of,
        commit=commit,
        overrides=overrides,
        only=only,
        excepted=excepted,
        site_policy=policy,
        rosters_before=rosters_before(manifest, source),
    )
