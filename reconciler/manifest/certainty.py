"""Whether data certainly follows a JSON Schema, told without the library that says why it does not.

Loading that library takes longer than all the rest of checking a manifest, and most manifests are
good. What is not understood here, a keyword say, is in doubt, and in doubt the library decides.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

_DEFINITION: Final = "#/$defs/"

_ANNOTATIONS: Final = frozenset(
    ("$schema", "$id", "$defs", "title", "description", "examples", "default", "format")
)
"""Keywords that forbid nothing. A format does not, as the library is asked."""

_TYPES: Final[Mapping[str, Callable[[Any], bool]]] = MappingProxyType(
    {
        "string": lambda value: isinstance(value, str),
        "integer": lambda value: type(value) is int,
        "boolean": lambda value: type(value) is bool,
        "null": lambda value: value is None,
        "array": lambda value: isinstance(value, list),
        "object": lambda value: isinstance(value, dict),
    }
)


def certainly_follows(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    """Whether a value certainly follows a schema.

    Args:
        value: plain data.
        schema: what it is to follow.
        root: the schema as a whole, whose definitions may be referred to.
    """
    for keyword, wanted in schema.items():
        if keyword in _ANNOTATIONS:
            continue
        if keyword == "$ref":
            name = wanted.removeprefix(_DEFINITION)
            good = name in root["$defs"] and certainly_follows(value, root["$defs"][name], root)
        elif isinstance(value, dict) and keyword in _OF_OBJECTS:
            good = _OF_OBJECTS[keyword](value, wanted, schema, root)
        else:
            good = keyword in _KEYWORDS and _KEYWORDS[keyword](value, wanted, root)
        if not good:
            return False
    return True


def _is_typed(value: Any, wanted: str | list[str], _root: Mapping[str, Any]) -> bool:
    names = [wanted] if isinstance(wanted, str) else wanted
    return any(name in _TYPES and _TYPES[name](value) for name in names)


def _properties(
    value: dict[str, Any], wanted: Mapping[str, Any], _schema: Any, root: Mapping[str, Any]
) -> bool:
    return all(
        key not in wanted or certainly_follows(each, wanted[key], root)
        for key, each in value.items()
    )


def _additional(
    value: dict[str, Any], wanted: Any, schema: Mapping[str, Any], root: Mapping[str, Any]
) -> bool:
    known = schema.get("properties", {})
    others = [each for key, each in value.items() if key not in known]
    return not others or (
        isinstance(wanted, dict) and all(certainly_follows(each, wanted, root) for each in others)
    )


_OF_OBJECTS: Final[Mapping[str, Callable[..., bool]]] = MappingProxyType(
    {
        "properties": _properties,
        "additionalProperties": _additional,
        "required": lambda value, wanted, _schema, _root: value.keys() >= set(wanted),
    }
)


def _unless(kind: type, check: Callable[[Any, Any], bool]) -> Callable[..., bool]:
    """Return a check of a keyword that says nothing about values of another kind."""
    return lambda value, wanted, _root: not isinstance(value, kind) or check(value, wanted)


_KEYWORDS: Final[Mapping[str, Callable[..., bool]]] = MappingProxyType(
    {
        "type": _is_typed,
        "const": lambda value, wanted, _root: type(value) is type(wanted) and value == wanted,
        "enum": lambda value, wanted, _root: isinstance(value, str) and value in wanted,
        "pattern": _unless(str, lambda value, wanted: re.search(wanted, value) is not None),
        "maxLength": _unless(str, lambda value, wanted: len(value) <= wanted),
        "minimum": _unless(int, lambda value, wanted: value >= wanted),
        "maximum": _unless(int, lambda value, wanted: value <= wanted),
        "minItems": _unless(list, lambda value, wanted: len(value) >= wanted),
        "anyOf": lambda value, wanted, root: any(
            certainly_follows(value, each, root) for each in wanted
        ),
        "items": lambda value, wanted, root: (
            not isinstance(value, list)
            or all(certainly_follows(each, wanted, root) for each in value)
        ),
        # Of objects alone, and this is none.
        **dict.fromkeys(_OF_OBJECTS, lambda _value, _wanted, _root: True),
    }
)
