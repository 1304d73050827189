"""Hypothesis strategies for sites and manifests: small, varied, and valid by construction."""

import os
from collections.abc import Callable, Container, Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st

from reconciler.diagnostics import Position
from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.vocabulary import (
    TARGET_KINDS,
    Capability,
    LabelField,
    MembershipRole,
    Role,
    TargetKind,
    UnitKind,
)
from reconciler.manifest.model import (
    Entry,
    Item,
    LabelSetting,
    Listed,
    Manifest,
    ProfileSetting,
    Section,
    Settings,
    Unmanaged,
)
from reconciler.manifest.naming import Reference
from reconciler.manifest.placed import packed
from reconciler.manifest.policies import Limit, Policy
from reconciler.state import Labels, LiveState, Membership, Person, Profile, Site, Unit

Test = TypeVar("Test", bound=Callable[..., None])

TODAY = date(2026, 11, 24)
NEAR = st.integers(-40, 40).map(lambda days: TODAY + timedelta(days=days))
LABELS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=3)
AT = Position("roles.yaml", 1, 1)
TIMES = int(os.environ.get("EXAMPLES", "1"))
"""How many times as many examples a property gets as in the gate; `make soak` sets it."""

_IN_GATE = 0.5


def examples(number: int) -> Callable[[Test], Test]:
    """Try a property on so many examples, many times as many in `make soak`, fewer in the gate.

    The gate is to take no longer than somebody waits.
    """
    wanted = number * TIMES if TIMES > 1 else round(number * _IN_GATE)
    return settings(max_examples=wanted, deadline=None)


def entry_of(role: Role, person: Reference, items: Iterable[Item]) -> Entry:
    """An entry as the files give it: what says only its target stands in lists."""
    plain: dict[TargetKind, tuple[list[str], list[int]]] = {}
    detailed = []
    file = person.position.file
    for item in items:
        if item.begins or item.ends or item.reason is not None:
            detailed.append(item)
            continue
        keys, places = plain.setdefault(item.kind, ([], []))
        keys.append(item.target.key)
        places.append(packed(item.target.position.line - 1, item.target.position.column - 1))
    lists = (Listed(kind, keys, file, places) for kind, (keys, places) in plain.items())
    return Entry(role, person, tuple(lists), tuple(detailed))


def ref(key: str) -> Reference:
    return Reference(key, AT)


def subset(draw: st.DrawFn, items: list, most: int | None = None) -> list:  # type: ignore[type-arg]
    """Draw some of the items, in any order; each of them takes one draw, as its place."""
    rest = list(items)
    number = draw(st.integers(0, min(most or len(rest), len(rest)))) if rest else 0
    return [rest.pop(draw(st.integers(0, len(rest) - 1))) for _ in range(number)]


def near(draw: st.DrawFn) -> date | None:
    """Draw no day as often as one near today, in one draw."""
    number = draw(st.integers(0, 161))
    return TODAY + timedelta(days=number - 121) if number > 80 else None


@st.composite
def units(draw: st.DrawFn) -> list[Unit]:
    """A hierarchy: the site, perhaps an organisation, schools, classes, groups."""
    made = [Unit("u0", "site", UnitKind.ORGANISATION, "Site", None)]
    tops = ["u0"]

    def add(kind: UnitKind, parent: str) -> str:
        unit = f"u{len(made)}"
        made.append(Unit(unit, f"k-{unit}", kind, f"Title {unit}", parent))
        return unit

    if draw(st.booleans()):
        tops.append(add(UnitKind.ORGANISATION, "u0"))
    for _ in range(draw(st.integers(1, 3))):
        school = add(UnitKind.SCHOOL, draw(st.sampled_from(tops)))
        for _ in range(draw(st.integers(0, 2))):
            class_ = add(UnitKind.CLASS, school)
            if draw(st.booleans()):
                add(UnitKind.GROUP, class_)
        if draw(st.booleans()):
            add(UnitKind.GROUP, school)
    return made


