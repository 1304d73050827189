"""Reads one CSV file of a bundle: encoding, quoting, heading and row lengths, row by row."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from operator import itemgetter
from typing import NamedTuple, TypeAlias

from reconciler.rosters.bundle import READ_ERRORS, Bundle
from reconciler.rosters.problems import Problem


class Columns(NamedTuple):
    """The columns that are read from a file; every other one is ignored.

    Attributes:
        required: must be in the heading, and must have a value in every row.
        optional: may be left out or empty.
    """

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


Row: TypeAlias = tuple[int, tuple[str, ...]]
"""One row: its number as a spreadsheet counts it, and the asked columns in their order."""


def read_rows(
    bundle: Bundle,
    file: str,
    columns: Columns,
    problems: list[Problem],
    *,
    delimiter: str = ",",
    heading: list[str] | None = None,
) -> Iterator[Row]:
    """Yield a file's rows, the required columns before the optional ones, without blank rows.

    What is wrong with the file itself is added to `problems`: a row of the wrong length is left
    out, and anything worse ends the file. Missing values are the caller's to judge. The heading is
    added to `heading` before the first row comes.
    """
    number = 0
    try:
        with (
            bundle.open(file) as raw,
            io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text,
        ):
            reader = csv.reader(text, strict=True, delimiter=delimiter)
            names = next(reader, [])
            number = 1
            indexes = _indexes(file, names, columns, problems)
            if indexes is None:
                return
            if heading is not None:
                heading += names
            width = len(names)
            pick = itemgetter(*indexes)
            # One empty cell at the end stands for the optional columns that the heading lacks.
            for number, cells in enumerate(reader, start=2):
                if len(cells) == width:
                    cells.append("")
                    yield number, pick(cells)
                elif cells:
                    message = f"{len(cells)} columns where the heading has {width}"
                    problems.append(Problem(file, number, "", None, "RR306", message))
    except UnicodeDecodeError:
        message = "the text is not UTF-8; export it as UTF-8"
        problems.append(Problem(file, _first_bad_line(bundle, file), "", None, "RR304", message))
    except csv.Error as error:
        message = f"the row cannot be read as CSV ({error})"
        problems.append(Problem(file, number + 1, "", None, "RR305", message))
    except READ_ERRORS:
        problems.append(Problem(file, 0, "", None, "RR301", "the file is damaged"))


def no_rows(file: str) -> Problem:
    """Return the problem that a file has a heading alone, as one that broke off has."""
    message = "the file has a heading and no rows; export it again"
    return Problem(file, 0, "", None, "RR314", message)


def _indexes(
    file: str, heading: Sequence[str], columns: Columns, problems: list[Problem]
) -> list[int] | None:
    """Return where each asked column stands in a row, or None when the heading will not do."""
    before = len(problems)
    indexes = []
    if mark := _other_mark(heading, columns):
        message = f"the columns are parted by {mark!r} instead of ','"
        problems.append(Problem(file, 1, "", None, "RR307", message))
        return None
    # Without a heading, the first row has names of people, which are not to be suggested.
    known = heading if set(heading) & set(columns.required) else ()
    for name in (*columns.required, *columns.optional):
        count = heading.count(name)
        if count > 1:
            problems.append(Problem(file, 1, name, None, "RR307", "the column stands there twice"))
        elif not count and name in columns.required:
            near = near_heading(name, known, columns)
            message = "the column is missing" + (f"; {near!r} may be meant as it" if near else "")
            problems.append(Problem(file, 1, name, None, "RR307", message))
        indexes.append(heading.index(name) if count else len(heading))
    return indexes if len(problems) == before else None


def near_heading(name: str, heading: Iterable[str], columns: Columns) -> str | None:
    """Return what of a heading may be a column under another name, and is no other one."""
    others = set(heading) - {*columns.required, *columns.optional}
    folded = {each.casefold(): each for each in sorted(others)}
    best = get_close_matches(name.casefold(), folded, n=1)
    return folded[best[0]] if best else None


def _other_mark(heading: Sequence[str], columns: Columns) -> str | None:
    """Return what parts the columns of a heading that is read as a single one, where that helps."""
    if len(heading) == 1:
        for mark in (";", "\t"):
            if set(heading[0].split(mark)) & set(columns.required) and mark in heading[0]:
                return mark
    return None


def _first_bad_line(bundle: Bundle, file: str) -> int:
    """Return the number of the first line that is not UTF-8."""
    with bundle.open(file) as raw:
        for number, line in enumerate(raw, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return 0
