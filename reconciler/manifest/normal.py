"""The normal form of a manifest's text: what `fmt` writes, and what an export already is.

Only the layout changes. That nothing else did, not what is declared and no comment, is checked on
the text that was made, before anybody gets it.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from reconciler.errors import ReconcilerError
from reconciler.manifest.dump import quoted
from reconciler.manifest.encoding import check_bytes
from reconciler.manifest.layout import (
    Alias,
    Collection,
    Comment,
    Layout,
    Node,
    Part,
    Scalar,
    read_comments,
    read_layout,
)
from reconciler.manifest.load import Loaded, load_file
from reconciler.manifest.placed import PlainDate
from reconciler.manifest.scalars import resolve
from reconciler.manifest.shape import schema

WIDTH: Final = 100
"""How many columns a line may have before what stands in brackets is broken up."""

_STEP: Final = "  "
_TEXT_TAG: Final = "tag:yaml.org,2002:str"

_FOR_PROGRAMS: Final = re.compile(r"#\s*(?:yaml-language-server:|Written by reconciler|vim?:|-\*-)")
"""What a program looks for in the first lines of a file."""

Rule = Mapping[str, Any] | None
"""The part of the schema that is about a value, or None where it says nothing about it."""


def normal_form(file: str, raw: bytes) -> bytes:
    """Return a manifest's text in its normal form; it is the same when it has it already.

    Args:
        file: the file as the user named it, for positions.
        raw: its content.

    Raises:
        InvalidInput: it has mistakes.
        ReconcilerError: it would declare something else, or lose a comment; a defect of ours.
    """
    before = load_file(file, raw)
    text, _ = check_bytes(file, raw)
    assert text is not None  # noqa: S101 - it has been loaded
    lines = re.sub("\r\n?", "\n", text.decode())
    layout = read_layout(lines if lines.endswith("\n") else lines + "\n")
    said = Counter(comment.text for comment in layout.comments)
    made = _Writer(layout).text()
    if not _is_same(before, said, file, made):
        raise ReconcilerError(
            f"{file} cannot be put into its normal form without changing what it says, so it is "
            "left as it is.",
            "Please report it, with the file if you may show it.",
        )
    return made.encode()


def _is_same(before: Loaded, said: Counter[str], file: str, made: str) -> bool:
    """Whether a text declares the same as before, and has the same comments."""
    try:
        after = load_file(file, made.encode())
    except ReconcilerError:
        return False
    return (
        after.digest == before.digest
        and after.document.root == before.document.root
        and Counter(comment.text for comment in read_comments(made)) == said
    )


class _Writer:
    """Writes a tree; owns the lines written so far."""

    def __init__(self, layout: Layout) -> None:
        self._root = layout.root
        self._in_order = not layout.has_aliases  # what stands for something has to come after it
        self._lines: list[str] = []
        self._opening = True

    def text(self) -> str:
        """Return the whole text."""
        if self._in_order:
            self._keep_on_top()
        self._block(self._root, schema(), "")
        return "".join(f"{line}\n" for line in self._lines)

    def _keep_on_top(self) -> None:
        """Leave the comments about the file at its beginning, when its first section moves."""
        first = self._root.parts[0]
        moved_up = self._ordered(self._root, schema())[0]
        if moved_up is first:
            return
        blanks = [*(comment.blank for comment in first.lead), first.blank]
        parted = max((n for n, blank in enumerate(blanks) if n and blank), default=0)
        end = parted
        while end < len(first.lead) and _FOR_PROGRAMS.match(first.lead[end].text):
            end += 1
        self._comments(first.lead[:end], "")
        first.lead = first.lead[end:]
        if parted:
            (moved_up.lead[0] if moved_up.lead else moved_up).blank = True
            self._opening = False

    def _add(self, line: str, *, blank: bool) -> None:
        if blank and not self._opening and self._lines:
            self._lines.append("")
        self._lines.append(line)
        self._opening = False

    def _comments(self, comments: list[Comment], indent: str) -> None:
        for comment in comments:
            self._add(indent + comment.text, blank=comment.blank)

    def _line(self, line: str, part: Part, *, blank: bool) -> None:
        """Write a line and the comment beside it, which keeps its column where there is room."""
        if part.beside:
            line = line.ljust(part.beside.column - 2) + _STEP + part.beside.text
        self._add(line, blank=blank)

    def _ordered(self, node: Collection, rule: Rule) -> list[Part]:
        """Return the entries in the schema's order; what it does not name comes last, as it is."""
        known = {key: n for n, key in enumerate(_resolved(rule).get("properties", ()))}
        if not (node.is_mapping and known and self._in_order):
            return node.parts

        def place(part: Part) -> int:
            text = part.key.text if isinstance(part.key, Scalar) else ""
            return known.get(text, len(known))

        return sorted(node.parts, key=place)

    def _block(self, node: Collection, rule: Rule, indent: str, dash: str = "") -> None:
        """Write a collection line by line.

        Args:
            node: the collection, which is not empty.
            rule: what the schema says of it.
            indent: what its lines begin with.
            dash: what its first line begins with instead, of the item that it is.
        """
        for part in self._ordered(node, rule):
            below = _below(rule, part)
            if not dash:
                self._comments(part.lead, indent)
            head = (dash or indent) + (f"{_key(part.key)}:" if part.key else "-")
            blank = part.blank and not dash
            dash = ""
            self._part(part, below, head, indent, blank=blank)
        self._comments(node.tail, indent)

    def _part(self, part: Part, rule: Rule, head: str, indent: str, *, blank: bool) -> None:
        value = part.value
        inline = self._inline(value, rule, len(head) + 1, indent)
        if inline is not None:
            first, *rest = inline
            for line in (f"{head} {first}", *rest)[:-1]:
                self._add(line, blank=blank)
                blank = False
            self._line(rest[-1] if rest else f"{head} {first}", part, blank=blank)
            return
        assert isinstance(value, Collection)  # noqa: S101 - anything else stands on its line
        if part.key is None and value.is_mapping and not value.anchor:
            self._add_item(value, rule, part, head, blank=blank)
            return
        self._line(head + (f" &{value.anchor}" if value.anchor else ""), part, blank=blank)
        self._opening = True
        self._block(value, rule, indent + _STEP)

    def _add_item(
        self, value: Collection, rule: Rule, part: Part, head: str, *, blank: bool
    ) -> None:
        """Write a mapping that begins beside the dash of its item; comments go above the dash."""
        indent = head[:-1]
        first = self._ordered(value, rule)[0]
        above = [part.beside] if part.beside else []
        for n, comment in enumerate([*above, *first.lead]):
            self._add(indent + comment.text, blank=blank and not n)
        if blank and not (above or first.lead):
            self._add_blank()
        self._block(value, rule, indent + _STEP, dash=f"{head} ")

    def _add_blank(self) -> None:
        if not self._opening and self._lines:
            self._lines.append("")

    def _inline(self, node: Node, rule: Rule, column: int, indent: str) -> list[str] | None:
        """Return the lines of what stands on the line of its key or dash, or None for a block."""
        if not isinstance(node, Collection):
            return [_leaf(node, rule)]
        if node.parts and (not node.flow or node.commented):
            return None
        flow = self._flow(node, rule)
        if column + len(flow) <= WIDTH or not node.parts:
            return [flow]
        if node.is_mapping or any(isinstance(part.value, Collection) for part in node.parts):
            return None
        return _filled(flow.split(" "), column, indent + _STEP)

    def _flow(self, node: Node, rule: Rule) -> str:
        """Return a value as it stands within brackets."""
        if not isinstance(node, Collection):
            return _leaf(node, rule, flow=True)
        found = []
        for part in self._ordered(node, rule):
            value = self._flow(part.value, _below(rule, part))
            found.append(f"{_key(part.key, flow=True)}: {value}" if part.key else value)
        inside = ", ".join(found)
        return _anchored(node.anchor, f"{{{inside}}}" if node.is_mapping else f"[{inside}]")


