"""The ready file: how tests and scripts find a sandbox, and its secrets."""

import json
import os
from pathlib import Path
from typing import Any

from reconciler.private_files import is_taken
from reconciler.sandbox.options import SandboxRefused
from reconciler.sandbox.private import private_file


def announce(path: Path, document: dict[str, Any]) -> None:
    """Write the ready file, readable for its owner only, whole or not at all.

    Raises:
        SandboxRefused: it cannot be written.
    """
    with private_file(path, "the ready file") as file:
        json.dump(document, file, indent=2)
        file.write("\n")


def forget(path: Path) -> None:
    """Remove a ready file that an earlier server left behind.

    Raises:
        SandboxRefused: it cannot be removed, or something else stands there.
    """
    try:
        if not os.path.lexists(path):
            return
        if is_taken(path) or (path.stat().st_size and _pid(path) is None):
            raise SandboxRefused(
                f"{path} exists and is no ready file, so it is not replaced; name another"
            )
        path.unlink(missing_ok=True)
    except OSError as error:
        raise SandboxRefused(
            f"the ready file {path} cannot be written: {error.strerror}"
        ) from error


def withdraw(path: Path, pid: int) -> None:
    """Remove the ready file, if it is still that of the process."""
    if _pid(path) == pid:
        path.unlink(missing_ok=True)


def _pid(path: Path) -> int | None:
    """Return the process that a ready file names; None where it is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8")).get("pid")
    except (OSError, ValueError, AttributeError):
        return None
    return found if isinstance(found, int) else None
