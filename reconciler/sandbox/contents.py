"""What stands at an address: reading it and writing it, one pair of functions per kind."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    delete,
    exists,
    insert,
    select,
    update,
)

from reconciler.domain.address import Address
from reconciler.sandbox import tables

Content = bool | str | None
"""What is at an address: for a label its text, for anything else whether it is there."""


def has(connection: Connection, *conditions: ColumnElement[bool]) -> bool:
    """Whether there is a row that fulfils all the conditions."""
    return bool(connection.execute(select(exists().where(and_(*conditions)))).scalar_one())


def _key(table: Table, address: Address) -> ColumnElement[bool]:
    columns = table.primary_key.columns
    return and_(*(column == part for column, part in zip(columns, address.parts, strict=True)))


def _profile_roles(connection: Connection, address: Address) -> list[str]:
    profile = tables.profiles.c.id == address.parts[0]
    return list(connection.execute(select(tables.profiles.c.roles).where(profile)).scalar_one())


def read_profile(connection: Connection, address: Address) -> bool:
    """Whether the role is enabled on the profile."""
    return address.parts[1] in _profile_roles(connection, address)


def write_profile(connection: Connection, address: Address, wanted: Content) -> None:
    """Enable or disable the role on the profile."""
    profile, role = address.parts
    others = {held for held in _profile_roles(connection, address) if held != role}
    roles = sorted(others | {role}) if wanted else sorted(others)
    connection.execute(
        update(tables.profiles).where(tables.profiles.c.id == profile).values(roles=roles)
    )


def read_label(connection: Connection, address: Address) -> str | None:
    """Return the label's text, or None for the platform's default."""
    role, field = address.parts
    column = tables.labels.c[field]
    text: str | None = connection.execute(
        select(column).where(tables.labels.c.role == role)
    ).scalar_one()
    return text


def write_label(connection: Connection, address: Address, wanted: Content) -> None:
    """Set the label's text."""
    role, field = address.parts
    connection.execute(
        update(tables.labels).where(tables.labels.c.role == role).values({field: wanted})
    )


def row_reader(table: Table) -> Callable[[Connection, Address], bool]:
    """Return what tells whether the address has its row in a table."""
    return lambda connection, address: has(connection, _key(table, address))


def row_writer(table: Table) -> Callable[[Connection, Address, Content], None]:
    """Return what makes or removes the address's row in a table."""

    def write(connection: Connection, address: Address, wanted: Content) -> None:
        if wanted:
            names = (column.name for column in table.primary_key.columns)
            row: dict[str, Any] = dict(zip(names, address.parts, strict=True))
            connection.execute(insert(table), row)
        else:
            connection.execute(delete(table).where(_key(table, address)))

    return write
