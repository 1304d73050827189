"""Access against one recursive query over the sandbox's own tables, on thousands of random sites.

The query is slow and obvious, and shares no code with what it judges: it starts from every
assignment and joins its way down. A site is made out of its seed, which a failure names.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import Connection, delete, text
from strategies import TODAY, targets

from reconciler.access.changes import access_changes
from reconciler.access.effective import in_effect
from reconciler.access.sight import Access, Sight
from reconciler.directory import Directory
from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.vocabulary import (
    TARGET_KINDS,
    Capability,
    MembershipRole,
    Role,
    TargetKind,
    UnitKind,
)
from reconciler.providers.saved import write_state
from reconciler.sandbox import tables
from reconciler.sandbox.items import StateDocument
from reconciler.sandbox.loading import fill
from reconciler.sandbox.options import MEMORY
from reconciler.sandbox.seeds import parts_of
from reconciler.sandbox.store import Store, open_store
from reconciler.state import Labels, LiveState, Membership, Person, Profile, Site, Unit

Paths = dict[str, dict[Assignment, set[str]]]
"""Per person their assignments with effect, and the learners to whom each of them leads."""

SITES = 1_000
AT_ONCE = 250

EVERY_PATH = text("""
    WITH RECURSIVE below(top, unit) AS (
        SELECT id, id FROM units
        UNION ALL
        SELECT below.top, units.id FROM below JOIN units ON units.parent = below.unit
    ),
    reached(kind, target, learner) AS (
        SELECT 'learner', id, id FROM people
        UNION
        SELECT units.kind, below.top, memberships.person
        FROM below
        JOIN units ON units.id = below.top
        JOIN memberships ON memberships.unit = below.unit
        WHERE memberships.role = 'learner'
        AND (memberships."begin" = '' OR memberships."begin" <= :day)
        AND (memberships."end" = '' OR memberships."end" > :day)
    )
    SELECT assignments.role, assignments.person, assignments.kind, assignments.target,
           reached.learner
    FROM assignments
    JOIN holders ON holders.role = assignments.role AND holders.person = assignments.person
    JOIN people ON people.id = assignments.person
    JOIN profiles ON profiles.id = people.profile
    JOIN reached ON reached.kind = assignments.kind AND reached.target = assignments.target
    WHERE EXISTS (SELECT 1 FROM json_each(profiles.roles) WHERE value = assignments.role)
