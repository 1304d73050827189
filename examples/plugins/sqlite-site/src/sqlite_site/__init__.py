"""An example of a provider: a site that lives in a SQLite file, one table for each collection."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from reconciler.domain.address import Address, AddressKind
from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.vocabulary import Capability, MembershipRole, Role, TargetKind, UnitKind
from reconciler.errors import ConfigurationError, SiteError
from reconciler.provider import Change, ChangeResult, Event, Options, Verb
from reconciler.state import Labels, LiveState, Membership, Person, Profile, Site, Unit

TABLES = """
CREATE TABLE site (id, name, revision);
CREATE TABLE profiles (id PRIMARY KEY, name);
CREATE TABLE people (id PRIMARY KEY, sync_key, username, email, name, profile, active);
CREATE TABLE units (id PRIMARY KEY, sync_key, kind, title, parent);
CREATE TABLE learners (unit, person, "primary", PRIMARY KEY (unit, person));
CREATE TABLE labels (role PRIMARY KEY, tool_name, role_name);
CREATE TABLE profile_roles (profile REFERENCES profiles, role, PRIMARY KEY (profile, role));
CREATE TABLE holders (role, person REFERENCES people, PRIMARY KEY (role, person));
CREATE TABLE assignments (role, person, kind, target, PRIMARY KEY (role, person, kind, target),
    FOREIGN KEY (role, person) REFERENCES holders);
CREATE TABLE answers (key PRIMARY KEY, answer);
"""
ROWS = {
    AddressKind.PROFILE: ("profile_roles", ("profile", "role")),
    AddressKind.HOLDER: ("holders", ("role", "person")),
    AddressKind.ASSIGNMENT: ("assignments", ("role", "person", "kind", "target")),
}
"""Per kind of address, other than labels, the table and the columns that its parts fill."""

CAN = frozenset(Capability) - {Capability.EVENTS}


class SqliteReader:
    """Reads a site; has no way to write to it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def site(self) -> Site:
        """Return the site and its revision."""
        key, name, revision = self._db.execute("SELECT * FROM site").fetchone()
        return Site(key, name, revision, None, CAN, ilp_enabled=True, ilp_published_templates=1)

    def fetch(self) -> LiveState:
        """Return everything, as it was at one moment."""
        with self._db:
            self._db.execute("BEGIN")
            return self._fetch()

    def last_events(self, addresses: Sequence[Address]) -> dict[Address, Event]:
        """Nobody asks a site that has no events."""
        return {}

    def events_since(self, revision: int) -> list[Event]:
        """Nobody asks a site that has no events."""
        return []

    def _fetch(self) -> LiveState:
        def rows(table: str) -> list[tuple]:
            return self._db.execute(f"SELECT * FROM {table}").fetchall()

        roles: dict[str, set[Role]] = {}
        for profile, role in rows("profile_roles"):
            roles.setdefault(profile, set()).add(Role(role))
        return LiveState(
            site=self.site(),
            profiles=tuple(
                Profile(key, name, frozenset(roles.get(key, ()))) for key, name in rows("profiles")
            ),
            labels=tuple(Labels(Role(role), *texts) for role, *texts in rows("labels")),
            people=tuple(Person(*rest, bool(active)) for *rest, active in rows("people")),
            units=tuple(
                Unit(key, sync_key, UnitKind(kind), title, parent)
                for key, sync_key, kind, title, parent in rows("units")
            ),
            memberships=tuple(
                Membership(unit, person, MembershipRole.LEARNER, bool(primary), None, None)
                for unit, person, primary in rows("learners")
            ),
            relations=(),
            holders=frozenset(Holder(Role(role), person) for role, person in rows("holders")),
            assignments=Assignments.of(
                Assignment(Role(role), person, TargetKind(kind), target)
                for role, person, kind, target in rows("assignments")
            ),
        )


