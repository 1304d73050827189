"""What the rules of a manifest come to: per unit of a roster what became of it, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from reconciler.cause import Cause
from reconciler.diagnostics import Diagnostic
from reconciler.domain.assignments import Assignment, Holder
from reconciler.domain.roster import RosterMembership, RosterUnit
from reconciler.manifest.roster_rules import RosterRule
from reconciler.rules.match import Matched


class Fate(StrEnum):
    """What became of a unit of the roster that a rule looked at."""

    TAKEN = "taken"
    STEPS_IN = "steps_in"
    NOBODY = "nobody"
    NOBODY_ON_SITE = "nobody_on_site"
    NOBODY_SURE = "nobody_sure"
    NOBODY_LEFT = "nobody_left"
    OTHER_KIND = "other_kind"
    OTHER_UNIT = "other_unit"
    EXCEPTED = "excepted"
    OUT_OF_SCOPE = "out_of_scope"
    UNKNOWN = "unknown"
    NOT_NOW = "not_now"


WITHOUT: Final = (Fate.NOBODY, Fate.NOBODY_ON_SITE, Fate.NOBODY_SURE, Fate.NOBODY_LEFT)
"""A unit in which nobody is found: in the roster, on the site, for sure, or but for `except`."""


@dataclass(frozen=True, slots=True)
class UnitFate:
    """What a rule made of one unit: whom it gave the role over it, or why nobody."""

    unit: RosterUnit
    fate: Fate
    people: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What one rule found: every unit of its roster, in the roster's order.

    Attributes:
        strangers: per person of the roster who is needed and not on the site, or may be another
            there, a row that names them.
        shared: the keys that several have, on the site or in the roster, with what they stand for.
        unsure: the site's people with a key that somebody needed shares with others in the roster:
            nobody can say who of them they are.
        crowded: units in which there may not be several, with how many there are.
        ended: where nothing is taken and nothing that it looks at holds on the day, the last day
            on which any did.
        begins: likewise the first day on which any will.
    """

    rule: RosterRule
    units: tuple[UnitFate, ...]
    strangers: Mapping[str, RosterMembership]
    shared: Mapping[str, Matched]
    unsure: frozenset[str]
    crowded: tuple[tuple[RosterUnit, int], ...]
    ended: date | None = None
    begins: date | None = None


@dataclass(frozen=True, slots=True)
class Derived:
    """What the rules of a manifest come to.

    Attributes:
        assignments: what they give, in the site's ids, and why.
        results: what each rule made of each unit.
        found: what is wrong or worth knowing.
        unsure: whom the rules may mean, and nobody can say: they keep what they have of the role.
        holds_until: the last day on which all this is the same, as far as the rosters say.
    """

    assignments: Mapping[Assignment, Cause] = field(default_factory=lambda: MappingProxyType({}))
    results: tuple[Result, ...] = ()
    found: tuple[Diagnostic, ...] = ()
    unsure: frozenset[Holder] = frozenset()
    holds_until: date | None = None
