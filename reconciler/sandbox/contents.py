"""What stands at an address: reading it and writing it, one pair of functions per kind."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Column, Connection, Table, bindparam, delete, exists, insert, select, update

from reconciler.domain.address import Address
from reconciler.sandbox import tables

Content = bool | str | None
"""What is at an address: for a label its text, for anything else whether it is there."""


def row_with(*columns: Column[Any]) -> Callable[..., bool]:
    """Return what tells whether a row has certain values in these columns.

    It takes a connection and the values. The statement is built once, here: to build it takes as
    long as to run it, and a batch runs it for each of its changes.
    """
    names = [column.name for column in columns]
    matching = (column == bindparam(column.name) for column in columns)
    statement = select(exists().where(*matching))

    def ask(connection: Connection, *values: str) -> bool:
        wanted = dict(zip(names, values, strict=True))
        return bool(connection.execute(statement, wanted).scalar_one())

    return ask


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
    present = row_with(*table.primary_key.columns)
    return lambda connection, address: present(connection, *address.parts)


def row_writer(table: Table) -> Callable[[Connection, Address, Content], None]:
    """Return what makes or removes the address's row in a table."""
    columns = table.primary_key.columns
    add = insert(table)
    remove = delete(table).where(*(column == bindparam(column.name) for column in columns))

    def write(connection: Connection, address: Address, wanted: Content) -> None:
        row = dict(zip(columns.keys(), address.parts, strict=True))
        connection.execute(add if wanted else remove, row)

    return write
