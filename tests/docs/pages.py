"""The pages for users, taken apart: fenced blocks, the commands shown in them, links, code spans.

A page may hold remarks that do not show when it is rendered:

    <!-- file: NAME -->         the next fenced block is the content of that file
    <!-- change: NAME -->       the next fenced block is a change of that file
    <!-- by hand: … -->         what somebody does in the sandbox's console at this point
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", *sorted(DOCS.glob("*.md")))
ALSO = (
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted(DOCS.glob("tutorials/*.md")),
    *sorted(DOCS.glob("decisions/*.md")),
)

_PART = re.compile(
    r"^```(?P<kind>\w*)\n(?P<body>.*?)^```$|^<!-- (?P<remark>[\w ]+): (?P<value>.+?) -->$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Part:
    """A fenced block (its kind is the word after the fence) or a remark (its kind is the word)."""

    kind: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Step:
    """A command as a page shows it, with what it is said to print."""

    command: str
    shown: tuple[str, ...]
    line: int


def parts(text: str) -> Iterator[Part]:
    """Yield the blocks and remarks of a page, in order."""
    for match in _PART.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        if match["remark"]:
            yield Part(f"<{match['remark']}>", match["value"], line)
        else:
            yield Part(match["kind"], match["body"], line)


def blocks(page: Path, kind: str) -> list[Part]:
    """Return the fenced blocks of one kind."""
    return [part for part in parts(page.read_text(encoding="utf-8")) if part.kind == kind]


def steps(part: Part) -> Iterator[Step]:
    """Yield the commands of a console block; a line that ends in a backslash goes on."""
    lines = part.text.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
    assert starts[:1] == [0], f"line {part.line}: a console block begins with a command"
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        last = start
        while lines[last].endswith("\\"):
            last += 1
        command = "\n".join([lines[start][2:], *lines[start + 1 : last + 1]])
        yield Step(command, tuple(lines[last + 1 : end]), part.line + 1 + start)


def prose(page: Path) -> str:
    """Return a page without its fenced blocks and remarks."""
    return _PART.sub("", page.read_text(encoding="utf-8"))


def table_cells(text: str, column: int = 0) -> list[str]:
    """Return one column of the tables in a text, without their heads."""
    rows = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    rules = {number for number, row in enumerate(rows) if set("".join(row)) <= set("-: ")}
    return [
        row[column]
        for number, row in enumerate(rows)
        if number not in rules and number + 1 not in rules
    ]


def section(page: Path, title: str) -> str:
    """Return what stands under a heading, up to the next heading of its level or above."""
    text = page.read_text(encoding="utf-8")
    found = re.search(rf"^(#+) {re.escape(title)}$", text, re.MULTILINE)
    assert found, f"{page.name} has no section {title}"
    rest = text[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def spans(text: str) -> list[str]:
    """Return the code spans of a text."""
    return re.findall(r"`([^`\n]+)`", text)
