"""The option `--as-planned`: the same question, asked of a site as it will be."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.apply.journal import Earlier
from reconciler.cli import completing, values
from reconciler.cli.plan_files import is_plan, read_plan
from reconciler.connection import Connection
from reconciler.diagnostics import listing
from reconciler.errors import WrongUse
from reconciler.plan.model import Plan
from reconciler.redact import Redaction

if TYPE_CHECKING:
    from reconciler.workflows import reading

as_planned_option = click.option(
    "--as-planned",
    multiple=True,
    metavar="FILE",
    callback=values.paths,
    shell_complete=completing.files,
    help="As it would be once this manifest or saved plan is applied. "
    "A manifest of several files: repeat the option.",
)


def state_on(
    as_planned: tuple[Path, ...],
    source: Connection | Path,
    config: Path | None,
    as_of: date | None,
    redaction: Redaction,
) -> "reading.StateOn":
    """Return the live state, or what a manifest or a plan would make of it.

    Memberships are those of `as_of`; without it, of today in UTC, or of the day for which the
    manifest or plan is meant. Warnings, and that guards refuse the plan, go to standard error,
    without the people whom `redaction` hides. `config` is where rosters are looked up.

    Raises:
        WrongUse: a plan beside something else.
        PlanUnusable: a saved plan is stale, used, or for another site.
        InvalidInput: a manifest does not fit the site.
        SiteError: the site could not be read.
    """
    from reconciler.workflows import beside, reading

    if not as_planned:
        return reading.StateOn(reading.fetch_state(source), as_of or datetime.now(UTC).date())
    if not any(is_plan(path) for path in as_planned):
        from reconciler.workflows.loading import load_manifest

        manifest = load_manifest(as_planned, config=config)
        found, plan = reading.after_manifest(
            manifest,
            source,
            as_of=as_of,
            site_policy=beside.site_policy(source),
            rosters_before=beside.rosters_before(manifest, source),
        )
        _tell(redaction.plan(plan))
        return found
    if len(as_planned) > 1:
        raise WrongUse("One saved plan at a time, and no manifest beside it.")
    if as_of is not None:
        raise WrongUse("A saved plan is for its own day.", "Leave out --as-of.")
    plan = read_plan(as_planned[0])
    _tell(redaction.plan(plan))
    return reading.after_plan(plan, source, _earlier(plan, source))


def _earlier(plan: Plan, source: Connection | Path) -> Earlier:
    from reconciler.workflows.recalling import earlier_runs

    return earlier_runs(plan, source.journal) if isinstance(source, Connection) else Earlier()


def _tell(plan: Plan) -> None:
    for line in listing(plan.warnings):
        click.echo(line, err=True)
    for verdict in plan.verdicts:
        if verdict.refuses:
            click.echo(f"apply would refuse this plan: {verdict.code}: {verdict}", err=True)
