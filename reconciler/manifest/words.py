"""The manifest's own words for roles and kinds, and how values are quoted back to their author."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from reconciler.domain.roster import ROSTER_COLUMNS
from reconciler.domain.vocabulary import TARGET_KINDS, Role, TargetKind
from reconciler.manifest.policies import PolicyKey

SECTION_NAMES: Final[Mapping[Role, str]] = MappingProxyType(
    {Role.MENTOR: "mentors", Role.HEADTEACHER: "headteachers"}
)
"""The section that declares each role's holders."""

LIST_NAMES: Final[Mapping[TargetKind, str]] = MappingProxyType(
    {
        TargetKind.CLASS: "classes",
        TargetKind.GROUP: "groups",
        TargetKind.LEARNER: "learners",
        TargetKind.SCHOOL: "schools",
        TargetKind.ORGANISATION: "organisations",
    }
)
"""The list that declares each kind's targets."""

SECTION_ROLES: Final[Mapping[str, Role]] = MappingProxyType(
    {name: role for role, name in SECTION_NAMES.items()}
)
"""Which role a section declares."""

ENTRY_LISTS: Final[Mapping[Role, Mapping[str, TargetKind]]] = MappingProxyType(
    {
        role: MappingProxyType({LIST_NAMES[kind]: kind for kind in kinds})
        for role, kinds in TARGET_KINDS.items()
    }
)
"""Which lists an entry of each role may have, and what they hold."""

KEYS: Final = frozenset(
    {"version", "site", "settings", "scope", "roles", "labels", "policy", "person", "id", "from"}
    | {"until", "reason", "within", "people", "units", "timezone", "unmanaged", "profiles"}
    | {"rosters", "type", "path", "rules", "name", "roster", "who", "of", "class_type", "grades"}
    | {"none", "use", "several", "unknown", "except", "columns", "base", *ROSTER_COLUMNS}
    | {"tool_name", "role_name", "levels", "accepted", "address", "owner", *PolicyKey, *Role}
    | {"moved", "to"}
    | {*SECTION_NAMES.values(), *LIST_NAMES.values()}
)
"""Every key of a manifest; a test compares them with the schema."""

_LONGEST: Final = 60


def shorten(text: str) -> str:
    """Cut a long text for a message."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
