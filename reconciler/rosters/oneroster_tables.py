"""An export in OneRoster as tables: columns, words, ids, references.

`Tables` knows what every table has in common. What a table means is for its reader to say.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from enum import Enum
from types import MappingProxyType
from typing import Final, Protocol, TypeAlias

from reconciler.domain.roster import HOMEROOM, RosterRole, RosterUnitKind
from reconciler.rosters.csv_table import Columns, Row, no_rows
from reconciler.rosters.days import DayReader, Tell, check_order
from reconciler.rosters.problems import Problem
from reconciler.rosters.remarks import Remarks

ROLES: Final[Mapping[str, RosterRole]] = MappingProxyType(
    {
        "student": RosterRole.STUDENT,
        "teacher": RosterRole.TEACHER,
        "administrator": RosterRole.ADMINISTRATOR,
        "districtadministrator": RosterRole.ADMINISTRATOR,
        "siteadministrator": RosterRole.ADMINISTRATOR,
        "systemadministrator": RosterRole.ADMINISTRATOR,
        "principal": RosterRole.PRINCIPAL,
        "parent": RosterRole.PARENT,
        "guardian": RosterRole.GUARDIAN,
        "relative": RosterRole.RELATIVE,
        "aide": RosterRole.AIDE,
        "proctor": RosterRole.PROCTOR,
        "counselor": RosterRole.COUNSELLOR,
    }
)
"""The role words of both versions, in lower case."""

_ORG_KINDS: Final[Mapping[str, RosterUnitKind]] = MappingProxyType(
    {"school": RosterUnitKind.SCHOOL}
    | dict.fromkeys(
        ("department", "district", "local", "state", "national"), RosterUnitKind.ORGANISATION
    )
)
_CLASS_TYPES: Final = (HOMEROOM, "scheduled")
_BOOLEANS: Final[Mapping[str, bool]] = MappingProxyType({"true": True, "false": False})
_EXTENSION = "ext:"
_EXTENSION_WORD: Final = f"{_EXTENSION}…"
_GONE: Final = frozenset({"tobedeleted", "inactive"})
_FILE_CODES = frozenset({"RR301", "RR304", "RR305", "RR307", "RR314"})

_MAY_BE_BLANK: Final = frozenset({"username", "givenName", "familyName"})
"""Parents have no account, and whoever has a protected address may have no name."""

_COMMON = ("status",)
_USER = ("sourcedId", "username", "givenName", "familyName")
COLUMNS: Final[Mapping[str, Columns]] = MappingProxyType(
    {
        "orgs": Columns(("sourcedId", "name", "type"), (*_COMMON, "identifier", "parentSourcedId")),
        "classes": Columns(
            ("sourcedId", "title", "schoolSourcedId"),
            (*_COMMON, "classCode", "classType", "grades"),
        ),
        "users 1.1": Columns(
            (*_USER, "role", "orgSourcedIds"),
            (*_COMMON, "enabledUser", "email", "agentSourcedIds"),
        ),
        "users 1.2": Columns(
            _USER,
            (*_COMMON, "enabledUser", "email", "agentSourcedIds", "primaryOrgSourcedId"),
        ),
        "roles": Columns(
            ("sourcedId", "userSourcedId", "roleType", "role", "orgSourcedId"),
            (*_COMMON, "beginDate", "endDate"),
        ),
        "enrollments": Columns(
            ("sourcedId", "classSourcedId", "schoolSourcedId", "userSourcedId", "role"),
            (*_COMMON, "primary", "beginDate", "endDate"),
        ),
    }
)


UNREADABLE: Final = "?"
"""Stands for a value that is no text: no reference, date or word of the format reads like this."""

LEFT_OUT: Final = "left out"
NO_ROLE: Final = "read as having no role"
WITHOUT: Final = "read without them"
"""How rows are read that are no mistake."""


class Version(Enum):
    """A version of the format that can be read."""

    V1_1 = "1.1"
    V1_2 = "1.2"

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables without which there is no roster; what is missing is not taken for empty."""
        roles = ("roles",) if self is Version.V1_2 else ()
        return ("orgs", "users", *roles, "classes", "enrollments")


