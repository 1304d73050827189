"""What is wrong with faults that the schema refuses: sentences with a path and advice."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from jsonschema import Draft202012Validator

from reconciler.resources import shipped

SCHEMA: Final = "sandbox-faults-v1.schema.json"


@cache
def _schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shipped("schemas", SCHEMA).read_text(encoding="utf-8"))
    return found


@cache
def _validator(*, whole: bool) -> Draft202012Validator:
    schema = _schema()
    return Draft202012Validator(
        schema if whole else {"$ref": "#/$defs/fault", "$defs": schema["$defs"]}
    )


class _Mistake(NamedTuple):
    """What the validator says: where, which keyword with which value, of what, by which schema."""

    path: tuple[str | int, ...]
    keyword: str
    wanted: Any
    instance: Any
    schema: Any


def mistakes(document: object, *, whole: bool = True) -> list[str]:
    """Return everything that is wrong with a file, or with a single fault where it is not whole."""
    found = [
        _Mistake(
            tuple(error.absolute_path),
            str(error.validator),
            error.validator_value,
            error.instance,
            error.schema,
        )
        for error in _validator(whole=whole).iter_errors(document)
    ]
    found.sort(key=lambda mistake: [str(part).zfill(6) for part in mistake.path])
    # What is of a wrong type has none of what its type would have to have.
    mistyped = {each.path: each for each in reversed(found) if each.keyword == "type"}
    found = [each for each in found if mistyped.get(each.path, each) is each]
    # jsonschema tells each missing key by itself, and here each time all of them.
    return [*dict.fromkeys(sentence for mistake in found for sentence in _sentences(mistake))]


def at(path: Iterable[str | int], sentence: str) -> str:
    """Put a place before a sentence: `faults[2].rate: …`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return f"{text.removeprefix('.')}: {sentence}" if text else sentence


def _sentences(mistake: _Mistake) -> Iterator[str]:
    if mistake.keyword == "additionalProperties":
        known = mistake.schema["properties"]
        for key in sorted(set(mistake.instance) - set(known)):
            near = get_close_matches(key, known, 1)
            advice = f"did you mean {near[0]!r}?" if near else f"there are {_listed(known)}"
            yield at(mistake.path, f"there is no key {key!r} here; {advice}")
        return
    if mistake.keyword == "required":
        for key in sorted(set(mistake.wanted) - set(mistake.instance)):
            place = mistake.schema["properties"][key]
            yield at(mistake.path, f"{key!r} is missing. {_description(place)}".rstrip())
        return
    what = _WHAT[mistake.keyword](mistake)
    yield at(mistake.path, f"{what.rstrip('.')}. {_description(mistake.schema)}".rstrip())


def _description(node: object) -> str:
    """What the schema says of a place, which is what to do there."""
    return str(node.get("description", "")) if isinstance(node, Mapping) else ""


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _listed(values: Iterable[object]) -> str:
    words = [str(value) for value in values]
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]


def _wrong_type(mistake: _Mistake) -> str:
    wanted = mistake.wanted
    kinds = [wanted] if isinstance(wanted, str) else wanted
    kinds_named = " or ".join(_TYPES[kind] for kind in kinds)
    return f"this is to be {kinds_named}, not {_shown(mistake.instance)}"


def _one_of(mistake: _Mistake) -> str:
    values: list[object] = mistake.wanted
    words = [value for value in values if isinstance(value, str)]
    near = get_close_matches(str(mistake.instance), words, 1)
    advice = f"did you mean {near[0]!r}" if near else f"there are {_listed(values)}"
    return f"{_shown(mistake.instance)} is not known here; {advice}"


_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "array": "a list",
        "integer": "a whole number",
        "null": "null",
        "number": "a number",
        "object": "a mapping",
        "string": "text",
    }
)

_WHAT: Final[Mapping[str, Callable[[_Mistake], str]]] = MappingProxyType(
    {
        "const": lambda mistake: f"{_shown(mistake.instance)} is not {mistake.wanted}",
        "enum": _one_of,
        "exclusiveMinimum": lambda mistake: f"{mistake.instance} is too small",
        "maximum": lambda mistake: f"{mistake.instance} is too large",
        "minimum": lambda mistake: f"{mistake.instance} is too small",
        "minItems": lambda _: "this list is empty; leave the key out to mean all",
        "minLength": lambda _: "this text is empty",
        "not": lambda mistake: f"two keys exclude each other. {_description(mistake.wanted)}",
        "pattern": lambda mistake: f"{_shown(mistake.instance)} does not begin with /",
        "type": _wrong_type,
    }
)