""")


def some(random: Random, items: list, most: int | None = None) -> list:  # type: ignore[type-arg]
    return random.sample(items, random.randint(0, min(len(items), most or len(items))))


def random_units(random: Random) -> list[Unit]:
    """Organisations in organisations, schools, classes, and groups in groups under classes."""
    made = [Unit("u0", "site", UnitKind.ORGANISATION, "Site", None)]

    def add(kind: UnitKind, *parents: UnitKind) -> None:
        above = [unit.id for unit in made if unit.kind in parents]
        if above:
            unit = f"u{len(made)}"
            made.append(Unit(unit, None, kind, f"Title {unit}", random.choice(above)))

    for _ in range(random.randint(0, 3)):
        add(UnitKind.ORGANISATION, UnitKind.ORGANISATION)
    for _ in range(random.randint(0, 3)):
        add(UnitKind.SCHOOL, UnitKind.ORGANISATION)
    for _ in range(random.randint(0, 5)):
        add(UnitKind.CLASS, UnitKind.SCHOOL)
    for _ in range(random.randint(0, 5)):
        add(UnitKind.GROUP, UnitKind.SCHOOL, UnitKind.CLASS, UnitKind.GROUP)
    return made


def random_memberships(
    random: Random, units: list[Unit], people: list[Person]
) -> tuple[Membership, ...]:
    """Several for each learner, some of staff; many begin or end on the day itself or beside it."""
    near = [None, *(TODAY + timedelta(days=days) for days in (-30, -1, 0, 1, 30))]
    made = {}
    for person in people:
        for unit in some(random, units, 4):
            usual = MembershipRole.LEARNER if person.id.startswith("2") else MembershipRole.TEACHER
            role = random.choice(list(MembershipRole)) if random.random() < 0.2 else usual
            found = Membership(
                unit.id, person.id, role, random.random() < 0.5, *random.choices(near, k=2)
            )
            made[found.unit, found.person, found.role, found.begin] = found
    return tuple(made.values())


def random_site(random: Random) -> LiveState:
    """A site; more than the API would ever report: also assignments of people never added."""
    units = random_units(random)
    profiles = [
        Profile(f"p{n}", f"P {n}", frozenset(some(random, list(Role)))) for n in range(1, 4)
    ]

    def person(number: int) -> Person:
        profile = random.choice(profiles).id
        return Person(
            str(number), f"k-{number}", f"n{number}", None, "N", profile, random.random() < 0.8
        )

    staff = [person(100 + n) for n in range(random.randint(1, 6))]
    learners = [person(200 + n) for n in range(random.randint(0, 10))]
    holders, assignments = random_roles(random, units, staff, learners)
    return LiveState(
        site=Site("site-1", "Site", 1, "me", frozenset(Capability), True, 1),
        profiles=tuple(profiles),
        labels=tuple(Labels(role, None, None) for role in Role),
        people=(*staff, *learners),
        units=tuple(units),
        memberships=random_memberships(random, units, staff + learners),
        relations=(),
        holders=holders,
        assignments=assignments,
    )


def random_roles(
    random: Random, units: list[Unit], staff: list[Person], learners: list[Person]
) -> tuple[frozenset[Holder], Assignments]:
    """Holders with and without assignments, and assignments with and without a holder."""
    candidates = [
        Assignment(role, person.id, kind, target)
        for role in Role
        for person in staff
        for kind in TARGET_KINDS[role]
        for target in targets(kind, units, learners)
    ]
    everybody = [Holder(role, person.id) for role in Role for person in staff]
    return frozenset(some(random, everybody)), Assignments.of(some(random, candidates, 14))


def random_change(random: Random, state: LiveState) -> LiveState:
    """The same people, units and memberships with other roles, holders and assignments."""
    staff, learners = (
        [person for person in state.people if person.id.startswith(first)] for first in "12"
    )
    holders, assignments = random_roles(random, list(state.units), staff, learners)
    kept = Assignments.of(some(random, sorted(state.assignments)))
    profiles = state.profiles
    if random.random() < 0.5:
        profiles = tuple(
            replace(profile, roles=frozenset(some(random, list(Role)))) for profile in profiles
        )
    return replace(
        state,
        profiles=profiles,
        holders=holders | frozenset(some(random, sorted(state.holders))),
        assignments=kept | assignments if random.random() < 0.5 else kept,
    )


def document_of(state: LiveState) -> StateDocument:
    return StateDocument.model_validate_json(write_state(state))


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    """The sandbox's tables in memory; a test fills them again for each of its sites."""
    opened = open_store(MEMORY)
    yield opened
    opened.close()


def every_path(connection: Connection, state: LiveState) -> Paths:
    """Load a site into the sandbox's tables, and ask them."""
    for table in set(tables.metadata.sorted_tables) - {tables.schema}:
        connection.execute(delete(table))
    fill(connection, parts_of(document_of(state)))
    found: defaultdict[str, defaultdict[Assignment, set[str]]] = defaultdict(
        lambda: defaultdict(set)
    )
    for role, person, kind, target, learner in connection.execute(
        EVERY_PATH, {"day": TODAY.isoformat()}
    ):
        found[person][Assignment(Role(role), person, TargetKind(kind), target)].add(learner)
    return {person: dict(paths) for person, paths in found.items()}


def told(sight: Sight) -> dict[Assignment, set[str]]:
    assert [path.assignment for path in sight.paths] == sorted(
        path.assignment for path in sight.paths
    )
    return {path.assignment: set(path.learners) for path in sight.paths}


def within(paths: Paths, learners: frozenset[str]) -> Paths:
    """What is left of the paths when only some learners are asked about."""
    cut = {
        person: {each: seen & learners for each, seen in own.items() if seen & learners}
        for person, own in paths.items()
    }
    return {person: own for person, own in cut.items() if own}


def seen(own: dict[Assignment, set[str]]) -> set[str]:
    return set().union(*own.values())


def check_sight(random: Random, state: LiveState, paths: Paths) -> None:
    access = Access(Directory(state), TODAY)
    for person in state.people:
        sight = access.of(person.id)
        assert told(sight) == paths.get(person.id, {})
        assert sight.learners == seen(paths.get(person.id, {}))
    asked = [frozenset((person.id,)) for person in state.people]
    asked += [access.learners.under(unit.id) for unit in state.units]
    asked.append(frozenset(some(random, [person.id for person in state.people])))
    for learners in asked:
        over = list(access.over(learners))
        assert {sight.person: told(sight) for sight in over} == within(paths, learners)
        assert [sight.person for sight in over] == sorted(sight.person for sight in over)


