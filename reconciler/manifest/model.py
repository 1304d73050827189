"""The manifest as a value: what its author declared, with the place of every declaration.

Nothing here knows the site; references are still the keys that the author wrote. A section that is
absent is None, and untouched; a section that is present is authoritative within the scope, even
when it is empty (design, section 3).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from reconciler.diagnostics import Diagnostic, Position
from reconciler.domain.vocabulary import LabelField, Role, TargetKind


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

    def holds_on(self, day: date) -> bool:
        """Whether the assignment is wanted on that day."""
        return (self.begins is None or self.begins <= day) and (
            self.ends is None or day <= self.ends
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """One person under `mentors` or `headteachers`, with everything they are assigned."""

    role: Role
    person: Reference
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """A cap: a number of things, or a percentage of those that are live."""

    amount: float
    percentage: bool

    def __str__(self) -> str:
        return f"{self.amount:g}%" if self.percentage else f"{self.amount:g}"


@dataclass(frozen=True, slots=True)
class Policy:
    """What a run may do at most, and who stays whatever happens to their entry."""

    max_removals: Limit = Limit(10, percentage=True)
    protected_people: tuple[Reference, ...] = ()


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
    warnings: tuple[Diagnostic, ...] = ()
    files: tuple[str, ...] = ()
