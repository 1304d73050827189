"""Tells saved plans, saved states and manifests apart, and reads plans."""

import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from reconciler.errors import PlanUnusable, ReconcilerError, WrongUse
from reconciler.manifest.encoding import is_saved_state

if TYPE_CHECKING:
    from reconciler.plan.model import Plan

EXPORT_HEADER: Final = (
    "# Written by reconciler export, which replaces a file that begins with this line: "
    "edit the file, and delete it.\n"
)
"""What an exported manifest begins with."""

_MANIFEST: Final = re.compile(rb'^\s*\{?\s*"?version"?\s*:', re.MULTILINE)
_MARKS: Final = (b'"reconciler.plan/', b'"digest": "sha256:')
_NEAR: Final = 256
_BEGINNING: Final = 4096

_SAVE_ADVICE: Final = "Save one with `reconciler plan MANIFEST --out FILE`."


def is_plan(path: Path) -> bool:
    """Whether a file is meant as a saved plan rather than a manifest, whatever it is called.

    A plan begins with one mark and ends with another, and either will do: one that was edited or
    cut short is still a plan, and is refused as such.
    """
    if not path.is_file():
        return False
    with path.open("rb") as file:
        begin = file.read(_NEAR)
        file.seek(-min(_NEAR, file.seek(0, os.SEEK_END)), os.SEEK_END)
        end = file.read()
    return any(mark in part for mark, part in zip(_MARKS, (begin, end), strict=True))


def changes_nothing(path: Path) -> bool:
    """Whether a file is a plan of which nobody can make anything: an empty or a redacted one."""
    try:
        plan = read_plan(path)
    except ReconcilerError:
        return False
    return plan.redacted or not plan.actions


def read_plan(path: Path) -> "Plan":
    """Read a saved plan.

    Raises:
        ReconcilerError: it is a file of another kind.
        PlanUnusable: it was edited or cut short, or this version cannot read it.
    """
    from reconciler.plan import document

    kind = "a saved state" if is_state(path) else "a manifest" if _is_manifest(path) else None
    if kind:
        raise ReconcilerError(f"{path} is {kind}, not a saved plan.", _SAVE_ADVICE)
    plan = _in_pieces(path)
    if plan is not None:
        return plan
    loaded = _load(path)
    try:
        return document.from_document(loaded)
    except PlanUnusable as unusable:
        raise PlanUnusable(f"{path}: {unusable}", unusable.advice) from unusable


def _in_pieces(path: Path) -> "Plan | None":
    """Read a plan without ever holding its text, where nothing is wrong with it."""
    from reconciler import json_text
    from reconciler.gc_pause import collector_paused
    from reconciler.plan import document

    with path.open("rb") as file, collector_paused():
        try:
            return document.read(json_text.Reading(file))
        except json_text.OtherForm:
            return None


def is_state(path: Path) -> bool:
    """Whether a file is meant as a saved state."""
    return is_saved_state(_beginning(path))


def is_export(path: Path) -> bool:
    """Whether a file is a manifest that `export` wrote and nobody has made their own since."""
    return _beginning(path).startswith(EXPORT_HEADER.encode())


def _is_manifest(path: Path) -> bool:
    return not is_plan(path) and _MANIFEST.search(_beginning(path)) is not None


def _beginning(path: Path) -> bytes:
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(_BEGINNING)


def refuse_target(
    path: Path | None,
    is_ours: Callable[[Path], bool],
    what: str,
    *,
    inputs: Iterable[Path | None],
    kept: Sequence[Path] = (),
) -> None:
    """Refuse to write a file over something that somebody may miss, before anything is fetched.

    Args:
        path: the file to be written, if any.
        is_ours: whether an existing file may be replaced, as something that the program wrote.
        what: such a file, in words.
        inputs: the files that the same command reads.
        kept: snapshots and runbooks, which have commands of their own.

    Raises:
        WrongUse: something stands there that is not to be replaced.
        ReconcilerError: its folder is not there, or nothing can be written to it.
    """
    if path is None:
        return
    if not path.parent.is_dir():
        raise ReconcilerError(f"There is no folder {path.parent}.", "Make it, or name another.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise ReconcilerError(f"The folder {path.parent} cannot be written to.", "Name another.")
    if any(os.path.realpath(path) == os.path.realpath(each) for each in kept) or _among(path, kept):
        # Also one that is not there yet: the command may make it before it writes the file.
        raise WrongUse(
            f"{path} is the snapshot or the runbook of an environment; it is not replaced.",
            "Name another file.",
        )
    if not os.path.lexists(path):
        return
    advice = "Name another file, or delete this one first."
    if _among(path, inputs):
        raise WrongUse(
            f"{path} is what the command reads; it is not replaced.", "Name another file."
        )
    empty = path.is_file() and path.stat().st_size == 0  # as mktemp leaves one
    if path.is_symlink():
        raise WrongUse(
            f"{path} is a link, so it is not replaced.", "Name what it leads to, or another file."
        )
    if not (path.is_file() and (empty or is_ours(path))):
        raise WrongUse(f"{path} exists and is not {what}, so it is not replaced.", advice)


def _among(path: Path, files: Iterable[Path | None]) -> bool:
    return any(
        each is not None and each.exists() and path.exists() and path.samefile(each)
        for each in files
    )


def refuse_plans(paths: Iterable[Path]) -> None:
    """Refuse saved plans where manifests are wanted.

    Raises:
        ReconcilerError: one of the files is a plan.
    """
    for path in paths:
        if is_plan(path):
            raise ReconcilerError(
                f"{path} is a saved plan, not a manifest.",
                f"Print it with `reconciler show {path}`, or apply it.",
            )


def _load(path: Path) -> dict[str, Any]:
    from reconciler.json_text import once_each

    try:
        loaded = json.loads(path.read_bytes(), object_pairs_hook=once_each)
    except (ValueError, RecursionError):
        loaded = None
    if not isinstance(loaded, dict):
        raise _none(path)
    return loaded


def _none(path: Path) -> PlanUnusable:
    return PlanUnusable(
        f"{path} is not a saved plan, or was edited or cut short.",
        _SAVE_ADVICE,
    )
