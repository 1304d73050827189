"""Which commit a manifest is at, where it is in Git: for the record, never for a decision.

A manifest may come from anybody, a pull request say, and its folder may hold what Git takes for a
repository and its settings. So Git is asked only for the commit and for what it has recorded, by
commands that run nothing of a repository's settings; whether a file differs is found here.
"""

import hashlib
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_SECONDS: Final = 10.0
_SAFE: Final = (
    "--no-optional-locks",
    *("-c", "safe.bareRepository=explicit"),  # no repository hidden among its files
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
)


def commit_of(paths: Sequence[Path]) -> str | None:
    """Return the commit of the Git work tree that a manifest's files lie in, or None.

    It has a `+` behind it where a file is not what was committed.

    Args:
        paths: the manifest's files.
    """
    if not paths:
        return None
    files = [path.absolute() for path in paths]
    commit = _git(files[0].parent, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if not commit:
        return None
    recorded: dict[Path, str] = {}
    for folder in sorted({file.parent for file in files}):
        recorded |= _recorded(folder)
    unchanged = all(_blob(file, recorded.get(file, "")) for file in files)
    return commit if unchanged else f"{commit}+"


def _recorded(folder: Path) -> dict[Path, str]:
    """Return the ids under which the last commit has the files of a folder."""
    listed = _git(folder, "ls-tree", "-z", "HEAD") or ""
    entries = (entry.partition("\t") for entry in listed.split("\0") if entry)
    return {folder / name: facts.split(" ")[2] for facts, _, name in entries}


def _blob(file: Path, recorded: str) -> bool:
    """Whether a file's bytes have an id in Git; converted line ends count as a difference."""
    try:
        content = file.read_bytes()
    except OSError:
        return False
    # Git names contents by SHA-1, or in newer repositories by SHA-256, of this form.
    name = "sha256" if len(recorded) == 64 else "sha1"
    header = f"blob {len(content)}\0".encode()
    return hashlib.new(name, header + content, usedforsecurity=False).hexdigest() == recorded


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git prints, or None where there is no git, no work tree or no answer."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("RECONCILER_")
    }
    # An object that a partial clone lacks would be fetched, by a command that its settings name.
    environment |= {"GIT_ALLOW_PROTOCOL": "", "GIT_NO_LAZY_FETCH": "1"}
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program, and arguments of ours
            ["git", *_SAFE, "-C", str(folder), *arguments],  # noqa: S607 - the user's own git
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace").strip()
