"""The plan as a value: sorted, serialisable data that carries no execution (design, section 5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from reconciler.access.changes import AccessChange
from reconciler.desired import Cause
from reconciler.diagnostics import Diagnostic
from reconciler.diff import Value
from reconciler.domain.address import Address
from reconciler.domain.vocabulary import Role
from reconciler.manifest.model import PersonKey, UnitKey
from reconciler.provider import Verb


@dataclass(frozen=True, slots=True)
class Action:
    """One change that the plan makes.

    Attributes:
        address: what it changes, in the site's ids.
        name: the same in the manifest's keys, for people.
        before: what stands there now.
        after: what will stand there.
        requires: the addresses of the planned actions that must have succeeded first.
        manual: the provider cannot do it; somebody must.
        sees_change: for an assignment, whether it changes what its holder can see; else None.
    """

    address: Address
    name: Address
    verb: Verb
    before: Value
    after: Value
    cause: Cause
    requires: tuple[Address, ...] = ()
    manual: bool = False
    sees_change: bool | None = None


@dataclass(frozen=True, slots=True)
class Unmanaged:
    """Something live that is not declared and is reported only (`unmanaged: report`)."""

    address: Address
    name: Address


@dataclass(frozen=True, slots=True)
class Override:
    """A refusal that somebody lifted for one run, and why."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a guard says of the plan's end state.

    Attributes:
        code: the guard's code.
        role: the role that it judged.
        counted: what it counted.
        allowed: how many it allows.
        passed: whether the count is within what is allowed.
        message: the finding in a sentence.
        override: the reason with which a failed verdict was lifted, or None.
    """

    code: str
    role: Role
    counted: int
    allowed: int
    passed: bool
    message: str
    override: str | None = None

    @property
    def refuses(self) -> bool:
        """Whether it keeps the plan from being applied."""
        return not self.passed and self.override is None


@dataclass(frozen=True, slots=True)
class Basis:
    """What a plan rests on, in a form that can be taken again from a later state.

    Attributes:
        scope: the ids of the units whose subtrees are the scope, or None for the whole site.
        managed: the roles whose sections the manifest has.
        profile_roles: the roles that the manifest lists under `roles`.
        labels: the label addresses that the manifest lists.
        people: how it names people.
        units: how it names units.
        digests: per part of the state its digest; equal parts have equal digests.
    """

    scope: tuple[str, ...] | None
    managed: tuple[Role, ...]
    profile_roles: tuple[Role, ...]
    labels: tuple[Address, ...]
    people: PersonKey
    units: UnitKey
    digests: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that one run would change, and why it may or may not.

    Attributes:
        id: given by the caller; outside what must be deterministic.
        site: the site's id.
        manifest: the manifest's digest.
        commit: the commit of the manifest, where it is in Git; given by the caller, like the id.
        revision: the live revision it was made against.
        timezone: where the manifest's days begin and end.
        as_of: the day it was made for.
        holds_until: the last day on which it may be applied, or None for no end.
        actions: in the order in which they are to be made.
        unmanaged: what is reported only, and counts as drift.
        warnings: what the reader should know.
        verdicts: what the guards say.
        access: who gains and who loses sight of which learners, in ids.
        people: the keys of everybody named in `access`, by id.
    """

    id: str
    site: str
    manifest: str
    commit: str | None
    revision: int
    timezone: str
    as_of: date
    holds_until: date | None
    actions: tuple[Action, ...]
    unmanaged: tuple[Unmanaged, ...]
    warnings: tuple[Diagnostic, ...]
    verdicts: tuple[Verdict, ...]
    access: tuple[AccessChange, ...]
    people: Mapping[str, str]
    basis: Basis

    @property
    def refused(self) -> bool:
        """Whether a guard keeps it from being applied."""
        return any(verdict.refuses for verdict in self.verdicts)

    @property
    def overrides(self) -> tuple[Override, ...]:
        """The refusals that were lifted."""
        return tuple(
            sorted(
                {
                    Override(verdict.code, verdict.override)
                    for verdict in self.verdicts
                    if verdict.override is not None
                },
                key=lambda override: override.code,
            )
        )
