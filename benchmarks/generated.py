"""Sites of any size, for the benchmarks: a manifest, and the state that it describes.

A mentor has nineteen learners and a class; there are five mentors for each learner and about as
many people for each assignment as in a large municipality: 230,000 for a million. The same size
always gives the same bytes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.vocabulary import Capability, MembershipRole, Role, TargetKind, UnitKind
from reconciler.providers.saved import write_state
from reconciler.state import Labels, LiveState, Membership, Person, Profile, Site, Unit

AS_OF = date(2026, 11, 27)
"""The day for which the sites are planned."""

_LEARNERS_OF_A_MENTOR = 19
_PER_MENTOR = _LEARNERS_OF_A_MENTOR + 1
_LEARNERS_OF_A_CLASS = 25
_CLASSES_OF_A_SCHOOL = 20
_DATED_EVERY = 50


@dataclass(frozen=True)
class Size:
    """How much there is of everything, for so many assignments."""

    assignments: int

    @property
    def mentors(self) -> int:
        """Each has twenty assignments."""
        return self.assignments // _PER_MENTOR

    @property
    def learners(self) -> int:
        """Each has five mentors, and the class's."""
        return self.assignments * 18 // 100

    @property
    def classes(self) -> int:
        """Each has 25 learners."""
        return self.learners // _LEARNERS_OF_A_CLASS

    @property
    def schools(self) -> int:
        """Each has twenty classes."""
        return max(1, self.classes // _CLASSES_OF_A_SCHOOL)

    def assigned(self) -> Iterator[tuple[int, list[int], int]]:
        """Yield each mentor's number, the numbers of their learners, and that of their class."""
        for mentor in range(self.mentors):
            first = mentor * _LEARNERS_OF_A_MENTOR
            # Neighbours have learners from all over the site, as those who teach languages do.
            learners = [(first + each) * 7919 % self.learners for each in range(19)]
            yield mentor, learners, mentor % self.classes


def manifest(size: Size, skipped: int = 0) -> Iterator[str]:
    """Yield the lines of the manifest, without the last learner of the first `skipped` mentors."""
    yield "version: 1\nsite: bench\nsettings: {timezone: Europe/Oslo}\n"
    yield "roles:\n  mentor: {profiles: [Staff]}\nmentors:\n"
    for mentor, learners, class_ in size.assigned():
        yield f"  - person: t-{mentor:06}\n    classes: [c-{class_:05}]\n    learners:\n"
        for learner in learners[: -1 if mentor < skipped else None]:
            if learner % _DATED_EVERY:
                yield f"      - s-{learner:06}\n"
            else:
                yield f"      - {{id: s-{learner:06}, from: 2026-08-17, until: 2027-06-20}}\n"


def state(size: Size) -> LiveState:
    """Return the state in which everything is as the manifest has it."""
    mentors = [f"1{number:06}" for number in range(size.mentors)]
    learners = [f"2{number:06}" for number in range(size.learners)]
    classes = [f"3{number:05}" for number in range(size.classes)]
    units = [Unit("u0", "bench", UnitKind.ORGANISATION, "Bench", None)]
    units += [
        Unit(f"4{number}", f"school-{number}", UnitKind.SCHOOL, f"School {number}", "u0")
        for number in range(size.schools)
    ]
    units += [
        Unit(each, f"c-{n:05}", UnitKind.CLASS, f"Class {n}", f"4{n % size.schools}")
        for n, each in enumerate(classes)
    ]
    assigned = [
        *(
            Assignment(Role.MENTOR, mentors[mentor], TargetKind.LEARNER, learners[each])
            for mentor, numbers, _ in size.assigned()
            for each in numbers
        ),
        *(
            Assignment(Role.MENTOR, mentors[mentor], TargetKind.CLASS, classes[number])
            for mentor, _, number in size.assigned()
        ),
    ]
    return LiveState(
        site=Site(
            "bench",
            "Bench",
            1,
            None,
            frozenset(Capability),
            ilp_enabled=True,
            ilp_published_templates=1,
        ),
        profiles=(
            Profile("staff", "Staff", frozenset((Role.MENTOR,))),
            Profile("student", "Student", frozenset()),
        ),
        labels=tuple(Labels(role, None, None) for role in Role),
        people=(*_people(mentors, "t", "staff"), *_people(learners, "s", "student")),
        units=tuple(units),
        memberships=tuple(
            Membership(
                classes[number % size.classes],
                each,
                MembershipRole.LEARNER,
                primary=True,
                begin=date(2026, 8, 1),
                end=date(2027, 7, 31),
            )
            for number, each in enumerate(learners)
        ),
        relations=(),
        holders=frozenset(Holder(Role.MENTOR, each) for each in mentors),
        assignments=Assignments.of(assigned),
    )


def _people(ids: list[str], letter: str, profile: str) -> Iterator[Person]:
    for number, each in enumerate(ids):
        key = f"{letter}-{number:06}"
        mail = f"{key}@bench.example"
        yield Person(each, key, key, mail, f"Given{number} Family", profile, active=True)


def write(folder: Path, size: Size, skipped: int = 0) -> tuple[Path, Path]:
    """Write a site into a folder; return the manifest's path and the saved state's."""
    roles, live = folder / "roles.yaml", folder / "state.json"
    with roles.open("w", encoding="utf-8") as file:
        file.writelines(manifest(size, skipped))
    live.write_bytes(write_state(state(size)))
    return roles, live
