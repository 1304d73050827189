"""Says a schema error in an author's words: one explanation per keyword of the schema."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from jsonschema.exceptions import ValidationError

from reconciler.diagnostics import Diagnostic
from reconciler.manifest.placed import PlacedDict, PlacedList, PlainDate, Value
from reconciler.manifest.policies import PolicyKey
from reconciler.manifest.reader import Document
from reconciler.manifest.syntax import ORDINARY_SPACE
from reconciler.manifest.words import (
    ENTRY_LISTS,
    KEYS,
    SECTION_NAMES,
    SECTION_ROLES,
    shorten,
)
from reconciler.suggest import did_you_mean


def explain(document: Document, root: PlacedDict, error: ValidationError) -> Iterator[Diagnostic]:
    """Yield the diagnostics that a schema error comes to.

    Args:
        document: the file that was validated.
        root: the data that the error's path leads through.
        error: what jsonschema found.
    """
    spot = _locate(root, error)
    for place, code, message, advice in EXPLAINERS[str(error.validator)](document, spot, error):
        yield Diagnostic(code, message, document.position(place), advice)


class _Spot(NamedTuple):
    """The value that an error is about, where it stands, and under which name."""

    value: Value
    place: int
    name: str


class _Finding(NamedTuple):
    place: int
    code: str
    message: str
    advice: str


def _locate(root: PlacedDict, error: ValidationError) -> _Spot:
    """Follow an error's path; the name is the nearest key on it, for messages."""
    spot = _Spot(root, root.places[0] if root.places else 0, "the manifest")
    for step in error.absolute_path:
        if isinstance(spot.value, PlacedDict):
            key = str(step)
            spot = _Spot(spot.value[key], spot.value.value_place(key), key)
        elif isinstance(spot.value, PlacedList):
            index = int(step)
            spot = _Spot(spot.value[index], spot.value.places[index], spot.name)
    return spot


def _is_scalar(value: Value) -> bool:
    return value is not None and not isinstance(value, PlacedDict | PlacedList)


def _in_item(error: ValidationError) -> bool:
    """Whether the value is an item of the list that gives the spot its name."""
    path = error.absolute_path
    return bool(path) and isinstance(path[-1], int)


def _wrong_type(document: Document, spot: _Spot, error: ValidationError) -> Iterator[_Finding]:
    wanted: Any = error.validator_value
    keywords: Any = error.schema
    if "enum" in keywords and _is_scalar(spot.value):
        return  # told by `_not_allowed`
    kinds = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    bare = not document.written.get(spot.place)
    if spot.value is None and (bare or "string" not in kinds):
        yield _without_value(spot, error, kinds)
    elif "string" in kinds and not isinstance(spot.value, PlacedDict | PlacedList):
        yield _not_text(document, spot, is_key="moved" in error.absolute_path)
    else:
        advice = {
            "array": "Write a list: one '- item' per line, or [a, b].",
            "object": "Write a mapping: one 'key: value' per line.",
            "string": "Write one text, in quotes if need be.",
            "integer": "Write a whole number, without quotes.",
            "boolean": "Write true or false, without quotes.",
        }[next(kind for kind in _ADVISED if kind in kinds)]
        if isinstance(spot.value, str):
            advice = _unspaced(spot.value, KEYS) or advice
        what = f"an item of '{spot.name}'" if _in_item(error) else f"'{spot.name}'"
        yield _Finding(
            spot.place,
            "RR103",
            f"{what} is {_KINDS[type(spot.value)]}; it has to be {_wanted(kinds)}.",
            advice,
        )


_ADVISED: Final = ("array", "object", "string", "integer", "boolean")

_KINDS: Final[Mapping[type, str]] = MappingProxyType(
    {
        PlacedDict: "a mapping",
        PlacedList: "a list",
        str: "text",
        PlainDate: "text",
        int: "a number",
        float: "a number",
        bool: "true or false",
        type(None): "null",
    }
)
_KIND_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "array": "a list",
        "object": "a mapping",
        "string": "text",
        "integer": "a whole number",
        "boolean": "true or false",
        "null": "null",
    }
)


def _wanted(kinds: tuple[str, ...]) -> str:
    return " or ".join(_KIND_NAMES[kind] for kind in kinds)


def _without_value(spot: _Spot, error: ValidationError, kinds: tuple[str, ...]) -> _Finding:
    if _in_item(error):
        message = f"'{spot.name}' has an item with nothing in it."
        advice = "Write the item, or take its dash out."
    elif kinds == ("array",):
        message = f"'{spot.name}' has no value, which is neither empty nor absent."
        nobody = "nobody" if spot.name in SECTION_ROLES else "none"
        part = "section" if spot.name in SECTION_ROLES else "line"
        advice = f"Write [] for {nobody}, or leave the {part} out."
    else:
        message = f"'{spot.name}' has no value."
        advice = "Give it one, or leave the line out."
    if not _in_item(error) and (kinds == ("array",) or spot.name in ("person", "id")):
        advice = _MISSING_ADVICE.get(spot.name, advice)  # a required key cannot be left out
    return _Finding(spot.place, "RR106", message, advice)


