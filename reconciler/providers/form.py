"""A form to fill in a spreadsheet, for who has no export to begin with: a folder of CSV files.

It is read as spreadsheets leave it: with a byte-order mark, semicolons or tabs, blank rows, blanks
around values. What a spreadsheet spoils without a word, keys above all, is told by row and column.
"""

import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import zip_longest
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from reconciler import csv_text
from reconciler.diagnostics import Diagnostic, Position
from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.vocabulary import TARGET_KINDS, MembershipRole, Role, TargetKind, UnitKind
from reconciler.domain.words_of_schools import Known, meant
from reconciler.domain.yes_and_no import NO, YES
from reconciler.errors import InvalidInput
from reconciler.providers.integrity import check
from reconciler.state import Labels, LiveState, Membership, Person, Profile, Site, Unit
from reconciler.suggest import did_you_mean


class Sheet(NamedTuple):
    """One file of the form.

    Attributes:
        required: the columns that must have a value in every row.
        optional: those that may be empty.
        keys: those of them in which a key stands.
    """

    required: tuple[str, ...]
    optional: tuple[str, ...]
    keys: tuple[str, ...]


SHEETS: Final[Mapping[str, Sheet]] = MappingProxyType(
    {
        "profiles": Sheet(("name",), ("mentor", "headteacher"), ()),
        "people": Sheet(("key", "profile"), ("name", "username", "active"), ("key",)),
        "units": Sheet(("key", "kind", "title"), ("parent",), ("key", "parent")),
        "members": Sheet(("unit", "person", "role"), (), ("unit", "person")),
        "roles": Sheet(("role", "person"), ("over",), ("person", "over")),
        "labels": Sheet(("role",), ("tool_name", "role_name"), ()),
    }
)
"""Per file (`NAME.csv`) its columns."""

_SPOILT: Final = re.compile(
    r"\d+[.,]\d+E\+?\d+|\d{1,2}[./]\d{1,2}[./]\d{2,4}|\d{4}-\d\d-\d\d( .*)?", re.IGNORECASE
)
_MARKS: Final = (";", ",", "\t")

_SUGGESTIONS: Final = 20
"""So many wrong keys are looked for among the others: where a column is wrong, all of them are."""

Row = Mapping[str, str]
Rows = Sequence[tuple[int, Row]]


def file_names() -> tuple[str, ...]:
    """Return how the files of a form are called."""
    return tuple(f"{name}.csv" for name in SHEETS)


def read_form(folder: Path, revision: int) -> LiveState:
    """Read a form that was filled in.

    Args:
        folder: has the files.
        revision: the one that the state is to have.

    Raises:
        InvalidInput: something in it is wrong: all of it, each with row and column.
        ContractViolation: it does not hold together in a way that is no single row's.
    """
    return _Form(folder).state(revision)


