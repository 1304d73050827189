"""Whom a run hides: the key of pseudonyms and the list of those who are withheld, as settings."""

import os
import re
from pathlib import Path
from typing import Final

from reconciler.errors import ConfigurationError
from reconciler.redact import Redaction

KEY: Final = "RECONCILER_REDACT_KEY"
LIST: Final = "RECONCILER_WITHHELD"

_SHORTEST: Final = 16


def load_redaction(*, pseudonyms: bool) -> Redaction:
    """Make a redaction out of the environment: who is withheld is hidden in any case.

    Args:
        pseudonyms: whether to hide everybody else, too.

    Raises:
        ConfigurationError: the key is missing or short, or the list cannot be read.
    """
    return Redaction(_key() if pseudonyms else None, _withheld())


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
