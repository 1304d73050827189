"""The platform's default profiles, with the ids that the sandbox's own seeds give them."""

from typing import Final

from reconciler.domain.vocabulary import Role
from reconciler.sandbox.items import ProfileItem

SYSTEM_ADMINISTRATOR: Final = "p-1"
ADMINISTRATOR: Final = "p-2"
STAFF: Final = "p-3"
STUDENT: Final = "p-4"
PARENT: Final = "p-5"
GUEST: Final = "p-6"

_NAMES: Final = {
    SYSTEM_ADMINISTRATOR: "System administrator",
    ADMINISTRATOR: "Administrator",
    STAFF: "Staff",
    STUDENT: "Student",
    PARENT: "Parent",
    GUEST: "Guest",
}


def default_profiles(enabled: dict[str, list[Role]] | None = None) -> list[ProfileItem]:
    """Return the six default profiles, with the given roles enabled."""
    roles = enabled or {}
    return [
        ProfileItem(id=id_, name=name, roles=roles.get(id_, [])) for id_, name in _NAMES.items()
    ]
