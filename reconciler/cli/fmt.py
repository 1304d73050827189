"""The command `fmt`."""

import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from reconciler.cli import completing, options, values
from reconciler.cli.plan_files import refuse_plans
from reconciler.diagnostics import Diagnostic
from reconciler.errors import ExitCode, InvalidInput, ReconcilerError, WrongUse
from reconciler.manifest.files import Source, sources
from reconciler.manifest.normal import normal_form
from reconciler.plain import as_typed, count, plain
from reconciler.private_files import replace_content

_NAMED: Final = 3
"""So many files are named in the command that changes them; of more it is what was asked for."""

_STANDARD: Final = "-"
"""Stands for standard input and output, in the place of a file."""


@click.command("fmt")
@click.argument(
    "paths", nargs=-1, metavar="[PATHS]...", callback=values.paths, shell_complete=completing.files
)
@click.option("--check", is_flag=True, help="Write nothing; exit 2 where something would change.")
@options.verbose_option
def command(*, paths: tuple[Path, ...], check: bool) -> int:
    """Put manifests into their normal form; what they declare stays, and so do comments.

    PATHS are files or directories; the current directory by default. With - alone, standard input
    is read and standard output written. The files that change are named on standard output. A file
    with mistakes is left as it is, and its mistakes are named.

    Examples: reconciler fmt; reconciler fmt --check roles.yaml; reconciler fmt - < roles.yaml
    """
    if Path(_STANDARD) in paths:
        if len(paths) > 1:
            raise WrongUse("- stands for standard input, and goes with no other path.")
        return _filter(check=check)
    _refuse_others(paths)
    found: list[Diagnostic] = []
    kept: list[ReconcilerError] = []
    total = 0
    changed: list[str] = []
    for source in sources(paths or (Path(),)):
        total += 1
        try:
            if _format(source, check=check):
                changed.append(source.file)
        except InvalidInput as invalid:
            found += invalid.diagnostics
        except ReconcilerError as error:
            kept.append(error)
    verb = "Would change" if check else "Changed"
    way_on = _way_on(changed, paths) if check else ""
    told = f"{verb}: {len(changed):,} of {count(total, 'file')}.{way_on}"
    click.echo(plain(told), err=True)
    for each in kept:
        click.echo(plain(f"Error: {each}"), err=True)
        click.echo(each.advice, err=True)
    if found:
        raise InvalidInput(found)
    if kept:
        return ExitCode.FAILED
    return ExitCode.CHANGES if check and changed else ExitCode.DONE


def _way_on(changed: Sequence[str], paths: tuple[Path, ...]) -> str:
    """Say which command writes what a check found; `--` keeps a name from being an option."""
    if not changed:
        return ""
    words = list(changed if len(changed) <= _NAMED else map(str, paths))
    if any(word.startswith("-") for word in words):
        words.insert(0, "--")
    return f" To do it: {as_typed(['reconciler', 'fmt', *words])}"


def _filter(*, check: bool) -> ExitCode:
    if sys.stdin is None:  # the shell's `<&-`
        raise ReconcilerError("Standard input is closed.", "Send a manifest to it.")
    raw = sys.stdin.buffer.read()
    made = normal_form(_STANDARD, raw)
    if check:
        return ExitCode.DONE if made == raw else ExitCode.CHANGES
    sys.stdout.buffer.write(made)
    return ExitCode.DONE


def _refuse_others(paths: tuple[Path, ...]) -> None:
    """Refuse files that are named and that YAML should not be written to.

    Raises:
        ReconcilerError: one is a saved plan, or JSON.
    """
    refuse_plans(paths)
    for path in paths:
        if path.suffix.casefold() == ".json" and path.is_file():
            raise ReconcilerError(
                f"{path} is JSON by its name, and the normal form is YAML.",
                "Give it a name that ends in .yaml.",
            )


def _format(source: Source, *, check: bool) -> bool:
    """Put one file into its normal form, and name it where that changes it.

    Returns:
        Whether it has, or would have, changed.

    Raises:
        InvalidInput: it has mistakes, or cannot be read.
        ReconcilerError: it cannot be written.
    """
    if source.problem is not None or source.raw is None:
        raise InvalidInput([source.problem] if source.problem else [])
    made = normal_form(source.file, source.raw)
    if made == source.raw:
        return False
    if not check:
        _write(Path(source.file), made)
    click.echo(plain(source.file))
    return True


def _write(path: Path, made: bytes) -> None:
    """Write a file's normal form; a link stays one, and what it leads to is written.

    Raises:
        ReconcilerError: the file is not to be written, or cannot be.
    """
    advice = "Allow writing to it, or look at it with --check."
    try:
        real = path.resolve()
        mode = real.stat().st_mode
        # Who may do everything can write to a read-only file, which is meant to stay as it is.
        writable = mode & 0o222 and os.access(real, os.W_OK)
        if stat.S_ISREG(mode) and writable:
            replace_content(real, made)
            return
    except OSError as error:
        reason = (error.strerror or "unknown").lower()
        raise ReconcilerError(f"{path} cannot be written: {reason}.", advice) from None
    what = "read-only" if stat.S_ISREG(mode) else "no regular file"
    raise ReconcilerError(f"{path} is {what}, so it is left as it is.", advice)
