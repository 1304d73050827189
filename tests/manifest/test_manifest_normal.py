"""The normal form: it says the same, keeps every comment in its place, and is its own normal form.

Texts are made with comments, blank lines and layouts of all kinds. That they say the same is asked
of ruamel.yaml, too, which shares no code with our reader.
"""

import io
import json
import re
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from strategies import examples

from reconciler.errors import InvalidInput, ReconcilerError
from reconciler.manifest import normal
from reconciler.manifest.dump import dump_manifest, quoted
from reconciler.manifest.layout import read_comments, read_layout
from reconciler.manifest.load import load_manifest
from reconciler.manifest.normal import normal_form
from reconciler.manifest.reader import fastest_parser, pure_parser, read_document
from reconciler.manifest.shape import schema

ROOT = Path(__file__).parents[2]


def formatted(text):
    return normal_form("m.yaml", text.encode()).decode()


def data_of(text):
    document, found = read_document("m.yaml", text.encode())
    assert document
    assert not [each for each in found if each.is_error]
    return document.root


def by_ruamel(text):
    return json.loads(json.dumps(YAML(typ="safe", pure=True).load(io.StringIO(text)), default=str))


# Texts of all kinds

KEYS = ("8a", "t-0412", "no", "0412", "2026-08-17", "a, b", "Ærlig é", "it's", "#x")
SPACE = ("", "", "", "\n", "\n\n\n")


class Scribe:
    """Writes a manifest in any layout that YAML has, with comments that say where they stand.

    `# above X` stands above what holds the text X, `# beside X` at the end of its line.
    """

    def __init__(self, seed):
        self.chance = Random(seed)
        self.number = 0
        self.lines = []

    def any_of(self, *choices):
        return self.chance.choice(choices)

    def shuffled(self, values):
        return self.chance.sample(values, len(values))

    def maybe(self):
        return not self.chance.randrange(4)

    def text(self):
        """Make a text that stands only once."""
        self.number += 1
        return f"{self.chance.choice(KEYS)} x{self.number}x"

    def scalar(self, text, *, flow=False):
        ways = [quoted(text, flow=flow), json.dumps(text, ensure_ascii=False)]
        ways.append("'" + text.replace("'", "''") + "'")
        if not flow and self.maybe():
            ways.append(f">-\n{' ' * 14}{text}")
            ways.append(f"|-  # beside {text}\n{' ' * 14}{text}")
        return self.any_of(*ways)

    def above(self, indent, text):
        self.lines.append(self.chance.choice(SPACE))
        while self.maybe():
            self.lines.append(" " * indent + f"# above {text}\n" + self.chance.choice(SPACE))

    def beside(self, text, written=""):
        if "# beside" in written or not self.maybe():
            return "\n"
        comment = f"{self.any_of(' ', '     ')}# beside {text}\n"
        return "\n" if ">-\n" in written or "|-\n" in written else comment

    def item(self, indent):
        text = self.text()
        self.above(indent, text)
        if self.maybe():
            pairs = [("id", text), ("until", "2026-12-20")]
            pairs = pairs[:: self.any_of(1, -1)]
            if self.maybe():
                inner = ", ".join(f"{key}: {self.flow_scalar(value)}" for key, value in pairs)
                written = f"{{{inner}}}"
            else:
                lines = [f"{key}: {self.flow_scalar(value)}" for key, value in pairs]
                written = ("\n" + " " * (indent + 2)).join(lines)
                self.lines.append(" " * indent + f"- {written}\n")
                return
        else:
            written = self.scalar(text)
        self.lines.append(" " * indent + f"- {written}" + self.beside(text, written))

    def flow_scalar(self, text):
        return text if text == "2026-12-20" else self.scalar(text, flow=True)

    def flow(self, indent):
        texts = [self.text() for _ in range(self.chance.randint(0, 9))]
        apart = self.any_of(" ", "\n" + " " * (indent + 4))
        found = "["
        for n, text in enumerate(texts):
            above = apart != " " and self.maybe()
            found += f"{apart}# above {text}{apart}" if above else apart
            found += self.scalar(text, flow=True)
            if n + 1 < len(texts):
                found += ","
            if apart != " " and self.maybe():
                found += f" # beside {text}"
        return f"{found}{apart}]"

    def listing(self, key, indent, step):
        way = self.any_of("flow", "block", "empty")
        if way == "empty":
            self.lines.append(f"{key}: []\n")
        elif way == "flow":
            self.lines.append(f"{key}: {self.flow(indent)}\n")
        else:
            self.lines.append(f"{key}:{self.beside(key.strip(' -'))}")
            for _ in range(self.chance.randint(1, 4)):
                self.item(indent + step)
            if step and self.maybe():
                self.lines.append(" " * (indent + step) + "# tail\n")

    def entry(self, indent, lists):
        """Write an entry with its keys in any order."""
        person = self.text()
        self.above(indent, person)
        dash = " " * indent + "- "
        step = self.any_of(0, 2, 3)
        for n, key in enumerate(self.shuffled(["person", *lists])):
            lead = dash if not n else " " * (indent + 2)
            if key == "person":
                if n:
                    self.above(indent + 2, person)
                written = self.scalar(person)
                self.lines.append(f"{lead}person: {written}{self.beside(person, written)}")
            else:
                self.listing(f"{lead}{key}", indent + 2, step)

    def manifest(self):
        sections = ["version", "site", "mentors", "headteachers", "policy"]
        end = self.any_of("\n", "\r\n")
        if self.maybe():
            self.lines.append("# yaml-language-server: $schema=x\n")
        for number, section in enumerate(self.shuffled(sections)):
            if number:  # what stands at the top may be about the file
                self.above(0, f"{section}:")
            if section == "version":
                self.lines.append(f"version: 1{self.beside('version: 1')}")
            elif section == "site":
                self.lines.append(f"site: nordberg{self.beside('nordberg')}")
            elif section == "policy":
                self.lines.append("policy: {max_removals: 10%, protected: {people: [t-1]}}\n")
            else:
                lists = {"mentors": ["classes", "learners"], "headteachers": ["schools"]}[section]
                self.lines.append(f"{section}:{self.beside(section)}")
                indent = self.any_of(0, 2, 4)
                for _ in range(self.chance.randint(1, 3)):
                    self.entry(indent, lists)
        if self.maybe():
            self.lines.append("# tail\n")
        mark = "\ufeff" if self.maybe() else ""
        return mark + "".join(self.lines).replace("\n", end)


