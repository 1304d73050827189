"""YAML by the core schema of version 1.2, as in a manifest, for a file that is small and one's own.

`no` and `on` are text, `0412` is 412, a key is text and stands once, and aliases are bounded.
"""

import math
import re
from collections.abc import Callable
from typing import Any, Final

import yaml
from yaml.error import MarkedYAMLError, YAMLError

_LARGEST: Final = 1_000_000
_MOST_VALUES: Final = 100_000


class Unreadable(Exception):
    """The text is not YAML of this kind; the message says where, and what to do."""


def read_yaml(raw: bytes) -> object:
    """Return what a file's bytes say.

    Raises:
        Unreadable: they say nothing that can be used.
    """
    if len(raw) > _LARGEST:
        raise Unreadable(f"it is larger than {_LARGEST:,} bytes; split it")
    try:
        return yaml.load(raw.decode("utf-8-sig"), Loader=_CoreLoader)  # noqa: S506 - a SafeLoader
    except UnicodeDecodeError:
        raise Unreadable("it is not UTF-8; save it in that encoding") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise Unreadable(f"{where}{error.problem or error.context}; correct the YAML") from None
    except YAMLError:
        raise Unreadable("it holds characters that YAML does not allow; remove them") from None
    except RecursionError:
        raise Unreadable("it is nested too deeply; a file of faults needs four levels") from None


class _CoreLoader(yaml.SafeLoader):
    """PyYAML's safe loader with the core schema's own types."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's way

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if node is not None and _size(node, {}) > _MOST_VALUES:
            raise MarkedYAMLError(
                problem="its aliases stand for too much, or for themselves; write them out",
                problem_mark=node.start_mark,
            )
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag != _TEXT:
                raise MarkedYAMLError(
                    problem="a key is text; put it in quotes", problem_mark=key.start_mark
                )
            if key.value in seen:
                raise MarkedYAMLError(
                    problem=f"the key {key.value!r} stands twice; remove one",
                    problem_mark=key.start_mark,
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _size(node: yaml.Node, known: dict[int, float]) -> float:
    """Count the values that a node stands for, with aliases written out."""
    if id(node) not in known:
        known[id(node)] = math.inf  # until it is known: it may hold itself
        below = node.value if isinstance(node, yaml.CollectionNode) else []
        parts = [part for each in below for part in (each if isinstance(each, tuple) else (each,))]
        known[id(node)] = 1 + sum(_size(part, known) for part in parts)
    return known[id(node)]


_TEXT: Final = "tag:yaml.org,2002:str"
_WORDS: Final = {"true": True, "false": False}
# Longer numbers are text, and then no number where one is wanted.
_SCALARS: Final[dict[str, tuple[str, str, Callable[[str], object]]]] = {
    "null": (r"~|null|Null|NULL|", "~nN\0", lambda _: None),
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF", lambda text: _WORDS[text.lower()]),
    "int": (
        r"[-+]?[0-9]{1,18}|0o[0-7]{1,18}|0x[0-9a-fA-F]{1,16}",
        "-+0123456789",
        lambda text: int(text, {"0o": 8, "0x": 16}.get(text[:2], 10)),
    ),
    "float": (
        r"[-+]?(?:\.[0-9]{1,40}|[0-9]{1,18}(?:\.[0-9]{0,40})?)(?:[eE][-+]?[0-9]{1,2})?",
        "-+.0123456789",
        float,
    ),
}


def _define(name: str) -> None:
    pattern, starts, value = _SCALARS[name]
    tag = f"tag:yaml.org,2002:{name}"
    first = ["" if start == "\0" else start for start in starts]
    _CoreLoader.add_implicit_resolver(tag, re.compile(rf"(?:{pattern})\Z"), first)

    def construct(loader: _CoreLoader, node: yaml.ScalarNode) -> object:
        return value(str(loader.construct_scalar(node)))

    _CoreLoader.add_constructor(tag, construct)


for _name in _SCALARS:
    _define(_name)
