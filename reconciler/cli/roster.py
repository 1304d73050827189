"""The command `roster`: check an export of a school system, or tell what is in it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from reconciler.cli import options
from reconciler.cli.output import print_result
from reconciler.domain.roster import Roster
from reconciler.errors import ExitCode, WrongUse
from reconciler.manifest.build_rules import PLAIN_CSV, ROSTER_TAKES
from reconciler.manifest.model import NEEDED_COLUMNS, ROSTER_COLUMNS
from reconciler.reports import roster as report
from reconciler.rosters.formats import FILES, SERVICES, Files
from reconciler.rosters.problems import InvalidRoster, Problem
from reconciler.workflows import reading

Command = TypeVar("Command", bound=Callable[..., Any])

_DEFAULT: Final = "oneroster-csv"


def _columns(
    _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    columns = dict(value.partition("=")[::2] for value in values)
    for name, heading in columns.items():
        if name not in ROSTER_COLUMNS or not heading:
            raise click.BadParameter(
                f"{name} is no column of a roster; write unit=Class, with one of: "
                f"{', '.join(ROSTER_COLUMNS)}."
            )
    return columns


def roster_options(command: Command) -> Command:
    """Add what says which roster is meant, and how it is read."""
    for option in (
        options.no_color_option,
        options.format_option,
        options.config_option,
        click.option(
            "--column",
            "columns",
            multiple=True,
            metavar="WHAT=HEADING",
            callback=_columns,
            help="What a column of a plain CSV file is: unit=Class. May be repeated.",
        ),
        click.option(
            "--base",
            metavar="PATH",
            callback=options.not_empty_if_given,
            help="The whole export that it goes with, where it holds changes only (a delta).",
        ),
        click.option(
            "--type",
            "roster_type",
            type=click.Choice([*FILES, *SERVICES]),
            default=_DEFAULT,
            show_default=True,
            help="The format that the roster is in.",
        ),
        click.argument("path", callback=options.not_empty),
    ):
        command = option(command)
    return command


def _read(
    path: str, roster_type: str, base: str | None, columns: dict[str, str], config: Path | None
) -> Roster:
    if roster_type == PLAIN_CSV and not set(NEEDED_COLUMNS) <= set(columns):
        raise WrongUse(
            "A plain CSV file needs to be told which columns are the unit and the person.",
            "Say so: --column unit=Class --column person=Teacher.",
        )
    given = {"columns": columns and "--column", "base": base and "--base"}
    for key, option in given.items():
        if option and key not in ROSTER_TAKES[roster_type]:
            raise WrongUse(f"{option} is not for --type {roster_type}.", "Leave it out.")
    if roster_type in SERVICES:
        return reading.fetch_roster(roster_type, path, config)
    if config:
        raise WrongUse("--config is for what is fetched from a service.", "Leave it out.")
    return FILES[roster_type](Files(Path(path), Path(base) if base else None, columns))


@click.group("roster")
def command() -> None:
    """Look at a roster: what a school system exports of people, classes and who teaches which.

    No site is asked, and nobody is named.

    Examples: reconciler roster check roster.zip; reconciler roster show roster.zip
    """


@command.command("check")
@roster_options
def check(*, path: str, output_format: str, no_color: bool, **how: Any) -> int:
    """Name everything that is wrong with a roster, with file, row, column and value.

    PATH is a zip archive, a folder or a file, as the type has it. Of a service it is the name that
    reconciler.toml has for it. Exit 1 where anything is wrong.

    Example: reconciler roster check roster.zip --format json
    """
    problems: tuple[Problem, ...] = ()
    try:
        _read(path, **how)
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
@roster_options
def show(*, path: str, output_format: str, no_color: bool, **how: Any) -> int:
    """Count what is in a roster: people, units, memberships and duties by kind.

    PATH is a zip archive, a folder or a file, as the type has it. Of a service it is the name that
    reconciler.toml has for it.

    Example: reconciler roster show roster.zip
    """
    summary = report.summarise(_read(path, **how))
    print_result(
        report.summary_document(summary),
        report.summary_text(summary),
        output_format,
        colour=not no_color,
    )
    return ExitCode.DONE
