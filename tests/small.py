"""One small school, and manifests for it: the setting of the tests that tell a story."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from strategies import AT, TODAY, entry_of, ref

from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.vocabulary import (
    Capability,
    MembershipRole,
    Role,
    TargetKind,
    UnitKind,
)
from reconciler.manifest.model import Item, Manifest, Section, Settings
from reconciler.manifest.policies import Limit, Policy
from reconciler.plan.build import make_plan
from reconciler.plan.model import Plan
from reconciler.plan.select import Selection
from reconciler.state import Labels, LiveState, Membership, Person, Profile, Site, Unit

PROFILES = (
    Profile("p0", "Staff", frozenset({Role.MENTOR})),
    Profile("p1", "Student", frozenset()),
)
STAFF = [Person(f"1{n}", f"t-{n}", f"t{n}", None, f"T {n}", "p0", active=True) for n in range(4)]
LEARNERS = [Person(f"2{n}", f"s-{n}", f"s{n}", None, f"S {n}", "p1", active=True) for n in range(4)]


def small_site(*mentors: tuple[str, str], **changes: object) -> LiveState:
    """A school with classes 8a (two learners) and 8b (two); `mentors` are (person, class id)."""
    state = LiveState(
        site=Site("nord", "Nord", 5, "pipeline", frozenset(Capability), True, 1),
        profiles=PROFILES,
        labels=tuple(Labels(role, None, None) for role in Role),
        people=(*STAFF, *LEARNERS),
        units=(
            Unit("u0", "nord", UnitKind.ORGANISATION, "Nord", None),
            Unit("u1", "skole", UnitKind.SCHOOL, "Skole", "u0"),
            Unit("u2", "8a", UnitKind.CLASS, "8A", "u1"),
            Unit("u3", "8b", UnitKind.CLASS, "8B", "u1"),
        ),
        memberships=tuple(
            Membership("u2" if n < 2 else "u3", f"2{n}", MembershipRole.LEARNER, True, None, None)
            for n in range(4)
        ),
        relations=(),
        holders=frozenset(Holder(Role.MENTOR, person) for person, _ in mentors),
        assignments=Assignments.of(
            Assignment(Role.MENTOR, person, TargetKind.CLASS, unit) for person, unit in mentors
        ),
    )  # fmt: skip
    return replace(state, **changes)


def wanting(*mentors: tuple[str, str], **changes: object) -> Manifest:
    """A manifest in which each (person key, class key) is a mentor; removals are unlimited."""
    entries: dict[str, list[Item]] = {}
    for person, unit in mentors:
        entries.setdefault(person, []).append(Item(TargetKind.CLASS, ref(unit)))
    section = Section(
        tuple(
            entry_of(Role.MENTOR, ref(person), tuple(items)) for person, items in entries.items()
        ),
        AT,
    )
    manifest = Manifest(
        site=ref("nord"),
        settings=Settings(),
        within=None,
        policy=Policy(max_removals=Limit(100, percentage=False)),
        digest="sha256:x",
        sections={Role.MENTOR: section},
    )
    return replace(manifest, **changes)


def plan(
    state: LiveState,
    manifest: Manifest,
    only: Sequence[str] = (),
    excepted: Sequence[str] = (),
    *,
    as_of: date = TODAY,
    **more: object,
) -> Plan:
    return make_plan(
        manifest,
        state,
        as_of=as_of,
        plan_id="plan-1",
        selection=Selection(only, excepted),
        **more,  # type: ignore[arg-type]
    )
