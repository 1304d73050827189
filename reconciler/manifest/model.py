"""The manifest as a value: what its author declared, with the place of every declaration.

Nothing here knows the site; references are still the keys that the author wrote. A section that is
absent is None, and untouched; a section that is present is authoritative within the scope, even
when it is empty (design, section 3).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from reconciler.diagnostics import Diagnostic, Position
from reconciler.domain.days import Days
from reconciler.domain.roster import Roster
from reconciler.domain.vocabulary import LabelField, MovedKind, Role, TargetKind
from reconciler.manifest.placed import position


class PersonKey(StrEnum):
    """How a manifest names people."""

    SYNC_KEY = "sync_key"
    USERNAME = "username"
    EMAIL = "email"
    ID = "id"


class UnitKey(StrEnum):
    """How a manifest names units; a path is the titles from below the site, joined by `/`."""

    SYNC_KEY = "sync_key"
    PATH = "path"
    ID = "id"


class Unmanaged(StrEnum):
    """What happens to what is live, in scope and belongs to undeclared holders."""

    REMOVE = "remove"
    REPORT = "report"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Reference:
    """A key as the author wrote it, and where."""

    key: str
    position: Position


@dataclass(frozen=True, slots=True)
class Settings:
    """How the manifest is to be read."""

    people: PersonKey = PersonKey.SYNC_KEY
    units: UnitKey = UnitKey.SYNC_KEY
    timezone: str = "UTC"
    unmanaged: Unmanaged = Unmanaged.REMOVE


@dataclass(frozen=True, slots=True)
class Item:
    """One declared assignment: a target, and the days on which it holds (both inclusive)."""

    kind: TargetKind
    target: Reference
    begins: date | None = None
    ends: date | None = None
    reason: str | None = None

    @property
    def days(self) -> Days:
        """The days on which it holds."""
        return Days(self.begins, self.ends)

    def holds_on(self, day: date) -> bool:
        """Whether the assignment is wanted on that day."""
        return self.days.include(day)


class Listed(NamedTuple):
    """The items of one list that say nothing but their target, as texts and places.

    A manifest has up to a million of them, so none is an object of its own.

    Attributes:
        kind: what they are.
        keys: the targets, in the author's order.
        file: where they stand.
        places: the place of each (`placed.packed`).
    """

    kind: TargetKind
    keys: Sequence[str]
    file: str
    places: Sequence[int]

    def position(self, number: int) -> Position:
        """Return the place of the n-th target."""
        return position(self.file, self.places[number])

    def items(self) -> Iterator[Item]:
        """Yield the items as such."""
        for key, place in zip(self.keys, self.places, strict=True):
            yield Item(self.kind, Reference(key, position(self.file, place)))


@dataclass(frozen=True, slots=True)
class Entry:
    """One person under `mentors` or `headteachers`, with everything they are assigned.

    Attributes:
        plain: per kind at most one list of the items that say nothing but their target.
        detailed: the items that say more.
    """

    role: Role
    person: Reference
    plain: tuple[Listed, ...] = ()
    detailed: tuple[Item, ...] = ()

    @property
    def items(self) -> tuple[Item, ...]:
        """All items, in the order of their places; an alias stands where its anchor does."""
        if not self.plain:
            return self.detailed
        found = [*self.detailed, *(item for listed in self.plain for item in listed.items())]
        return tuple(sorted(found, key=lambda item: item.target.position))


@dataclass(frozen=True, slots=True)
class Limit:
    """A cap: a number of things, or a percentage of those that are live."""

    amount: float
    percentage: bool

    def __str__(self) -> str:
        number = f"{self.amount:.10f}".rstrip("0").rstrip(".")
        return f"{number}%" if self.percentage else number


class Rule(StrEnum):
    """What a policy can demand; the values are the manifest's keys."""

    MAX_REMOVALS = "max_removals"
    MAX_ROSTER_SHRINK = "max_roster_shrink"
    MAX_ACCESS_GAIN = "max_access_gain"
    MAX_LEARNERS_PER_MENTOR = "max_learners_per_mentor"
    MIN_LEARNERS_PER_MENTOR = "min_learners_per_mentor"
    EVERY_LEARNER_HAS_MENTOR = "every_learner_has_mentor"
    EVERY_CLASS_HAS_MENTOR = "every_class_has_mentor"
    EVERY_SCHOOL_HAS_HEADTEACHER = "every_school_has_headteacher"
    NO_SELF_MENTORING = "no_self_mentoring"
    PROTECTED = "protected"
    REQUIRE_REASON_FOR = "require_reason_for"
    MAX_GRANT_DAYS = "max_grant_days"
    ALLOWED_PROFILES = "allowed_profiles"


