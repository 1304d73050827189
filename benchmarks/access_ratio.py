"""How long it takes to work out everybody's access, beside loading the memberships.

A site with 100,000 learners, 1,000,000 memberships and 120,200 assignments. The bound is what
`json` takes to load those memberships; both are measured in the same run, as processor time.
"""

import json
import random
import sys
import time
from collections.abc import Iterator
from datetime import date
from typing import Any

from figures import Figure, tell

from reconciler.access.sight import Access
from reconciler.directory import Directory
from reconciler.domain.assignments import Assignment, Assignments
from reconciler.domain.vocabulary import MembershipRole, Role, TargetKind, UnitKind
from reconciler.state import Labels, LiveState, Membership, Person, Profile, Site, Unit

LEARNERS, MEMBERSHIPS = 100_000, 1_000_000
SCHOOLS, CLASSES, STAFF = 200, 20_000, 10_000
ROUNDS = 3
BEGIN, DAY, END = date(2026, 8, 1), date(2026, 11, 26), date(2027, 7, 1)


def memberships(chance: random.Random) -> list[dict[str, Any]]:
    """Put each learner into ten classes, as the API writes it."""
    return [
        {"unit": f"c{chance.randrange(CLASSES)}", "person": f"l{number % LEARNERS}",
         "role": "learner", "primary": False, "begin": str(BEGIN), "end": str(END)}
        for number in range(MEMBERSHIPS)
    ]  # fmt: skip


def site(chance: random.Random, loaded: list[dict[str, Any]]) -> LiveState:
    """Give every class and every learner a mentor, and every school a headteacher."""
    units = [Unit("u0", "u0", UnitKind.ORGANISATION, "Site", None)]
    units += [Unit(f"s{n}", f"s{n}", UnitKind.SCHOOL, f"S{n}", "u0") for n in range(SCHOOLS)]
    units += [
        Unit(f"c{n}", f"c{n}", UnitKind.CLASS, f"C{n}", f"s{n % SCHOOLS}") for n in range(CLASSES)
    ]
    people = [(f"l{n}", "student") for n in range(LEARNERS)]
    people += [(f"t{n}", "staff") for n in range(STAFF)]
    targets = [(TargetKind.CLASS, f"c{n}") for n in range(CLASSES)]
    targets += [(TargetKind.LEARNER, f"l{n}") for n in range(LEARNERS)]
    assignments = {
        Assignment(Role.MENTOR, f"t{chance.randrange(STAFF)}", *target) for target in targets
    }
    assignments |= {
        Assignment(Role.HEADTEACHER, f"t{n}", TargetKind.SCHOOL, f"s{n}") for n in range(SCHOOLS)
    }
    return LiveState(
        site=Site(
            "bench", "Bench", 1, None, frozenset(), ilp_enabled=True, ilp_published_templates=1
        ),
        profiles=(
            Profile("staff", "Staff", frozenset(Role)),
            Profile("student", "Student", frozenset()),
        ),
        labels=tuple(Labels(role, None, None) for role in Role),
        people=tuple(
            Person(key, key, key, None, key, profile, active=True) for key, profile in people
        ),
        units=tuple(units),
        memberships=tuple(
            Membership(
                each["unit"],
                each["person"],
                MembershipRole.LEARNER,
                primary=False,
                begin=BEGIN,
                end=END,
            )
            for each in loaded
        ),
        relations=(),
        holders=frozenset(found.holder for found in assignments),
        assignments=Assignments.of(assignments),
    )


def figures() -> Iterator[Figure]:
    """Measure both in turn, and take the least of each."""
    chance = random.Random(1)  # noqa: S311 - the same site each time
    text = json.dumps(memberships(chance))
    state = site(chance, json.loads(text))
    bounds, times = [], []
    for _ in range(ROUNDS):
        began = time.process_time()
        json.loads(text)
        bounds.append(time.process_time() - began)
        began = time.process_time()
        access = Access(Directory(state), DAY)
        for person in state.people:
            access.of(person.id)
        times.append(time.process_time() - began)
    of = f"json.loads of {MEMBERSHIPS:,} memberships"
    yield Figure("access of everybody", min(times), min(bounds), of, "s")


if __name__ == "__main__":
    sys.exit(tell(figures()))
