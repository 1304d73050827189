"""The sandbox's tables: plain, portable SQLAlchemy, the same on SQLite and PostgreSQL.

There are no foreign keys: seeds are checked as a whole and changes one by one, and both then say
in the API's words what is wrong.
"""

from typing import Final

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, MetaData, String, Table, Text

metadata = MetaData()

site = Table(
    "site",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("ilp_enabled", Boolean, nullable=False),
    Column("ilp_published_templates", BigInteger, nullable=False),
    # Random, made with the database: two databases never share an ETag or a cursor.
    Column("database_id", String, nullable=False),
)

collections = Table(
    "collections",
    metadata,
    Column("name", String, primary_key=True),
    # The site's revision at the collection's last change.
    Column("revision", BigInteger, nullable=False),
)

profiles = Table(
    "profiles",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("roles", JSON, nullable=False),
)

labels = Table(
    "labels",
    metadata,
    Column("role", String, primary_key=True),
    Column("tool_name", String),
    Column("role_name", String),
)

people = Table(
    "people",
    metadata,
    Column("id", String, primary_key=True),
    Column("sync_key", String),
    Column("username", String, nullable=False),
    Column("email", String),
    Column("name", String, nullable=False),
    Column("profile", String, nullable=False),
    Column("active", Boolean, nullable=False),
)

# What a search for a person looks in: databases fold no letters but A to Z alike.
found_by = Table(
    "found_by",
    metadata,
    Column("person", String, primary_key=True),
    Column("words", Text, nullable=False),
)

units = Table(
    "units",
    metadata,
    Column("id", String, primary_key=True),
    Column("sync_key", String),
    Column("kind", String, nullable=False),
    Column("title", String, nullable=False),
    Column("parent", String),
    Index("units_by_parent", "parent", "id"),
)

OPEN: Final = ""
"""An open begin or end in `memberships`: `begin` is part of the key, where NULL may not stand."""

memberships = Table(
    "memberships",
    metadata,
    Column("unit", String, primary_key=True),
    Column("person", String, primary_key=True),
    Column("role", String, primary_key=True),
    Column("primary", Boolean, nullable=False),
    Column("begin", String, primary_key=True),
    Column("end", String, nullable=False),
    Index("memberships_by_person", "person", "role"),
)

relations = Table(
    "relations",
    metadata,
    Column("person", String, primary_key=True),
    Column("learner", String, primary_key=True),
    Column("kind", String, primary_key=True),
)

holders = Table(
    "holders",
    metadata,
    Column("role", String, primary_key=True),
    Column("person", String, primary_key=True),
)

assignments = Table(
    "assignments",
    metadata,
    Column("role", String, primary_key=True),
    Column("person", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("target", String, primary_key=True),
    Index("assignments_by_target", "target"),
)

events = Table(
    "events",
    metadata,
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("at", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("actor_kind", String, nullable=False),
    Column("address", Text, nullable=False),
    Column("verb", String, nullable=False),
    Index("events_by_address", "address", "revision"),
)

answers = Table(
    "answers",
    metadata,
    Column("client", String, primary_key=True),
    Column("idempotency_key", String, primary_key=True),
    # What was asked, so that a key used for something else is noticed.
    Column("fingerprint", String, nullable=False),
    Column("answer", JSON, nullable=False),
)
