"""The command `plan`."""

from datetime import date
from pathlib import Path

import click

from reconciler.cli import completing, options, values
from reconciler.cli.monitoring import monitored, note_plan
from reconciler.cli.output import print_plan, refuse_targets, save_plan
from reconciler.cli.plan_files import is_plan, refuse_plans, refuse_target
from reconciler.cli.redacting import redact_option
from reconciler.commits import commit_of
from reconciler.connection import kept_files
from reconciler.errors import WrongUse
from reconciler.redact import Redaction


@click.command("plan")
@options.manifest_argument
@options.live_option
@options.as_of_option
@click.option(
    "-o",
    "--out",
    metavar="FILE",
    callback=values.file_to_write,
    shell_complete=completing.files,
    help="Save the plan, for apply; readable by you only.",
)
@click.option(
    "--detailed-exitcode", is_flag=True, help="Exit 2 where there is something to change."
)
@options.narrowing_options
@options.site_options
@options.formats_option("plan")
@options.full_option
@redact_option
@options.no_color_option
@options.verbose_option
@monitored
def command(  # noqa: PLR0913 - the parameters are the command's options
    *,
    manifest: tuple[Path, ...],
    live: Path | None,
    as_of: date | None,
    out: Path | None,
    detailed_exitcode: bool,
    only: tuple[str, ...],
    excepted: tuple[str, ...],
    override_codes: tuple[str, ...],
    reason: str | None,
    environment: str | None,
    config: Path | None,
    outputs: values.Outputs,
    full: bool,
    redaction: Redaction,
    no_color: bool,
) -> int:
    """Show what apply would change, and who gains or loses sight of which learners.

    Nothing is written to the site. Exits 4 when apply would be refused; the plan is shown anyway.

    Example: reconciler plan examples/roles.yaml --out plan.json
    """
    from reconciler.workflows import beside
    from reconciler.workflows.loading import load_manifest

    lifted = options.overrides(override_codes, reason)
    refuse_plans(manifest)
    kept = kept_files(config=config, directory=Path())
    refuse_target(out, is_plan, "a saved plan", inputs=(*manifest, live, config), kept=kept)
    refuse_targets("plan", outputs)
    loaded = load_manifest(manifest, config=config)
    source = options.source(live, environment, config)
    plan = beside.plan_manifest(
        loaded,
        source,
        as_of=as_of,
        commit=commit_of(loaded.files, manifest),
        overrides=lifted,
        only=only,
        excepted=excepted,
    )
    note_plan(plan, loaded)
    spared = [found for found in plan.unmatched if found.message.startswith("--except ")]
    if out is not None and spared:
        # Whoever it is to spare would be in the plan that others apply later.
        raise WrongUse(spared[0].message, spared[0].advice)
    shown = redaction.plan(plan)
    print_plan(shown, outputs, colour=not no_color, full=full)
    if out is not None:
        save_plan(out, redaction.saved(plan))
    return plan.exit_code(detailed=detailed_exitcode)
