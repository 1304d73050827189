"""The option `--redact`, and how it reaches what every command prints, its errors included."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from reconciler.errors import ConfigurationError, ReconcilerError
from reconciler.redact import WITHHELD, Redaction

if TYPE_CHECKING:
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
    """Read whom to withhold: an id or key in a line, and # with a space around it for a comment.

    Going on without the list, or with half of it, would show whom it is to hide.
    """
    named = os.environ.get(LIST)
    if named is None:
        return frozenset()
    if not named.strip():
        raise ConfigurationError(f"{LIST} is set, but empty.", "Name a text file, or unset it.")
    try:
        lines = Path(named).read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise _unreadable(error.strerror or "it cannot be opened") from None
    except ValueError:
        raise _unreadable("it is not UTF-8") from None
    words = [
        (number, re.split(r"(?:^|\s)#", line)[0].strip()) for number, line in enumerate(lines, 1)
    ]
    for number, word in words:
        if len(re.split(r"[\s,;]+", word)) > 1:
            raise ConfigurationError(
                f"{LIST}: line {number} of the file is more than one id or key.",
                "Write each in a line of its own; names of people are no keys.",
            )
    return frozenset(word for _, word in words if word)


def _unreadable(why: str) -> ConfigurationError:
    return ConfigurationError(
        f"{LIST} names a file that cannot be read: {why.lower()}.", "Name a text file, or unset it."
    )


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