TEXTS = st.integers(0, 2**32 - 1).map(lambda seed: Scribe(seed).manifest())


@examples(150)
@given(TEXTS)
def test_it_says_the_same_and_is_its_own_normal_form(text):
    made = formatted(text)
    assert formatted(made) == made
    assert data_of(made) == data_of(text)
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n")
    assert by_ruamel(made) == by_ruamel(plain)
    assert made.endswith("\n")
    assert not re.search(r"[ \t]$|\r|\n\n\n|\n\n\Z|\A\n", made, re.MULTILINE)


@examples(150)
@given(TEXTS)
def test_comments_stay_with_what_they_stand_beside(text):
    made = formatted(text)
    lines = made.split("\n")
    comments = [line for line in lines if "# above" in line or "# beside" in line]
    assert len(comments) == text.count("# above") + text.count("# beside")
    assert made.count("# tail") == text.count("# tail")
    for number, line in enumerate(lines):
        if found := re.search("# beside (.*)", line):
            before = line[: found.start()]
            assert said(found[1]) in (before if before.strip() else lines[number + 1]), made
        if found := re.fullmatch(" *# above (.*)", line):
            below = (
                each for each in lines[number + 1 :] if each.strip() and each.strip()[0] != "#"
            )
            assert said(found[1]) in next(below), made


def said(text):
    """A text as it stands in a normal form, by the part of it that is there only once."""
    number = re.search(r"x\d+x", text)
    return number[0] if number else text


@examples(100)
@given(TEXTS)
def test_both_parsers_see_the_same_layout(text):
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    assert read_layout(text, pure_parser) == read_layout(text, fastest_parser)
    assert list(read_comments(text, pure_parser)) == list(read_comments(text))


@examples(200)
@given(TEXTS)
def test_what_is_written_in_one_go_has_its_normal_form(text):
    """As an export is."""
    data = data_of(formatted(text))
    written = dump_manifest(data)
    made = formatted(written)
    # Only a date has two forms: without quotes where a day is meant.
    assert made.replace('"2026-12-20"', "2026-12-20") == written.replace(
        '"2026-12-20"', "2026-12-20"
    )


# Where comments and blank lines go

