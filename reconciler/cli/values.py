"""What is given to options and arguments: checked and read, as click's callbacks.

What is wrong with a value is wrong use of the command line; a file that cannot be read is not.
"""

import os
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

import click

from reconciler.errors import ReconcilerError, WrongUse

_DIGITS: Final = 6
"""A number of days has fewer."""


def _said(param: click.Parameter) -> str:
    """Return what the user calls a parameter: --live, or MANIFEST."""
    if isinstance(param, click.Option):
        return max(param.opts, key=len)
    return (param.name or "").upper()


def not_empty(_context: click.Context, param: click.Parameter, value: str) -> str:
    """Check, as a callback, that a parameter says something.

    Raises:
        WrongUse: it is empty, and as a path it would mean the current folder.
    """
    if not value.strip():
        raise WrongUse(f"{_said(param)} is empty.", "Is a variable in the command not set?")
    return value


def not_empty_if_given(
    context: click.Context, param: click.Parameter, value: str | None
) -> str | None:
    """Check, as a callback, that an option says something where it is given."""
    return None if value is None else not_empty(context, param, value)


def none_empty(
    context: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """Check, as a callback, that an option that may be repeated says something each time."""
    return tuple(not_empty(context, param, value) for value in values)


def paths(
    context: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> tuple[Path, ...]:
    """Turn, as a callback, values that may not be empty into paths."""
    return tuple(map(Path, none_empty(context, param, values)))


def file_to_read(context: click.Context, param: click.Parameter, value: str | None) -> Path | None:
    """Check, as a callback, that a file can be read; click's own check would make it wrong use.

    Raises:
        WrongUse: it is empty.
        ReconcilerError: there is no such file, or it cannot be read.
    """
    if value is None:
        return None
    path = Path(not_empty(context, param, value))
    try:
        path.stat()  # not opened: that would use a pipe up
        reason = "it is a folder" if path.is_dir() else "permission denied"
        usable = path.is_dir() is False and os.access(path, os.R_OK)
    except OSError as error:
        reason, usable = (error.strerror or "it is not there").lower(), False
    if not usable:
        raise ReconcilerError(
            f"{path} cannot be read: {reason}.", "Check the path and its permissions."
        )
    return path


def file_to_write(context: click.Context, param: click.Parameter, value: str | None) -> Path | None:
    """Check, as a callback, that a file is named; `refuse_target` looks at what stands there.

    Raises:
        WrongUse: it is empty, a folder, or the dash that means standard output elsewhere.
    """
    if value is None:
        return None
    path = Path(not_empty(context, param, value))
    if value == "-":
        raise WrongUse(
            f"{_said(param)} takes a file, and - is none.",
            "Leave the option out, and the result goes to standard output.",
        )
    if path.is_dir():
        raise WrongUse(f"{_said(param)}: {path} is a folder.", "Name a file in it.")
    return path


def day(_context: click.Context, _option: click.Parameter, value: str | None) -> date | None:
    """Read, as a callback, a date like 2026-08-17, where it is given."""
    if value is None:
        return None
    try:
        return datetime.strptime(value, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise click.BadParameter(f"{value} is not a date like 2026-08-17.") from None


def days(_context: click.Context, _option: click.Parameter, value: str) -> int:
    """Read, as a callback, a number of days like 30d."""
    number = value.removesuffix("d")
    if not (number.isascii() and number.isdecimal() and len(number) < _DIGITS):
        raise click.BadParameter(f"{value} is not a number of days like 30d.")
    return int(number)


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where a result goes.

    Attributes:
        shown: the format of standard output.
        files: the formats of files, each with its path.
    """

    shown: str = "text"
    files: tuple[tuple[str, Path], ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """The formats that are asked for, wherever they go."""
        return frozenset((self.shown, *(name for name, _ in self.files)))


def read_outputs(values: tuple[str, ...], known: tuple[str, ...]) -> Outputs:
    """Read what `--format` says, each time it is given.

    Args:
        values: as they were given: `json`, or `sarif=found.sarif`.
        known: the formats that there are.

    Raises:
        WrongUse: a format is not known, a file cannot be one, or two results go to one place.
    """
    shown: list[str] = []
    files: list[tuple[str, Path]] = []
    for value in values:
        name, to_file, file = value.partition("=")
        if name not in known:
            raise WrongUse(f"--format: there is no {name}.", f"There are: {', '.join(known)}.")
        if not to_file:
            shown.append(name)
        elif name == "text":
            raise WrongUse("--format: text goes to standard output.", "Redirect it to a file.")
        elif not file or file == "-" or Path(file).is_dir():
            raise WrongUse(f"--format: {value} names no file.", f"Like this: {name}=FILE.")
        else:
            files.append((name, Path(file)))
    if len(shown) > 1:
        raise WrongUse(
            f"--format: only one of {' and '.join(shown)} can go to standard output.",
            f"Write the others into files: {shown[-1]}=FILE.",
        )
    if len({path.absolute() for _, path in files}) < len(files):
        raise WrongUse("--format names one file twice.", "Give each format a file of its own.")
    return Outputs(shown[0] if shown else "text", tuple(files))
