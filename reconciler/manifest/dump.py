"""Writes plain data as a manifest's YAML: block style, and quotes wherever a reader may differ.

The text is the same on every machine, whichever YAML library is installed. Every string comes back
as itself from a reader of YAML 1.2 and from one of YAML 1.1, such as PyYAML's `safe_load`.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

import yaml

from reconciler.manifest.scalars import resolve
from reconciler.plain import replace_harmful

Data: TypeAlias = "str | int | float | bool | Mapping[str, Data] | Sequence[Data] | None"
"""What can be written; mappings keep their order."""

_PLAIN: Final = re.compile(r"[^\W_](?:[\w .,/()+@%-]*[\w.,/()+@%-])?\Z")
"""Text that can go without quotes as far as YAML's punctuation goes: a part of what could."""

_ONE_LETTER_BOOLEANS: Final = frozenset("yYnN")
"""Booleans of YAML 1.1 that PyYAML, unlike other readers, takes for text."""

_LEGACY: Final = yaml.SafeLoader("")
_TEXT_TAG: Final = "tag:yaml.org,2002:str"


def quoted(text: str, *, flow: bool = False) -> str:
    """Return a text as YAML, in double quotes unless every reader takes it for text without.

    Args:
        text: any text.
        flow: whether it is to stand within brackets, where a comma parts items.
    """
    plain = _PLAIN.match(text) and not (flow and "," in text)
    if plain and text not in _ONE_LETTER_BOOLEANS and _is_text(text):
        return text
    # What JSON leaves as it is and YAML does not is harmful on a terminal, too.
    return replace_harmful(json.dumps(text, ensure_ascii=False), _escaped)


def _escaped(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08x}"


def _is_text(text: str) -> bool:
    """Whether neither YAML 1.2 nor YAML 1.1 reads the plain text as something else."""
    if resolve(text).__class__ is not str:
        return False
    legacy = _LEGACY.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call] # PyYAML's
    return bool(legacy == _TEXT_TAG)


def dump_manifest(data: Mapping[str, Data]) -> str:
    """Write data in the manifest's format as block YAML, with an ending line break.

    Args:
        data: mappings, sequences and scalars; keys and values in the order to be written.
    """
    return "".join(f"{line}\n" for line in _block(data)) if data else "{}\n"


def count_lines(data: Mapping[str, Data]) -> int:
    """Count the lines that data takes in the manifest's format."""
    return dump_manifest(data).count("\n")


def _block(data: Data) -> Iterator[str]:
    """Yield the lines of a mapping or a sequence that is not empty."""
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from _under(f"{quoted(key)}:", value, "  ")
    elif isinstance(data, Sequence) and not isinstance(data, str):
        for item in data:
            if isinstance(item, Mapping) and item:
                first, *rest = _block(item)
                yield f"- {first}"
                yield from (f"  {line}" for line in rest)
            else:
                yield from _under("-", item, "  ")


def _under(head: str, value: Data, indent: str) -> Iterator[str]:
    """Yield a key or a dash with its value: beside it, or below it."""
    if isinstance(value, Mapping | Sequence) and not isinstance(value, str) and value:
        yield head
        yield from (indent + line for line in _block(value))
    else:
        yield f"{head} {_beside(value)}"


def _beside(value: Data) -> str:
    """Return what can stand on the line of its key or dash."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Mapping):
        return "{}"
    return json.dumps(value) if not isinstance(value, Sequence) else "[]"