CASES = {
    "comments between an anchor or a tag and its text": (
        [
            "site: &a  # never remove",
            "  nordberg",
            "mentors:",
            "  - person: !!str # c",
            "      2026-12-20",
        ],
        [
            "site: &a nordberg",
            "# never remove",
            "mentors:",
            '  - person: "2026-12-20"',
            "    # c",
        ],
    ),
    "odd places in brackets": (
        [
            "mentors: [ # all",
            "  {person: a, # who",
            "   classes: [8a]}, # one",
            "  # next",
            "  {person: b}",
            "  # tail",
            "]",
        ],
        [
            "mentors:   # all",
            "  # one",
            "  - person: a  # who",
            "    classes: [8a]",
            "  # next",
            "  - {person: b}",
            "  # tail",
        ],
    ),
    "in empty brackets": (
        [
            "mentors: [",
            "  # nobody",
            "]  # yet",
        ],
        [
            "# nobody",
            "mentors: []  # yet",
        ],
    ),
    "all around empty brackets": (
        [
            "mentors: [ # a",
            "  # b",
            "] # c",
            "headteachers: [ # d",
            "  # e",
            "]",
        ],
        [
            "# a",
            "# b",
            "mentors: []  # c",
            "# d",
            "# e",
            "headteachers: []",
        ],
    ),
    "beside a key and its value": (
        [
            "mentors: # a",
            "  [] # b",
            "headteachers: # c",
            "  [{person: d}] # e",
            "site: # f",
            "  # g",
            "  h # i",
        ],
        [
            "# f",
            "# g",
            "site: h  # i",
            "# a",
            "mentors: []  # b",
            "# c",
            "headteachers: [{person: d}]  # e",
        ],
    ),
    "between key and value": (
        [
            "mentors:",
            "  # soon",
            "  []",
        ],
        [
            "# soon",
            "mentors: []",
        ],
    ),
    "after a dash": (
        [
            "mentors:",
            "  - # first",
            "    person: a",
        ],
        [
            "mentors:",
            "  # first",
            "  - person: a",
        ],
    ),
    "after an anchor": (
        [
            "mentors: &all # who",
            "  - &one # a",
            "    person: a",
        ],
        [
            "mentors: &all  # who",
            "  - &one  # a",
            "    person: a",
        ],
    ),
    "after the beginning of a document": (
        [
            "# new",
            "%YAML 1.2",
            "--- # begins",
            "version: 1",
            "mentors: []",
            "... # ends",
        ],
        [
            "# new",
            "# begins",
            "version: 1",
            "mentors: []",
            "# ends",
        ],
    ),
    "where a folded text begins": (
        [
            "accepted:",
            "  - address: mentor/a",
            "    owner: b",
            "    reason: >- # why",
            "      it is",
            "      so",
            "",
            "    until: 2026-12-20",
        ],
        [
            "accepted:",
            "  - address: mentor/a",
            "    owner: b",
            "    reason: it is so  # why",
            "",
            "    until: 2026-12-20",
        ],
    ),
    "a list that is indented no further than its key": (
        [
            "mentors:",
            "- person: a",
            "# next",
            "headteachers: []",
        ],
        [
            "mentors:",
            "  - person: a",
            "# next",
            "headteachers: []",
        ],
    ),
    "an entry that is commented out": (
        [
            "headteachers: []",
            "mentors:",
            "    - person: a",
            "",
            "    # - person: b",
        ],
        [
            "mentors:",
            "  - person: a",
            "",
            "  # - person: b",
            "headteachers: []",
        ],
    ),
    "a comment in a text": (
        [
            'mentors: [{person: "a #b"}]',
        ],
        [
            'mentors: [{person: "a #b"}]',
        ],
    ),
    "a question": (
        [
            "? mentors # who",
            ": []",
        ],
        [
            "mentors: []  # who",
        ],
    ),
    "a tag": (
        [
            "mentors: !!seq [{person: !!str 12}]",
        ],
        [
            'mentors: [{person: "12"}]',
        ],
    ),
    "a key in the wrong place": (
        [
            "mentors:",
            "  # about a",
            "  - classes: [8a]",
            "",
            "    # who",
            "    person: a # it is",
        ],
        [
            "mentors:",
            "  # about a",
            "  # who",
            "  - person: a  # it is",
            "    classes: [8a]",
        ],
    ),
}
"""Lines, and their normal form."""


@pytest.mark.parametrize("case", CASES)
def test_odd_places(case):
    text, wanted = ("".join(f"{line}\n" for line in lines) for lines in CASES[case])
    if "---" not in text:
        text, wanted = f"version: 1\n{text}", f"version: 1\n{wanted}"
    made = formatted(text)
    assert made == wanted
    assert formatted(made) == made


def test_what_a_file_is_about_stays_on_top_when_sections_move():
    text = (
        "# yaml-language-server: $schema=x\n# About the file.\n\n# Who.\nmentors: []\nversion: 1\n"
    )
    made = (
        "# yaml-language-server: $schema=x\n# About the file.\n\n"
        "version: 1\n\n# Who.\nmentors: []\n"
    )
    assert formatted(text) == made
    assert formatted(made) == made
    text = "# yaml-language-server: $schema=x\n# Who.\nmentors: []\nversion: 1\n"
    made = "# yaml-language-server: $schema=x\nversion: 1\n# Who.\nmentors: []\n"
    assert formatted(text) == made
    assert formatted(made) == made


