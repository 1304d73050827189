"""The option `--redact`, and how it reaches what every command prints, its errors included."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from reconciler.errors import ReconcilerError
from reconciler.redact import WITHHELD, Redaction
from reconciler.workflows.hiding import KEY, LIST, load_redaction

if TYPE_CHECKING:
    from reconciler.state import LiveState

Command = TypeVar("Command", bound=Callable[..., Any])

_META: Final = "reconciler.redaction"


def redact_option(command: Command) -> Command:
    """Add `--redact`; the command is given a `Redaction`, which hides nothing by default."""
    return click.option(
        "--redact",
        "redaction",
        is_flag=True,
        callback=_redaction,
        help=f"Put pseudonyms in the place of people; {KEY} holds the key.",
    )(command)


def _redaction(context: click.Context, _option: click.Parameter, value: bool) -> Redaction:  # noqa: FBT001 - click's signature
    made = load_redaction(pseudonyms=value)
    context.meta[_META] = made
    return made


def hidden(context: click.Context, error: ReconcilerError) -> ReconcilerError:
    """Return an error as it may be told: without the people whom the command hides."""
    redaction = context.meta.get(_META)
    return redaction.error(error) if isinstance(redaction, Redaction) else error


def shown_person(redaction: Redaction, state: "LiveState", person: str) -> str:
    """Return the id under which a person is shown: their own, or their pseudonym.

    Raises:
        ReconcilerError: they are withheld.
    """
    from reconciler.directory import Directory

    known = Directory(state).people[person]
    keys = known.sync_key, known.username, known.email
    shown = redaction.who(state.site.id, person, *keys)
    if shown == WITHHELD:
        raise ReconcilerError(
            "This person is withheld from every report.", f"{LIST} names the list."
        )
    return shown or person
