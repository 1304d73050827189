"""An example of a reader of rosters: in each line a class and its teacher, `8a t-0412`."""

from reconciler.domain.roster import (
    HOMEROOM,
    Roster,
    RosterMembership,
    RosterPerson,
    RosterRole,
    RosterUnit,
    RosterUnitKind,
)
from reconciler.rosters.files import Files
from reconciler.rosters.problems import InvalidRoster, Problem


def read(files: Files) -> Roster:
    """Read the list; whatever is wrong with it is told at once.

    Raises:
        InvalidRoster: it cannot be read, or a line is not a class and a teacher.
    """
    file = files.path.name
    try:
        lines = files.path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeError):
        raise InvalidRoster([Problem(file, 0, "", None, "RR316", "it cannot be read")]) from None
    rows = [(number, line.split()) for number, line in enumerate(lines, 1) if line.strip()]
    problems = [
        Problem(file, number, "", None, "RR306", "this is not a class and its teacher")
        for number, words in rows
        if len(words) != 2
    ]
    if problems or not rows:
        raise InvalidRoster(problems or [Problem(file, 0, "", None, "RR306", "it is empty")])
    taught = [(number, *words) for number, words in rows]
    first = {unit: number for number, unit, _ in reversed(taught)}
    teachers = {person: number for number, _, person in reversed(taught)}
    return Roster(
        people=tuple(
            RosterPerson(
                sourced_id=key,
                username=key,
                email=None,
                given_name="",
                family_name="",
                role=RosterRole.TEACHER,
                enabled=True,
                orgs=(),
                file=file,
                row=number,
            )
            for key, number in sorted(teachers.items())
        ),
        units=tuple(
            RosterUnit(
                sourced_id=key,
                kind=RosterUnitKind.CLASS,
                title=key,
                parent=None,
                identifier=None,
                class_type=HOMEROOM,
                grades=(),
                file=file,
                row=number,
            )
            for key, number in sorted(first.items())
        ),
        memberships=tuple(
            RosterMembership(
                unit=unit,
                person=person,
                role=RosterRole.TEACHER,
                primary=True,
                begin=None,
                end=None,
                file=file,
                row=number,
            )
            for number, unit, person in taught
        ),
        affiliations=(),
        relations=(),
        source=str(files.path),
    )
