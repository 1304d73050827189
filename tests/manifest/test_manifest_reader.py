"""The reader: the 1.2 core schema, the same from both of PyYAML's parsers, and bounded."""

import math
import re
import time
import tracemalloc

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.manifest.placed import PlacedDict, PlacedList, PlainDate
from reconciler.manifest.reader import fastest_parser, pure_parser, read_document

PARSERS = {"pure": pure_parser, "fastest": fastest_parser}

# --- the oracle: PyYAML's nodes, resolved by the tables of the YAML 1.2 specification, 10.3.2 ---

CORE = [
    (r"null|Null|NULL|~|", lambda _: None),
    (r"true|True|TRUE", lambda _: True),
    (r"false|False|FALSE", lambda _: False),
    (r"[-+]?[0-9]+", int),
    (r"0o[0-7]+", lambda text: int(text, 8)),
    (r"0x[0-9a-fA-F]+", lambda text: int(text, 16)),
    (r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", float),
    (r"[-+]?(\.inf|\.Inf|\.INF)", lambda text: -math.inf if text[0] == "-" else math.inf),
    (r"\.nan|\.NaN|\.NAN", lambda _: math.nan),
]


def core(node):
    """Return what a composed node means in the core schema."""
    if isinstance(node, yaml.MappingNode):
        return {key.value: core(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [core(item) for item in node.value]
    if node.style is None:
        for pattern, read in CORE:
            if re.fullmatch(pattern, node.value):
                return read(node.value)
    return node.value


def places(node):
    """Return the lines and columns, from 0, of everything below a composed node."""
    if isinstance(node, yaml.MappingNode):
        return [(mark_of(key), mark_of(value), places(value)) for key, value in node.value]
    if isinstance(node, yaml.SequenceNode):
        return [(mark_of(item), places(item)) for item in node.value]
    return None


def mark_of(node):
    return node.start_mark.line << 28 | node.start_mark.column


def placed(value):
    """Return the same of what our reader made."""
    if isinstance(value, PlacedDict):
        return [(key, at, placed(below)) for _, below, key, at in value.placed_items()]
    if isinstance(value, PlacedList):
        return [(at, placed(item)) for item, at in zip(value, value.places, strict=True)]
    return None


def read(text, parser="fastest"):
    raw = text if isinstance(text, bytes) else text.encode()
    document, found = read_document("m.yaml", raw, PARSERS[parser])
    assert not found
    return document


TOKENS = [
    "no",
    "on",
    "yes",
    "off",
    "y",
    "n",
    "null",
    "~",
    "Null",
    "true",
    "True",
    "TRUE",
    "false",
    "tRUE",
    "0412",
    "0o14",
    "0o9",
    "0x1F",
    "0xg",
    "12",
    "-3",
    "+4",
    "1e3",
    "1E+3",
    "1.",
    ".5",
    "-",
    ".",
    "+",
    ".inf",
    "-.inf",
    "+.Inf",
    ".nan",
    ".NaN",
    "1_000",
    "1:30",
    "0b11",
    "2026-08-17",
    "2026-8-7",
    "8a",
    "t-0412",
    "<<",
]

plain = st.sampled_from([token for token in TOKENS if token != "-"])
quoted = st.text("aé'\\\"no 12-:#\U0001f600", max_size=8).map(
    lambda text: "'" + text.replace("'", "''") + "'"
)
keys = st.lists(st.sampled_from(["a", "b", "cé", "'no'", '"x y"']), unique=True, max_size=4)


def flow(children):
    lists = st.lists(children, max_size=4).map(lambda items: "[" + ", ".join(items) + "]")
    mappings = keys.flatmap(
        lambda names: st.tuples(*(children for _ in names)).map(
            lambda values: "{" + ", ".join(map(": ".join, zip(names, values, strict=True))) + "}"
        )
    )
    return lists | mappings


values = st.recursive(plain | quoted, flow, max_leaves=12)


@st.composite
def documents(draw):
    """Block mappings of block lists of flow values, with comments and blank lines between."""
    lines = []
    for number in range(draw(st.integers(1, 4))):
        lines.append(draw(st.sampled_from(["", "# é", "  "])))
        if draw(st.booleans()):
            lines.append(f"k{number}: {draw(values)}")
        else:
            lines.append(f"k{number}:")
            lines += [f"  - {draw(values)} # x" for _ in range(draw(st.integers(1, 3)))]
    return draw(st.sampled_from(["\n", "\r\n"])).join(lines)


@settings(deadline=None)
@given(documents())
def test_both_parsers_read_what_the_oracle_reads(text):
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    for parser in PARSERS:
        root = read(text, parser).root
        assert repr(root) == repr(core(node))
        assert placed(root) == places(node)


@settings(deadline=None)
@given(st.text("abé:-#[]{}&*!|>'\"%@`,?.~0 \n\t\r\u2028", max_size=40))
@example("a: [x,\ty]")
@example("a: |\n\tb\n")
@example("a: 'x\n\ty'\nb: \"c\td\" # \t")
def test_whatever_the_text_there_is_data_or_a_diagnostic_and_never_a_traceback(text):
    read_by_both = []
    for make in PARSERS.values():
        document, found = read_document("m.yaml", text.encode(), make)
        assert (document is None) == any(one.is_error and one.code != "RR012" for one in found)
        if document is not None:
            read_by_both.append((document, found))
    if len(read_by_both) == 2:
        assert repr(read_by_both[0]) == repr(read_by_both[1])


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_whatever_the_bytes_there_is_data_or_a_diagnostic(raw):
    document, found = read_document("m.yaml", raw)
    assert document is not None or found


MISTAKES = [
    "a: [",
    "a: {",
    "a: [1,",
    "a: [1,\n b",
    'a: "x\n',
    "a: b: c",
    "a:\n\t- b",
    "a: |\n\tb\n",
    "a: x\ty",
    "hello world: a\n b\nc",
    "@x",
    "a: `x",
    "- a\nb: c",
    "*x",
    "a: *x",
    "a: &x [*x]",
    "a: !foo b",
    "a: [b, {x: y]",
    "a: 'x'y",
    "a: -",
    "[:]:",
    "{a: 1}}",
    "a: [a,b]c",
    'a: "\\q"',
    "a: 1\na: 2\n",
    "%YAML 1.1\n---\na: b",
    "%FOO\n---\na: b",
    "a: 1\n---\n",
    "a: \x07",
    "a: \x7f",
    "a: \x85",
]


@pytest.mark.parametrize("text", MISTAKES)
def test_both_parsers_report_a_mistake_alike(text):
    results = [read_document("m.yaml", text.encode(), make) for make in PARSERS.values()]
    assert results[0][1]
    assert results[0] == results[1]


@pytest.mark.parametrize("parser", PARSERS)
def test_tabs_in_quotes_and_comments_are_welcome(parser):
    text = "a: 'x\ty' # a\tcomment\n#\tanother\nb: |\n  x\ty\n"
    assert read(text, parser).root == {"a": "x\ty", "b": "x\ty\n"}


@pytest.mark.parametrize("parser", PARSERS)
def test_tabs_that_separate_are_welcome(parser):
    text = "a:\tx\t# comment\nb:\t\n  - c\nd: [1, {e:\tf}]\ng: 'x'\t # y\n"
    assert read(text, parser).root == {"a": "x", "b": ["c"], "d": [1, {"e": "f"}], "g": "x"}


def test_tabs_without_end_take_no_time():
    text = "a: 1 # " + "\t" * 300_000 + "\nb: '" + "\t" * 300_000 + "'\n"
    begun = time.process_time()
    assert len(read(text).root["b"]) == 300_000
    assert time.process_time() - begun < 20


@pytest.mark.parametrize("parser", PARSERS)
def test_words_of_yaml_1_1_are_text_and_a_bare_date_is_remembered(parser):
    root = read("a: [no, on, 'no', 2026-08-17, '2026-08-17', 2026-08-17 10:00:00]", parser).root
    assert root["a"] == ["no", "on", "no", "2026-08-17", "2026-08-17", "2026-08-17 10:00:00"]
    assert [type(item) is PlainDate for item in root["a"]] == [False] * 3 + [True, False, True]


@pytest.mark.parametrize("parser", PARSERS)
def test_core_tags_are_understood(parser):
    text = "a: !!str 0412\nb: !!int '12'\nc: !!map {}\nd: !!seq []\ne: !!float 1.5\nf: !!null ''"
    assert read(text, parser).root == {
        "a": "0412",
        "b": 12,
        "c": {},
        "d": [],
        "e": 1.5,
        "f": None,
    }


def test_an_alias_shares_what_it_stands_for():
    root = read("a: &x [1, {b: c}]\nd: *x\ne: &y k\n*y : z").root
    assert root["d"] is root["a"]
    assert root["k"] == "z"


def bomb(levels):
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 10)}]" for level in range(1, levels)
    ]
    return "\n".join(lines)


