"""Validates one file against the published JSON Schema, and says each mistake in plain words.

jsonschema decides what is valid. A manifest of a million items would keep it busy for minutes, so
entries that are plainly good (`_plainly_good`, stricter than the schema) are not shown to it, and
where the rest certainly follows the schema (`certainty.py`) it is not even loaded.
"""

import json
import operator
from collections.abc import Mapping, Sequence
from functools import cache, reduce
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from reconciler.diagnostics import Diagnostic
from reconciler.manifest.certainty import certainly_follows
from reconciler.manifest.placed import PlacedDict, PlacedList, PlainDate, Value, texts_of
from reconciler.manifest.reader import Document
from reconciler.manifest.words import ENTRY_LISTS, SECTION_ROLES
from reconciler.resources import shipped

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

SCHEMA_NAME: Final = "manifest-v1.schema.json"

_KEY_LIMIT: Final = 255
_PERSON: Final = "person"
_ITEM_KEYS: Final = frozenset(("id", "from", "until", "reason"))


@cache
def schema() -> Mapping[str, Any]:
    """Return the published schema of manifests."""
    text = shipped("schemas", SCHEMA_NAME).read_text(encoding="utf-8")
    return MappingProxyType(json.loads(text))


@cache
def _validator() -> "Draft202012Validator":
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - slow, and --help has no manifest

    return Draft202012Validator(dict(schema()))


def allows(value: object, *place: str) -> bool:
    """Whether what stands at a place of the schema allows a value."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - as above

    part = {"$defs": schema()["$defs"], **reduce(operator.getitem, place, dict(schema()))}
    return Draft202012Validator(part).is_valid(value)


def check_shape(document: Document) -> list[Diagnostic]:
    """Return every place in which a file does not follow the schema."""
    doubtful = _doubtful(document.root)
    if certainly_follows(doubtful, schema(), schema()):
        return []
    from reconciler.manifest.mistakes import explain  # noqa: PLC0415 - loads jsonschema, too

    return [
        diagnostic
        for error in _validator().iter_errors(doubtful)
        for diagnostic in explain(document, doubtful, error)
    ]


def _doubtful(root: PlacedDict) -> PlacedDict:
    """Return the file's data without the entries that are plainly good.

    The indexes in jsonschema's paths count what is left, so places are looked up in that.
    """
    trimmed = PlacedDict()
    trimmed.places = root.places
    for key, value in root.items():
        role = SECTION_ROLES.get(key)
        if role is None or not isinstance(value, PlacedList):
            trimmed[key] = value
            continue
        lists = ENTRY_LISTS[role]
        rest = PlacedList()
        for entry, place in zip(value, value.places, strict=True):
            if not _plainly_good(entry, lists):
                rest.append(entry)
                rest.places.append(place)
        trimmed[key] = rest
    return trimmed


def _plainly_good(entry: Value, lists: Mapping[str, Any]) -> bool:
    """Whether an entry certainly follows the schema; where it is in doubt, the schema decides."""
    if not isinstance(entry, PlacedDict) or _PERSON not in entry:
        return False
    for key, value in entry.items():
        good = _good_key(value) if key == _PERSON else key in lists and _good_list(value)
        if not good:
            return False
    return True


def _good_list(value: Value) -> bool:
    if not isinstance(value, PlacedList):
        return False
    texts = texts_of(value)
    if texts is None:
        texts = [item for item in value if item.__class__ is str]
        if not all(_good_item(item) for item in value if item.__class__ is not str):
            return False
    return _are_keys(texts) or all(map(is_key, texts))


def _are_keys(texts: Sequence[str]) -> bool:
    """Look at all of them as one text; where that will not do, each has to be looked at."""
    whole = "".join(texts)
    return (
        whole.isprintable()
        and " " not in whole
        and all(texts)
        and (len(whole) <= _KEY_LIMIT or max(map(len, texts)) <= _KEY_LIMIT)
    )


def is_key(text: str) -> bool:
    """Whether a text can certainly stand in a manifest as a key, in quotes where need be."""
    return 0 < len(text) <= _KEY_LIMIT and text.isprintable() and text[0] != " " != text[-1]


def _good_key(value: Value) -> bool:
    return isinstance(value, str) and not isinstance(value, PlainDate) and is_key(value)


def _good_item(item: Value) -> bool:
    return (
        isinstance(item, PlacedDict)
        and "id" in item
        and _ITEM_KEYS.issuperset(item)
        and all(
            _good_key(value) or (value.__class__ is PlainDate and key in ("from", "until"))
            for key, value in item.items()
        )
    )