class Source(Protocol):
    """Where tables are read from."""

    def file(self, name: str, /) -> str:
        """Return what messages call a table."""
        ...

    def rows(self, name: str, columns: Columns, problems: list[Problem], /) -> Iterator[Row]:
        """Yield a table's rows, and add what is wrong with the table itself to `problems`."""
        ...


Line: TypeAlias = tuple[str, int, tuple[str, ...]]
"""One sound, current row: its file, its number there, and the asked columns."""


class Tables:
    """The tables of an export: the ids met so far, and the problems found.

    Args:
        sources: per table where it is read from: the whole export, and the changes to it if any.

    Attributes:
        problems: everything found wrong, in the order of reading.
        remarks: what is not wrong, and to be told.
    """

    def __init__(self, sources: Mapping[str, Sequence[Source]]) -> None:
        self._sources = sources
        self.problems: list[Problem] = []
        self.remarks = Remarks()
        # Ids by table, with their rows: also those of rows with a mistake, so that one mistake does
        # not bring forth another at every reference to the row.
        self._ids: dict[str, dict[str, int]] = {}
        self._left_out: set[tuple[str, str]] = set()
        self._unreadable: set[str] = set()
        self._days = DayReader()

    def ids(self, name: str) -> Mapping[str, int]:
        """Return the ids of a table that was read, with their rows."""
        return self._ids[name]

    def readable(self, name: str) -> bool:
        """Say whether the whole file could be read, so that what it lacks is really not there."""
        return name not in self._unreadable

    def rows(self, name: str, columns: Columns) -> Iterator[Line]:
        """Yield the sound, current rows of a table, and note every row's id."""
        before = len(self.problems)
        whole, *changes = self._sources[name]
        changed = [(each, list(self._read(name, columns, each))) for each in changes]
        replaced = {values[0] for _, listed in changed for _, values in listed}
        rows = self._read(name, columns, whole)
        if replaced:
            rows = ((number, values) for number, values in rows if values[0] not in replaced)
        yield from self._sound(name, columns, whole, rows)
        for source, listed in changed:
            yield from self._sound(name, columns, source, listed)
        # Of roles it is told that nobody has one: in a service they are no table of their own.
        if name != "roles" and not self._has_rows(name) and len(self.problems) == before:
            self.problems.append(no_rows(self.file(name)))
        if any(problem.code in _FILE_CODES for problem in self.problems[before:]):
            self._unreadable.add(name)

    def _has_rows(self, name: str) -> bool:
        return bool(self._ids[name]) or any(table == name for table, _ in self._left_out)

    def _read(self, name: str, columns: Columns, source: Source) -> Iterator[Row]:
        return source.rows(name, columns, self.problems)

    def file(self, name: str) -> str:
        """Return what messages call a table as a whole."""
        return self._sources[name][0].file(name)

    def _sound(
        self, name: str, columns: Columns, source: Source, rows: Iterable[Row]
    ) -> Iterator[Line]:
        file = source.file(name)
        ids = self._ids.setdefault(name, {})
        status_at = len(columns.required)
        for number, values in rows:
            sourced_id, status = values[0], values[status_at]
            if status and status != "active" and not is_current(status):
                if status.strip().lower() in _GONE:
                    self._left_out.add((name, sourced_id))
                    continue
                self.unknown(file, number, "status", ("active", "tobedeleted"), status)
            first = ids.setdefault(sourced_id, number)
            if first != number and sourced_id:
                message = f"row {first} has the same id"
                self.problem(file, number, "sourcedId", "RR309", message, sourced_id)
                continue
            if "" in values and "" in values[:status_at]:
                lacking = [
                    column
                    for column, value in zip(columns.required, values, strict=False)
                    if not value and column not in _MAY_BE_BLANK
                ]
                for column in lacking:
                    self.problem(file, number, column, "RR308", "a value is missing")
                if lacking:
                    continue
            yield file, number, values

    def refer(self, file: str, row: int, column: str, value: str, target: str) -> bool:
        """Note a reference that leads nowhere; say whether it leads somewhere."""
        if value in self._ids[target]:
            return True
        if self.readable(target):
            if (target, value) in self._left_out:
                message = f"the row in {self.file(target)} is marked tobedeleted:"
            else:
                message = f"{self.file(target)} has no such row:"
            self.problem(file, row, column, "RR310", message, value)
        return False

    def goes(self, target: str, value: str) -> bool:
        """Say whether a reference leads to a row that is marked as one that goes."""
        return value not in self._ids[target] and (target, value) in self._left_out

    def kind(self, file: str, row: int, word: str) -> RosterUnitKind:
        """Read the kind of an organisation."""
        kind = _ORG_KINDS.get(word.lower(), RosterUnitKind.ORGANISATION)
        if word.lower() not in _ORG_KINDS and not word.lower().startswith(_EXTENSION):
            self.unknown(file, row, "type", (*_ORG_KINDS, _EXTENSION_WORD), word)
        return kind

    def class_type(self, file: str, row: int, word: str) -> str | None:
        """Read the type of a class, where one is given; extensions (`ext:`) stay as they are."""
        known = word.lower()
        if known in _CLASS_TYPES:
            return known
        if word and not known.startswith(_EXTENSION):
            # A rule of homerooms would pass over it, and its mentor would go.
            self.unknown(file, row, "classType", (*_CLASS_TYPES, _EXTENSION_WORD), word)
        return word or None

    def role(self, file: str, row: int, word: str, *, lenient: bool = False) -> RosterRole:
        """Read a role; one that the source itself defined (`ext:`) is `OTHER`.

        Args:
            file: where it stands.
            row: where it stands there.
            word: the role.
            lenient: whether a word that is none of the format's is only to be told.
        """
        role = ROLES.get(word) or ROLES.get(word.lower())
        if role is not None:
            return role
        if lenient and word != UNREADABLE:
            if not word.lower().startswith(_EXTENSION):
                self.remarks.add(file, row, NO_ROLE, "with a role that the format does not have")
        elif not word.lower().startswith(_EXTENSION):
            self.unknown(file, row, "role", (*ROLES, _EXTENSION_WORD), word)
        return RosterRole.OTHER

    def boolean(self, file: str, row: int, column: str, word: str) -> bool:
        """Read true or false."""
        value = _BOOLEANS.get(word.lower())
        if value is None:
            self.unknown(file, row, column, tuple(_BOOLEANS), word)
        return bool(value)

    def period(self, file: str, row: int, begin: str, end: str) -> tuple[date | None, date | None]:
        """Read when something begins (inclusive) and ends (exclusive)."""
        first = self._days.read(begin, self._at(file, row, "beginDate"))
        last = self._days.read(end, self._at(file, row, "endDate"))
        check_order(first, last, self._at(file, row, "endDate"))
        return first, last

    def _at(self, file: str, row: int, column: str) -> Tell:
        return lambda code, message: self.problem(file, row, column, code, message)

    def unknown(self, file: str, row: int, column: str, known: Sequence[str], word: str) -> None:
        """Note a word that the format does not have, with those that it has.

        The word is shown where no name can stand in its place: in the users' table, a row that is
        shifted by one column puts the name beside it there.
        """
        *first, last = known
        message = f"the value is none of {', '.join(first)} and {last}"
        named = any(file == source.file("users") for source in self._sources["users"])
        shown = None if named or word == UNREADABLE else word
        self.problem(file, row, column, "RR313", message + (":" if shown else ""), shown)

    def problem(
        self, file: str, row: int, column: str, code: str, message: str, value: str | None = None
    ) -> None:
        """Note a problem; `value` is given for what is no name: an id, or a word."""
        self.problems.append(Problem(file, row, column, value, code, message))


def is_current(status: str) -> bool:
    """Say whether a status, in any case or none at all, is one of a row that does not go."""
    return status.strip().lower() in ("", "active")


def listed(cell: str) -> tuple[str, ...]:
    """Read a list in one cell: separated by commas, a part with a comma in quotes."""
    if not cell:
        return ()
    if "," not in cell and '"' not in cell:
        return (cell.strip(),)
    try:
        parts = next(csv.reader([" ".join(cell.split())], skipinitialspace=True))
    except csv.Error:  # a part that is longer than any id
        parts = [cell]
    return tuple(part.strip() for part in parts if part.strip())
