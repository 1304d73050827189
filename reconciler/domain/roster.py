"""A roster: one form for what school systems export, whatever format they export it in.

Values only. References are the source's own ids (`sourcedId` in OneRoster). A roster is complete
and consistent by construction: a reader that finds a reference leading nowhere raises instead. Each
value remembers the file and the row it came from, so that a rule or a message can name them; in XML
the row is the line on which it begins.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

from reconciler.domain.days import runs_on

NEEDED_COLUMNS: Final = ("unit", "person")
"""What a plain CSV file has to have columns for."""

ROSTER_COLUMNS: Final = (
    *NEEDED_COLUMNS,
    *("role", "primary", "kind", "class_type", "grade", "from", "until"),
)
"""What a column of a plain CSV file can mean."""


def read_columns(given: Iterable[str]) -> dict[str, str]:
    """Read what the columns of a plain CSV file mean, each given as `unit=Class`.

    Raises:
        ValueError: one means nothing, or the same as another; the message says which.
    """
    columns: dict[str, str] = {}
    for each in given:
        name, _, heading = each.partition("=")
        if name in columns:
            raise ValueError(f"{name} is given twice; one column can be the {name}.")
        if name not in ROSTER_COLUMNS or not heading:
            raise ValueError(
                f"{name} is no column of a roster; write unit=Class, with one of: "
                f"{', '.join(ROSTER_COLUMNS)}."
            )
        columns[name] = heading
    return columns


class RosterRole(StrEnum):
    """What a person is; `OTHER` is a role that the source itself defined (`ext:` in OneRoster)."""

    STUDENT = "student"
    TEACHER = "teacher"
    ADMINISTRATOR = "administrator"
    PRINCIPAL = "principal"
    PARENT = "parent"
    GUARDIAN = "guardian"
    RELATIVE = "relative"
    AIDE = "aide"
    PROCTOR = "proctor"
    COUNSELLOR = "counsellor"
    OTHER = "other"


def plain_grade(grade: str) -> str:
    """Return a grade in the one form in which it is compared: `08` is `8`, and `00` is `0`."""
    return _ZEROS.sub("", grade)


_ZEROS: Final = re.compile(r"^0+(?=\w)")
"""Zeros before a digit or letter; one that stands alone is the grade."""


def plain_type(class_type: str) -> str:
    """Return the type of a class in the form in which it is compared: `Kontakt` is `kontakt`."""
    return class_type.casefold()


class RosterUnitKind(StrEnum):
    """The kind of a unit; every organisation that is not a school is an `ORGANISATION`."""

    ORGANISATION = "organisation"
    SCHOOL = "school"
    CLASS = "class"


HOMEROOM: Final = "homeroom"
"""The type of the classes in which learners are at home; what other formats call it is this."""


@dataclass(frozen=True, slots=True)
class RosterPerson:
    """A person.

    Attributes:
        role: the main role; where roles differ by organisation, see `Roster.affiliations`.
        enabled: whether the account may be used.
        orgs: ids of the person's organisations and schools, in the source's order.
        file: the file the person stands in.
        row: the row there as a spreadsheet counts it; the header is row 1.
    """

    sourced_id: str
    username: str
    email: str | None
    given_name: str
    family_name: str
    role: RosterRole
    enabled: bool
    orgs: tuple[str, ...]
    file: str
    row: int


@dataclass(frozen=True, slots=True)
class RosterUnit:
    """An organisation, a school or a class; ids are unique among all three.

    Attributes:
        parent: the unit above, or None at a root; a class's parent is its school.
        identifier: the source's other name for it: an organisation's official number, a class's
            code.
        class_type: for a class, `HOMEROOM`, `scheduled` or another word of the source, otherwise
            None.
        grades: the grades of a class as the source writes them (`08`).
        file: the file the unit stands in.
        row: the row there as a spreadsheet counts it; the header is row 1.
        begin: the first day on which there is such a unit, where the source says so.
        end: the first day on which there is none any more.
    """

    sourced_id: str
    kind: RosterUnitKind
    title: str
    parent: str | None
    identifier: str | None
    class_type: str | None
    grades: tuple[str, ...]
    file: str
    row: int
    begin: date | None = None
    end: date | None = None

    def holds_on(self, day: date) -> bool:
        """Whether there is such a unit on that day."""
        return runs_on(day, self.begin, self.end)


class RosterMembership(NamedTuple):
    """A person in a unit, from `begin` (inclusive) to `end` (exclusive); None is unbounded."""

    unit: str
    person: str
    role: RosterRole
    primary: bool
    begin: date | None
    end: date | None
    file: str
    row: int

    def holds_on(self, day: date) -> bool:
        """Whether the person is in the unit on that day."""
        return runs_on(day, self.begin, self.end)


class RosterRelation(NamedTuple):
    """A person who answers for a learner; `kind` is parent, guardian or relative."""

    person: str
    learner: str
    kind: RosterRole
    file: str
    row: int


class RosterRemark(NamedTuple):
    """Rows that are no mistake, and that whoever reads the roster should know of.

    Attributes:
        fate: how they were read: `left out`.
        what: what is the matter with each: `with a user marked tobedeleted`.
        file: the file they stand in.
        row: the first of them.
        rows: how many they are.
    """

    fate: str
    what: str
    file: str
    row: int
    rows: int

    def __str__(self) -> str:
        rows = "1 row" if self.rows == 1 else f"{self.rows:,} rows"
        first = "" if self.rows == 1 else "the first is "
        return f"{self.fate}: {rows} of {self.file} {self.what}; {first}row {self.row}"


@dataclass(frozen=True, slots=True)
class Roster:
    """Everything a source exported.

    Attributes:
        people: in the source's order, as are all the others.
        units: organisations and schools first, then classes.
        memberships: who is enrolled in which class.
        affiliations: what each person is in each of their organisations and schools, with dates
            where the source gives them; `RosterPerson.orgs` is the short form.
        relations: who answers for which learner.
        source: the path it was read from, as it was given.
        remarks: what was left out or taken otherwise, and is no mistake.
    """

    people: tuple[RosterPerson, ...]
    units: tuple[RosterUnit, ...]
    memberships: tuple[RosterMembership, ...]
    affiliations: tuple[RosterMembership, ...]
    relations: tuple[RosterRelation, ...]
    source: str
    remarks: tuple[RosterRemark, ...] = ()


class RosterSize(NamedTuple):
    """How much there is in a roster; one that lost much may have been cut off.

    Those who teach are counted apart from those who learn: they are few, and the rules are of them.
    """

    people: int
    units: int
    learners: int
    teachers: int
    duties: int

    @classmethod
    def of(cls, roster: Roster) -> "RosterSize":
        """Count a roster: its people and units, and the memberships and duties in it."""
        learners = sum(each.role is RosterRole.STUDENT for each in roster.memberships)
        return cls(
            people=len(roster.people),
            units=len(roster.units),
            learners=learners,
            teachers=len(roster.memberships) - learners,
            duties=len(roster.affiliations),
        )