def _not_text(document: Document, spot: _Spot, *, is_key: bool) -> _Finding:
    written = shorten(document.written.get(spot.place, str(spot.value)))
    kind = _KINDS[type(spot.value)]
    if spot.name in _NOT_BY_QUOTES and not is_key:
        code, advice = _NOT_BY_QUOTES[spot.name]
        return _Finding(spot.place, code, f"'{spot.name}' cannot be {written}.", advice)
    return _Finding(
        spot.place,
        "RR105",
        f"{written} without quotes is read as {kind}, not as text.",
        f'Write "{written}" in quotes.',
    )


_LIMITS: Final = (PolicyKey.MAX_REMOVALS, PolicyKey.MAX_ROSTER_SHRINK)
_LIMIT_ADVICE: Final = "Write a number, such as 25, or a percentage, such as 10%, without a space."

_NOT_BY_QUOTES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "from": ("RR110", "Write 'from' as year-month-day: 2026-08-17."),
        "until": ("RR110", "Write 'until' as year-month-day: 2026-08-17."),
        **dict.fromkeys(_LIMITS, ("RR120", _LIMIT_ADVICE)),
    }
)
"""Texts that are no better for being put in quotes: the code and the advice."""


def _unknown_key(document: Document, spot: _Spot, error: ValidationError) -> Iterator[_Finding]:
    del document
    assert isinstance(spot.value, PlacedDict)  # noqa: S101 - the keyword applies to mappings only
    keywords: Any = error.schema
    known = list(keywords["properties"])
    for key, _, place, _ in spot.value.placed_items():
        if key not in known:
            yield _misplaced(key, place, known) or _Finding(
                place, "RR101", f"unknown key '{shorten(key)}'.", _key_advice(key, known)
            )


def _misplaced(key: str, place: int, known: list[str]) -> _Finding | None:
    """Say where a kind belongs that another role has, as in a `school` under mentors."""
    here = next((role for role, lists in ENTRY_LISTS.items() if set(lists) < set(known)), None)
    for role, lists in ENTRY_LISTS.items():
        named = next((name for name in lists if key in (name, lists[name].value)), None)
        if here is not None and role is not here and named is not None:
            return _Finding(
                place,
                "RR108",
                f"{SECTION_NAMES[here]} take {', '.join(ENTRY_LISTS[here])}; "
                f"{named} belong under {SECTION_NAMES[role]}.",
                f"Move '{key}' to an entry under '{SECTION_NAMES[role]}:'.",
            )
    return None


def _key_advice(key: str, known: list[str]) -> str:
    if "\xa0" in key:
        return f"There is a no-break space (U+00A0) in it. {ORDINARY_SPACE}"
    if split := _unspaced(key, known):
        return split
    if key == "<<":
        return "YAML 1.2 has no merge keys: write out what is meant."
    close = did_you_mean(key, known)
    return close or f"Known here: {', '.join(known)}."


def _unspaced(text: str, known: Iterable[str]) -> str | None:
    """Say so where a text looks like a key and its value without the space between them."""
    key, colon, value = text.partition(":")
    if not colon or not value or key not in known:
        return None
    return f"A space is missing after the colon: write '{key}: {shorten(value)}'."


def _missing_key(document: Document, spot: _Spot, error: ValidationError) -> Iterator[_Finding]:
    del document
    assert isinstance(spot.value, PlacedDict)  # noqa: S101 - the keyword applies to mappings only
    required: Any = error.validator_value
    for key in required:
        if key not in spot.value:
            yield _Finding(
                spot.place, "RR102", f"the key '{key}' is missing here.", _MISSING_ADVICE[key]
            )


_MISSING_ADVICE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "version": "Begin every file with 'version: 1'.",
        "person": "Say whose entry it is: 'person: t-0412'.",
        "id": "Say which one it is: '{id: s-1002, until: 2026-12-20}'.",
        "within": "Name the units, or leave 'scope' out for the whole site.",
        "profiles": "Name them, or write 'profiles: []' to disable the role everywhere.",
        "address": "Say which deviation it is: 'address: mentor/t-0412/class/8a'.",
        "owner": "Say who answers for it: 'owner: t-0007'.",
        "reason": "Say why it is accepted: 'reason: until the new class is set up'.",
        "from": "Say which key it had: '{from: 8a, to: 9a}'.",
        "to": "Say which key it has now: '{from: 8a, to: 9a}'.",
        "until": "Say until when, at most: 'until: 2026-12-20'.",
        "type": "Say which format it is: 'type: oneroster-csv'.",
        "path": "Say where it is: 'path: roster.zip'.",
        "name": "Give the rule a name: 'name: contact-teachers'.",
        "who": "Say whom it takes: 'who: primary_teacher'.",
        "of": "Say of which units: 'of: homeroom'.",
        "sites": "List them: 'sites: {NAME: {manifest: roles.yaml}}'.",
        "manifest": "Name its file or folder: 'manifest: roles.yaml'.",
        "use": "Say who steps in: 'none: {use: t-0007}'.",
    }
)


