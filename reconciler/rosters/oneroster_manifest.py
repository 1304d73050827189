"""The manifest of a OneRoster CSV bundle: which version it is, and which files are complete."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from reconciler.rosters.bundle import Bundle
from reconciler.rosters.csv_table import Columns, read_rows
from reconciler.rosters.oneroster_tables import Version
from reconciler.rosters.problems import Problem

MANIFEST: Final = "manifest.csv"
_VERSION = re.compile(r"1\.([12])(?:\.\d+)?")
_MODES = ("bulk", "delta", "absent")


class Contents(NamedTuple):
    """What a bundle's manifest says: the version, and the mode of each file that is needed."""

    version: Version
    modes: Mapping[str, str]


def read_manifest(
    bundle: Bundle, problems: list[Problem], *, upon: Version | None = None
) -> Contents | None:
    """Return what a bundle holds, once its manifest vouches for every file that is needed.

    Args:
        bundle: the bundle.
        problems: what is wrong is added here.
        upon: the version of the whole export that it goes with, where it holds changes only: then
            a file may be a delta, or absent because nothing in it changed.

    Returns:
        The contents; None where the rest cannot be understood.
    """
    properties = _properties(bundle, problems)
    if properties is None:
        return None
    row, text = properties.get("oneroster.version", (0, ""))
    match = _VERSION.fullmatch(text)
    if match is None:
        message = "oneroster.version is not 1.1 or 1.2:" if text else "oneroster.version is missing"
        problems.append(Problem(MANIFEST, row, "value", text or None, "RR302", message))
        return None
    version = Version(f"1.{match[1]}")
    if upon not in (None, version):
        message = "the changes are of another version than the whole export:"
        problems.append(Problem(MANIFEST, row, "value", text, "RR302", message))
    for key, (number, mode) in properties.items():
        if key.startswith("file."):
            name = key.removeprefix("file.")
            _check_file(bundle, name, number, mode, problems, changes=upon is not None)
    modes = {name: properties.get(f"file.{name}", (0, "absent")) for name in version.tables}
    for name, (number, mode) in modes.items():
        if mode == "absent" and upon is None:
            message = f"{name}.csv is declared absent, and there is no roster without it"
            problems.append(Problem(MANIFEST, number, f"file.{name}", None, "RR303", message))
    return Contents(version, {name: mode for name, (_, mode) in modes.items()})


def _properties(bundle: Bundle, problems: list[Problem]) -> dict[str, tuple[int, str]] | None:
    """Return what the manifest states, per property with its row; None where it is no manifest."""
    if MANIFEST not in bundle:
        message = "the bundle has no manifest.csv, so nothing says which of its files are complete"
        problems.append(Problem(MANIFEST, 0, "", None, "RR302", message))
        return None
    before = len(problems)
    properties: dict[str, tuple[int, str]] = {}
    for number, (name, value) in read_rows(
        bundle, MANIFEST, Columns(("propertyName", "value")), problems
    ):
        key = name.strip()
        if key in properties:
            message = "the property stands there twice"
            problems.append(Problem(MANIFEST, number, "propertyName", key, "RR309", message))
        properties[key] = (number, value.strip())
    return properties if len(problems) == before else None


def _check_file(
    bundle: Bundle, name: str, number: int, mode: str, problems: list[Problem], *, changes: bool
) -> None:
    if mode not in _MODES:
        message = "a file is bulk, delta or absent, not"
        problems.append(Problem(MANIFEST, number, f"file.{name}", mode, "RR313", message))
    elif mode == "delta" and not changes:
        message = (
            "a delta holds only what changed since an earlier export; make a bulk export, or name "
            "the whole one that it goes with as its base"
        )
        problems.append(Problem(MANIFEST, number, f"file.{name}", None, "RR303", message))
    elif mode != "absent" and f"{name}.csv" not in bundle:
        message = f"{name}.csv is declared {mode} and is not in the bundle"
        problems.append(Problem(MANIFEST, number, f"file.{name}", None, "RR303", message))
