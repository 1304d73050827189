"""How results are printed: documents as they are, text for people through the console."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import FORMAT
from reconciler.errors import ReconcilerError
from reconciler.plan import document
from reconciler.plan.model import Plan
from reconciler.private_files import write_private

if TYPE_CHECKING:
    from rich.console import RenderableType

    from reconciler.json_text import Members
    from reconciler.reports.documents import Document


def print_plan(plan: Plan, output_format: str, *, colour: bool, full: bool) -> None:
    """Print a plan in the format asked for."""
    if output_format == "json":
        print_pieces(document.to_texts(plan))
    else:
        from reconciler.reports import text

        print_text(text.plan_text(plan, full=full), colour=colour)


def save_plan(path: Path, plan: Plan) -> None:
    """Save a plan, for its owner alone, and say so."""
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
    """Print the mistakes that keep a command from its result, for programs that asked for JSON.

    What people read of them goes to standard error, in any format.
    """
    if error.diagnostics and context.meta.get(FORMAT) == "json":
        from reconciler.reports import documents

        document = documents.diagnostics_document(error.diagnostics)
        click.echo(documents.to_text(document), nl=False)


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
