"""The command `show`."""

from pathlib import Path

import click

from reconciler.cli import options
from reconciler.cli.output import print_plan
from reconciler.cli.plan_files import read_plan
from reconciler.errors import ExitCode


@click.command("show")
@click.argument("plan", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@options.format_option
@options.no_color_option
@options.verbose_option
def command(*, plan: Path, output_format: str, no_color: bool) -> int:
    """Print a saved plan, as it was printed when it was made.

    Example: reconciler show plan.json
    """
    print_plan(read_plan(plan), output_format, colour=not no_color)
    return ExitCode.DONE
