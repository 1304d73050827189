"""What is written is read back as itself, by our reader and by readers of YAML 1.1."""

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.manifest.dump import dump_manifest, quoted
from reconciler.manifest.reader import fastest_parser, pure_parser, read_document

LEGACY = [
    "no",
    "on",
    "yes",
    "off",
    "y",
    "n",
    "Y",
    "N",
    "null",
    "~",
    "true",
    "0412",
    "0o14",
    "0x1F",
    "0b11",
    "1e3",
    ".inf",
    "1_000",
    "1:30",
    "2026-08-17",
    "=",
    "<<",
    "-",
    "2026-8-7",
    "1.",
    "+1",
    "-x",
    "?",
    ":",
    "#x",
    "a#b",
    "a:b",
    "[x]",
    "{x}",
    "&x",
    "*x",
    "!x",
    "%x",
    "@x",
    "`x",
    "|",
    ">",
    "'",
    '"',
    "--",
    "---",
    "...",
    "8a",
    "t-0412",
]

texts = (
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.sampled_from(LEGACY)
    | st.text("ab :#-'\"\\\n\t,[]{}0.", max_size=8)
)


def read_back(text):
    for make in (pure_parser, fastest_parser):
        document, found = read_document("m", text.encode(), make)
        assert not found
        yield document.root
    yield yaml.safe_load(text)
    if yaml.__with_libyaml__:
        yield yaml.load(text, Loader=yaml.CSafeLoader)


@settings(deadline=None)
@given(texts, texts)
@example("a\x85b", "\u2028")
@example("\ufeff", "\x7f")
@example(" ", "a ")
@example("", "a: b")
def test_every_text_comes_back_as_itself(key, value):
    data = {key: value, f"list {key}": [value, [value], {key: value}]}
    for root in read_back(dump_manifest(data)):
        assert root == data
        assert type(root[key]) is str


trees = st.recursive(
    texts | st.none() | st.booleans() | st.integers(-999, 999),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(texts, below, max_size=3),
    max_leaves=10,
)


@settings(deadline=None)
@given(st.dictionaries(texts, trees, max_size=3))
def test_every_tree_comes_back_as_itself(data):
    for root in read_back(dump_manifest(data)):
        assert root == data


@pytest.mark.parametrize("text", ["8a", "t-0412", "Mine elever", "Kontaktlærer", "校长", "a/b (c)"])
def test_ordinary_text_stays_readable(text):
    assert quoted(text) == text


@pytest.mark.parametrize("text", ["no", "y", "0412", "2026-08-17", "", "a: b", "1e3", "1_000"])
def test_what_some_reader_takes_for_something_else_is_quoted(text):
    assert quoted(text) == f'"{text}"'


def test_the_layout_is_the_one_of_the_handbook():
    data = {
        "version": 1,
        "mentors": [
            {"person": "t-0412", "classes": ["8a", "no"], "learners": [{"id": "s", "until": "x"}]},
            {"person": "0412", "groups": []},
        ],
        "labels": {"mentor": {"tool_name": None}},
    }
    assert dump_manifest(data) == (
        "version: 1\n"
        "mentors:\n"
        "  - person: t-0412\n"
        "    classes:\n"
        "      - 8a\n"
        '      - "no"\n'
        "    learners:\n"
        "      - id: s\n"
        "        until: x\n"
        '  - person: "0412"\n'
        "    groups: []\n"
        "labels:\n"
        "  mentor:\n"
        "    tool_name: null\n"
    )
