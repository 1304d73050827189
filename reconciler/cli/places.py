"""Where files lie: how a folder sees them, which links lead there, and in which repository."""

import os
from collections.abc import Iterable
from pathlib import Path, PurePath


def seen_from(folder: Path, path: str) -> str:
    """Return a path as a manifest in a folder names it; one that is absolute stays so.

    Links to folders are followed, as the system does when it goes up from a folder.
    """
    if Path(path).is_absolute():
        return path
    # A link keeps its own name: it may lead to the newest export of several.
    above, name = os.path.split(path.rstrip("/"))
    if name in (os.curdir, os.pardir):
        above, name = path, ""
    return os.path.relpath(Path(os.path.realpath(above), name), os.path.realpath(folder))


def links_among(folder: Path, files: Iterable[PurePath]) -> list[Path]:
    """Return the folders below a folder that lead to some files and are links, sorted.

    Args:
        folder: a folder, which may itself be a link: somebody named it.
        files: paths below it.
    """
    folders = {folder / above for path in files for above in path.parents if above != PurePath()}
    return sorted(each for each in folders if each.is_symlink())


def repository_of(folder: Path) -> Path | None:
    """Return the top of the Git work tree that a folder is in, or will be in; or None."""
    there = Path(os.path.realpath(folder))
    return next((each for each in (there, *there.parents) if (each / ".git").exists()), None)
