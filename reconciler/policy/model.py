"""Policies in force, and what guards say of a plan: values that a plan carries."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from reconciler.directory import Keys
from reconciler.domain.address import Address
from reconciler.domain.vocabulary import Role
from reconciler.manifest.policies import Level, PolicyKey
from reconciler.plain import first_of

Value: TypeAlias = bool | int | str | tuple[str, ...] | Mapping[str, tuple[str, ...]]
"""What a rule is set to, as JSON has it: a limit is its text, people and units are ids."""


class Source(StrEnum):
    """Where a policy is stated."""

    DEFAULT = "default"
    MANIFEST = "manifest"
    SITE = "site"


@dataclass(frozen=True, slots=True)
class InForce:
    """A rule that a plan has to keep to, in the site's ids."""

    rule: PolicyKey
    value: Value
    level: Level
    source: Source


class FoundKind(StrEnum):
    """What a guard can find fault with."""

    PERSON = "person"
    UNIT = "unit"
    PROFILE = "profile"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that breaks a rule.

    Attributes:
        kind: what it is.
        id: the site's id, or an address in ids.
        key: the same in the manifest's keys.
        note: how far it breaks the rule, `31 learners` say; names nobody.
        learner: the id and key of the learner concerned, where a person's sight of one is meant.
    """

    kind: FoundKind
    id: str
    key: str
    note: str = ""
    learner: tuple[str, str] | None = None

    def __str__(self) -> str:
        about = self.about
        return f"{self.key} ({about})" if about else self.key

    @property
    def about(self) -> str:
        """The note, with the learner concerned."""
        return f"{self.note}: {self.learner[1]}" if self.learner else self.note

    @property
    def people(self) -> tuple[tuple[str, str], ...]:
        """Those whom it names, each by id and key."""
        match self.kind:
            case FoundKind.PERSON:
                own: tuple[tuple[str, str], ...] = ((self.id, self.key),)
            case FoundKind.ADDRESS:
                own = tuple(Address.parse(self.id).people_as(Address.parse(self.key)))
            case _:
                own = ()
        return (*own, *((self.learner,) if self.learner else ()))

    @classmethod
    def person(cls, keys: Keys, person: str, note: str = "") -> "Found":
        """Name a person."""
        return cls(FoundKind.PERSON, person, keys.person(person), note)

    @classmethod
    def pair(cls, keys: Keys, person: str, learner: str, note: str) -> "Found":
        """Name a person who sees a learner; not twice where the two are one."""
        named = None if learner == person else (learner, keys.person(learner))
        return cls(FoundKind.PERSON, person, keys.person(person), note, named)

    @classmethod
    def profile(cls, keys: Keys, profile: str, note: str = "") -> "Found":
        """Name a profile."""
        return cls(FoundKind.PROFILE, profile, keys.profile(profile), note)

    @classmethod
    def unit(cls, keys: Keys, unit: str, note: str = "") -> "Found":
        """Name a unit."""
        return cls(FoundKind.UNIT, unit, keys.unit(unit), note)

    @classmethod
    def at(cls, keys: Keys, address: Address, note: str = "") -> "Found":
        """Name what stands at an address, in ids."""
        return cls(FoundKind.ADDRESS, str(address), str(keys.name(address)), note)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a guard says of a plan's end state.

    Attributes:
        code: the guard's code.
        role: the role that it judged; None where it judges both, or is about one by its nature.
        counted: what it counted.
        allowed: how many it allows.
        passed: whether the count is within what is allowed.
        message: the finding in a sentence that names nobody.
        found: what breaks the rule, the first of it; `counted` says how much there is.
        digest: stands for all of what breaks the rule, where `found` is not all; else None.
        level: what it means that it did not pass.
        source: where the rule is stated.
        override: the reason with which a failed verdict was lifted, or None.
    """

    code: str
    role: Role | None
    counted: int
    allowed: int
    passed: bool
    message: str
    found: tuple[Found, ...] = ()
    digest: str | None = None
    level: Level = Level.MANDATORY
    source: Source = Source.DEFAULT
    override: str | None = None

    @property
    def forbids(self) -> bool:
        """Whether it keeps the plan from being applied unless somebody lifts it."""
        return not self.passed and self.level is Level.MANDATORY

    @property
    def holds_back(self) -> bool:
        """Whether it refuses because a roster has lost too much, so that some changes wait."""
        return self.code == ROSTER_SHRINK and self.refuses

    def lifts(self, other: "Verdict") -> bool:
        """Whether what lifted this verdict lifts another, of the same rule: for nothing unseen."""
        return (
            self.override is not None
            and (self.code, self.role, self.source) == (other.code, other.role, other.source)
            and other.counted <= self.counted
            and self.digest == other.digest
            and set(other.found) <= set(self.found)
        )

    @property
    def refuses(self) -> bool:
        """Whether it keeps the plan from being applied."""
        return self.forbids and self.override is None

    def __str__(self) -> str:
        if self.passed or not self.found:
            return self.message
        named = [str(each) for each in self.found[:NAMED]]
        return f"{self.message}: {first_of(named, NAMED, self.counted)}"


NAMED = 12
"""So many of what breaks a rule are named in a sentence."""

ROSTER_SHRINK: Final = "RR521"
"""The code of the one guard that holds back a part of a plan."""

LISTED = 100
"""So many of what breaks a rule a plan lists; `review` lists all."""
