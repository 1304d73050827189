"""The sandbox's tables: plain, portable SQLAlchemy, the same on SQLite and PostgreSQL.

Texts are ordered by their code points on both, as SQLite does and every page of the API promises,
whatever language a PostgreSQL database is set to. There are no foreign keys: seeds are checked as a
whole and changes one by one, and both then say in the API's words what is wrong.
"""

from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, MetaData, Table, Text

VERSION: Final = 3
"""The version of these tables; whoever changes them counts it up. `schema.py` refuses others."""

String: Final = Text().with_variant(Text(collation="C"), "postgresql")

metadata = MetaData()


def _table(name: str, *columns: Column[Any] | Index) -> Table:
    # SQLite then keeps the rows in the order of their key, as pages read them, and once only.
    return Table(name, metadata, *columns, sqlite_with_rowid=False)


site = _table(
    "site",
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("ilp_enabled", Boolean, nullable=False),
    Column("ilp_published_templates", BigInteger, nullable=False),
    # Random, made with the database: two databases never share an ETag or a cursor.
    Column("database_id", String, nullable=False),
)

collections = _table(
    "collections",
    Column("name", String, primary_key=True),
    # The site's revision at the collection's last change.
    Column("revision", BigInteger, nullable=False),
)

profiles = _table(
    "profiles",
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("roles", JSON, nullable=False),
)

labels = _table(
    "labels",
    Column("role", String, primary_key=True),
    Column("tool_name", String),
    Column("role_name", String),
)

people = _table(
    "people",
    Column("id", String, primary_key=True),
    Column("sync_key", String),
    Column("username", String, nullable=False),
    Column("email", String),
    Column("name", String, nullable=False),
    Column("profile", String, nullable=False),
    Column("active", Boolean, nullable=False),
    Index("people_by_sync_key", "sync_key", unique=True),
)

found_by = _table(
    "found_by",
    # What a search looks in; see `search.py`.
    Column("word", String, primary_key=True),
    Column("person", String, primary_key=True),
    Index("found_by_person", "person", "word"),
)

units = _table(
    "units",
    Column("id", String, primary_key=True),
    Column("sync_key", String),
    Column("kind", String, nullable=False),
    Column("title", String, nullable=False),
    Column("parent", String),
    Index("units_by_sync_key", "sync_key", unique=True),
    Index("units_by_parent", "parent"),
)

OPEN: Final = ""
"""An open begin or end in `memberships`: `begin` is part of the key, where NULL may not stand."""

memberships = _table(
    "memberships",
    Column("unit", String, primary_key=True),
    Column("person", String, primary_key=True),
    Column("role", String, primary_key=True),
    Column("primary", Boolean, nullable=False),
    Column("begin", String, primary_key=True),
    Column("end", String, nullable=False),
    Index("memberships_by_person", "person", "role"),
)

relations = _table(
    "relations",
    Column("person", String, primary_key=True),
    Column("learner", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Index("relations_by_learner", "learner"),
)

holders = _table(
    "holders",
    Column("role", String, primary_key=True),
    Column("person", String, primary_key=True),
)

assignments = _table(
    "assignments",
    Column("role", String, primary_key=True),
    Column("person", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("target", String, primary_key=True),
    Index("assignments_by_target", "target", "kind"),
)

events = _table(
    "events",
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("at", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("actor_kind", String, nullable=False),
    Column("address", String, nullable=False),
    Column("verb", String, nullable=False),
    Index("events_by_address", "address", "revision"),
)

ILP: Final = "ilp"
"""What stands for an address in an event of the individual learning plans. The API knows none, and
leaves these events out; the console shows them."""

answers = _table(
    "answers",
    Column("client", String, primary_key=True),
    Column("idempotency_key", String, primary_key=True),
    # What was asked, so that a key used for something else is noticed.
    Column("fingerprint", String, nullable=False),
    Column("answer", JSON, nullable=False),
)

schema = _table(
    "sandbox_schema",
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    # The tables that this version made, for another version that is to take them away.
    Column("tables", JSON, nullable=False),
)