@st.composite
def sites(draw: st.DrawFn) -> LiveState:
    """A consistent live state."""
    made = draw(units())
    profiles = [
        Profile(f"p{number}", f"Profile {number}", frozenset(subset(draw, list(Role))))
        for number in range(draw(st.integers(1, 3)))
    ]
    staff = [
        Person(f"{100 + n}", f"t-{n}", f"staff{n}", None, f"Staff {n}",
               draw(st.sampled_from(profiles)).id, draw(st.booleans()))
        for n in range(draw(st.integers(1, 4)))
    ]  # fmt: skip
    learners = [
        Person(f"{200 + n}", f"s-{n}", f"learner{n}", None, f"Learner {n}", "p0", active=True)
        for n in range(draw(st.integers(0, 6)))
    ]
    memberships = set()
    for learner in learners:
        for unit in draw(st.lists(st.sampled_from(made), min_size=1, max_size=3, unique=True)):
            memberships.add(
                Membership(unit.id, learner.id, MembershipRole.LEARNER, draw(st.booleans()),
                           near(draw), near(draw))
            )  # fmt: skip
    holders = {Holder(role, person.id) for role in Role for person in subset(draw, staff)}
    candidates = [
        Assignment(*holder, kind, target)
        for holder in sorted(holders)
        for kind in TARGET_KINDS[holder.role]
        for target in targets(kind, made, learners)
    ]
    return LiveState(
        site=Site("site-1", "Site", draw(st.integers(1, 9)), "me", frozenset(Capability), True, 1),
        profiles=tuple(profiles),
        labels=tuple(Labels(role, draw(st.none() | LABELS), None) for role in Role),
        people=(*staff, *learners),
        units=tuple(made),
        memberships=tuple(sorted(memberships, key=str)),
        relations=(),
        holders=frozenset(holders),
        assignments=Assignments.of(subset(draw, candidates, 12)),
    )


def targets(kind: TargetKind, made: list[Unit], learners: list[Person]) -> list[str]:
    if kind is TargetKind.LEARNER:
        return [learner.id for learner in learners]
    return [unit.id for unit in made if unit.kind.value == kind.value]


# The model's own idea of scope: slow and obvious, apart from reconciler.scope.


def below(state: LiveState, top: str) -> set[str]:
    found = {top}
    while True:
        more = {unit.id for unit in state.units if unit.parent in found} - found
        if not more:
            return found
        found |= more


def in_scope(state: LiveState, within: list[str] | None, assignment: Assignment) -> bool:
    if within is None or any(state.units[0].id == top for top in within):
        return True
    units_in = set().union(*(below(state, top) for top in within))
    if assignment.kind is not TargetKind.LEARNER:
        return assignment.target in units_in
    held = [
        each
        for each in state.memberships
        if each.person == assignment.target
        and each.role is MembershipRole.LEARNER
        and (each.begin is None or each.begin <= TODAY)
        and (each.end is None or each.end > TODAY)
    ]
    held = [each for each in held if each.primary] or held
    return bool(held) and min(each.unit for each in held) in units_in


