"""Reads OneRoster 1.1 and 1.2 CSV bundles (1EdTech), a folder or a zip archive.

Everything wrong with a bundle is found in one pass and raised together. A delta is read together
with the whole export that it goes with, and a file that the manifest promises and the bundle lacks
never means "nobody".
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Final, NamedTuple

from reconciler.domain.roster import Roster, RosterRemark
from reconciler.rosters.bundle import Bundle, open_bundle
from reconciler.rosters.csv_table import Columns, Row, near_heading, read_rows
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
        remarks: list[RosterRemark] = []
        top = _Files(stack.enter_context(open_bundle(path)), remarks)
        below = _Files(stack.enter_context(open_bundle(base)), remarks, _BASE) if base else None
        problems: list[Problem] = []
        whole = read_manifest(below.bundle, problems) if below else None
        contents = None
        if whole is not None or below is None:
            upon = whole.version if whole else None
            contents = read_manifest(top.bundle, problems, upon=upon)
        if contents is None or problems:
            raise InvalidRoster(problems)
        sources = {name: _layers(mode, top, below) for name, mode in contents.modes.items()}
        roster = read_tables(sources, contents.version, str(path))
        return replace(roster, remarks=(*remarks, *roster.remarks))


_ASKED: Final = frozenset({"classType", "grades", "primary", "status", "beginDate", "endDate"})
"""What decides who gets a role, and may be left out of a file: under a misspelt heading, say."""

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
    remarks: list[RosterRemark]
    prefix: str = ""

    def file(self, name: str) -> str:
        """Return what messages call the file of a table."""
        return f"{self.prefix}{name}.csv"

    def rows(self, name: str, columns: Columns, problems: list[Problem]) -> Iterator[Row]:
        """Yield the rows of a table; it is told where a column that rules ask for is missing."""
        heading: list[str] = []
        rows = read_rows(self.bundle, f"{name}.csv", columns, problems, heading=heading)
        first = [*islice(rows, 1)]
        missing = [each for each in columns.optional if each in _ASKED and each not in heading]
        whole = chain(first, rows)
        if not (first and missing):
            return whole
        lacks = {each: _lacks(near_heading(each, heading, columns)) for each in missing}
        return self._counted(whole, name, first[0][0], lacks)

    def _counted(
        self, rows: Iterator[Row], name: str, first: int, lacks: Mapping[str, str]
    ) -> Iterator[Row]:
        """Yield rows and keep none; tell at their end how many lack which columns."""
        number = 0
        for row in rows:
            number += 1
            yield row
        self.remarks.extend(
            RosterRemark(f"read without {column}", what, self.file(name), row=first, rows=number)
            for column, what in lacks.items()
        )


def _lacks(near: str | None) -> str:
    return "whose heading lacks it" + (f" and has {near}" if near else "")
