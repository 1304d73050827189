"""The plan as a value: sorted, serialisable data that carries no execution (design, section 5)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Final, Literal

from reconciler.access.changes import AccessChange
from reconciler.cause import Cause, Grant
from reconciler.diagnostics import Diagnostic
from reconciler.diff import Value
from reconciler.domain.address import Address
from reconciler.domain.assignments import Assignment
from reconciler.domain.roster import RosterSize
from reconciler.domain.vocabulary import Role
from reconciler.errors import ExitCode, worst
from reconciler.manifest.naming import PersonKey, UnitKey
from reconciler.policy.model import InForce, Verdict
from reconciler.provider import Verb

ROLLBACK_OF: Final = "rollback of "
"""How what stands in place of a manifest's digest begins, in the plan of a rollback."""


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
        grant: what the manifest says of a declared assignment beyond its target, if anything.
        school: the key of the school in which it lies on the plan's day: for a holder, that of all
            the assignments with which they come or go. None for what lies in no school, and in
            several.
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
    grant: Grant | None = None
    school: str | None = None


@dataclass(frozen=True, slots=True)
class Unmanaged:
    """Something live that is not declared and is reported only (`unmanaged: report`).

    `accepted_until` is the last day on which it was accepted; that is over. `school` is as an
    action has it; a holder counts with the assignments that are reported, too.
    """

    address: Address
    name: Address
    accepted_until: date | None = None
    school: str | None = None


@dataclass(frozen=True, slots=True)
class Upcoming:
    """A declared assignment that is not live, because its first day is yet to come."""

    address: Address
    name: Address
    begins: date


@dataclass(frozen=True, slots=True)
class Deviation:
    """A difference that the manifest accepts: neither an action nor drift until the day has passed.

    `verb` is what would be done about it otherwise.
    """

    address: Address
    name: Address
    verb: Verb
    owner: str
    reason: str
    until: date


@dataclass(frozen=True, slots=True)
class Moved:
    """Something live under one key that is declared under another (`moved` in the manifest).

    Attributes:
        address: what is live, in the site's ids; `name` is the same in the manifest's keys.
        to: what is declared in its place; `to_name` likewise.
        counts: both are over the same learners on the plan's day: what is live stays as it is, and
            counts as what is declared. Else the one is removed and the other added.
        learners: for what counts, how many learners.
        until: for what counts, the last day of that, as far as memberships tell.
    """

    address: Address
    name: Address
    to: Address
    to_name: Address
    counts: bool
    learners: int = 0
    until: date | None = None


@dataclass(frozen=True, slots=True)
class School:
    """What a plan changes at one school, of several.

    Attributes:
        school: its id; `name` is its key, or the id again where the key is not its own alone.
        replaced: how many units lose a mentor and get another one.
        added: how many assignments of mentors to other units come.
        removed: how many assignments of mentors to other units go.
        by_mentor: how many learners get or lose a mentor where they are.
        by_unit: how many do as they came from another unit lately.
        arrived: how many do as they are new to the site's units.
    """

    school: str
    name: str
    replaced: int
    added: int
    removed: int
    by_mentor: int
    by_unit: int
    arrived: int


@dataclass(frozen=True, slots=True)
class Override:
    """A refusal that somebody lifted for one run, and why."""

    code: str
    reason: str


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
        compared: the pairs of units (ids) whose learners were compared, as a line under `moved`
            says that the first is the second now.
        batch: whether it is a part only of what the manifest speaks for: other batches go before
            and after it.
        digests: per part of the state its digest; equal parts have equal digests.
        rosters: per roster how much there was in it when it was last applied, as far as whoever
            made the plan knew; so much it was compared with.
    """

    scope: tuple[str, ...] | None
    managed: tuple[Role, ...]
    profile_roles: tuple[Role, ...]
    labels: tuple[Address, ...]
    people: PersonKey
    units: UnitKey
    digests: Mapping[str, str]
    compared: tuple[tuple[str, str], ...] = ()
    batch: bool = False
    rosters: Mapping[str, RosterSize] = field(default_factory=lambda: MappingProxyType({}))


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
        upcoming: what is declared and begins on a later day.
        accepted: the differences that somebody answers for.
        moved: what is live under one key and declared under another.
        warnings: what the reader should know.
        rosters: per roster that its rules looked at how much there was in it; where it has lost too
            much, how much there was before.
        policies: the rules that it has to keep to.
        verdicts: what the guards say of it.
        access: who gains and who loses sight of which learners, in ids.
        schools: the same school by school, where there is more than one.
        people: the keys of everybody named in `access` or protected by a policy, by id.
        redacted: whether pseudonyms stand for people; then it is for reading only.
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
    upcoming: tuple[Upcoming, ...]
    accepted: tuple[Deviation, ...]
    warnings: tuple[Diagnostic, ...]
    rosters: Mapping[str, RosterSize]
    policies: tuple[InForce, ...]
    verdicts: tuple[Verdict, ...]
    access: tuple[AccessChange, ...]
    people: Mapping[str, str]
    basis: Basis
    redacted: bool = False
    moved: tuple[Moved, ...] = ()
    schools: tuple[School, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether a guard keeps it from being applied."""
        return any(verdict.refuses for verdict in self.verdicts)

    @property
    def made_by(self) -> Literal["plan", "rollback"]:
        """The command that makes such a plan."""
        return "rollback" if self.manifest.startswith(ROLLBACK_OF) else "plan"

    def exit_code(self, *, detailed: bool) -> ExitCode:
        """Say what it holds: 4 where it is refused; 2 for changes, where details are asked for."""
        codes = [ExitCode.REFUSED] if self.refused else []
        if detailed and self.actions:
            codes.append(ExitCode.CHANGES)
        return worst(codes)

    @property
    def unmatched(self) -> tuple[Diagnostic, ...]:
        """The warnings that patterns of --only or --except leave nothing, or match nothing."""
        return tuple(each for each in self.warnings if each.code == "RR504")

    @property
    def held_back(self) -> Verdict | None:
        """What says that some of it waits, as a roster has lost too much; it counts how much."""
        return next((each for each in self.verdicts if each.holds_back), None)

    @property
    def counted(self) -> Mapping[Assignment, Assignment]:
        """Per live assignment that counts as another one that other one."""
        return {
            Assignment.at(each.address): Assignment.at(each.to)
            for each in self.moved
            if each.counts
        }

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
