"""The command `apply`."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from reconciler.apply.preflight import stands
from reconciler.cli import options
from reconciler.cli.plan_files import is_plan, read_plan
from reconciler.cli.running import Asked, agree, carry_out
from reconciler.commits import commit_of
from reconciler.errors import WrongUse
from reconciler.manifest.model import Manifest
from reconciler.plan.model import Plan
from reconciler.state import LiveState
from reconciler.workflows import reading
from reconciler.workflows.recalling import unfinished_plan


@click.command("apply")
@options.manifest_argument
@click.option("--yes", is_flag=True, help="Do not ask; for pipelines.")
@options.narrowing_options
@options.running_options
@options.site_options
@options.format_option
@options.no_color_option
@options.verbose_option
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
    no_color: bool,
) -> int:
    """Make the site what the manifest declares, or do what a saved plan says.

    MANIFEST is one or more files or directories: a plan is made, shown, and applied once you
    agree. A saved plan (from plan --out) was agreed to already and is applied as it is.

    The first Ctrl-C or SIGTERM finishes what is on its way and records it; the second stops at
    once. The same command again finishes either.

    Examples: reconciler apply examples/roles.yaml; reconciler apply plan.json
    """
    asked = Asked(
        options.overrides(override_codes, reason),
        max_concurrency,
        wait,
        output_format,
        colour=not no_color,
        only=only,
        excepted=excepted,
    )
    if any(is_plan(path) for path in manifest):
        if len(manifest) > 1:
            raise WrongUse("One saved plan at a time, and no manifest beside it.")
        saved = read_plan(manifest[0])
        return carry_out(saved, options.connection(environment, config), asked)
    loaded = reading.load_manifest(manifest)
    site = options.connection(environment, config)
    state = reading.fetch_state(site)
    plan = _planned(loaded, state, asked, commit_of(manifest))
    earlier = None if only or excepted else unfinished_plan(plan, state, site)
    if earlier is not None:
        click.echo(_CONTINUED, err=True)
        left = tuple(each for each in earlier.actions if not stands(state, each))
        shown = replace(earlier, actions=left, access=plan.access, people=plan.people)
        agree(shown, yes=yes, colour=asked.colour)
        return carry_out(earlier, site, asked)
    agree(plan, yes=yes, colour=asked.colour)
    return carry_out(plan, site, replace(asked, only=(), excepted=()))


_CONTINUED: Final = (
    "An earlier run of this manifest left something open that a new plan does not reach; "
    "its own plan goes on."
)


def _planned(manifest: Manifest, state: LiveState, asked: Asked, commit: str | None) -> Plan:
    """Plan what a manifest and the options ask for.

    Raises:
        WrongUse: a pattern matches nothing: what is meant is not known.
    """
    plan = reading.make_plan(
        manifest,
        state,
        commit=commit,
        overrides=asked.overrides,
        only=asked.only,
        excepted=asked.excepted,
    )
    for found in plan.warnings:
        if found.code == "RR504":
            raise WrongUse(found.message, found.advice)
    return plan
