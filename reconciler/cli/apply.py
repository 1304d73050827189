"""The command `apply`."""

import signal
from dataclasses import replace
from pathlib import Path

import click

from reconciler.cli import options
from reconciler.cli.monitoring import monitored, note_plan
from reconciler.cli.plan_files import is_plan, read_plan
from reconciler.cli.redacting import redact_option
from reconciler.cli.running import Asked, agree, carry_out
from reconciler.commits import commit_of
from reconciler.connection import Connection
from reconciler.errors import WrongUse
from reconciler.manifest.model import Manifest
from reconciler.plan.model import Plan
from reconciler.plan.select import WITHIN
from reconciler.redact import Redaction
from reconciler.state import LiveState


@click.command("apply")
@options.manifest_argument
@click.option("--yes", is_flag=True, help="Do not ask; for pipelines.")
@options.narrowing_options
@options.running_options()
@options.site_options
@options.format_option
@options.full_option
@redact_option
@options.no_color_option
@options.verbose_option
@monitored
def command(  # noqa: PLR0913 - the parameters are the command's options
    *,
    manifest: tuple[Path, ...],
    yes: bool,
    only: tuple[str, ...],
    excepted: tuple[str, ...],
    override_codes: tuple[str, ...],
    reason: str | None,
    max_concurrency: int,
    wait: float,
    environment: str | None,
    config: Path | None,
    output_format: str,
    full: bool,
    redaction: Redaction,
    no_color: bool,
) -> int:
    """Make the site what the manifest declares, or do what a saved plan says.

    MANIFEST is one or more files or directories: a plan is made, shown, and applied once you
    agree. A saved plan (from plan --out) was agreed to already and is applied as it is.

    The first Ctrl-C or SIGTERM finishes what is on its way and records it; the second stops at
    once. The same command again finishes either.

    Examples: reconciler apply examples/roles.yaml; reconciler apply plan.json
    """
    from reconciler.workflows import beside
    from reconciler.workflows.applying import TRIES, apply_fresh
    from reconciler.workflows.loading import load_manifest

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # until the run has begun
    lifted = options.overrides(override_codes, reason)
    asked = Asked(
        lifted,
        max_concurrency,
        wait,
        output_format,
        colour=not no_color,
        full=full,
        only=only,
        excepted=excepted,
        redaction=redaction,
    )
    if any(is_plan(path) for path in manifest):
        if len(manifest) > 1:
            raise WrongUse("One saved plan at a time, and no manifest beside it.")
        saved = read_plan(manifest[0])
        return carry_out(saved, options.connection(environment, config), asked)
    loaded = load_manifest(manifest, config=config)
    site = options.connection(environment, config)
    site_policy = beside.site_policy(site)
    commit = commit_of(loaded.files, manifest)
    chosen = replace(asked, only=(), excepted=(), overrides={})  # the plan carries all of them

    def agreed() -> Plan:
        plan = _planned(loaded, site, asked, site_policy, commit)
        note_plan(plan, loaded)
        agree(plan, asked, yes=yes or site.snapshot is not None)  # a runbook changes nothing
        return plan

    return apply_fresh(
        agreed,
        lambda plan: carry_out(plan, site, chosen),
        # --yes agrees to whatever the manifest asks for, also after another run has ended.
        tries=TRIES if yes else 1,
        stale=lambda moved: click.echo(f"{redaction.error(moved)} Planning again.", err=True),
    )


def _planned(
    manifest: Manifest,
    site: Connection,
    asked: Asked,
    site_policy: Manifest | None,
    commit: str | None,
) -> Plan:
    """Plan what a manifest and the options ask for.

    Raises:
        WrongUse: a pattern matches nothing of what would change: what is meant is not known.
    """
    from reconciler.workflows import beside, reading

    state = reading.fetch_state(site)
    plan = reading.make_plan(
        manifest,
        state,
        commit=commit,
        overrides=asked.overrides,
        only=asked.only,
        excepted=asked.excepted,
        site_policy=site_policy,
        rosters_before=beside.rosters_before(manifest, site),
    )
    by_address = [each for each in (*asked.only, *asked.excepted) if not each.startswith(WITHIN)]
    mistyped = plan.unmatched if by_address else ()
    if mistyped and (plan.actions or _would_change(manifest, state, site_policy)):
        raise WrongUse(mistyped[0].message, mistyped[0].advice)
    return plan


def _would_change(manifest: Manifest, state: LiveState, site_policy: Manifest | None) -> bool:
    """Whether there is anything to do at all: else no pattern has anything to match."""
    from reconciler.workflows import reading

    return bool(reading.make_plan(manifest, state, site_policy=site_policy).actions)
