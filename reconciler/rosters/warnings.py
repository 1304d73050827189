"""What is worth knowing of a roster that is sound, for whoever is about to write rules over it."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from reconciler.diagnostics import Diagnostic, Position
from reconciler.domain.roster import HOMEROOM, Roster, RosterRole, plain_type
from reconciler.rosters.problems import Problem

LOOK: Final = "See whether anybody is missing, or stays too long; mend the source if so."
"""What to do about rows that were left out, or read as less."""


class Elsewhere(NamedTuple):
    """Classes that have primary teachers where no homeroom has one: their type, and how many."""

    class_type: str
    classes: int


def warnings(roster: Roster) -> tuple[Problem, ...]:
    """Return what is no mistake, and yet may leave rules without the people they look for."""
    return tuple(_primary_teachers_elsewhere(roster))


def told(roster: Roster) -> Iterator[str]:
    """Yield in words what `roster check` tells of a sound one: warnings and remarks."""
    yield from map(str, warnings(roster))
    yield from map(str, remarked(roster, Position(roster.source)))


def remarked(roster: Roster, position: Position, named: str = "") -> Iterator[Diagnostic]:
    """Yield what a roster's remarks say.

    Args:
        roster: the roster.
        position: where it is, or where the manifest names it.
        named: what messages call it, where its place does not say which it is.
    """
    for each in roster.remarks:
        yield Diagnostic(
            "RR410",
            f"{named}: {each}." if named else f"{each}.",
            position,
            LOOK,
        )


def primary_elsewhere(roster: Roster) -> Elsewhere | None:
    """Return the type of the most classes that have primary teachers, where no homeroom has one.

    A type is the same in any case, and called what it is called first; of several with as many
    classes it is the first by name. None where there are no homerooms, or nobody is primary.
    """
    led = {
        each.unit for each in roster.memberships if each.primary and each.role is RosterRole.TEACHER
    }
    typed = [(each.sourced_id, each.class_type) for each in roster.units if each.class_type]
    elsewhere = Counter(plain_type(kind) for unit, kind in typed if unit in led)
    if not elsewhere or not _homerooms(kind for _, kind in typed) or HOMEROOM in elsewhere:
        return None
    most = min(elsewhere, key=lambda kind: (-elsewhere[kind], kind))
    written = next(kind for _, kind in typed if plain_type(kind) == most)
    return Elsewhere(written, elsewhere[most])


def _homerooms(types: Iterable[str]) -> bool:
    return HOMEROOM in map(plain_type, types)


def _primary_teachers_elsewhere(roster: Roster) -> Iterator[Problem]:
    """Warn of a roster whose homerooms have no primary teachers, while other classes have.

    So it is with files by PIFU-IMS before version 1.3: contact teachers stand in groups of their
    own, and nothing in the format says to which class such a group belongs.
    """
    found = primary_elsewhere(roster)
    if found is None:
        return
    homeroom = next(each for each in roster.units if _homerooms([each.class_type or ""]))
    yield Problem(
        homeroom.file,
        0,
        "",
        None,
        "RR315",
        f"no {HOMEROOM} has a primary teacher; {found.classes:,} of the classes of the type "
        f"{found.class_type} have, and nothing says to which homeroom each belongs. A rule over "
        f"these says of: {{class_type: {found.class_type}}}",
    )
