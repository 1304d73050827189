"""Reads OneRoster 1.1 and 1.2 CSV bundles (1EdTech), a folder or a zip archive.

Everything wrong with a bundle is found in one pass and raised together. A delta is read together
with the whole export that it goes with, and a file that the manifest promises and the bundle lacks
never means "nobody".
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from reconciler.domain.roster import Roster
from reconciler.rosters.bundle import Bundle, open_bundle
from reconciler.rosters.csv_table import Columns, Row, read_rows
from reconciler.rosters.oneroster import read_tables
from reconciler.rosters.oneroster_manifest import read_manifest
from reconciler.rosters.problems import InvalidRoster, Problem


def read_bundle(path: Path, base: Path | None = None) -> Roster:
    """Read a OneRoster CSV bundle.

    Args:
        path: a folder with `manifest.csv`, or a zip archive of one.
        base: the whole export that it goes with, where it holds changes only (a delta).

    Raises:
        InvalidRoster: a bundle cannot be read safely, is not complete, or contradicts itself.
    """
    with ExitStack() as stack:
        top = _Files(stack.enter_context(open_bundle(path)))
        below = _Files(stack.enter_context(open_bundle(base)), _BASE) if base else None
        problems: list[Problem] = []
        whole = read_manifest(below.bundle, problems) if below else None
        contents = None
        if whole is not None or below is None:
            upon = whole.version if whole else None
            contents = read_manifest(top.bundle, problems, upon=upon)
        if contents is None or problems:
            raise InvalidRoster(problems)
        sources = {name: _layers(mode, top, below) for name, mode in contents.modes.items()}
        return read_tables(sources, contents.version, str(path))


_BASE: Final = "base "
"""How the files of the whole export are told from those of the changes."""


def _layers(mode: str, top: "_Files", below: "_Files | None") -> list["_Files"]:
    """Return where a table is read from: the whole of it first, then what changed."""
    if below is None or mode == "bulk":
        return [top]
    return [below] if mode == "absent" else [below, top]


class _Files(NamedTuple):
    """The files of a bundle as the tables of an export, and what they are called in messages."""

    bundle: Bundle
    prefix: str = ""

    def file(self, name: str) -> str:
        """Return what messages call the file of a table."""
        return f"{self.prefix}{name}.csv"

    def rows(self, name: str, columns: Columns, problems: list[Problem]) -> Iterator[Row]:
        """Yield the rows of a table."""
        return read_rows(self.bundle, f"{name}.csv", columns, problems)
