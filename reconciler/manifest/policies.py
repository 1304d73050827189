"""What a manifest, or the policy file of a site, demands of every plan."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from reconciler.domain.vocabulary import Role
from reconciler.manifest.naming import Reference


@dataclass(frozen=True, slots=True)
class Limit:
    """A cap: a number of things, or a percentage of those that are live."""

    amount: float
    percentage: bool

    def __str__(self) -> str:
        number = f"{self.amount:.10f}".rstrip("0").rstrip(".")
        return f"{number}%" if self.percentage else number


class PolicyKey(StrEnum):
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
    numbers: Mapping[PolicyKey, int] = field(default_factory=lambda: MappingProxyType({}))
    demands: frozenset[PolicyKey] = frozenset()
    require_reason_for: tuple[ReasonFor, ...] = ()
    allowed_profiles: Mapping[Role, tuple[Reference, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    protected_people: tuple[Reference, ...] = ()
    protected_units: tuple[Reference, ...] = ()
    levels: Mapping[PolicyKey, Level] = field(default_factory=lambda: MappingProxyType({}))


NUMBERS: Final = (
    PolicyKey.MAX_ACCESS_GAIN,
    PolicyKey.MAX_LEARNERS_PER_MENTOR,
    PolicyKey.MIN_LEARNERS_PER_MENTOR,
    PolicyKey.MAX_GRANT_DAYS,
)
"""The rules that are a number."""

DEMANDS: Final = (
    PolicyKey.EVERY_LEARNER_HAS_MENTOR,
    PolicyKey.EVERY_CLASS_HAS_MENTOR,
    PolicyKey.EVERY_SCHOOL_HAS_HEADTEACHER,
    PolicyKey.NO_SELF_MENTORING,
)
"""The rules that are true or false."""

LEVELLED: Final = tuple(rule for rule in PolicyKey if rule is not PolicyKey.PROTECTED)
"""The rules that can be broken, and so have a level; what is protected just stays."""
