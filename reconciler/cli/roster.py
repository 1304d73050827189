"""The command `roster`: check an export of a school system, or tell what is in it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from reconciler.cli import completing, options, values
from reconciler.cli.output import print_result
from reconciler.cli.roster_files import read_roster, reading_options
from reconciler.domain.roster import Roster, RosterRemark
from reconciler.errors import ExitCode, WrongUse
from reconciler.rosters.formats import FILES, SERVICES
from reconciler.rosters.problems import InvalidRoster
from reconciler.rosters.warnings import told, warnings

Command = TypeVar("Command", bound=Callable[..., Any])


def roster_options(command: Command) -> Command:
    """Add what says which roster is meant, and how it is read."""
    for option in (
        options.no_color_option,
        options.format_option,
        options.config_option,
        reading_options((*FILES, *SERVICES)),
        click.argument("path", callback=values.not_empty, shell_complete=completing.files),
    ):
        command = option(command)
    return command


def _read(path: str, roster_type: str, *, config: Path | None, **how: Any) -> Roster:
    if config and roster_type not in SERVICES:
        raise WrongUse("--config is for what is fetched from a service.", "Leave it out.")
    return read_roster(path, roster_type, config=config, **how)


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

    Of a sound one it tells which rows were left out, or read as less than they say.

    PATH is a zip archive, a folder or a file, as the type has it. Of a service it is the name that
    reconciler.toml has for it. Exit 1 where anything is wrong; a warning is only told.

    Example: reconciler roster check roster.zip --format json
    """
    from reconciler.reports import roster as report

    remarks: tuple[RosterRemark, ...] = ()
    words: tuple[str, ...] = ()
    try:
        roster = _read(path, **how)
        problems, remarks, words, sound = warnings(roster), roster.remarks, (*told(roster),), True
    except InvalidRoster as invalid:
        problems, sound = invalid.problems, False
    print_result(
        report.check_document(path, problems, remarks),
        report.check_text(path, problems, words),
        output_format,
        colour=not no_color,
    )
    return ExitCode.DONE if sound else ExitCode.FAILED


@command.command("show")
@roster_options
def show(*, path: str, output_format: str, no_color: bool, **how: Any) -> int:
    """Count what is in a roster: people, units, memberships and duties by kind.

    PATH is a zip archive, a folder or a file, as the type has it. Of a service it is the name that
    reconciler.toml has for it.

    Example: reconciler roster show roster.zip
    """
    from reconciler.reports import roster as report

    summary = report.summarise(_read(path, **how))
    print_result(
        report.summary_document(summary),
        report.summary_text(summary),
        output_format,
        colour=not no_color,
    )
    return ExitCode.DONE
