"""Between JSON items and the values of the live state: one table for the API and for saved states.

Reading is strict: a missing field, a wrong type or an unknown word is a `ContractViolation` that
names the item by its place, never by a person's name. Fields that are not known are passed over, so
that a newer site can be read. A whole column of items is read at once, which keeps a million
assignments a matter of seconds.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from operator import attrgetter, itemgetter
from typing import Any, Final

from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.vocabulary import (
    Capability,
    MembershipRole,
    Role,
    TargetKind,
    UnitKind,
)
from reconciler.errors import ContractViolation
from reconciler.provider import Event
from reconciler.state import Labels, LiveState, Membership, Person, Profile, Relation, Site, Unit

ADVICE: Final = "Nothing was planned from it. Read it again; if it stays so, report it to the site."
"""What to do about an answer or a file that is not what the contract says."""

Json = dict[str, Any]
Column = list[Any]
ReadColumn = Callable[[Column], Column]
"""Turns a field's JSON values into the state's; raises `_Unreadable` or another ValueError or
TypeError when one of them is not what it should be."""


class _Unreadable(ValueError):
    """Says what is wrong with a value, without the value."""


def _any_texts(column: Column) -> Column:
    try:
        "".join(column).encode()
    except TypeError:
        raise _Unreadable("is not a text") from None
    except UnicodeEncodeError:
        raise _Unreadable("is not whole Unicode text") from None
    return column


def _texts(column: Column) -> Column:
    if "" in column:
        raise _Unreadable("is an empty text")
    return _any_texts(column)


def _words(words: type[StrEnum]) -> ReadColumn:
    known: dict[str, StrEnum] = {word.value: word for word in words}

    def read(column: Column) -> Column:
        try:
            return [known[value] for value in column]
        except (KeyError, TypeError):
            raise _Unreadable(f"is none of {', '.join(known)}") from None

    return read


def _whole_numbers(column: Column) -> Column:
    if not {int}.issuperset(map(type, column)) or min(column, default=0) < 0:
        raise _Unreadable("is not a whole number from 0")
    return column


def _booleans(column: Column) -> Column:
    if not {bool}.issuperset(map(type, column)):
        raise _Unreadable("is not true or false")
    return column


def _days(column: Column) -> Column:
    texts = _any_texts(list(set(column)))
    days = {text: date.fromisoformat(text) for text in texts}
    if any(day.isoformat() != text for text, day in days.items()):
        raise _Unreadable("is not a date like 2026-08-17")
    return [days[text] for text in column]


def _times(column: Column) -> Column:
    times = [datetime.fromisoformat(text) for text in _any_texts(column)]
    if any(time.tzinfo is None for time in times):
        raise _Unreadable("has no time zone")
    return times


_read_roles = _words(Role)


def _role_sets(column: Column) -> Column:
    if not {list}.issuperset(map(type, column)):
        raise _Unreadable("is not a list")
    return [frozenset(_read_roles(roles)) for roles in column]


def _optional(read: ReadColumn) -> ReadColumn:
    def read_or_none(column: Column) -> Column:
        given = iter(read([value for value in column if value is not None]))
        return [None if value is None else next(given) for value in column]

    return read_or_none


@dataclass(frozen=True, slots=True)
class Shape:
    """How the items of one collection look.

    Attributes:
        name: the collection's, in the API, in saved states and in messages.
        make: turns the fields' values, in order, into a value of the state.
        fields: per field how to read a column of it.
        key: what tells two items apart.
    """

    name: str
    make: Callable[..., Any]
    fields: Mapping[str, ReadColumn]
    key: Callable[[Any], Hashable]


def _itself(value: Hashable) -> Hashable:
    return value


_BY_ID: Final = attrgetter("id")
_text_or_none = _optional(_texts)
_day_or_none = _optional(_days)

COLLECTIONS: Final = (
    Shape("profiles", Profile, {"id": _texts, "name": _any_texts, "roles": _role_sets}, _BY_ID),
    Shape(
        "labels",
        Labels,
        {"role": _read_roles, "tool_name": _text_or_none, "role_name": _text_or_none},
        attrgetter("role"),
    ),
    Shape(
        "people",
        Person,
        {
            "id": _texts,
            "sync_key": _text_or_none,
            "username": _any_texts,
            "email": _optional(_any_texts),
            "name": _any_texts,
            "profile": _texts,
            "active": _booleans,
        },
        _BY_ID,
    ),
    Shape(
        "units",
        Unit,
        {
            "id": _texts,
            "sync_key": _text_or_none,
            "kind": _words(UnitKind),
            "title": _any_texts,
            "parent": _text_or_none,
        },
        _BY_ID,
    ),
    Shape(
        "memberships",
        Membership,
        {
            "unit": _texts,
            "person": _texts,
            "role": _words(MembershipRole),
            "primary": _booleans,
            "begin": _day_or_none,
            "end": _day_or_none,
        },
        _itself,
    ),
    Shape("relations", Relation, {"person": _texts, "learner": _texts, "kind": _texts}, _itself),
    Shape("holders", Holder, {"role": _read_roles, "person": _texts}, _itself),
    Shape(
        "assignments",
        Assignment,
        {"role": _read_roles, "person": _texts, "kind": _words(TargetKind), "target": _texts},
        _itself,
    ),
)
"""Every collection of a state, in the order in which they are read (design, section 6)."""

EVENTS: Final = Shape(
    "events",
    Event,
    {
        "at": _times,
        "actor": _any_texts,
        "actor_kind": _any_texts,
        "address": _texts,
        "verb": _any_texts,
        "revision": _whole_numbers,
    },
    attrgetter("revision"),
)
"""The event log, which is no part of a state."""


def decode(shape: Shape, items: Sequence[object], where: str) -> list[Any]:
    """Read the items of a collection.

    Args:
        shape: the collection's.
        items: as JSON gave them.
        where: the request or file, for messages.

    Raises:
        ContractViolation: an item is not what the contract says.
    """
    try:
        columns = [
            read(list(map(itemgetter(name), items)))  # type: ignore[arg-type]  # no object: below
            for name, read in shape.fields.items()
        ]
    except (KeyError, TypeError, ValueError):
        number, what = next(
            (number, what)
            for number, item in enumerate(items, 1)
            if (what := _what_is_wrong(shape, item))
        )
        raise ContractViolation(f"{where}: item {number} of {shape.name} {what}.", ADVICE) from None
    return list(map(shape.make, *columns))


def _what_is_wrong(shape: Shape, item: object) -> str | None:
    if not isinstance(item, dict):
        return "is not an object"
    for name, read in shape.fields.items():
        if name not in item:
            return f"has no field {name}"
        wrong = _wrong(read, item[name])
        if wrong is not None:
            return f"is not readable: its {name} {wrong}"
    return None


def _wrong(read: ReadColumn, value: object) -> str | None:
    try:
        read([value])
    except _Unreadable as error:
        return str(error)
    except (TypeError, ValueError):
        return "has a value that cannot be read"  # the library's own message would quote it
    return None


def encode(shape: Shape, values: Iterable[object]) -> Iterator[Json]:
    """Turn values into the items that `decode` reads back."""
    names = tuple(shape.fields)
    fields = attrgetter(*names)
    return (dict(zip(names, map(_plain, fields(value)), strict=True)) for value in values)


def _plain(value: object) -> object:
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, date):
        return value.isoformat()
    return value


def _member(document: object, name: str, read: ReadColumn) -> Any:
    if not isinstance(document, dict):
        raise _Unreadable("is not an object")
    if name not in document:
        raise _Unreadable(f"has no field {name}")
    wrong = _wrong(read, document[name])
    if wrong is not None:
        raise _Unreadable(f"is not readable: its {name} {wrong}")
    return read([document[name]])[0]


def _objects(column: Column) -> Column:
    if not {dict}.issuperset(map(type, column)):
        raise _Unreadable("is not an object")
    return column


def _capability_sets(column: Column) -> Column:
    if not {list}.issuperset(map(type, column)):
        raise _Unreadable("is not a list")
    known = {capability.value: capability for capability in Capability}
    return [
        frozenset(known[name] for name in _any_texts(names) if name in known) for names in column
    ]


def decode_site(document: object, where: str) -> Site:
    """Read the site object; capabilities that are not known are passed over.

    Raises:
        ContractViolation: it is not what the contract says.
    """
    try:
        ilp = _member(document, "ilp", _objects)
        return Site(
            id=_member(document, "id", _texts),
            name=_member(document, "name", _any_texts),
            revision=_member(document, "revision", _whole_numbers),
            actor=_member(document, "actor", _text_or_none),
            capabilities=_member(document, "capabilities", _capability_sets),
            ilp_enabled=_member(ilp, "enabled", _booleans),
            ilp_published_templates=_member(ilp, "published_templates", _whole_numbers),
        )
    except _Unreadable as error:
        raise ContractViolation(f"{where}: the site {error}.", ADVICE) from None


def encode_site(site: Site) -> Json:
    """Turn the site into the object that `decode_site` reads back."""
    return {
        "id": site.id,
        "name": site.name,
        "revision": site.revision,
        "actor": site.actor,
        "capabilities": sorted(site.capabilities),
        "ilp": {
            "enabled": site.ilp_enabled,
            "published_templates": site.ilp_published_templates,
        },
    }


def build_state(site: Site, collections: Mapping[str, Iterable[Any]]) -> LiveState:
    """Put a site and its collections together; `integrity.check` then tells whether they fit."""
    return LiveState(
        site=site,
        profiles=tuple(collections["profiles"]),
        labels=tuple(collections["labels"]),
        people=tuple(collections["people"]),
        units=tuple(collections["units"]),
        memberships=tuple(collections["memberships"]),
        relations=tuple(collections["relations"]),
        holders=frozenset(collections["holders"]),
        assignments=Assignments.of(collections["assignments"]),
    )
