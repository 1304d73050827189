"""Where `export --per-school` writes: a folder that holds what it wrote, and no other manifest."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from reconciler.cli.places import links_among
from reconciler.cli.plan_files import is_export, refuse_target
from reconciler.errors import ReconcilerError, WrongUse
from reconciler.manifest.files import is_part
from reconciler.plain import first_of
from reconciler.private_files import write_private

_NAMED = 3


def refuse_folder(folder: Path | None) -> None:
    """Refuse a folder that holds manifests of somebody's own, before anything is fetched.

    The folder is planned as a whole, so they would be parts of what is exported.

    Raises:
        WrongUse: it holds such files, or is no folder.
        ReconcilerError: the folder above is not there, or nothing can be written to it.
    """
    if folder is None:
        return
    if not os.path.lexists(folder):
        refuse_target(folder, is_export, "", inputs=())
        return
    if not folder.is_dir():
        raise WrongUse(f"{folder} is not a folder.", "Name a folder, or one that is not there yet.")
    if not os.access(folder, os.W_OK | os.X_OK | os.R_OK):
        raise ReconcilerError(f"The folder {folder} cannot be written to.", "Name another.")
    own = [path for path in _manifests(folder) if not (_is_empty(path) or is_export(path))]
    if own:
        raise WrongUse(
            f"{folder} holds manifests that export did not write: {_some(own)}.",
            "They would be read with what is exported: name another folder, or delete them first.",
        )


def write_folder(
    folder: Path, files: Mapping[PurePosixPath, bytes], *, inputs: Iterable[Path | None]
) -> None:
    """Write the files of a manifest, in their order, each for its owner only.

    Raises:
        WrongUse: something stands there that is not to be replaced, or is no part of it any more.
        ReconcilerError: a folder cannot be made or written to.
    """
    paths = {folder / path: content for path, content in files.items()}
    linked = links_among(folder, files)
    if linked:
        raise WrongUse(
            f"In {folder} there is a link to a folder: {_some(linked)}.",
            "A plan of the folder would not follow it: take it away, or name another folder.",
        )
    over = [path for path in _manifests(folder) if path not in paths]
    empty = [path for path in over if _is_empty(path)]
    if empty:
        raise WrongUse(
            f"{folder} holds empty files that are no part of this export: {_some(empty)}.",
            "They would be read with what is exported, and are no manifests: delete them.",
        )
    if over:
        raise WrongUse(
            f"{folder} holds files of an earlier export that are none of this one: {_some(over)}.",
            "What they are about is not on the site any more, or has another key: delete them.",
        )
    for parent in sorted({path.parent for path in paths}):
        _make(parent)
    kept = list(inputs)
    for path in paths:
        refuse_target(path, is_export, "a manifest that export wrote", inputs=kept)
    for path, content in paths.items():
        write_private(path, content)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        reason = (error.strerror or "it cannot be made").lower()
        raise ReconcilerError(
            f"The folder {folder} cannot be made: {reason}.", "Name another."
        ) from None


def _manifests(folder: Path) -> Iterator[Path]:
    """Yield what a plan of the folder would read."""
    for above, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        yield from (Path(above, name) for name in sorted(names) if is_part(name))


def _is_empty(path: Path) -> bool:
    return path.is_file() and path.stat().st_size == 0


def _some(paths: Iterable[Path]) -> str:
    return first_of([str(path) for path in paths], _NAMED)
