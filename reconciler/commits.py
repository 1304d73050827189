"""Which commit a manifest is at, where it is in Git: for the record, never for a decision."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_SECONDS: Final = 10.0


def commit_of(paths: Sequence[Path]) -> str | None:
    """Return the commit of the Git work tree that a manifest lies in, or None.

    A manifest that differs from what was committed has a `+` behind it.

    Args:
        paths: the manifest's files and folders; the first one says which work tree.
    """
    if not paths:
        return None
    first = paths[0].absolute()
    folder = first if first.is_dir() else first.parent
    commit = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    if not commit:
        return None
    changed = _git(
        folder,
        "status",
        "--porcelain",
        "--ignored",
        "--",
        *(str(path.absolute()) for path in paths),
    )
    return f"{commit}+" if changed is None or changed else commit


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git prints, or None where there is no git, no work tree or no answer."""
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program, and paths after `--`
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the user's own git
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace").strip()