@st.composite
def manifests(draw: st.DrawFn, state: LiveState, *, scoped: bool = False) -> Manifest:
    """A manifest that fits the site: its references resolve and lie in its scope.

    With `scoped` it speaks for a part of the site, and always of somebody.
    """
    keys = {unit.id: unit.sync_key or "" for unit in state.units}
    names = {person.id: person.sync_key or "" for person in state.people}
    if scoped:
        within = [draw(st.sampled_from([unit.id for unit in state.units[1:]]))]
    else:
        within = draw(
            st.none() | st.just(subset(draw, [unit.id for unit in state.units], 2) or None)
        )
    profiles: dict[Role, list[str]] = {}
    labels = {}
    if within is None:
        for role in subset(draw, list(Role)):
            profiles[role] = subset(draw, [profile.id for profile in state.profiles])
        for role in Role:
            for field in subset(draw, list(LabelField)):
                labels[role, field] = LabelSetting(draw(st.none() | st.text("æb", min_size=1)), AT)
    sections = {}
    for role in list(Role) if scoped else subset(draw, list(Role)):
        enabled = profiles.get(
            role, [profile.id for profile in state.profiles if role in profile.roles]
        )
        eligible = [
            person
            for person in state.people
            if not person.sync_key.startswith("s-")  # type: ignore[union-attr]
            and (person.profile in enabled or Holder(role, person.id) in state.holders)
        ]
        sections[role] = Section(
            tuple(
                entry_of(role, ref(names[person.id]), tuple(
                    draw(items(state, role, person.id, within, keys | names))
                ))
                for person in subset(draw, eligible)
            ),
            AT,
        )  # fmt: skip
    staff = [person.id for person in state.people if person.id.startswith("1")]
    return Manifest(
        site=ref(state.site.id),
        settings=Settings(unmanaged=draw(st.sampled_from(Unmanaged))),
        within=None if within is None else tuple(ref(keys[unit]) for unit in within),
        policy=Policy(
            max_removals=draw(st.builds(Limit, st.integers(0, 100), st.booleans())),
            protected_people=tuple(ref(names[person]) for person in subset(draw, staff, 1)),
        ),
        digest="sha256:test",
        profiles={
            role: ProfileSetting(tuple(ref(profile) for profile in chosen), AT)
            for role, chosen in profiles.items()
        },
        labels=labels,
        sections=sections,
    )


@st.composite
def items(
    draw: st.DrawFn,
    state: LiveState,
    role: Role,
    person: str,
    within: list[str] | None,
    keys: dict[str, str],
) -> list[Item]:
    learners = [each for each in state.people if each.id.startswith("2")]
    candidates = [
        Assignment(role, person, kind, target)
        for kind in TARGET_KINDS[role]
        for target in targets(kind, list(state.units), learners)
    ]
    allowed = [each for each in candidates if in_scope(state, within, each)]
    made = []
    for chosen in subset(draw, allowed, 4):
        begins, ends = near(draw), near(draw)
        if begins and ends and ends < begins:
            begins, ends = ends, begins
        made.append(Item(chosen.kind, ref(keys[chosen.target]), begins, ends))
    return made


@st.composite
def cases(draw: st.DrawFn, *, scoped: bool = False) -> tuple[LiveState, Manifest]:
    """A site and a manifest that fits it."""
    state = draw(sites())
    return state, draw(manifests(state, scoped=scoped))


PARENTS = {
    UnitKind.SCHOOL: {UnitKind.ORGANISATION},
    UnitKind.CLASS: {UnitKind.SCHOOL},
    UnitKind.GROUP: {UnitKind.SCHOOL, UnitKind.CLASS},
}


@st.composite
def moves(draw: st.DrawFn, state: LiveState, about: Container[str]) -> LiveState:
    """The site after others' changes: learners and units sit elsewhere, some access is gone.

    Mostly it is the people and units in `about` that move.
    """

    def chosen(ids: Iterable[str]) -> list[str]:
        known = sorted(ids)
        return subset(draw, [each for each in known if each in about] or known, 2)

    units = {unit.id: unit for unit in state.units}
    for moved in chosen(unit.id for unit in state.units if unit.kind in PARENTS):
        above = [unit.id for unit in state.units if unit.kind in PARENTS[units[moved].kind]]
        units[moved] = replace(units[moved], parent=draw(st.sampled_from(above)))
    learners = chosen({each.person for each in state.memberships})
    memberships = [
        each._replace(unit=draw(st.sampled_from(sorted(units))))
        if each.person in learners
        else each
        for each in state.memberships
    ]
    dropped = subset(draw, sorted(state.assignments), 2) if draw(st.booleans()) else []
    return replace(
        state,
        units=tuple(units.values()),
        memberships=tuple(dict.fromkeys(memberships)),
        assignments=state.assignments - set(dropped),
    )
