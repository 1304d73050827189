"""Reads OneRoster 1.1 and 1.2 over REST (1EdTech): the rows of its answers as tables.

A row's numbers in messages are its place in the collection; the columns are those that a CSV export
would have.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from sys import intern
from types import MappingProxyType
from typing import Any, Final

from reconciler.domain.roster import Roster
from reconciler.http.call import LIMITS, Limits
from reconciler.rosters.collected import Collected
from reconciler.rosters.csv_table import Columns, Row
from reconciler.rosters.offset_pages import read_offset_pages
from reconciler.rosters.oneroster import read_tables
from reconciler.rosters.oneroster_tables import COLUMNS, UNREADABLE, Version, is_current
from reconciler.rosters.problems import Problem
from reconciler.rosters.school_system import Advice, Get, Item, asking, nothing
from reconciler.rosters.service import RosterService

BASE_PATHS: Final[Mapping[Version, str]] = MappingProxyType(
    {
        Version.V1_1: "/ims/oneroster/v1p1",
        Version.V1_2: "/ims/oneroster/rostering/v1p2",
    }
)
"""Where the service stands below the server's address, unless the settings say otherwise."""

SCOPES: Final[Mapping[Version, str]] = MappingProxyType(
    {
        Version.V1_1: "https://purl.imsglobal.org/spec/or/v1p1/scope/roster-core.readonly",
        Version.V1_2: "https://purl.imsglobal.org/spec/or/v1p2/scope/roster-core.readonly",
    }
)
"""What a token has to be good for, unless the settings say otherwise."""

PAGE: Final = 1000
_CHANGING: Final = frozenset({"status", "beginDate", "endDate", "primary", "enabledUser"})
"""What may be another in a row that comes again: it was changed meanwhile, and is the same row."""

