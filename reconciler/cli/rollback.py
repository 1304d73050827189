"""The command `rollback`."""

import signal
from pathlib import Path

import click

from reconciler.cli import completing, options, values
from reconciler.cli.monitoring import monitored, note_plan
from reconciler.cli.output import print_plan, refuse_targets, save_plan
from reconciler.cli.plan_files import changes_nothing, is_plan, refuse_target
from reconciler.cli.redacting import redact_option
from reconciler.cli.running import Asked, agree, carry_out, connect
from reconciler.connection import kept_files
from reconciler.errors import ExitCode, WrongUse
from reconciler.plan.select import Selection
from reconciler.redact import Redaction


@click.command("rollback")
@click.argument("run", callback=values.not_empty)
@click.option("--yes", is_flag=True, help="Do not ask; for pipelines.")
@click.option(
    "-o",
    "--out",
    metavar="FILE",
    callback=values.file_to_write,
    shell_complete=completing.files,
    help="Save the plan, for apply, and change nothing.",
)
@options.narrowing_options
@options.running_options()
@options.site_options
@options.formats_option("apply")
@options.full_option
@redact_option
@options.no_color_option
@options.verbose_option
@monitored
def command(  # noqa: PLR0913 - the parameters are the command's options
    *,
    run: str,
    yes: bool,
    out: Path | None,
    only: tuple[str, ...],
    excepted: tuple[str, ...],
    override_codes: tuple[str, ...],
    reason: str | None,
    max_concurrency: int,
    wait: float,
    environment: str | None,
    config: Path | None,
    outputs: values.Outputs,
    full: bool,
    redaction: Redaction,
    no_color: bool,
) -> int:
    """Take back what a run did: plan the inverse, show it, ask, and apply it.

    RUN is a run's id, or the beginning of it; history lists them. What somebody has changed since
    the run stays as it is, and is named.

    Examples: reconciler rollback 3f2a91bc; reconciler rollback 3f2a91bc --out back.json
    """
    from reconciler.workflows.recalling import make_rollback, recorded_run

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # until the run has begun
    lifted = options.overrides(override_codes, reason)
    if out is not None and yes:
        raise WrongUse("--out saves the plan and --yes applies it.", "Leave one of the two out.")
    kept = kept_files(config=config, directory=Path())
    refuse_target(out, is_plan, "a saved plan", inputs=(config,), kept=kept)
    # What is applied leaves no plan to tell of but that of nothing: a saved one is somebody's.
    told = ("runbook",) if out is None else ("runbook", "plan")
    refuse_targets("apply", outputs, *told, spent=changes_nothing)
    site = connect(environment, config, outputs if out is None else values.Outputs())
    plan = make_rollback(
        recorded_run(site.journal, run),
        site,
        overrides=lifted,
        selection=Selection(only, excepted),
    )
    note_plan(plan)
    if plan.unmatched:
        raise WrongUse(plan.unmatched[0].message, plan.unmatched[0].advice)
    shown = redaction.plan(plan)
    if not plan.actions:
        print_plan(shown, outputs, colour=not no_color, full=full, lifting=False)
        return ExitCode.DONE
    if out is not None:
        print_plan(shown, outputs, colour=not no_color, full=full)
        save_plan(out, redaction.saved(plan))
        return ExitCode.REFUSED if plan.refused else ExitCode.DONE
    asked = Asked(
        {},  # the plan carries the overrides
        max_concurrency,
        wait,
        outputs,
        colour=not no_color,
        full=full,
        redaction=redaction,
    )
    agree(plan, asked, yes=yes or site.snapshot is not None)  # a runbook changes nothing
    return carry_out(plan, site, asked)
