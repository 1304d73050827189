"""The platform's rules (design, section 2), each a function that refuses or does nothing.

All take a connection and an address in ids, and raise `Problem`.
"""

from sqlalchemy import Connection, bindparam, select

from reconciler.domain.address import Address
from reconciler.domain.vocabulary import TARGET_KINDS, MembershipRole, Role, TargetKind
from reconciler.sandbox import tables
from reconciler.sandbox.contents import row_with
from reconciler.sandbox.problems import Problem

# Built once each; see `row_with`.
_is_profile = row_with(tables.profiles.c.id)
_is_person = row_with(tables.people.c.id)
_is_member = row_with(tables.memberships.c.person, tables.memberships.c.role)
_is_holder = row_with(tables.holders.c.role, tables.holders.c.person)
_has_assignments = row_with(tables.assignments.c.role, tables.assignments.c.person)
_roles_of_person = (
    select(tables.profiles.c.roles)
    .join(tables.people, tables.people.c.profile == tables.profiles.c.id)
    .where(tables.people.c.id == bindparam("person"))
)
_kind_of_unit = select(tables.units.c.kind).where(tables.units.c.id == bindparam("unit"))


def always(_connection: Connection, _address: Address) -> None:
    """Refuse nothing."""


def profile_exists(connection: Connection, address: Address) -> None:
    """Refuse an unknown profile."""
    if not _is_profile(connection, address.parts[0]):
        raise Problem("unknown_profile", f"there is no profile {address.parts[0]}", address=address)


def person_exists(connection: Connection, address: Address) -> None:
    """Refuse an unknown person."""
    person = address.parts[1]
    if not _is_person(connection, person):
        raise Problem("unknown_person", f"there is no person {person}", address=address)


def role_knows_kind(connection: Connection, address: Address) -> None:
    """Refuse a kind that the role is never assigned, and an unknown person."""
    role, _, kind, _ = address.parts
    if kind not in TARGET_KINDS[Role(role)]:
        raise Problem("kind_not_allowed", f"a {role} is never assigned a {kind}", address=address)
    person_exists(connection, address)


def role_is_enabled(connection: Connection, address: Address) -> None:
    """Refuse to add a person on whose profile the role is not enabled."""
    role, person = address.parts
    roles = connection.execute(_roles_of_person, {"person": person}).scalar_one()
    if role not in roles:
        raise Problem(
            "role_not_enabled", f"the profile of {person} has no {role} role", address=address
        )


def has_no_assignments(connection: Connection, address: Address) -> None:
    """Refuse to take out a holder who still has assignments: there is no cascade."""
    role, person = address.parts
    if _has_assignments(connection, role, person):
        raise Problem(
            "has_assignments",
            f"{person} still has assignments as {role}; remove those first",
            address=address,
        )


def can_be_assigned(connection: Connection, address: Address) -> None:
    """Refuse an assignment to nobody's holder, or of a target that does not fit."""
    role, person, kind, target = address.parts
    _check_target(connection, address, kind, target)
    if not _is_holder(connection, role, person):
        raise Problem("not_a_holder", f"{person} has not been added as {role}", address=address)


def _check_target(connection: Connection, address: Address, kind: str, target: str) -> None:
    if kind == TargetKind.LEARNER:
        if _is_member(connection, target, MembershipRole.LEARNER.value):
            return
        if not _is_person(connection, target):
            raise Problem("unknown_target", f"there is no person {target}", address=address)
        raise Problem("not_a_learner", f"{target} is a learner nowhere", address=address)
    found = connection.execute(_kind_of_unit, {"unit": target}).scalar_one_or_none()
    if found is None:
        raise Problem("unknown_target", f"there is no unit {target}", address=address)
    if found != kind:
        raise Problem("kind_mismatch", f"{target} is a {found}, not a {kind}", address=address)
