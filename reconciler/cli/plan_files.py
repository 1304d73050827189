"""Tells saved plans from manifests, and reads them."""

import json
from pathlib import Path
from typing import Any

from reconciler.errors import PlanUnusable, ReconcilerError
from reconciler.plan import document
from reconciler.plan.model import Plan


def is_plan(path: Path) -> bool:
    """Whether a file is a saved plan rather than a manifest: JSON that names a plan's format."""
    if path.suffix != ".json" or not path.is_file():
        return False
    return str(_load(path).get("format", "")).startswith("reconciler.plan/")


def read_plan(path: Path) -> Plan:
    """Read a saved plan.

    Raises:
        PlanUnusable: it was edited, or this version cannot read it.
        ReconcilerError: the file is not JSON.
    """
    return document.from_document(_load(path))


def _load(path: Path) -> dict[str, Any]:
    try:
        loaded = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ReconcilerError(
            f"{path} is not a saved plan: it is not whole JSON.",
            "Save one with `reconciler plan MANIFEST --out FILE`.",
        ) from error
    if not isinstance(loaded, dict):
        raise PlanUnusable(f"{path} is not a saved plan.", "Save one with --out.")
    return loaded
