"""The live state: what a site reports, frozen (design, sections 2 and 6).

Values only. References between objects are the site's ids; sync keys are attributes. A state is
complete by construction: a provider that could not read everything raises instead.
"""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, NamedTuple, TypeAlias

from msgspec import Meta

from reconciler.domain.assignments import Assignments, Holder
from reconciler.domain.days import runs_on
from reconciler.domain.vocabulary import (
    Capability,
    LabelField,
    MembershipRole,
    Role,
    UnitKind,
)

Id: TypeAlias = Annotated[str, Meta(min_length=1)]
"""An id or a key: a text that is not empty. Compiled decoders look at the length, no one else."""


@dataclass(frozen=True, slots=True)
class Site:
    """The site itself; `revision` counts every write to it, `actor` is who we are to it."""

    id: str
    name: str
    revision: int
    actor: str | None
    capabilities: frozenset[Capability]
    ilp_enabled: bool
    ilp_published_templates: int

    @property
    def own(self) -> frozenset[str]:
        """The clients whose writes are ours: `Event.is_by` asks for them."""
        return frozenset({self.actor} if self.actor else ())


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile, and the roles enabled on it."""

    id: str
    name: str
    roles: frozenset[Role]


@dataclass(frozen=True, slots=True)
class Labels:
    """A role's two labels; None is the platform's own default."""

    role: Role
    tool_name: str | None
    role_name: str | None

    def value(self, field: LabelField) -> str | None:
        """Return one of the two."""
        return self.tool_name if field is LabelField.TOOL_NAME else self.role_name


@dataclass(frozen=True, slots=True)
class Person:
    """A person; `profile` is the profile's id."""

    id: Id
    sync_key: Id | None
    username: str
    email: str | None
    name: str
    profile: Id
    active: bool


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of the hierarchy; the one without a parent is the site itself."""

    id: Id
    sync_key: Id | None
    kind: UnitKind
    title: str
    parent: Id | None


class Membership(NamedTuple):
    """A person in a unit, from `begin` (inclusive) to `end` (exclusive, as OneRoster has it)."""

    unit: str
    person: str
    role: MembershipRole
    primary: bool
    begin: date | None
    end: date | None

    def holds_on(self, day: date) -> bool:
        """Whether the person is a member on that day."""
        return runs_on(day, self.begin, self.end)

    def is_over(self, day: date) -> bool:
        """Whether it ended before that day, and will not hold again."""
        return self.end is not None and self.end <= day


class Relation(NamedTuple):
    """A person who is a learner's guardian."""

    person: str
    learner: str
    kind: str


@dataclass(frozen=True, slots=True)
class LiveState:
    """Everything a plan is made against."""

    site: Site
    profiles: tuple[Profile, ...]
    labels: tuple[Labels, ...]
    people: tuple[Person, ...]
    units: tuple[Unit, ...]
    memberships: tuple[Membership, ...]
    relations: tuple[Relation, ...]
    holders: frozenset[Holder]
    assignments: Assignments