def check_units(connection: Connection, state: LiveState) -> None:
    """Whoever were assigned a unit would see its learners: ask for each by a lone assignment."""
    learners = Access(Directory(state), TODAY).learners
    lone = Holder(Role.HEADTEACHER, state.people[0].id)
    allowed = tuple(replace(profile, roles=frozenset(Role)) for profile in state.profiles)
    by_unit = {
        Assignment(*lone, TargetKind(unit.kind.value), unit.id)
        for unit in state.units
        if unit.kind.value in {kind.value for kind in TARGET_KINDS[Role.HEADTEACHER]}
    }
    paths = every_path(
        connection,
        replace(
            state, profiles=allowed, holders=frozenset((lone,)), assignments=Assignments.of(by_unit)
        ),
    ).get(lone.person, {})
    for assignment in by_unit:
        assert learners.under(assignment.target) == paths.get(assignment, set())


def check_changes(state: LiveState, paths: Paths, other: LiveState, others: Paths) -> None:
    directory = Directory(state)
    changes = access_changes(
        Access(directory, TODAY).learners, in_effect(directory, state), in_effect(directory, other)
    )
    expected = {}
    for person in sorted({*paths, *others}):
        had, has = seen(paths.get(person, {})), seen(others.get(person, {}))
        if had != has:
            expected[person] = (tuple(sorted(has - had)), tuple(sorted(had - has)))
    assert {each.person: (each.gained, each.lost) for each in changes} == expected
    assert [each.person for each in changes] == sorted(expected)


def check(store: Store, seeds: range) -> None:
    with store._engine.connect() as connection:
        for seed in seeds:
            random = Random(seed)
            state = random_site(random)
            other = random_change(random, state)
            try:
                paths = every_path(connection, state)
                check_sight(random, state, paths)
                check_changes(state, paths, other, every_path(connection, other))
                if seed % 10 == 0:
                    check_units(connection, state)
            except AssertionError as error:
                error.add_note(f"the site of seed {seed}")
                raise


@pytest.mark.no_cover  # it would take half as long again
@pytest.mark.parametrize("first", range(0, SITES, AT_ONCE))
def test_access_is_what_a_query_over_the_sandbox_s_tables_finds(store: Store, first: int):
    check(store, range(first, first + AT_ONCE))


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_access_is_what_the_query_finds_on_many_more_sites(store: Store):
    check(store, range(SITES, SITES + 20_000))


def test_the_sites_have_all_that_is_easy_to_get_wrong():
    """Or agreement on them would prove little."""
    met: defaultdict[str, int] = defaultdict(int)
    for seed in range(300):
        state = random_site(Random(seed))
        kinds = {unit.id: unit.kind for unit in state.units}
        assigned = {found.holder for found in state.assignments}
        enabled = {profile.id: profile.roles for profile in state.profiles}
        people = {person.id: person for person in state.people}
        met["a group in a group"] += any(
            unit.kind is UnitKind.GROUP and kinds[str(unit.parent)] is UnitKind.GROUP
            for unit in state.units
        )
        met["a group in a class"] += any(
            unit.kind is UnitKind.GROUP and kinds[str(unit.parent)] is UnitKind.CLASS
            for unit in state.units
        )
        met["a school under two organisations"] += any(
            unit.kind is UnitKind.SCHOOL and unit.parent != "u0" for unit in state.units
        )
        met["the last day is over"] += any(each.end == TODAY for each in state.memberships)
        met["the first day"] += any(each.begin == TODAY for each in state.memberships)
        met["several memberships"] += len(state.memberships) > len(
            {each.person for each in state.memberships}
        )
        met["a role that is not enabled"] += any(
            found.holder in state.holders
            and found.role not in enabled[people[found.person].profile]
            for found in state.assignments
        )
        met["a holder without assignments"] += bool(state.holders - assigned)
        met["an assignment without a holder"] += bool(assigned - state.holders)
        met["a learner assigned directly"] += any(
            found.kind is TargetKind.LEARNER for found in state.assignments
        )
        met["a member who is no learner"] += any(
            each.role is not MembershipRole.LEARNER for each in state.memberships
        )
        met["a path"] += bool(in_effect(Directory(state), state))
    assert min(met.values()) >= 30, dict(met)
