"""Rosters as a manifest names them, and the rules that find mentors and headteachers in them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from reconciler.diagnostics import Position
from reconciler.domain.vocabulary import Role
from reconciler.manifest.naming import Reference


class RosterPersonKey(StrEnum):
    """What a roster has for people that the site has as their key."""

    SOURCED_ID = "sourced_id"
    USERNAME = "username"
    EMAIL = "email"


class RosterUnitKey(StrEnum):
    """What a roster has for units that the site has as their key."""

    SOURCED_ID = "sourced_id"
    IDENTIFIER = "identifier"
    TITLE = "title"


@dataclass(frozen=True, slots=True)
class RosterSource:
    """A declared roster: where it is, and how its people and units are found on the site.

    Attributes:
        name: what rules call it.
        type: its format (`reconciler.rosters.formats`).
        position: where it is declared.
        path: a file or folder, relative to the manifest's file; None where it is fetched from a
            service, whose address stands in the settings under the same name.
        people: what of its people equals `settings.people` of the site.
        units: what of its units equals `settings.units` of the site.
        base: the whole export that it goes with, where it holds changes only.
        columns: for a plain CSV file, per meaning (`ROSTER_COLUMNS`) the heading of its column.
    """

    name: str
    type: str
    position: Position
    path: Reference | None
    people: RosterPersonKey = RosterPersonKey.SOURCED_ID
    units: RosterUnitKey = RosterUnitKey.SOURCED_ID
    base: Reference | None = None
    columns: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def content(self) -> list[object]:
        """What is declared of it, as JSON data, whatever its name and place."""
        path, base = (each.key if each else None for each in (self.path, self.base))
        return [self.type, path, self.people, self.units, base, dict(self.columns)]


class Who(StrEnum):
    """Whom a rule looks for in a unit."""

    PRIMARY_TEACHER = "primary_teacher"
    TEACHER = "teacher"
    PRINCIPAL = "principal"
    ADMINISTRATOR = "administrator"


class OfKind(StrEnum):
    """The kind of the units that a rule looks at."""

    CLASS = "class"
    SCHOOL = "school"
    ORGANISATION = "organisation"


@dataclass(frozen=True, slots=True)
class Of:
    """The units of a roster that a rule looks at.

    Attributes:
        kind: their kind.
        class_type: for classes, the type that they have (`homeroom`); None for any.
        grades: for classes, grades of which they have one, in their plain form; empty for any.
    """

    kind: OfKind
    class_type: str | None = None
    grades: tuple[str, ...] = ()


class ForNone(StrEnum):
    """What is done about a unit in which a rule finds nobody."""

    REPORT = "report"
    REFUSE = "refuse"
    USE = "use"


class ForSeveral(StrEnum):
    """What is done about a unit in which a rule finds more than one person."""

    ALL = "all"
    REFUSE = "refuse"
    FIRST = "first"


class ForUnknown(StrEnum):
    """What is done about units and people of a rule that the site does not have."""

    REPORT = "report"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class RosterRule:
    """One rule: who of a roster gets a role over which units.

    Attributes:
        name: its name, and the place of it.
        roster: the roster that it looks at.
        none: what is done about a unit in which there is nobody; `use` names who steps in then.
        several: what is done about a unit in which there is more than one person.
        unknown: what is done about units and people that the site does not have.
        except_people: who gets nothing by it.
        except_units: the units that it passes over.
    """

    name: Reference
    roster: str
    role: Role
    who: Who
    of: Of
    none: ForNone = ForNone.REPORT
    use: Reference | None = None
    several: ForSeveral = ForSeveral.ALL
    unknown: ForUnknown = ForUnknown.REPORT
    except_people: tuple[Reference, ...] = ()
    except_units: tuple[Reference, ...] = ()