_ADVICE: Final = Advice(
    rights="Check what the client may do: reading needs the scope roster-core.readonly.",
    place="Check url, base_path and version: the service may stand elsewhere.",
)
_ROLES: Final = "/users, roles"
_MIDNIGHT: Final = re.compile(r"T00:00(:00([.,]0+)?)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)


def read_service(service: RosterService, limits: Limits = LIMITS) -> Roster:
    """Read a whole roster from a OneRoster service.

    Args:
        service: the service.
        limits: how long and how much.

    Raises:
        InvalidRoster: the roster is not complete, or contradicts itself.
        SiteError: something could not be read.
    """
    version = Version(service.version or Version.V1_2.value)
    base = service.url + (BASE_PATHS[version] if service.base_path is None else service.base_path)
    scope = SCOPES[version] if service.scope is None else service.scope
    with asking(service, base, scope, _ADVICE, limits) as get:
        source = _Service(get, service.page or PAGE, version)
        return read_tables({table: [source] for table in version.tables}, version, base)


class _Service:
    """The collections of a service as the tables of an export.

    Args:
        get: makes a request.
        page: how many rows to ask for at once.
        version: the version that it speaks; in 1.2 the roles stand in the users.
    """

    def __init__(self, get: Get, page: int, version: Version) -> None:
        self._get = get
        self._page = page
        self._version = version
        self._roles: list[Row] = []

    def file(self, name: str) -> str:
        """Return what messages call a table; a user's roles are no collection of their own."""
        return _ROLES if name == "roles" else f"/{name}"

    def rows(self, name: str, columns: Columns, problems: list[Problem]) -> Iterator[Row]:
        """Yield the rows of a table; the roles of 1.2 stand in the users that were read before."""
        if name == "roles":
            return iter(self._roles)
        asked = (*columns.required, *columns.optional)
        with_roles = name == "users" and self._version is Version.V1_2
        read = read_offset_pages(
            self._get,
            f"/{name}",
            name,
            self._page,
            lambda: Collected("sourcedId", _keep(asked, with_roles=with_roles), _same(asked)),
        )
        if read is None:
            problems.append(nothing(self.file(name)))
        rows = list(enumerate(read or [], 1))
        if with_roles:
            # Ids of their own, by the row: two users with one id are told, and not their roles.
            self._roles = [
                (number, (f"{number}.{place}", *role))
                for number, user in rows
                for place, role in enumerate(user[-1], 1)
            ]
        return ((number, row[: len(asked)]) for number, row in rows)


def _keep(asked: Sequence[str], *, with_roles: bool = False) -> Callable[[Item], tuple[Any, ...]]:
    """Return what makes the asked columns of an item, and its roles as rows of their own if so.

    Texts are kept once, since most come back many times over.
    """
    paths = [_PATHS.get(column, _one(column)) for column in asked]

    def keep(item: Item) -> tuple[Any, ...]:
        row = tuple(intern(path(item)) for path in paths)
        return (*row, _roles(item)) if with_roles else row

    return keep


def _same(asked: Sequence[str]) -> Callable[[tuple[Any, ...], tuple[Any, ...]], bool]:
    lasting = [at for at, column in enumerate(asked) if column not in _CHANGING]
    return lambda one, other: all(one[at] == other[at] for at in lasting)


def _text(value: object) -> str:
    """Read a value as a CSV export would have it."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case None:
            return ""
        case _:
            return UNREADABLE


def _list_of(read: Callable[[object], str], member: str) -> Callable[[Item], str]:
    """Read a list as one cell; null as a part of it stands for something that is not told."""

    def cell(item: Item) -> str:
        value = item.get(member)
        if not isinstance(value, list):
            return read(value)
        return _joined([UNREADABLE if each is None else read(each) for each in value])

    return cell


def _joined(written: Sequence[str]) -> str:
    """Write a list as one cell, a part with a comma in quotes."""
    cell = io.StringIO()
    csv.writer(cell, lineterminator="").writerow(written)
    return cell.getvalue() if written else ""


def _one(member: str) -> Callable[[Item], str]:
    return lambda item: _text(item.get(member))


def _day(member: str) -> Callable[[Item], str]:
    """Read a day; some servers write the moment at which it begins, there or in UTC."""

    def read(item: Item) -> str:
        text = _text(item.get(member))
        return text[:10] if _MIDNIGHT.fullmatch(text, 10) else text

    return read


def _id_of(value: object) -> str:
    if value is None:
        return ""
    return (_text(value.get("sourcedId")) if isinstance(value, dict) else "") or UNREADABLE


def _key(item: Item) -> str:
    key = _text(item.get("sourcedId"))
    return "" if key == UNREADABLE else key


def _reference(member: str) -> Callable[[Item], str]:
    return lambda item: _id_of(item.get(member))


_PATHS: Final[Mapping[str, Callable[[Item], str]]] = MappingProxyType(
    {
        "sourcedId": _key,
        "parentSourcedId": _reference("parent"),
        "schoolSourcedId": _reference("school"),
        "classSourcedId": _reference("class"),
        "userSourcedId": _reference("user"),
        "orgSourcedId": _reference("org"),
        "primaryOrgSourcedId": _reference("primaryOrg"),
        "beginDate": _day("beginDate"),
        "endDate": _day("endDate"),
        "grades": _list_of(_text, "grades"),
        "orgSourcedIds": _list_of(_id_of, "orgs"),
        "agentSourcedIds": _list_of(_id_of, "agents"),
    }
)
"""Per column of a CSV export what it is in an answer, where that is not a member of its name."""


_KEEP_ROLE: Final = _keep((*COLUMNS["roles"].required, *COLUMNS["roles"].optional)[1:])


def _roles(user: Item) -> tuple[tuple[str, ...], ...]:
    """Return the roles of a user as rows of their own but for ids; they are gone with the user.

    A user without an id has none: that is told of the user, and once.
    """
    status = user.get("status")
    listed = user.get("roles")
    whole = listed if isinstance(listed, list) else [listed] if listed is not None else []
    rows = []
    for each in whole if _key(user) else ():
        role = each if isinstance(each, dict) else {"org": each, "role": each, "roleType": each}
        own = role.get("status") if is_current(_text(status)) else status
        rows.append(_KEEP_ROLE({**role, "user": user, "status": own}))
    return tuple(rows)
