"""The command `history`."""

import os
from pathlib import Path

import click

from reconciler.cli import options
from reconciler.cli.output import print_result
from reconciler.connection import journal_location
from reconciler.credentials import Secret
from reconciler.errors import ExitCode
from reconciler.reports import runs
from reconciler.workflows.recalling import recorded_run, recorded_runs


@click.group("history", invoke_without_command=True)
@click.option("--site", metavar="ID", help="Only the runs on this site.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="How many runs, from the newest.",
)
@options.site_options
@options.format_option
@options.no_color_option
@click.pass_context
def command(
    context: click.Context,
    *,
    site: str | None,
    limit: int,
    environment: str | None,
    config: Path | None,
    output_format: str,
    no_color: bool,
) -> int:
    """List the runs of apply: when, who, what came of them. It asks the journal, not the site.

    Examples: reconciler history; reconciler history show 3f2a91bc
    """
    if context.invoked_subcommand is not None:
        return ExitCode.DONE
    found = recorded_runs(_journal(environment, config), site=site, limit=limit)
    print_result(
        runs.runs_document(found), runs.runs_text(found), output_format, colour=not no_color
    )
    return ExitCode.DONE


@command.command("show")
@click.argument("run", callback=options.not_empty)
@options.site_options
@options.format_option
@options.no_color_option
def show(
    *,
    run: str,
    environment: str | None,
    config: Path | None,
    output_format: str,
    no_color: bool,
) -> int:
    """Show a run's actions and what became of each.

    RUN is a run's id, or the beginning of it.

    Example: reconciler history show 3f2a91bc
    """
    found = recorded_run(_journal(environment, config), run)
    print_result(runs.run_document(found), runs.run_text(found), output_format, colour=not no_color)
    return ExitCode.DONE


def _journal(environment: str | None, config: Path | None) -> Secret | None:
    return journal_location(environment, config=config, environ=os.environ, directory=Path.cwd())