class ReasonFor(StrEnum):
    """What `require_reason_for` can name."""

    INDIVIDUAL_LEARNERS = "individual_learners"
    TEMPORARY_GRANTS = "temporary_grants"


class Level(StrEnum):
    """What a broken rule means: a mandatory one refuses the plan, an advisory one only says so."""

    ADVISORY = "advisory"
    MANDATORY = "mandatory"


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules that a file states, each as its author wrote it; one not stated is None.

    Attributes:
        numbers: the rules that are a number, by name.
        demands: the rules that are switched on.
        levels: per rule named under `levels`, what breaking it means; else it is mandatory.
    """

    max_removals: Limit | None = None
    max_roster_shrink: Limit | None = None
    numbers: Mapping[Rule, int] = field(default_factory=lambda: MappingProxyType({}))
    demands: frozenset[Rule] = frozenset()
    require_reason_for: tuple[ReasonFor, ...] = ()
    allowed_profiles: Mapping[Role, tuple[Reference, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    protected_people: tuple[Reference, ...] = ()
    protected_units: tuple[Reference, ...] = ()
    levels: Mapping[Rule, Level] = field(default_factory=lambda: MappingProxyType({}))


NUMBERS: Final = (
    Rule.MAX_ACCESS_GAIN,
    Rule.MAX_LEARNERS_PER_MENTOR,
    Rule.MIN_LEARNERS_PER_MENTOR,
    Rule.MAX_GRANT_DAYS,
)
"""The rules that are a number."""

DEMANDS: Final = (
    Rule.EVERY_LEARNER_HAS_MENTOR,
    Rule.EVERY_CLASS_HAS_MENTOR,
    Rule.EVERY_SCHOOL_HAS_HEADTEACHER,
    Rule.NO_SELF_MENTORING,
)
"""The rules that are true or false."""


LEVELLED: Final = tuple(rule for rule in Rule if rule is not Rule.PROTECTED)
"""The rules that can be broken, and so have a level; what is protected just stays."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A known deviation that somebody answers for until a day, which is the last one.

    `address` is the one that people read, in the manifest's keys.
    """

    address: Reference
    owner: str
    reason: str
    until: date


@dataclass(frozen=True, slots=True)
class Move:
    """A unit or person that has another key now; `kind` is None where the line does not say it."""

    before: Reference
    after: Reference
    kind: MovedKind | None = None


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


@dataclass(frozen=True, slots=True)
class LabelSetting:
    """A declared label; a value of None resets it to the platform's default."""

    value: str | None
    position: Position


@dataclass(frozen=True, slots=True)
class ProfileSetting:
    """The profiles on which a role is to be enabled, and nowhere else."""

    profiles: tuple[Reference, ...]
    position: Position


@dataclass(frozen=True, slots=True)
class Section:
    """A `mentors` or `headteachers` section, merged from every file that has one.

    `position` is the place of the first file's section key.
    """

    entries: tuple[Entry, ...]
    position: Position


@dataclass(frozen=True, slots=True)
class Manifest:
    """A whole manifest, merged and checked offline.

    Attributes:
        site: the id that the site must report.
        within: the units whose subtrees are the scope, or None for the whole site.
        profiles: per listed role, where it is to be enabled; a role not listed is untouched.
        labels: the listed labels; one not listed is untouched.
        sections: per role, its entries; a role whose section is absent is untouched.
        accepted: the deviations that are known.
        moved: the units and people that have other keys now.
        sources: the declared rosters, by name.
        rules: what is derived from them.
        rosters: per name the roster itself, once it has been read.
        warnings: what the author should know, though it is no error.
        digest: `sha256:` and hex over the merged content: it is the same for the same declarations,
            whatever the comments, the layout and the split into files.
        files: those it was read from, as the user named them.
    """

    site: Reference
    settings: Settings
    within: tuple[Reference, ...] | None
    policy: Policy
    digest: str
    profiles: Mapping[Role, ProfileSetting] = field(default_factory=lambda: MappingProxyType({}))
    labels: Mapping[tuple[Role, LabelField], LabelSetting] = field(
        default_factory=lambda: MappingProxyType({})
    )
    sections: Mapping[Role, Section] = field(default_factory=lambda: MappingProxyType({}))
    accepted: tuple[Accepted, ...] = ()
    moved: tuple[Move, ...] = ()
    sources: Mapping[str, RosterSource] = field(default_factory=lambda: MappingProxyType({}))
    rules: tuple[RosterRule, ...] = ()
    rosters: Mapping[str, Roster] = field(default_factory=lambda: MappingProxyType({}))
    warnings: tuple[Diagnostic, ...] = ()
    files: tuple[str, ...] = ()
