"""What stands in a database: nothing, a sandbox's tables of which version, or somebody else's.

Nothing is converted: a site is made to try things on, and its state can be exported and read again.
"""

from enum import Enum, auto
from typing import Final

from sqlalchemy import Connection, delete, insert, inspect, select
from sqlalchemy.schema import DropTable, MetaData, Table

from reconciler.sandbox import tables
from reconciler.sandbox.options import SandboxRefused

_FIRST_TABLES: Final = (
    *("answers", "assignments", "collections", "events", "holders", "labels", "memberships"),
    *("people", "profiles", "relations", "site", "units"),
)
"""The tables of version 1, which did not say which version it is."""


class Found(Enum):
    """What a database holds."""

    NOTHING = auto()
    SITE = auto()
    ANOTHER_VERSION = auto()
    FOREIGN = auto()


def look(connection: Connection) -> tuple[Found, int]:
    """Return what the database holds, and the version of a sandbox's tables."""
    present = set(inspect(connection).get_table_names())
    if tables.schema.name in present:
        version = connection.execute(select(tables.schema.c.version)).scalar()
        if version is not None:
            return (Found.SITE if version == tables.VERSION else Found.ANOTHER_VERSION), version
    if present >= set(_FIRST_TABLES):
        return Found.ANOTHER_VERSION, 1
    return (Found.FOREIGN if present else Found.NOTHING), 0


def refuse_unless(wanted: set[Found], connection: Connection, shown: str) -> Found:
    """Return what the database holds, if that is something that was wanted.

    Args:
        wanted: what may be there.
        connection: to the database.
        shown: what messages call it.

    Raises:
        SandboxRefused: it holds something else; says what to do.
    """
    found, version = look(connection)
    if found in wanted:
        return found
    raise SandboxRefused(
        {
            Found.NOTHING: f"the database {shown} holds no sandbox; "
            "`reconciler sandbox --database` makes one",
            Found.FOREIGN: f"the database {shown} is not a sandbox's; name another one",
            Found.SITE: f"the database {shown} already holds a site, so it takes no seed; leave "
            "--seed out, name a new one, or begin again with `reconciler sandbox reset`",
            Found.ANOTHER_VERSION: f"the database {shown} has the tables of version {version} of "
            f"the sandbox, and this one reads version {tables.VERSION}; export the site with the "
            "program that made it, or begin again with `reconciler sandbox reset`",
        }[found]
    )


def create(connection: Connection) -> None:
    """Make the tables."""
    tables.metadata.create_all(connection)
    names = sorted(set(tables.metadata.tables) - {tables.schema.name})
    connection.execute(delete(tables.schema))
    connection.execute(insert(tables.schema), {"version": tables.VERSION, "tables": names})


def drop(connection: Connection) -> None:
    """Take a sandbox's tables away, whatever their version, and nothing else."""
    _, version = look(connection)
    names = list(_FIRST_TABLES)
    if version != 1:
        names = [*connection.execute(select(tables.schema.c.tables)).scalar_one()]
        names.append(tables.schema.name)
    for name in names:
        connection.execute(DropTable(Table(name, MetaData()), if_exists=True))
