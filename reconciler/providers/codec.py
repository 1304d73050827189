"""Between JSON items and the values of the live state: one table for the API and for saved states.

Reading is strict: a missing field, a wrong type or an unknown word is a `ContractViolation` that
names the item by its place, never by a person's name. Fields that are not known are passed over, so
that a newer site can be read.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from reconciler.domain.vocabulary import (
    Capability,
    MembershipRole,
    Role,
    TargetKind,
    UnitKind,
)
from reconciler.errors import ContractViolation
from reconciler.state import (
    Assignment,
    Holder,
    Labels,
    LiveState,
    Membership,
    Person,
    Profile,
    Relation,
    Site,
    Unit,
)

Json = dict[str, Any]


def text(value: object) -> str:
    """Read a text that is not empty."""
    if isinstance(value, str) and value:
        return value
    raise TypeError("is not a text")


def any_text(value: object) -> str:
    """Read a text."""
    if isinstance(value, str):
        return value
    raise TypeError("is not a text")


def text_or_none(value: object) -> str | None:
    """Read a text or null."""
    return None if value is None else text(value)


def whole_number(value: object) -> int:
    """Read a whole number from 0."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise TypeError("is not a whole number")


def boolean(value: object) -> bool:
    """Read true or false."""
    if isinstance(value, bool):
        return value
    raise TypeError("is not true or false")


def day_or_none(value: object) -> date | None:
    """Read a date or null."""
    if value is None:
        return None
    if isinstance(value, str):
        return date.fromisoformat(value)
    raise TypeError("is not a date")


def _word(words: type[StrEnum]) -> Callable[[object], StrEnum]:
    known = {word.value: word for word in words}

    def read(value: object) -> StrEnum:
        if isinstance(value, str) and value in known:
            return known[value]
        raise TypeError(f"is none of {', '.join(known)}")

    return read


def roles(value: object) -> frozenset[Role]:
    """Read a list of roles."""
    if isinstance(value, list):
        return frozenset(Role(role) for role in value)
    raise TypeError("is not a list")


@dataclass(frozen=True, slots=True)
class Shape:
    """How the items of one collection look.

    Attributes:
        make: turns the fields' values, in order, into a value of the state.
        fields: per field how to read it.
        key: what tells two items apart.
    """

    make: Callable[..., Any]
    fields: Mapping[str, Callable[[object], object]]
    key: Callable[[Any], Hashable]


def _by_id(value: Any) -> str:
    return str(value.id)


COLLECTIONS: Final[Mapping[str, Shape]] = MappingProxyType(
    {
        "profiles": Shape(Profile, {"id": text, "name": text, "roles": roles}, _by_id),
        "labels": Shape(
            Labels,
            {"role": _word(Role), "tool_name": text_or_none, "role_name": text_or_none},
            lambda labels: labels.role,
        ),
        "people": Shape(
            Person,
            {
                "id": text,
                "sync_key": text_or_none,
                "username": text,
                "email": text_or_none,
                "name": any_text,
                "profile": text,
                "active": boolean,
            },
            _by_id,
        ),
        "units": Shape(
            Unit,
            {
                "id": text,
                "sync_key": text_or_none,
                "kind": _word(UnitKind),
                "title": any_text,
                "parent": text_or_none,
            },
            _by_id,
        ),
        "memberships": Shape(
            Membership,
            {
                "unit": text,
                "person": text,
                "role": _word(MembershipRole),
                "primary": boolean,
                "begin": day_or_none,
                "end": day_or_none,
            },
            lambda membership: membership,
        ),
        "relations": Shape(
            Relation, {"person": text, "learner": text, "kind": text}, lambda relation: relation
        ),
        "holders": Shape(Holder, {"role": _word(Role), "person": text}, lambda holder: holder),
        "assignments": Shape(
            Assignment,
            {"role": _word(Role), "person": text, "kind": _word(TargetKind), "target": text},
            lambda assignment: assignment,
        ),
    }
)
"""Every collection of the API, in the order in which they are read (design, section 6)."""


def decode(collection: str, items: Sequence[object], where: str) -> list[Any]:
    """Read the items of a collection.

    Args:
        collection: its name.
        items: as JSON gave them.
        where: the request or file, for messages.

    Raises:
        ContractViolation: an item is not what the contract says.
    """
    shape = COLLECTIONS[collection]
    make, fields = shape.make, tuple(shape.fields.items())
    values = []
    for number, item in enumerate(items, 1):
        try:
            values.append(make(*[read(item[name]) for name, read in fields]))  # type: ignore[index]
        except (KeyError, TypeError, ValueError) as error:
            what = _what_is_wrong(shape, item)
            raise ContractViolation(f"{where}: item {number} of {collection} {what}.") from error
    return values


def _what_is_wrong(shape: Shape, item: object) -> str:
    if not isinstance(item, dict):
        return "is not an object"
    for name, read in shape.fields.items():
        if name not in item:
            return f"has no field {name}"
        try:
            read(item[name])
        except (TypeError, ValueError) as error:
            wrong = str(error) if isinstance(error, TypeError) else "has a value that is not known"
            return f"is not readable: its {name} {wrong}"
    return "is not readable"


def encode(collection: str, value: object) -> Json:
    """Turn a value into the item that `decode` reads back."""
    return {name: _plain(getattr(value, name)) for name in COLLECTIONS[collection].fields}


def _plain(value: object) -> object:
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, date):
        return value.isoformat()
    return value


def decode_site(document: object, where: str) -> Site:
    """Read the site object; capabilities that are not known are passed over.

    Raises:
        ContractViolation: it is not what the contract says.
    """
    try:
        if not isinstance(document, dict):
            raise TypeError("it is not an object")  # noqa: TRY301 - one mapping for all of it
        ilp = document["ilp"]
        known = {capability.value for capability in Capability}
        return Site(
            id=text(document["id"]),
            name=any_text(document["name"]),
            revision=whole_number(document["revision"]),
            actor=text_or_none(document["actor"]),
            capabilities=frozenset(
                Capability(name) for name in document["capabilities"] if name in known
            ),
            ilp_enabled=boolean(ilp["enabled"]),
            ilp_published_templates=whole_number(ilp["published_templates"]),
        )
    except KeyError as missing:
        raise ContractViolation(f"{where}: the site has no field {missing.args[0]}.") from missing
    except (TypeError, ValueError) as error:
        raise ContractViolation(f"{where}: the site is not readable: {error}.") from error


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


def build_state(site: Site, collections: Mapping[str, Sequence[Any]]) -> LiveState:
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
        assignments=frozenset(collections["assignments"]),
    )
