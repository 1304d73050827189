"""The options that say how a roster is read; the reading of it, and how a manifest declares it."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from click.core import ParameterSource

from reconciler.cli import completing, values
from reconciler.cli.places import seen_from
from reconciler.domain.roster import NEEDED_COLUMNS, Roster, read_columns
from reconciler.domain.roster_formats import FORMATS, ONEROSTER_CSV, PLAIN_CSV
from reconciler.errors import WrongUse
from reconciler.manifest.naming import Reference
from reconciler.manifest.roster_rules import RosterSource
from reconciler.plain import plain
from reconciler.plugins import is_name
from reconciler.rosters.formats import SERVICES, Files
from reconciler.rosters.warnings import told
from reconciler.rules.candidates import NOWHERE
from reconciler.settings import CONFIG_NAME

Command = TypeVar("Command", bound=Callable[..., Any])


_ADDRESS: Final = re.compile(r"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)

_NAME: Final = "sis"
"""What a roster is called in a manifest; a service has a name already."""

_OPTIONS: Final = {"roster_type": "--type", "base": "--base", "columns": "--column"}
"""The options below, by parameter."""


def _columns(
    _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    try:
        return read_columns(values)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


class Format(click.Choice[str]):
    """One of the formats that are built in, or the name of one that is installed, with a dot."""

    def convert(
        self, value: Any, param: click.Parameter | None, context: click.Context | None
    ) -> str:
        """Take a name with a dot as it is; whether it is installed is seen when it is read."""
        return value if is_name(value) else super().convert(value, param, context)


def reading_options(formats: Iterable[str]) -> Callable[[Command], Command]:
    """Make what says how a roster in one of some formats is read; its values are for `how`."""
    made = (
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
            callback=values.not_empty_if_given,
            shell_complete=completing.files,
            help="The whole export that it goes with, where it holds changes only (a delta).",
        ),
        click.option(
            "--type",
            "roster_type",
            type=Format([*formats]),
            default=ONEROSTER_CSV,
            show_default=True,
            help="The format that the roster is in.",
        ),
    )

    def add(command: Command) -> Command:
        for option in made:
            command = option(command)
        return command

    return add


def refuse_without_roster(context: click.Context, option: str) -> None:
    """Refuse options about a roster where none is named.

    Raises:
        WrongUse: there are some.
    """
    for name, about in _OPTIONS.items():
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise WrongUse(f"{about} is for {option}.", "Name a roster, or leave it out.")


def read_roster(
    path: str,
    roster_type: str,
    base: str | None,
    columns: dict[str, str],
    config: Path | None = None,
) -> Roster:
    """Read a roster, from its files or from a service, which the settings call `path`.

    Raises:
        WrongUse: the options do not go together, or `path` is an address.
        InvalidRoster: it has mistakes; all of them together.
        ConfigurationError: the settings do not say how to reach the service.
        SiteError: the service could not be read.
    """
    from reconciler.workflows import rosters

    if address := _ADDRESS.match(path):
        place, rest = address.groups()
        # A raw "/" in a password moves a part of it into the host.
        where = "" if "@" in rest else f" at {place.rpartition('@')[2]}"
        raise WrongUse(
            f"A roster is a path, or has a name in {CONFIG_NAME}; this is an address{where}.",
            f"Write it as url under [rosters.NAME] in {CONFIG_NAME}, and in a manifest "
            "rosters: {NAME: {type: oneroster-rest}}, or ss12000.",
        )
    if roster_type == PLAIN_CSV and not set(NEEDED_COLUMNS) <= set(columns):
        raise WrongUse(
            "A plain CSV file needs to be told which columns are the unit and the person.",
            "Say so: --column unit=Class --column person=Teacher.",
        )
    given = {"columns": columns and "--column", "base": base and "--base"}
    for key, option in given.items():
        if option and roster_type in FORMATS and key not in FORMATS[roster_type].takes:
            raise WrongUse(f"{option} is not for --type {roster_type}.", "Leave it out.")
    if roster_type in SERVICES:
        return rosters.read_roster(roster_type, path, config)
    files = Files(Path(path), Path(base) if base else None, columns)
    return rosters.read_roster(roster_type, files)


def tell_of_roster(roster: Roster) -> None:
    """Say on standard error what `roster check` says of a roster that is sound."""
    for each in told(roster):
        click.echo(plain(each), err=True)


def declare_roster(
    path: str, folder: Path, *, roster_type: str, base: str | None, columns: dict[str, str]
) -> RosterSource:
    """Declare a roster in a manifest in a folder, which finds its files from there."""
    if roster_type in SERVICES:  # it is found by its name in the settings
        return RosterSource(path, roster_type, NOWHERE, None)
    return RosterSource(
        _NAME,
        roster_type,
        NOWHERE,
        Reference(seen_from(folder, path), NOWHERE),
        base=Reference(seen_from(folder, base), NOWHERE) if base else None,
        columns=columns,
    )
