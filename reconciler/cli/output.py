"""How results are printed: documents as they are, text for people through the console."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.options import FORMAT
from reconciler.cli.plan_files import refuse_target
from reconciler.cli.values import Outputs
from reconciler.errors import ReconcilerError, WrongUse
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


def refuse_targets(subject: str, outputs: Outputs) -> None:
    """Refuse to write reports over something that somebody may miss; before anything is fetched.

    Args:
        subject: what they tell of, for `reconciler.reports.formats`.
        outputs: which of them go where.

    Raises:
        WrongUse: something stands in the place of a report, and is none.
        ReconcilerError: there is no such folder, or nothing can be written to it.
    """
    if not outputs.files:
        return
    from reconciler.connection import kept_files
    from reconciler.reports.formats import is_report

    given = click.get_current_context().params
    listed = (*given.get("manifest", ()), *given.get("as_planned", ()))
    inputs = [*listed, *map(given.get, ("plan", "live", "config"))]
    kept = kept_files(config=given.get("config"), directory=Path())
    out = given.get("out")
    for name, path in outputs.files:
        if out is not None and out.absolute() == path.absolute():
            raise WrongUse(f"--out and --format both name {path}.", "Give each a file of its own.")
        ours = partial(is_report, subject=subject, name=name)
        what = "a document of this command" if name == "json" else f"a report in {name}"
        refuse_target(path, ours, what, inputs=inputs, kept=kept)


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


def _home() -> str:
    """Return the file at which that is told which has no place in one: what the command reads."""
    from reconciler.manifest.files import first_file
    from reconciler.settings import CONFIG_NAME

    given = click.get_current_context().params
    read = (*given.get("manifest", ()), *map(given.get, ("plan", "live", "config")))
    found = next((path for path in read if path is not None), None)
    return str(first_file(found)) if found else CONFIG_NAME


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