class SqliteWriter(SqliteReader):
    """A reader that can also write."""

    def send(self, changes: Sequence[Change]) -> list[ChangeResult]:
        """Make each change by itself; one that fails keeps no other from its effect."""
        return [self._one(change) for change in changes]

    def _one(self, change: Change) -> ChangeResult:
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            before = self._db.execute(
                "SELECT answer FROM answers WHERE key = ?", (change.key,)
            ).fetchone()
            if before:
                return ChangeResult(**json.loads(before[0]))
            status = self._write(change)
            changed = 200 <= status < 300
            self._db.execute("UPDATE site SET revision = revision + ?", (changed,))
            result = ChangeResult(status, changed, self.site().revision)
            answer = json.dumps({"status": status, "changed": changed, "revision": result.revision})
            self._db.execute("INSERT INTO answers VALUES (?, ?)", (change.key, answer))
            return result

    def _write(self, change: Change) -> int:
        """Make a change, and return what HTTP would call what came of it."""
        parts = change.address.parts
        if change.address.kind is AddressKind.LABEL:
            role, field = parts
            done = self._db.execute(
                f"UPDATE labels SET {field} = ? WHERE role = ? AND {field} IS ?",
                (change.after, role, change.before),
            )
            return 200 if done.rowcount else 412
        table, columns = ROWS[change.address.kind]
        target = "units" if change.address.kind is AddressKind.ASSIGNMENT else ""
        if target and change.verb is Verb.ADD:
            target = "people" if parts[2] == TargetKind.LEARNER else "units"
            if not self._db.execute(f"SELECT 1 FROM {target} WHERE id = ?", parts[3:]).fetchone():
                return 404
        try:
            if change.verb is Verb.ADD:
                marks = ", ".join("?" * len(parts))
                self._db.execute(f"INSERT INTO {table} VALUES ({marks})", parts)
                return 201
            where = " AND ".join(f"{column} = ?" for column in columns)
            done = self._db.execute(f"DELETE FROM {table} WHERE {where}", parts)
        except sqlite3.IntegrityError as error:
            unique = error.sqlite_errorname == "SQLITE_CONSTRAINT_PRIMARYKEY"
            return 412 if unique else 409
        return 204 if done.rowcount else 412


class SqliteProvider:
    """Opens the file that an environment names as its `path`."""

    @contextmanager
    def open_reader(self, options: Options) -> Iterator[SqliteReader]:
        """Open it for reading; SQLite itself refuses to write."""
        with self._open(options, "ro") as connection:
            yield SqliteReader(connection)

    @contextmanager
    def open_writer(self, options: Options) -> Iterator[SqliteWriter]:
        """Open it for reading and writing."""
        with self._open(options, "rw") as connection:
            yield SqliteWriter(connection)

    @contextmanager
    def _open(self, options: Options, mode: str) -> Iterator[sqlite3.Connection]:
        options.check_known("path")
        path = options.path("path")
        if not path.is_file():
            raise ConfigurationError(f"There is no {path}.", "Name the file of the site.")
        connection = sqlite3.connect(f"{path.as_uri()}?mode={mode}", uri=True, isolation_level=None)
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            yield connection
        except sqlite3.DatabaseError as error:
            raise SiteError(
                f"{path} cannot be used: {error}.", "Look whether it is a site."
            ) from None
        finally:
            connection.close()


PROVIDER = SqliteProvider()


def create(path: Path, state: LiveState) -> None:
    """Make the file of a site; of its memberships, those of learners alone."""
    connection = sqlite3.connect(path)
    connection.executescript(TABLES)
    site = state.site
    connection.execute("INSERT INTO site VALUES (?, ?, ?)", (site.id, site.name, site.revision))
    filled = {
        "profiles": [(each.id, each.name) for each in state.profiles],
        "profile_roles": [(each.id, role) for each in state.profiles for role in each.roles],
        "people": [
            (
                each.id,
                each.sync_key,
                each.username,
                each.email,
                each.name,
                each.profile,
                each.active,
            )
            for each in state.people
        ],
        "units": [
            (each.id, each.sync_key, each.kind, each.title, each.parent) for each in state.units
        ],
        "learners": [
            (each.unit, each.person, each.primary)
            for each in state.memberships
            if each.role is MembershipRole.LEARNER
        ],
        "labels": [(each.role, each.tool_name, each.role_name) for each in state.labels],
        "holders": [(each.role, each.person) for each in state.holders],
        "assignments": [(a.role, a.person, a.kind, a.target) for a in state.assignments],
    }
    for table, rows in filled.items():
        for row in rows:
            marks = ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO {table} VALUES ({marks})", tuple(map(_plain, row)))
    connection.commit()
    connection.close()


def _plain(value: object) -> object:
    return str(value) if isinstance(value, str) else value