class _Form:
    """Reads the sheets, and keeps what is wrong with them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found: list[Diagnostic] = []
        self._suggestions_left = _SUGGESTIONS

    def state(self, revision: int) -> LiveState:
        if not any((self._folder / f"{name}.csv").exists() for name in SHEETS):
            message = f"this is no form: none of {', '.join(file_names())} stands there."
            advice = "`reconciler snapshot form` writes one."
            raise InvalidInput([Diagnostic("RR901", message, Position(str(self._folder)), advice)])
        rows = {name: tuple(self._rows(name, sheet)) for name, sheet in SHEETS.items()}
        self._stop()  # of what cannot be read, every reference would be wrong
        profiles = self._profiles(rows["profiles"])
        people = self._people(rows["people"], _Known(each.id for each in profiles))
        units = self._units(rows["units"])
        members = tuple(self._members(rows["members"], people, units))
        holders, assignments = self._roles(rows["roles"], people, units)
        labels = self._labels(rows["labels"])
        self._stop()
        top = next(each for each in units.values() if each.parent is None)
        site = Site(top.id, top.title, revision, None, frozenset(), False, 0)  # noqa: FBT003 - nobody asked for learning plans
        state = LiveState(
            site,
            profiles,
            labels,
            tuple(people.values()),
            tuple(units.values()),
            members,
            (),
            frozenset(holders),
            Assignments.of(assignments),
        )
        return check(state, str(self._folder))  # what no row is to blame for, if there is anything

    def _stop(self) -> None:
        if self._found:
            raise InvalidInput(self._found)

    def _wrong(
        self, code: str, sheet: str, row: int, column: str, message: str, advice: str | None = None
    ) -> None:
        names = [*SHEETS[sheet].required, *SHEETS[sheet].optional]
        at = names.index(column) + 1 if column in names and row else 0
        parts = (*([f"row {row}"] if row else []), *([f"column {column}"] if column else []))
        place = f"{', '.join(parts)}: " if parts else ""
        position = Position(str(self._folder / f"{sheet}.csv"), row, at)
        self._found.append(Diagnostic(code, place + message, position, advice))

    def _rows(self, name: str, sheet: Sheet) -> Iterator[tuple[int, Row]]:
        try:
            text = (self._folder / f"{name}.csv").read_bytes().decode("utf-8-sig")
        except OSError as error:
            self._wrong("RR901", name, 0, "", f"cannot be read: {error.strerror}.")
            return
        except UnicodeDecodeError:
            advice = "Save it as “CSV UTF-8”."
            self._wrong("RR901", name, 0, "", "the file is not UTF-8.", advice)
            return
        lines = list(io.StringIO(text, newline=""))
        skipped = 1 if lines and lines[0].casefold().startswith("sep=") else 0
        columns = (*sheet.required, *sheet.optional)
        heading = lines[skipped] if len(lines) > skipped else ""
        try:
            mark = max(_MARKS, key=lambda each: len(set(_heading(heading, each)) & set(columns)))
            names = _heading(heading, mark)
        except csv.Error as error:
            self._unsound(name, error)
            return
        for column in columns:
            if names.count(column) != 1:
                what = "is missing" if column not in names else "stands there twice"
                self._wrong("RR902", name, 0, column, f"the column {what}.")
                return
        try:
            reader = csv.reader(lines[skipped + 1 :], delimiter=mark, strict=True)
            for number, cells in enumerate(reader, skipped + 2):
                meant_cells = (csv_text.meant(cell.strip()) for cell in cells)
                named = list(zip_longest(names, meant_cells, fillvalue=""))
                values = dict(named)
                surplus = next((cell for heading, cell in named if cell and not heading), None)
                if surplus is not None:
                    message = f"{surplus} stands below no heading."
                    advice = f"Put quotes around a value in which {mark!r} stands."
                    self._wrong("RR903", name, number, "", message, advice)
                elif any(values.values()):
                    row = {column: values.get(column, "") for column in columns}
                    self._check(name, sheet, number, row)
                    yield number, row
        except csv.Error as error:
            self._unsound(name, error)

    def _unsound(self, name: str, error: csv.Error) -> None:
        self._wrong("RR901", name, 0, "", f"it is no sound CSV ({error}).", "Save it anew.")

    def _check(self, name: str, sheet: Sheet, number: int, row: Row) -> None:
        for column in sheet.required:
            if not row[column]:
                self._wrong("RR903", name, number, column, "nothing stands there.")
        for column in sheet.keys:
            if _SPOILT.fullmatch(row[column]):
                self._wrong(
                    "RR903",
                    name,
                    number,
                    column,
                    "this looks like a date or a number that the spreadsheet made of a key.",
                    "Give the column the format Text, and write the key again.",
                )

    def _profiles(self, rows: Rows) -> tuple[Profile, ...]:
        found: dict[str, Profile] = {}
        for number, row in rows:
            self._once("profiles", number, "name", row["name"], found)
            roles = frozenset(role for role in Role if self._yes("profiles", number, role, row))
            found[row["name"]] = Profile(row["name"], row["name"], roles)
        return tuple(found.values())

    def _people(self, rows: Rows, profiles: "_Known") -> dict[str, Person]:
        found: dict[str, Person] = {}
        for number, row in rows:
            key = row["key"]
            self._once("people", number, "key", key, found)
            self._refers("people", number, "profile", row["profile"], profiles)
            active = not row["active"] or self._yes("people", number, "active", row)
            username, name = row["username"] or key, row["name"]
            found[key] = Person(key, key, username, None, name, row["profile"], active)
        return found

    def _units(self, rows: Rows) -> dict[str, Unit]:
        before = len(self._found)
        found: dict[str, Unit] = {}
        for number, row in rows:
            self._once("units", number, "key", row["key"], found)
            unit = self._word("units", number, "kind", row, UnitKind) or UnitKind.CLASS
            found[row["key"]] = Unit(
                row["key"], row["key"], unit, row["title"], row["parent"] or None
            )
        known = _Known(found)
        for number, row in rows:
            if row["parent"]:
                self._refers("units", number, "parent", row["parent"], known)
                if _circles(found, row["key"]):
                    self._wrong("RR904", "units", number, "parent", "the unit lies below itself.")
        tops = sum(each.parent is None for each in found.values())
        if tops != 1:
            what = "no unit is" if not tops else f"{tops} units are"
            self._wrong(
                "RR903", "units", 0, "parent", f"{what} without a parent; the site alone is"
            )
        if len(self._found) == before:
            self._hierarchy(rows, found)
        return found

    def _hierarchy(self, rows: Rows, units: Mapping[str, Unit]) -> None:
        """Look for what no site has, in a tree with one top whose units all have their parents."""
        for number, row in rows:
            unit = units[row["key"]]
            if unit.parent is None and unit.kind is not UnitKind.ORGANISATION:
                what = f"the site itself is an {UnitKind.ORGANISATION}, and no {unit.kind}."
                self._wrong("RR903", "units", number, "kind", what)
            above = unit.parent
            while unit.kind is UnitKind.SCHOOL and above is not None:
                if units[above].kind is UnitKind.SCHOOL:
                    what = f"a school lies below no other school, and {above} is one."
                    self._wrong("RR904", "units", number, "parent", what)
                    break
                above = units[above].parent

    def _members(
        self, rows: Rows, people: Mapping[str, Person], units: Mapping[str, Unit]
    ) -> Iterator[Membership]:
        seen: set[tuple[str, str, str]] = set()
        known_units, known_people = _Known(units), _Known(people)
        for number, row in rows:
            known = self._refers("members", number, "unit", row["unit"], known_units)
            known &= self._refers("members", number, "person", row["person"], known_people)
            role = self._word("members", number, "role", row, MembershipRole)
            if known and role and (row["unit"], row["person"], role) not in seen:
                seen.add((row["unit"], row["person"], role))
                primary = units[row["unit"]].kind is UnitKind.CLASS
                yield Membership(row["unit"], row["person"], role, primary, None, None)

    def _roles(
        self, rows: Rows, people: Mapping[str, Person], units: Mapping[str, Unit]
    ) -> tuple[set[Holder], set[Assignment]]:
        holders: set[Holder] = set()
        assignments: set[Assignment] = set()
        known_people, targets = _Known(people), _Known((*people, *units))
        for number, row in rows:
            known = self._refers("roles", number, "person", row["person"], known_people)
            role, over = self._word("roles", number, "role", row, Role), row["over"]
            if not (known and role):
                continue
            holders.add(Holder(role, row["person"]))
            if not over or not self._refers("roles", number, "over", over, targets):
                continue
            if over in people and over in units:
                message = f"{over} is a person and a unit: nobody knows which is meant."
                self._wrong("RR905", "roles", number, "over", message, "Give one another key.")
                continue
            kind = TargetKind(units[over].kind.value) if over in units else TargetKind.LEARNER
            if kind not in TARGET_KINDS[role]:
                kinds = ", ".join(TARGET_KINDS[role])
                message = f"a {role} has no {kind}; there are: {kinds}."
                self._wrong("RR903", "roles", number, "over", message)
            assignments.add(Assignment(role, row["person"], kind, over))
        return holders, assignments

    def _labels(self, rows: Rows) -> tuple[Labels, ...]:
        found: dict[str, Labels] = {}
        for number, row in rows:
            role = self._word("labels", number, "role", row, Role)
            if role:
                self._once("labels", number, "role", role, found)
                tool_name, role_name = row["tool_name"] or None, row["role_name"] or None
                found[role] = Labels(role, tool_name, role_name)
        return tuple(found.get(role, Labels(role, None, None)) for role in Role)

    def _once(self, sheet: str, number: int, column: str, key: str, known: Collection[str]) -> None:
        if key in known:
            self._wrong("RR905", sheet, number, column, "the same stands in a row above.")

    def _refers(self, sheet: str, number: int, column: str, key: str, known: "_Known") -> bool:
        if key in known.keys or not key:
            return bool(key)
        lost = known.bare.get(key.lstrip("0"))
        if lost is not None:
            advice: str | None = (
                f"Did you mean {lost}? Spreadsheets drop zeros in front, except in columns of the "
                "format Text."
            )
        elif self._suggestions_left:
            self._suggestions_left -= 1
            advice = did_you_mean(key, known.keys)
        else:
            advice = None
        self._wrong("RR904", sheet, number, column, f"{key} is nowhere in the form.", advice)
        return False

    def _yes(self, sheet: str, number: int, column: str, row: Row) -> bool:
        word = row[column].casefold()
        if word not in YES | NO:
            self._wrong(
                "RR903",
                sheet,
                number,
                column,
                "this is neither yes nor no.",
                "Write x, or nothing.",
            )
        return word in YES

    def _word(
        self,
        sheet: str,
        number: int,
        column: str,
        row: Row,
        words: type[Known],
    ) -> Known | None:
        word = meant(row[column], words)
        if word is None and row[column]:
            message = f"{row[column]} is not known."
            self._wrong("RR903", sheet, number, column, message, f"There are: {', '.join(words)}.")
        return word


class _Known:
    """Keys that others may refer to.

    Attributes:
        keys: all of them.
        bare: one for each of them without the zeros in front.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self.keys = dict.fromkeys(keys)

    @cached_property
    def bare(self) -> Mapping[str, str]:
        return {key.lstrip("0"): key for key in self.keys}


def _heading(line: str, mark: str) -> list[str]:
    return [cell.strip().casefold() for cell in next(csv.reader([line], delimiter=mark), [])]


def _circles(units: Mapping[str, Unit], key: str) -> bool:
    seen: set[str] = set()
    at: str | None = key
    while at is not None and at in units:
        if at in seen:
            return True
        seen.add(at)
        at = units[at].parent
    return False
