"""The command `roster`: check an export of a school system, or tell what is in it."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from reconciler.cli import completing, options, values
from reconciler.cli.output import deliver, refuse_targets
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


def _places(path: Path, names: Iterable[str]) -> dict[str, str]:
    """Say per file that a roster names where it is; those in an archive have no place."""
    if path.is_dir():
        return {name: str(path / name) for name in names if (path / name).is_file()}
    return {name: str(path) for name in names if name in (path.name, str(path))}


@click.group("roster")
def command() -> None:
    """Look at a roster: what a school system exports of people, classes and who teaches which.

    No site is asked, and nobody is named.

    Examples: reconciler roster check roster.zip; reconciler roster show roster.zip
    """


@command.command("check")
@roster_options
@options.formats_option("roster-check")
def check(*, path: str, outputs: values.Outputs, no_color: bool, **how: Any) -> int:
    """Name everything that is wrong with a roster, with file, row, column and value.

    Of a sound one it tells which rows were left out, or read as less than they say.

    PATH is a zip archive, a folder or a file, as the type has it. Of a service it is the name that
    reconciler.toml has for it. Exit 1 where anything is wrong; a warning is only told.

    Example: reconciler roster check roster.zip --format json
    """
    from reconciler.reports import roster as report

    refuse_targets("roster-check", outputs)
    remarks: tuple[RosterRemark, ...] = ()
    words: tuple[str, ...] = ()
    try:
        roster = _read(path, **how)
        problems, remarks, words, sound = warnings(roster), roster.remarks, (*told(roster),), True
    except InvalidRoster as invalid:
        problems, sound = invalid.problems, False
    names = {*(each.file for each in problems), *(each.file for each in remarks)}
    home = None if how["roster_type"] in SERVICES else path
    # With a base, a file may be of the base.
    places = {} if home is None or how["base"] else _places(Path(path), names)
    deliver(
        "roster-check",
        report.Check(path, problems, remarks, home, places),
        outputs,
        lambda: report.check_text(path, problems, words),
        colour=not no_color,
    )
    return ExitCode.DONE if sound else ExitCode.FAILED


@command.command("show")
@roster_options
@options.formats_option("roster")
def show(*, path: str, outputs: values.Outputs, no_color: bool, **how: Any) -> int:
    """Count what is in a roster: people, units, memberships and duties by kind.

    PATH is a zip archive, a folder or a file, as the type has it. Of a service it is the name that
    reconciler.toml has for it.

    Example: reconciler roster show roster.zip
    """
    from reconciler.reports import roster as report

    refuse_targets("roster", outputs)
    summary = report.summarise(_read(path, **how))
    deliver(
        "roster",
        report.summary_document(summary),
        outputs,
        lambda: report.summary_text(summary),
        colour=not no_color,
    )
    return ExitCode.DONE
