"""The option `--redact`, and how it reaches what every command prints, its errors included."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from reconciler.directory import Directory
from reconciler.errors import ConfigurationError, InvalidInput, ReconcilerError
from reconciler.redact import WITHHELD, Redaction
from reconciler.state import LiveState

Command = TypeVar("Command", bound=Callable[..., Any])

KEY: Final = "RECONCILER_REDACT_KEY"
LIST: Final = "RECONCILER_WITHHELD"

_SHORTEST: Final = 16
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
    made = Redaction(_key() if value else None, _withheld())
    context.meta[_META] = made
    return made


def _key() -> bytes:
    key = os.environ.get(KEY, "")
    if len(key) < _SHORTEST:
        raise ConfigurationError(
            f"--redact needs a key of at least {_SHORTEST} characters in {KEY}.",
            "Make one with `openssl rand -hex 32`, and keep it: the same key gives the same "
            "pseudonyms.",
        )
    return key.encode()


def _withheld() -> frozenset[str]:
    """Read whom to withhold: an id or key in a line, and # before a comment."""
    named = os.environ.get(LIST)
    if named is None:
        return frozenset()
    try:
        lines = Path(named).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        # Going on without the list would show whom it is to hide.
        raise ConfigurationError(
            f"{LIST} names a file that cannot be read: {type(error).__name__}.",
            "Name a text file, or unset it.",
        ) from None
    return frozenset(word for line in lines if (word := line.partition("#")[0].strip()))


def hidden(context: click.Context, error: ReconcilerError) -> ReconcilerError:
    """Return an error as it may be told: without the people whom the command hides."""
    redaction = context.meta.get(_META)
    if not isinstance(redaction, Redaction) or not redaction.active:
        return error
    if isinstance(error, InvalidInput):
        return InvalidInput([redaction.diagnostic(each) for each in error.diagnostics])
    error.args = tuple(
        redaction.text(each) if isinstance(each, str) else each for each in error.args
    )
    # Advice often names others who are near: "Did you mean …?"
    error.advice = redaction.text(error.advice) if error.advice and redaction.key is None else None
    return error


def shown_person(redaction: Redaction, state: LiveState, person: str) -> str:
    """Return the id under which a person is shown: their own, or their pseudonym.

    Raises:
        ReconcilerError: they are withheld.
    """
    known = Directory(state).people[person]
    keys = known.sync_key, known.username, known.email
    shown = redaction.who(state.site.id, person, *keys)
    if shown == WITHHELD:
        raise ReconcilerError(
            "This person is withheld from every report.", f"{LIST} names the list."
        )
    return shown or person
