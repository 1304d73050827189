"""Where files lie: how a folder sees them, which links lead there, and in which repository."""

import os
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Final

from reconciler.manifest.shape import SCHEMA_NAME

_SCHEMAS: Final = (PurePath(SCHEMA_NAME), PurePath("schemas", SCHEMA_NAME))
"""Where a manifest's schema is looked for, below each folder above the manifest."""
_SEPARATORS: Final = "/" if os.altsep is None else f"{os.sep}{os.altsep}"


def relative(path: str | Path, start: str | Path = os.curdir) -> str:
    """Return a path as it is seen from a folder; one on another drive of Windows as it is."""
    try:
        return os.path.relpath(path, start)
    except ValueError:
        return os.path.abspath(path)  # noqa: PTH100 - the same as above, on the same text


def seen_from(folder: Path, path: str) -> str:
    """Return a path as a manifest in a folder names it, on every system; an absolute one stays so.

    Links to folders are followed, as the system does when it goes up from a folder.
    """
    if Path(path).is_absolute():
        return path
    # A link keeps its own name: it may lead to the newest export of several.
    above, name = os.path.split(path.rstrip(_SEPARATORS))
    if name in (os.curdir, os.pardir):
        above, name = path, ""
    seen = relative(Path(os.path.realpath(above), name), os.path.realpath(folder))
    return seen.replace(os.sep, "/")


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


def schema_near(folder: Path) -> str | None:
    """Return the path of a copy of the manifest's schema, as a manifest in a folder names it.

    It is looked for in the folder and above it: up to the top of its repository, else up to the
    current folder. Returns None where there is none.
    """
    for base in _above(folder):
        for name in _SCHEMAS:
            if (base / name).is_file():
                return _named(base / name, folder)
    return None


def schema_line(folder: Path) -> str:
    """Return the line with which an editor finds the schema of a manifest in a folder.

    Where there is no copy of it yet, that is one at the top.
    """
    found = schema_near(folder) or _named(_above(folder)[-1] / SCHEMA_NAME, folder)
    return f"# yaml-language-server: $schema={found}\n"


def _named(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, os.path.realpath(folder))).as_posix()


def _above(folder: Path) -> list[Path]:
    """Return a folder and those above it that belong to the same work, the nearest first."""
    there = Path(os.path.realpath(folder))
    every = (there, *there.parents)
    top = repository_of(folder) or Path(os.path.realpath(os.curdir))
    return list(every[: every.index(top) + 1]) if top in every else [there]
