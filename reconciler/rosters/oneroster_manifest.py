"""The manifest of a OneRoster CSV bundle: which version it is, and which files are complete."""

import re
from enum import Enum
from typing import Final

from reconciler.rosters.bundle import Bundle
from reconciler.rosters.csv_table import Columns, read_rows
from reconciler.rosters.problems import Problem

MANIFEST: Final = "manifest.csv"
_VERSION = re.compile(r"1\.([12])(?:\.\d+)?")
_MODES = ("bulk", "delta", "absent")


class Version(Enum):
    """A version of the format that can be read."""

    V1_1 = "1.1"
    V1_2 = "1.2"

    @property
    def files(self) -> tuple[str, ...]:
        """The files without which there is no roster; what is missing is never taken for empty."""
        roles = ("roles",) if self is Version.V1_2 else ()
        return ("orgs", "users", *roles, "classes", "enrollments")


def read_manifest(bundle: Bundle, problems: list[Problem]) -> Version | None:
    """Return the bundle's version once its manifest vouches for every file that is needed.

    What is wrong is added to `problems`. None means that the rest cannot be understood.
    """
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
    if len(problems) > before:
        return None

    row, text = properties.get("oneroster.version", (0, ""))
    match = _VERSION.fullmatch(text)
    if match is None:
        message = "oneroster.version is not 1.1 or 1.2:" if text else "oneroster.version is missing"
        problems.append(Problem(MANIFEST, row, "value", text or None, "RR302", message))
        return None
    version = Version(f"1.{match[1]}")
    for key, (number, mode) in properties.items():
        if key.startswith("file."):
            _check_file(bundle, key.removeprefix("file."), number, mode, problems)
    for name in version.files:
        number, mode = properties.get(f"file.{name}", (0, "absent"))
        if mode == "absent":
            message = f"{name}.csv is declared absent, and there is no roster without it"
            problems.append(Problem(MANIFEST, number, f"file.{name}", None, "RR303", message))
    return version


def _check_file(bundle: Bundle, name: str, number: int, mode: str, problems: list[Problem]) -> None:
    if mode not in _MODES:
        message = "a file is bulk, delta or absent, not"
        problems.append(Problem(MANIFEST, number, f"file.{name}", mode, "RR313", message))
    elif mode == "delta":
        message = "a delta holds only what changed since an earlier export; make a bulk export"
        problems.append(Problem(MANIFEST, number, f"file.{name}", None, "RR303", message))
    elif mode == "bulk" and f"{name}.csv" not in bundle:
        message = f"{name}.csv is declared bulk and is not in the bundle"
        problems.append(Problem(MANIFEST, number, f"file.{name}", None, "RR303", message))