BOMBS = {
    "100 MB of text": lambda: bomb(8),
    "more than there are atoms": lambda: bomb(50),
    "100 MB file": lambda: "a: &a [1, 2, 3]\nb:\n" + ("- [" + "*a, " * 250 + "]\n") * 100_000,
    "one alias at a time": lambda: "a: &a [" + "x, " * 1000 + "]\nb:\n" + "- *a\n" * 1000,
}


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("make", BOMBS.values(), ids=BOMBS)
def test_an_alias_bomb_is_refused_fast_and_in_little_memory(make, parser):
    # The pure parser first decodes and checks the whole text, several seconds for 100 MB.
    raw = make().encode()[: None if parser == "fastest" else 10_000_000]
    tracemalloc.start()
    begun = time.process_time()
    document, found = read_document("m.yaml", raw, PARSERS[parser])
    taken = time.process_time() - begun
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert document is None
    assert [one.code for one in found] == ["RR015"]
    assert "100,000" in found[0].message
    assert taken < 30, "it was expanded first"
    assert peak < 40_000_000 + (2 * len(raw) if parser == "pure" else 0)


def test_aliases_in_moderation_are_allowed():
    text = "a: &a [" + "x, " * 90 + "]\nb:\n" + "- *a\n" * 1000
    assert len(read(text).root["b"]) == 1000


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize(
    "text",
    ["a: " + "[" * 100_000, "- " * 500, "".join(f"{' ' * n}a:\n" for n in range(200))],
    ids=["flow", "lists", "mappings"],
)
def test_deep_nesting_is_refused(text, parser):
    _, found = read_document("m.yaml", text.encode(), PARSERS[parser])
    assert [one.code for one in found] == ["RR016"]


def test_depth_that_aliases_add_is_counted():
    text = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 100))
    _, found = read_document("m.yaml", text.encode())
    assert [one.code for one in found] == ["RR016"]
