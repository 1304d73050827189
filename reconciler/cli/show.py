"""The command `show`."""

from pathlib import Path

import click

from reconciler.cli import completing, options, values
from reconciler.cli.output import print_plan, refuse_targets
from reconciler.cli.plan_files import read_plan
from reconciler.cli.redacting import redact_option
from reconciler.errors import ExitCode
from reconciler.plan.inverse import inverted
from reconciler.redact import Redaction


@click.command("show")
@click.argument("plan", callback=values.file_to_read, shell_complete=completing.files)
@click.option("--inverse", is_flag=True, help="Print what would take it all back, for reading.")
@options.formats_option("plan")
@options.full_option
@redact_option
@options.no_color_option
@options.verbose_option
def command(
    *,
    plan: Path,
    inverse: bool,
    outputs: values.Outputs,
    full: bool,
    redaction: Redaction,
    no_color: bool,
) -> int:
    """Print a saved plan, as it was printed when it was made.

    The inverse is for reading: once a plan is applied, rollback makes one that can be applied.

    Examples: reconciler show plan.json; reconciler show plan.json --inverse
    """
    refuse_targets("plan", outputs)
    read = read_plan(plan)
    shown = redaction.plan(inverted(read) if inverse else read)
    print_plan(shown, outputs, colour=not no_color, full=full)
    return ExitCode.DONE