def _filled(words: list[str], column: int, indent: str) -> list[str]:
    """Fill lines with the words of a list in brackets, the first from a column on."""
    lines = [words[0]]
    room = WIDTH - column
    for word in words[1:]:
        if len(lines[-1]) + 1 + len(word) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(indent + word)
            room = WIDTH
    return lines


def _anchored(anchor: str | None, text: str) -> str:
    return f"&{anchor} {text}" if anchor else text


def _key(key: Scalar | Alias | None, *, flow: bool = False) -> str:
    if isinstance(key, Alias):
        return f"*{key.name} "  # the colon would belong to the name
    assert key is not None  # noqa: S101 - only an item has none
    return _anchored(key.anchor, quoted(key.text, flow=flow))


def _leaf(node: Scalar | Alias, rule: Rule, *, flow: bool = False) -> str:
    if isinstance(node, Alias):
        return f"*{node.name}"
    return _anchored(node.anchor, _scalar(node, rule, flow=flow))


def _scalar(node: Scalar, rule: Rule, *, flow: bool) -> str:
    """Return a scalar as an export would have it; a date stands without quotes."""
    value = resolve(node.text)
    if isinstance(value, PlainDate):
        bare = (node.plain and node.tag != _TEXT_TAG) or _resolved(rule).get("format") == "date"
        return node.text if bare else quoted(node.text, flow=flow)
    if isinstance(value, str) or node.tag == _TEXT_TAG or not (node.plain or node.tag):
        return quoted(node.text, flow=flow)
    if isinstance(value, float) and not math.isfinite(value):
        return node.text
    return json.dumps(value)


def _resolved(rule: Rule) -> Mapping[str, Any]:
    """Follow a reference within the schema."""
    if rule is None:
        return {}
    if "$ref" not in rule:
        return rule
    found: Mapping[str, Any] = schema()["$defs"][rule["$ref"].rpartition("/")[2]]
    return found


def _below(rule: Rule, part: Part) -> Rule:
    """Return what the schema says of an entry's or an item's value."""
    resolved = _resolved(rule)
    if part.key is None:
        return resolved.get("items")
    named = resolved.get("properties", {})
    if isinstance(part.key, Scalar) and part.key.text in named:
        found: Rule = named[part.key.text]
        return found
    others = resolved.get("additionalProperties")
    return others if isinstance(others, Mapping) else None
