"""Reads a plain CSV file whose columns somebody names: one row says who is what in which unit.

For school systems that export no standard. The columns are what a manifest or `--column` maps them
to; `from` and `until` are days as manifests have them, both included.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from sys import intern
from types import MappingProxyType
from typing import Final, TypeVar

from reconciler.domain.roster import (
    NEEDED_COLUMNS,
    ROSTER_COLUMNS,
    Roster,
    RosterMembership,
    RosterPerson,
    RosterRole,
    RosterUnit,
    RosterUnitKind,
    plain_grade,
)
from reconciler.domain.yes_and_no import NO, YES
from reconciler.rosters.bundle import OneFile, check_place
from reconciler.rosters.csv_table import Columns, no_rows, read_rows
from reconciler.rosters.days import DayReader, check_order, day_after
from reconciler.rosters.problems import InvalidRoster, Problem

_Word = TypeVar("_Word", RosterRole, RosterUnitKind)

_LONGEST: Final = 100_000
"""So many bytes of the first line are looked at."""

_ROLES: Final[Mapping[str, RosterRole]] = MappingProxyType(
    {role.value: role for role in RosterRole}
)
_KINDS: Final[Mapping[str, RosterUnitKind]] = MappingProxyType(
    {kind.value: kind for kind in RosterUnitKind}
)


_SAID_OTHERWISE: Final[Mapping[str, str]] = MappingProxyType(
    {"kind": "kind", "class_type": "type", "grade": "grade"}
)
"""What every row of one unit has to say alike, and what messages call it."""


def read_plain_csv(path: Path, columns: Mapping[str, str]) -> Roster:
    """Read a plain CSV file.

    Args:
        path: the file.
        columns: per meaning (a member of `ROSTER_COLUMNS`) the heading of its column. Without one
            for the role, everybody is a teacher; without one for the kind, every unit is a class.

    Raises:
        InvalidRoster: the file cannot be read, or has mistakes; all of them together.
    """
    check_place(path, "csv")
    reader = _Reader(path.name, columns)
    bundle = OneFile(path)
    wanted = [name for name in ROSTER_COLUMNS if name in columns]
    # A column that is named has to be there: a role or a day would be lost with it.
    headings = Columns(tuple(columns[name] for name in wanted))
    rows = read_rows(bundle, path.name, headings, reader.problems, delimiter=_delimiter(path))
    for number, values in rows:
        reader.row(number, dict(zip(wanted, (value.strip() for value in values), strict=True)))
    if not reader.problems and reader.empty:
        reader.problems.append(no_rows(path.name))
    if reader.problems:
        raise InvalidRoster(reader.problems)
    return reader.roster(str(path))


def _delimiter(path: Path) -> str:
    """Return what parts the columns: spreadsheets in much of Europe write semicolons."""
    with path.open("rb") as file:
        heading = file.readline(_LONGEST)
    return max(",;\t", key=lambda mark: heading.count(mark.encode()))


def _folded(word: str | None) -> str:
    return (word or "").casefold()


def _plain_grades(unit: RosterUnit) -> frozenset[str]:
    return frozenset(map(plain_grade, unit.grades))


class _Reader:
    """Collects what the rows say, and what is wrong with them."""

    def __init__(self, file: str, columns: Mapping[str, str]) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._columns = columns
        self._people: dict[str, RosterPerson] = {}
        self._units: dict[str, RosterUnit] = {}
        self._members: list[RosterMembership] = []
        self._days = DayReader()

    def row(self, number: int, cells: Mapping[str, str]) -> None:
        """Take a row in."""
        for name in NEEDED_COLUMNS:
            if not cells[name]:
                self._problem(number, name, "RR308", "a value is missing")
        if not all(cells[name] for name in NEEDED_COLUMNS):
            return
        unit, person = intern(cells["unit"]), intern(cells["person"])
        role = self._word(number, cells, "role", _ROLES, RosterRole.TEACHER)
        kind = self._word(number, cells, "kind", _KINDS, RosterUnitKind.CLASS)
        primary = cells.get("primary", "").casefold()
        if primary not in YES | NO:
            self._problem(number, "primary", "RR313", "the value is neither yes nor no")
        begins, until = self._day(number, cells, "from"), self._day(number, cells, "until")
        check_order(begins, until, partial(self._problem, number, "until"))
        self._take_unit(self._unit(unit, kind, cells, number))
        self._people.setdefault(
            person,
            RosterPerson(
                sourced_id=person,
                username=person,
                email=None,
                given_name="",
                family_name="",
                role=role,
                enabled=True,
                orgs=(),
                file=self._file,
                row=number,
            ),
        )
        held = unit, person, role, primary in YES, begins, day_after(until), self._file, number
        self._members.append(RosterMembership(*held))

    @property
    def empty(self) -> bool:
        """Whether no row was taken in."""
        return not self._members

    def roster(self, source: str) -> Roster:
        """Return what was read."""
        in_class = {key for key, unit in self._units.items() if unit.kind is RosterUnitKind.CLASS}
        return Roster(
            people=tuple(self._people.values()),
            units=tuple(self._units.values()),
            memberships=tuple(each for each in self._members if each.unit in in_class),
            affiliations=tuple(each for each in self._members if each.unit not in in_class),
            relations=(),
            source=source,
        )

    def _take_unit(self, unit: RosterUnit) -> None:
        """Take in what a row says of a unit; what it leaves empty, another row may say."""
        known = self._units.setdefault(unit.sourced_id, unit)
        said = (
            ("kind", known.kind, unit.kind),
            ("class_type", _folded(known.class_type), _folded(unit.class_type)),
            ("grade", _plain_grades(known), _plain_grades(unit)),
        )
        for name, before, now in said:
            if before and now and before != now:
                what = _SAID_OTHERWISE[name]
                message = f"row {known.row} says that the unit is of another {what}:"
                self._problem(unit.row, name, "RR309", message, unit.sourced_id)
        self._units[unit.sourced_id] = replace(
            known,
            class_type=known.class_type or unit.class_type,
            grades=known.grades or unit.grades,
        )

    def _unit(
        self, unit: str, kind: RosterUnitKind, cells: Mapping[str, str], number: int
    ) -> RosterUnit:
        grades = tuple(each.strip() for each in cells.get("grade", "").split(",") if each.strip())
        class_type = cells.get("class_type") or None
        return RosterUnit(unit, kind, unit, None, None, class_type, grades, self._file, number)

    def _word(
        self,
        number: int,
        cells: Mapping[str, str],
        name: str,
        words: Mapping[str, _Word],
        default: _Word,
    ) -> _Word:
        word = cells.get(name, "").lower()
        if not word:
            return default
        if word not in words:
            known = ", ".join(words)
            self._problem(number, name, "RR313", f"the word is none of {known}")
        return words.get(word, default)

    def _day(self, number: int, cells: Mapping[str, str], name: str) -> date | None:
        return self._days.read(cells.get(name, ""), partial(self._problem, number, name))

    def _problem(
        self, number: int, name: str, code: str, message: str, value: str | None = None
    ) -> None:
        column = self._columns.get(name, name)
        self.problems.append(Problem(self._file, number, column, value, code, message))
