"""The command `roster`: check an export of a school system, or tell what is in it."""

from pathlib import Path
from typing import Final

import click

from reconciler.cli import options
from reconciler.cli.output import print_result
from reconciler.errors import ExitCode
from reconciler.reports import roster as report
from reconciler.rosters.formats import FORMATS
from reconciler.rosters.problems import InvalidRoster, Problem

_DEFAULT: Final = "oneroster-csv"

_type_option = click.option(
    "--type",
    "roster_type",
    type=click.Choice(list(FORMATS)),
    default=_DEFAULT,
    show_default=True,
    help="The format that the roster is in.",
)


@click.group("roster")
def command() -> None:
    """Look at a roster: what a school system exports of people, classes and who teaches which.

    Nothing is sent anywhere, and nobody is named.

    Examples: reconciler roster check roster.zip; reconciler roster show roster.zip
    """


@command.command("check")
@click.argument("path", callback=options.not_empty)
@_type_option
@options.format_option
@options.no_color_option
def check(*, path: str, roster_type: str, output_format: str, no_color: bool) -> int:
    """Name everything that is wrong with a roster, with file, row, column and value.

    PATH is a zip archive or a folder. Exit 1 where anything is wrong.

    Example: reconciler roster check roster.zip --format json
    """
    problems: tuple[Problem, ...] = ()
    try:
        FORMATS[roster_type](Path(path))
    except InvalidRoster as invalid:
        problems = invalid.problems
    print_result(
        report.check_document(path, problems),
        report.check_text(path, problems),
        output_format,
        colour=not no_color,
    )
    return ExitCode.FAILED if problems else ExitCode.DONE


@command.command("show")
@click.argument("path", callback=options.not_empty)
@_type_option
@options.format_option
@options.no_color_option
def show(*, path: str, roster_type: str, output_format: str, no_color: bool) -> int:
    """Count what is in a roster: people, units, memberships and duties by kind.

    PATH is a zip archive or a folder.

    Example: reconciler roster show roster.zip
    """
    summary = report.summarise(FORMATS[roster_type](Path(path)))
    print_result(
        report.summary_document(summary),
        report.summary_text(summary),
        output_format,
        colour=not no_color,
    )
    return ExitCode.DONE
