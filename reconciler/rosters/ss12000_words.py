"""The words of SS 12000 (API 2.0 and 2.1) that say what something is, and what each is to rules.

All of them are listed, in small letters: one that is not here may be a mentor or a principal under
another name, whose role would go.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from reconciler.domain.roster import HOMEROOM, RosterRole

SCHOOL: Final = "skola"
SCHOOL_UNIT: Final = "skolenhet"
ORGANISATIONS: Final = (
    *("huvudman", "verksamhetsområde", "förvaltning", "rektorsområde", SCHOOL, SCHOOL_UNIT),
    *("varumärke", "bolag", "övrigt"),
)
"""The types of organisations (`OrganisationTypeEnum`)."""

STAFF_GROUP: Final = "personalgrupp"
GROUPS: Final[Mapping[str, str]] = MappingProxyType(
    {"klass": HOMEROOM, "mentor": HOMEROOM, "undervisning": "scheduled"}
    | {each: each for each in ("provgrupp", "schema", "avdelning", STAFF_GROUP, "övrigt")}
)
"""What the types of groups (`GroupTypesEnum`) are as class types; the others are themselves."""

MENTOR: Final = "mentor"
ASSIGNMENTS: Final = (
    *(MENTOR, "förskollärare", "barnskötare", "fritidspedagog", "specialpedagog"),
    *("elevhälsopersonal", "pedagogisk ledare", "schemaläggare", "lärarassistent"),
    "administrativ personal",
)
"""What somebody can be to a group (`AssignmentRoleTypeEnum`)."""

_OTHER_DUTIES: Final = (
    *("barnskötare", "bibliotekarie", "fritidspedagog", "annan personal", "skolsköterska"),
    *("skolläkare", "skolpsykolog", "övrig arbetsledning", "övrig pedagogisk personal"),
    "förskolechef",
)
DUTIES: Final[Mapping[str, RosterRole]] = MappingProxyType(
    {
        "rektor": RosterRole.PRINCIPAL,
        "lärare": RosterRole.TEACHER,
        "förstelärare": RosterRole.TEACHER,
        "förskollärare": RosterRole.TEACHER,
        "speciallärare/specialpedagog": RosterRole.TEACHER,
        "lärarassistent": RosterRole.AIDE,
        "kurator": RosterRole.COUNSELLOR,
        "studie- och yrkesvägledare": RosterRole.COUNSELLOR,
        "skoladministratör": RosterRole.ADMINISTRATOR,
    }
    | dict.fromkeys(_OTHER_DUTIES, RosterRole.OTHER)
)
"""What the roles of a duty (`DutyRole`) are."""

CHANGING: Final = frozenset(
    {
        *("startDate", "endDate", "personStatus", "enrolments", "responsibles"),
        *("groupMemberships", "assignmentRole"),
    }
)
"""What may be another in an item that comes again: it was changed meanwhile, and is the same."""
