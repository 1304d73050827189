"""The words of PIFU-IMS: what its kinds of groups and its roles are in a roster.

Kinds and roles are those of version 1.3 of the profile (tables 2.3 and 2.4), in which versions 1.0
to 1.2 are contained; the words for roles beside the numbers are those of IMS Enterprise 1.1.
"""

import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from reconciler.domain.roster import HOMEROOM, RosterRole, RosterUnitKind

ORGANISATIONS: Final = "pifu-ims-go-org"
GROUPS: Final = "pifu-ims-go-grp"

CONTACT_GROUP: Final = "kontaktlærergruppe"
"""Learners with a contact teacher of theirs; its `class_type` is this word, too."""


class GroupKind(NamedTuple):
    """A kind of group.

    Attributes:
        level: the number that the profile gives it.
        kind: what it is in a roster; None for a kind that no roster has, which is left out.
        class_type: the type of the class, where it is one.
    """

    level: str
    kind: RosterUnitKind | None = None
    class_type: str | None = None


_LEFT_OUT: Final = (
    *("trinn", "utdanningsprogram", "programområde", "fag", "foresattegruppe", "språkopplæring"),
    *("sammensattgruppe", "elevråd", "fau", "skoleutvalg", "skolemiljøutvalg", "sfo"),
    "eksamensgruppe",
)

KINDS: Final[Mapping[tuple[str, str], GroupKind]] = MappingProxyType(
    {
        (ORGANISATIONS, "skoleeier"): GroupKind("1", RosterUnitKind.ORGANISATION),
        (ORGANISATIONS, "skole"): GroupKind("2", RosterUnitKind.SCHOOL),
        (GROUPS, "basisgruppe"): GroupKind("1", RosterUnitKind.CLASS, HOMEROOM),
        (GROUPS, "undervisningsgruppe"): GroupKind("2", RosterUnitKind.CLASS, "scheduled"),
        (GROUPS, CONTACT_GROUP): GroupKind("3", RosterUnitKind.CLASS, CONTACT_GROUP),
    }
    | {(GROUPS, word): GroupKind(str(level)) for level, word in enumerate(_LEFT_OUT, start=4)}
)
"""Per scheme and word of a group type what it is."""

_TEACHER: Final = "02"
_CONTACT_TEACHER: Final = "06"

_ROLES: Final[Mapping[str, RosterRole]] = MappingProxyType(
    {
        "01": RosterRole.STUDENT,
        _TEACHER: RosterRole.TEACHER,
        "03": RosterRole.OTHER,
        "04": RosterRole.OTHER,
        "05": RosterRole.ADMINISTRATOR,
        _CONTACT_TEACHER: RosterRole.TEACHER,
        "07": RosterRole.ADMINISTRATOR,
        "08": RosterRole.AIDE,
    }
)

ROLE_NUMBERS: Final = tuple(_ROLES)
"""The numbers of the roles, as messages list them."""

_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "learner": "01",
        "instructor": _TEACHER,
        "contentdeveloper": "03",
        "member": "04",
        "manager": "05",
        "mentor": _CONTACT_TEACHER,
        "administrator": "07",
        "teachingassistant": "08",
    }
)

_SUBROLES: Final[Mapping[tuple[str, str], RosterRole]] = MappingProxyType(
    {
        (_TEACHER, "lærerstudent"): RosterRole.OTHER,
        ("04", "rådgiver"): RosterRole.COUNSELLOR,
        ("05", "rektor"): RosterRole.PRINCIPAL,
        ("07", "iktansvarlig"): RosterRole.OTHER,
    }
)
"""Where a role is said more exactly; a subrole that does not stand here changes nothing."""

_SUBSTITUTE: Final = "vikar"

CONTACTS: Final[Mapping[str, RosterRole]] = MappingProxyType(
    {
        "guardian": RosterRole.GUARDIAN,
        "fosterparent": RosterRole.GUARDIAN,
        "closerelative": RosterRole.RELATIVE,
        "nextofkin": RosterRole.RELATIVE,
    }
)
"""Per type of contact person what they are to a learner."""

PARENT: Final = frozenset({"1", "parent"})
CHILD: Final = frozenset({"2", "child"})
RELATIONS: Final = PARENT | CHILD | {"3", "alsoknownas", "knownas"}


class Part(NamedTuple):
    """What somebody is in a group, and whether as its contact teacher."""

    role: RosterRole
    is_contact_teacher: bool


def folded(word: str) -> str:
    """Return a word as it is compared: case, spaces and ways to write an accent do not matter."""
    return unicodedata.normalize("NFC", "".join(word.split())).casefold()


def part(roletype: str, subrole: str) -> Part | None:
    """Read a role and its subrole; None for a role that there is not."""
    number = _WORDS.get(folded(roletype), roletype)
    role = _ROLES.get(number)
    if role is None:
        return None
    finer = _SUBROLES.get((number, folded(subrole)), role)
    return Part(finer, number == _CONTACT_TEACHER)


def leads_contact_group(held: Part, subrole: str) -> bool:
    """Whether somebody in a contact group is its contact teacher, and no substitute."""
    return held.role is RosterRole.TEACHER and folded(subrole) != _SUBSTITUTE
