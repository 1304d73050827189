"""How results are printed: documents as they are, text for people through the console."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.options import FORMAT
from reconciler.cli.plan_files import refuse_target
from reconciler.cli.values import Outputs
from reconciler.errors import ReconcilerError
from reconciler.private_files import write_private

if TYPE_CHECKING:
    from rich.console import RenderableType

    from reconciler.json_text import Members
    from reconciler.plan.model import Plan
    from reconciler.reports.documents import Document


def print_plan(plan: "Plan", outputs: Outputs, *, colour: bool, full: bool) -> None:
    """Print a plan, and write it into the files asked for."""

    def rendered() -> "Iterator[RenderableType]":
        from reconciler.reports import text

        return text.plan_text(plan, full=full)

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
    asked = context.meta.get(FORMAT)
    if not error.diagnostics or asked in (None, "text", Outputs()):
        return
    from reconciler.reports import formats

    can = formats.names("diagnostics")
    outputs = asked if isinstance(asked, Outputs) else Outputs(asked)
    files = tuple(each for each in outputs.files if each[0] in can)
    shown = outputs.shown if outputs.shown in can else "text"
    deliver("diagnostics", error.diagnostics, Outputs(shown, files))


def refuse_targets(outputs: Outputs) -> None:
    """Refuse to write reports over something that somebody may miss; before anything is fetched.

    Raises:
        WrongUse: something stands in the place of a report, and is none.
        ReconcilerError: there is no such folder, or nothing can be written to it.
    """
    if not outputs.files:
        return
    from reconciler.reports.formats import is_report

    inputs = _inputs()
    for name, path in outputs.files:
        refuse_target(path, partial(is_report, name=name), f"a report in {name}", inputs=inputs)


def deliver(
    subject: str,
    shown: Any,
    outputs: Outputs,
    text: "Callable[[], RenderableType | Iterator[RenderableType]] | None" = None,
    *,
    colour: bool = False,
) -> None:
    """Write a result into the files asked for, and print it.

    Args:
        subject: what it is, for `reconciler.reports.formats`.
        shown: the result, as it may be told.
        outputs: which formats go where.
        text: renders it for people; None where they are told otherwise.
        colour: whether text may have colours.
    """
    from reconciler.reports import formats

    home = _home()
    for name, path in outputs.files:
        pieces = formats.render(subject, name, shown, home)
        write_private(path, (piece.encode("utf-8", "backslashreplace") for piece in pieces))
    if outputs.shown != "text":
        print_pieces(formats.render(subject, outputs.shown, shown, home))
    elif text is not None:
        print_text(text(), colour=colour)


def _inputs() -> list[Path | None]:
    """Name the files that the command reads."""
    given = click.get_current_context().params
    return [*given.get("manifest", ()), *map(given.get, ("plan", "live", "config"))]


def _home() -> str:
    """Return the path under which that is told which has no place in a file."""
    given = click.get_current_context().params.get("manifest", ())
    return str(given[0] if given else "reconciler.toml")


def print_result(
    as_document: "Document | Members",
    renderable: "RenderableType | Iterator[RenderableType]",
    output_format: str,
    *,
    colour: bool,
) -> None:
    """Print a result in the format asked for."""
    if output_format == "json":
        from reconciler.reports import documents

        print_pieces(documents.to_texts(as_document))
    else:
        print_text(renderable, colour=colour)