def test_what_aliases_call_stays_above_them():
    text = "headteachers: &none []\nmentors: *none\nversion: 1\n"
    assert formatted(text) == text


def test_a_comment_keeps_its_column_where_there_is_room():
    text = "version: 1          # a\nmentors: []# b\n"
    assert formatted(text) == "version: 1          # a\nmentors: []  # b\n"


def test_long_brackets():
    many = [f"s-{number:04}" for number in range(40)]
    text = f"version: 1\nmentors:\n  - person: a\n    learners: [{', '.join(many)}]\n"
    made = formatted(text)
    assert formatted(made) == made
    lines = made.split("\n")
    assert "    learners: [s-0000, s-0001," in made
    assert all(len(line) <= normal.WIDTH for line in lines)
    assert lines[4].startswith("      s-")
    reason = "r" * 90
    text = f"version: 1\nmentors: [{{person: a, learners: [{{id: s, reason: {reason}}}]}}]\n"
    assert formatted(text) == (
        "version: 1\nmentors:\n  - person: a\n    learners:\n"
        f"      - id: s\n        reason: {reason}\n"
    )


def test_json_becomes_block_yaml():
    text = '{"version": 1, "mentors": [{"person": "0412", "classes": []}]}'
    assert formatted(text) == 'version: 1\nmentors: [{person: "0412", classes: []}]\n'


def test_dates_stand_without_quotes_where_a_day_is_meant():
    text = (
        'version: 1\nmentors: [{person: a, learners: [{id: "2026-12-20", until: "2026-12-20"}]}]\n'
    )
    assert formatted(text) == text.replace('until: "2026-12-20"', "until: 2026-12-20")


def test_numbers_and_words_have_one_form():
    text = (
        "version: 0x1\nlabels: {mentor: {tool_name: ~, role_name: Null}}\n"
        "policy: {no_self_mentoring: TRUE}\n"
    )
    assert formatted(text) == (
        "version: 1\nlabels: {mentor: {tool_name: null, role_name: null}}\n"
        "policy: {no_self_mentoring: true}\n"
    )


# What is refused


def test_a_change_of_what_is_said_would_be_noticed(monkeypatch):
    text = "version: 1\nsite: x\nmentors: [{person: a}]  # b\n"
    for old, new in (("person: a", "person: b"), ("  # b", ""), ("mentors", "mentos")):
        written = normal._Writer.text
        with monkeypatch.context() as patch:
            patch.setattr(normal._Writer, "text", lambda self: written(self).replace(old, new))  # noqa: B023 - called at once
            with pytest.raises(ReconcilerError, match=r"m\.yaml cannot be put into"):
                formatted(text)
    assert formatted(text) == text


def test_mistakes_are_those_that_validate_names(tmp_path):
    path = tmp_path / "m.yaml"
    path.write_text("version: 1\nsite: x\nmentors:\n  - persn: a\n  - person: a\n  - person: a\n")
    with pytest.raises(InvalidInput) as named:
        load_manifest([path])
    with pytest.raises(InvalidInput) as found:
        normal_form(str(path), path.read_bytes())
    assert found.value.diagnostics == named.value.diagnostics


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nmentors: []\n",  # the site stands elsewhere
        "version: 1\npolicy: {levels: {max_removals: advisory}}\n",
        "version: 1\nrules: [{name: a, headteacher: {who: principal, of: school}}]\n",
    ],
)
def test_a_part_of_a_manifest_has_a_normal_form(text):
    assert formatted(text) == text


def test_the_order_is_that_of_the_page():
    page = (ROOT / "docs" / "manifest.md").read_text(encoding="utf-8")
    page = re.sub("<!-- made from .*?<!-- until here -->", "", page, flags=re.DOTALL)
    keys = re.findall(r"^\| `([a-z_]+)(?:\[\])?` \|", page, re.MULTILINE)
    assert [key for key in keys if key != "item"] == list(schema()["properties"])


SHOWN = sorted((ROOT / "examples").glob("*.yaml")) + sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.name)
def test_what_is_shown_says_the_same_in_its_normal_form(path):
    text = path.read_text(encoding="utf-8")
    shown = re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    for each in [text] if path.suffix == ".yaml" else shown:
        try:
            made = formatted(each)
        except InvalidInput:
            continue  # shown for its mistakes
        assert formatted(made) == made
        assert data_of(made) == data_of(each)
        if path.suffix == ".yaml":
            assert made == each
