"""What is worth knowing of a roster that is sound, for whoever is about to write rules over it."""

from collections import Counter
from collections.abc import Iterator

from reconciler.domain.roster import HOMEROOM, Roster, RosterRole
from reconciler.rosters.problems import Problem


def warnings(roster: Roster) -> tuple[Problem, ...]:
    """Return what is no mistake, and yet may leave rules without the people they look for."""
    return tuple(_primary_teachers_elsewhere(roster))


def _primary_teachers_elsewhere(roster: Roster) -> Iterator[Problem]:
    """Warn of a roster whose homerooms have no primary teachers, while other classes have.

    So it is with files by PIFU-IMS before version 1.3: contact teachers stand in groups of their
    own, and nothing in the format says to which class such a group belongs.
    """
    led = {
        each.unit for each in roster.memberships if each.primary and each.role is RosterRole.TEACHER
    }
    types = {each.sourced_id: each.class_type for each in roster.units if each.class_type}
    elsewhere = Counter(types[unit] for unit in led if unit in types)
    if HOMEROOM not in types.values() or HOMEROOM in elsewhere or not elsewhere:
        return
    (kind, number), *_ = elsewhere.most_common(1)
    homerooms = [each for each in roster.units if each.class_type == HOMEROOM]
    yield Problem(
        homerooms[0].file,
        0,
        "",
        None,
        "RR315",
        f"no {HOMEROOM} has a primary teacher; {number:,} of the classes of the type {kind} have, "
        "and nothing says to which homeroom each belongs. A rule over these says "
        f"of: {{class_type: {kind}}}",
    )
