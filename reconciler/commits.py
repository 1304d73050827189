"""What Git knows: at which commit a manifest is, and whether a file is kept or ignored.

For the record and for advice, never for a decision. A manifest may come from anybody, a pull
request say, and its folder may hold what Git takes for a repository and its settings. So Git is
asked only for the commit, for what it has recorded and for what it ignores, by commands that run
nothing of a repository's settings; whether a file differs or is missing is found here.
"""

import hashlib
import os
import subprocess
from collections.abc import Sequence, Set
from enum import StrEnum
from pathlib import Path
from typing import Final

from reconciler.manifest.files import is_part

_SECONDS: Final = 10.0
_SAFE: Final = (
    "--no-optional-locks",
    *("-c", "safe.bareRepository=explicit"),  # no repository hidden among its files
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
)


def commit_of(files: Sequence[str], named: Sequence[Path]) -> str | None:
    """Return the commit of the Git work tree that a manifest's files lie in, or None.

    It has a `+` behind it where a file is not what was committed, or is missing.

    Args:
        files: the manifest's files, as they were read.
        named: the files and directories that were asked for.
    """
    if not files:
        return None
    paths = [Path(file).absolute() for file in files]
    commit = _git(paths[0].parent, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if not commit:
        return None
    recorded: dict[Path, str] = {}
    for folder in sorted({path.parent for path in paths}):
        recorded |= _recorded(folder) or {}
    unchanged = all(_blob(path, recorded.get(path, "")) for path in paths)
    read = {os.path.realpath(path) for path in paths}
    complete = all(_is_complete(path.absolute(), read) for path in named if path.is_dir())
    return commit if unchanged and complete else f"{commit}+"


class Keeping(StrEnum):
    """What Git does with a file."""

    IGNORED = "ignored"
    NOT_IGNORED = "not ignored"
    KEPT = "kept"


def keeping(folder: Path, pattern: str) -> Keeping:
    """Return what Git does with the files in a folder that a pattern matches.

    Where it does not answer, they count as not ignored.

    Args:
        folder: a folder in a Git work tree.
        pattern: as Git has pathspecs, with their magic words.
    """
    listed = _git(
        folder, "ls-files", "-t", "--cached", "--others", "--exclude-standard", "--", pattern
    )
    if listed is None:
        return Keeping.NOT_IGNORED
    marks = {line[0] for line in listed.splitlines()}
    return Keeping.KEPT if marks - {"?"} else Keeping.NOT_IGNORED if marks else Keeping.IGNORED


def _recorded(folder: Path, *options: str) -> dict[Path, str] | None:
    """Return the ids under which the last commit has the files of a folder, or None."""
    listed = _git(folder, "ls-tree", *options, "-z", "HEAD")
    if listed is None:
        return None
    entries = (entry.partition("\t") for entry in listed.split("\0") if entry)
    return {folder / name: facts.split(" ")[2] for facts, _, name in entries}


def _is_complete(folder: Path, read: Set[str]) -> bool:
    """Whether all that the last commit has of a manifest below a folder was read."""
    recorded = _recorded(folder, "-r")
    return recorded is not None and all(
        os.path.realpath(path) in read or (path.is_symlink() and path.is_dir())  # not followed
        for path in recorded
        if is_part(str(path.relative_to(folder)))
    )


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
