"""Tells saved plans from manifests, and reads them."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from reconciler.errors import PlanUnusable, WrongUse
from reconciler.plan import document
from reconciler.plan.model import Plan

_MARKS: Final = (b'"reconciler.plan/', b'"digest": "sha256:')
_NEAR: Final = 256


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


def read_plan(path: Path) -> Plan:
    """Read a saved plan.

    Raises:
        PlanUnusable: it was edited or cut short, this version cannot read it, or it is none.
    """
    loaded = _load(path)
    try:
        return document.from_document(loaded)
    except PlanUnusable as unusable:
        raise PlanUnusable(f"{path}: {unusable}", unusable.advice) from unusable


def refuse_plans(paths: Iterable[Path]) -> None:
    """Refuse saved plans where manifests are wanted.

    Raises:
        WrongUse: one of the files is a plan.
    """
    for path in paths:
        if is_plan(path):
            raise WrongUse(
                f"{path} is a saved plan, not a manifest.",
                f"Print it with `reconciler show {path}`, or apply it.",
            )


def _load(path: Path) -> dict[str, Any]:
    try:
        loaded = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        loaded = None
    if not isinstance(loaded, dict):
        raise _none(path)
    return loaded


def _none(path: Path) -> PlanUnusable:
    return PlanUnusable(
        f"{path} is not a saved plan, or was edited or cut short.",
        "Save one with `reconciler plan MANIFEST --out FILE`.",
    )