def _not_allowed(document: Document, spot: _Spot, error: ValidationError) -> Iterator[_Finding]:
    yield from _not_among(document, spot, error.validator_value)


def _not_brought(document: Document, spot: _Spot, error: ValidationError) -> Iterator[_Finding]:
    """Explain that it is none of some words, nor the name of what might be installed."""
    ways: Any = error.validator_value
    yield from _not_among(document, spot, ways[0]["enum"])


def _not_among(document: Document, spot: _Spot, values: Any) -> Iterator[_Finding]:
    if not _is_scalar(spot.value):
        return  # told by `_wrong_type`
    written = document.written.get(spot.place, str(spot.value))
    allowed = [str(value) for value in values]
    yield _Finding(
        spot.place,
        "RR104",
        f"'{shorten(written)}' is not a value of '{spot.name}'.",
        did_you_mean(written, allowed) or f"Write one of: {', '.join(allowed)}.",
    )


def _wrong_version(document: Document, spot: _Spot, error: ValidationError) -> Iterator[_Finding]:
    del error
    if spot.value is None:
        yield _Finding(spot.place, "RR106", "'version' has no value.", "Write 'version: 1'.")
        return
    written = document.written.get(spot.place)
    if isinstance(spot.value, PlacedDict | PlacedList):
        written = _KINDS[type(spot.value)]
    shown = written if written is not None else f'"{spot.value}"'
    advice = "Write 'version: 1', without quotes."
    if isinstance(spot.value, int) and not isinstance(spot.value, bool) and spot.value > 1:
        advice = "This program reads version 1: write 'version: 1', or use a newer reconciler."
    yield _Finding(spot.place, "RR109", f"the version is {shorten(shown)}, not 1.", advice)


_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "of": "homeroom, class, or a mapping with class_type and grades",
        "none": "report, refuse, or a mapping with use",
    }
)
"""The keys that take a word or a mapping, and what they take."""


def _wrong_text(document: Document, spot: _Spot, error: ValidationError) -> Iterator[_Finding]:
    del document, error
    assert isinstance(spot.value, str)  # noqa: S101 - the keyword applies to text only
    if spot.name in _LIMITS:
        yield _Finding(spot.place, "RR120", "this is no percentage from 0% to 100%.", _LIMIT_ADVICE)
        return
    if spot.name in _WORDS:
        yield _Finding(
            spot.place,
            "RR104",
            f"'{shorten(spot.value)}' is not a value of '{spot.name}'.",
            f"Write one of: {_WORDS[spot.name]}.",
        )
        return
    if not spot.value:
        problem, advice = "is empty", "Write something between the quotes, or leave it out."
    elif spot.value != spot.value.strip():
        problem, advice = "begins or ends with white space", "Take the white space out."
        if "\xa0" in (spot.value[0], spot.value[-1]):
            problem = "begins or ends with a no-break space (U+00A0)"
    else:
        problem = "holds a control character or a line break"
        advice = "Write it on one line of plain text."
    yield _Finding(spot.place, "RR107", f"this text under '{spot.name}' {problem}.", advice)


def _too_long(document: Document, spot: _Spot, error: ValidationError) -> Iterator[_Finding]:
    del document
    assert isinstance(spot.value, str)  # noqa: S101 - the keyword applies to text only
    yield _Finding(
        spot.place,
        "RR107",
        f"this text under '{spot.name}' has {len(spot.value)} characters; "
        f"at most {error.validator_value} are allowed.",
        "Shorten it.",
    )


def _out_of_range(document: Document, spot: _Spot, error: ValidationError) -> Iterator[_Finding]:
    del document
    keywords: Any = error.schema
    advice = f"Write a whole number from {keywords['minimum']} to {keywords['maximum']}."
    if spot.name in _LIMITS:
        advice = _LIMIT_ADVICE
    yield _Finding(spot.place, "RR120", f"this is no number for '{spot.name}'.", advice)


def _too_few(document: Document, spot: _Spot, error: ValidationError) -> Iterator[_Finding]:
    del document, error
    yield _Finding(
        spot.place, "RR116", "the scope is within nothing at all.", _MISSING_ADVICE["within"]
    )


_Explainer = Callable[[Document, _Spot, ValidationError], Iterator[_Finding]]

EXPLAINERS: Final[Mapping[str, _Explainer]] = MappingProxyType(
    {
        "type": _wrong_type,
        "additionalProperties": _unknown_key,
        "required": _missing_key,
        "enum": _not_allowed,
        "anyOf": _not_brought,
        "const": _wrong_version,
        "pattern": _wrong_text,
        "maxLength": _too_long,
        "minimum": _out_of_range,
        "maximum": _out_of_range,
        "minItems": _too_few,
    }
)
"""One explanation for each keyword that the schema uses; a test keeps the two together."""
