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
from typing import NamedTuple

from reconciler.diagnostics import Diagnostic, Position
from reconciler.domain.days import Days
from reconciler.domain.roster import Roster
from reconciler.domain.vocabulary import LabelField, MovedKind, Role, TargetKind
from reconciler.manifest.naming import PersonKey, Reference, UnitKey
from reconciler.manifest.placed import position
from reconciler.manifest.policies import Policy
from reconciler.manifest.roster_rules import RosterRule, RosterSource


class Unmanaged(StrEnum):
    """What happens to what is live, in scope and belongs to undeclared holders."""

    REMOVE = "remove"
    REPORT = "report"
    IGNORE = "ignore"


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
