"""What the files of the cache hold: a collection's values as JSON, compact and read at once.

Not the API's items: tuples have no names, and assignments stand by holder, a twentieth as many as
singly. Only the cache reads what it wrote.
"""

from collections import defaultdict
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from reconciler import typed_json
from reconciler.domain.assignments import Assignments, Holder
from reconciler.domain.vocabulary import TargetKind
from reconciler.providers.codec import Shape
from reconciler.state import Labels, Membership, Person, Profile, Relation, Unit

_TYPES: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "profiles": list[Profile],
        "labels": list[Labels],
        "people": list[Person],
        "units": list[Unit],
        "memberships": list[Membership],
        "relations": list[Relation],
        "holders": list[Holder],
        "assignments": list[tuple[Holder, TargetKind, tuple[str, ...]]],
    }
)


def encode(values: Any) -> bytes:
    """Turn a collection's values into what `decode` reads back."""
    return msgspec.json.encode(list(values.groups()) if isinstance(values, Assignments) else values)


def decode(shape: Shape, raw: bytes) -> Any:
    """Read a collection's values; None where they are something else, or of another version."""
    values = typed_json.decode(raw, _TYPES[shape.name])
    if values is None or shape.name != "assignments":
        return values
    return _by_holder(values)


def _by_holder(groups: list[tuple[Holder, TargetKind, tuple[str, ...]]]) -> Assignments:
    found: defaultdict[Holder, dict[TargetKind, tuple[str, ...]]] = defaultdict(dict)
    for holder, kind, targets in groups:
        found[holder][kind] = targets
    return Assignments(dict(found))
