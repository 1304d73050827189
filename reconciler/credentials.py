"""Credentials, and the references by which settings name them: never the value itself.

`{env = "NAME"}`, `{file = "PATH"}` or `{command = ["PROGRAM", "…"]}` (design, section 4).
"""

import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

COMMAND_SECONDS: Final = 30.0
"""How long a command that prints a credential may take."""

_VARIABLE_NAME: Final = re.compile("[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A secret that no message, log or traceback shows; `reveal` hands it out."""

    _text: str

    def reveal(self) -> str:
        """Return the secret itself."""
        return self._text

    def __repr__(self) -> str:
        return "***"


class Unusable(Exception):
    """A reference that gives no credential.

    Attributes:
        what: what is wrong with it, to stand behind its name.
        advice: what to do about it.
    """

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(what)
        self.what = what
        self.advice = advice


def follow(reference: object, key: str, environ: Mapping[str, str], base: Path) -> str:
    """Return the credential that a reference names.

    Args:
        reference: as it stands in the settings.
        key: what the setting is called.
        environ: the environment variables.
        base: what relative paths are relative to, and where commands run.

    Raises:
        Unusable: it is no reference, or gives nothing that can be a credential.
    """
    kinds: Mapping[str, Callable[[Any], str]] = {
        "env": lambda name: _from_environ(name, environ),
        "file": lambda name: _from_file(name, base),
        "command": lambda words: _from_command(words, base),
    }
    kind = str(next(iter(reference))) if isinstance(reference, dict) and reference else ""
    if not isinstance(reference, dict) or kind not in kinds or len(reference) != 1:
        raise Unusable(
            "must be a reference, not the value itself",
            f'Write {key} = {{env = "NAME"}}, {{file = "PATH"}} or {{command = ["PROGRAM", "…"]}}.',
        )
    text = kinds[kind](reference[kind])
    if not text:
        raise Unusable(f"is empty: its {kind} gives nothing", f"Look at its {kind}.")
    if not is_plain(text):
        raise Unusable(
            "has spaces, line breaks or other characters that cannot stand in a credential",
            f"Look at the {'variable' if kind == 'env' else kind}: write the credential "
            "there without spaces around it.",
        )
    return text


def is_plain(text: str) -> bool:
    """Whether it is visible ASCII throughout, so that it can stand in a header."""
    return text.isascii() and text.isprintable() and " " not in text


def placed(name: str, base: Path) -> Path:
    """Return a path that may begin with `~`, or be relative to a folder.

    Raises:
        Unusable: nobody has the home folder that it begins with, or no path can be meant.
    """
    if any(char < " " for char in name):  # "C:\new" has a line break in TOML
        raise Unusable(
            "has a line break or another control character in its path",
            "Write backslashes in single quotes, 'C:\\new', or write / for them.",
        )
    try:
        return base / Path(name).expanduser()
    except RuntimeError:
        raise Unusable(
            f"begins with {Path(name).parts[0]}, and there is no such home folder",
            "Write the whole path.",
        ) from None


def _from_environ(name: object, environ: Mapping[str, str]) -> str:
    if not isinstance(name, str) or not _VARIABLE_NAME.fullmatch(name):
        # Not repeated: the secret itself may have been put there.
        raise Unusable("names no variable", 'Write {env = "NAME"}.')
    if name not in environ:
        raise Unusable(f"refers to the variable {name}, which is not set", "Set it.")
    return environ[name]


def _from_file(name: object, base: Path) -> str:
    if not isinstance(name, str) or not name:
        raise Unusable("names no file", 'Write {file = "PATH"}.')
    file = placed(name, base)
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Unusable(
            f"refers to {file}, which cannot be read: {reason}", "Look at the file."
        ) from None


def _from_command(command: object, base: Path) -> str:
    if (
        not isinstance(command, list)
        or not command
        or not all(isinstance(word, str) and word for word in command)
    ):
        raise Unusable("has a command that is no list of words", 'Write ["pass", "show", "x"].')
    try:
        return _output(command, base)
    except _CommandFailed as failed:
        raise Unusable(
            f"refers to {command[0]}, which {failed}", "Run the command by hand."
        ) from None


class _CommandFailed(Exception):
    """Says why, without what the command printed: that may hold the secret."""


def _output(command: list[str], directory: Path) -> str:
    try:
        with subprocess.Popen(  # noqa: S603 - the user's own command, without a shell
            command,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                printed, _ = process.communicate(timeout=COMMAND_SECONDS)
            except subprocess.TimeoutExpired:
                # Leaving the block waits for the command alone, not for what it started.
                process.kill()
                raise _CommandFailed(f"took longer than {COMMAND_SECONDS:g} seconds") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its words cannot be passed on"
        raise _CommandFailed(f"cannot be run: {reason}") from None
    if process.returncode != 0:
        raise _CommandFailed(f"failed with exit code {process.returncode}")
    try:
        return printed.decode("utf-8").strip()
    except UnicodeError:
        raise _CommandFailed("did not print UTF-8") from None
