"""How results are printed: documents as they are, text for people through the console."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from reconciler.cli.options import FORMAT
from reconciler.cli.plan_files import is_plan, refuse_target
from reconciler.cli.streams import let_go
from reconciler.cli.values import Outputs
from reconciler.errors import ReconcilerError, WrongUse, told
from reconciler.plain import plain
from reconciler.private_files import write_private

if TYPE_CHECKING:
    from rich.console import RenderableType

    from reconciler.plan.model import Plan


_EARLIER: Final = "reconciler.earlier"
"""Where a context keeps which reports of an earlier run a command is to replace."""


def print_plan(
    plan: "Plan", outputs: Outputs, *, colour: bool, full: bool, lifting: bool = True
) -> None:
    """Print a plan, and write it into the files asked for.

    Without `lifting`, it is not said which options lift what refuses the plan.
    """

    def rendered() -> "Iterator[RenderableType]":
        from reconciler.reports import text

        return text.plan_text(plan, full=full, lifting=lifting)

    deliver("plan", plan, outputs, rendered, colour=colour)


def save_plan(path: Path, plan: "Plan") -> None:
    """Save a plan, for its owner alone, and say so."""
    from reconciler.plan import document

    write_private(path, (piece.encode() for piece in document.to_texts(plan)))
    click.echo(f"Saved the plan to {path}.", err=True)


def print_pieces(pieces: Iterable[str]) -> None:
    """Print a document that comes in pieces."""
    for piece in pieces:
        click.echo(piece, nl=False)


def print_text(rendered: "RenderableType | Iterator[RenderableType]", *, colour: bool) -> None:
    """Print something rendered, or its parts."""
    from reconciler.reports import printing

    printing.show(rendered, colour=colour)


def print_mistakes(context: click.Context, error: ReconcilerError) -> None:
    """Print the mistakes that keep a command from its result, in each format that can tell them.

    What people read of them goes to standard error, in any format.
    """
    outputs = context.meta.get(FORMAT, Outputs())
    if not error.diagnostics or outputs == Outputs():
        return
    from reconciler.reports import formats

    can = formats.names("diagnostics")
    files = tuple(each for each in outputs.files if each[0] in can)
    shown = outputs.shown if outputs.shown in can else "text"
    deliver("diagnostics", error.diagnostics, Outputs(shown, files))


def refuse_targets(
    subject: str,
    outputs: Outputs,
    *also: str,
    spent: Callable[[Path], bool] = lambda _path: False,
) -> None:
    """Refuse to write reports over something that somebody may miss; before anything is fetched.

    What stands there of an earlier run may not stand for this one: `take_away_earlier`.

    Args:
        subject: what they tell of, for `reconciler.reports.formats`.
        outputs: which of them go where.
        also: what else the same command may tell of.
        spent: whether a document of another subject is one that nobody can miss.

    Raises:
        WrongUse: something stands in the place of a report, and is none.
        ReconcilerError: there is no such folder, or nothing can be written to it.
    """
    if not outputs.files:
        return
    from reconciler.connection import kept_files

    given = click.get_current_context().params
    inputs = [*_read(given), *given.get("as_planned", ()), given.get("reviewed")]
    kept = kept_files(config=given.get("config"), directory=Path())
    others = [(option, given.get(option)) for option in ("out", "metrics")]
    for name, path in outputs.files:
        for option, other in others:
            if other is not None and _same_place(other, path):
                raise WrongUse(
                    f"--{option} and --format both name {path}.", "Give each a file of its own."
                )
        ours = partial(_is_ours, subjects=(subject, *also), name=name, spent=spent)
        what = "a document of this command" if name == "json" else f"a report in {name}"
        refuse_target(path, ours, what, inputs=inputs, kept=kept)
    click.get_current_context().meta[_EARLIER] = {
        path
        for _name, path in outputs.files
        if path.is_file() and path.stat().st_size and not is_plan(path)
    }


def take_away_earlier(context: click.Context) -> None:
    """Take away reports of an earlier run that a command was to replace, and did not.

    Nobody is to take them for those of a run that was refused or has failed. A plan may be waiting
    to be applied, and stays.
    """
    for path in context.meta.get(_EARLIER, ()):
        with suppress(OSError):
            path.unlink()


def _same_place(one: Path, other: Path) -> bool:
    return os.path.realpath(one.parent) == os.path.realpath(other.parent) and one.name == other.name


def _is_ours(path: Path, subjects: Sequence[str], name: str, spent: Callable[[Path], bool]) -> bool:
    from reconciler.reports.formats import is_report

    return is_report(path, subjects, name) or (name == "json" and spent(path))


def deliver(
    subject: str,
    shown: Any,
    outputs: Outputs,
    text: "Callable[[], RenderableType | Iterator[RenderableType]] | None" = None,
    *,
    colour: bool = False,
    done: str | None = None,
) -> None:
    """Write a result into the files asked for, and print it.

    What was done to a site is told by the exit code, whatever becomes of what tells it: a report
    that cannot be written then, or printed, is a warning, and the others are written.

    Args:
        subject: what it is, for `reconciler.reports.formats`.
        shown: the result, as it may be told.
        outputs: which formats go where.
        text: renders it for people; None where they are told otherwise.
        colour: whether text may have colours.
        done: what else tells the result of a command that has changed something; None of others.

    Raises:
        OSError: a file or standard output cannot be written, and nothing was changed.
    """
    from reconciler.reports import formats

    home = _home()
    earlier = click.get_current_context().meta.get(_EARLIER, set())
    for name, path in outputs.files:
        pieces = formats.render(subject, name, shown, home)
        with _written(str(path), done):
            write_private(path, (piece.encode("utf-8", "backslashreplace") for piece in pieces))
            earlier.discard(path)
    with _written("standard output", done):
        if outputs.shown != "text":
            print_pieces(formats.render(subject, outputs.shown, shown, home))
        elif text is not None:
            print_text(text(), colour=colour)
        sys.stdout.flush()


@contextmanager
def _written(what: str, done: str | None) -> Iterator[None]:
    """Let nothing that goes wrong with a report change how a command ends that has done something.

    Args:
        what: where the report goes.
        done: as in `deliver`.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        if done is None:
            raise
        let_go()  # or what is left of it would fail once more at the end
        why = "interrupted." if isinstance(error, KeyboardInterrupt) else told(error)[0]
        with suppress(OSError):  # where nobody can be told, what was done stays what it is
            click.echo(plain(f"warning: {what} could not be written: {why} {done}"), err=True)


def _home() -> str:
    """Return the file at which that is told which has no place in one: what the command reads."""
    from reconciler.manifest.files import first_file
    from reconciler.settings import CONFIG_NAME

    read = _read(click.get_current_context().params)
    found = next((path for path in read if path.exists()), None)
    return str(first_file(found)) if found else CONFIG_NAME


def _read(given: Mapping[str, Any]) -> Iterator[Path]:
    """Yield the files that a command was given to read."""
    yield from given.get("manifest", ())
    for name in ("plan", "live", "fleet", "config"):
        if given.get(name) is not None:
            yield given[name]
    # A roster is a path, or a service's name.
    yield from (Path(given[name]) for name in ("path", "base") if given.get(name))
