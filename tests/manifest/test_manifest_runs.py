"""Runs of entries that are not shown to the YAML parser are read exactly as it reads them."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from yaml.error import YAMLError

from reconciler.errors import InvalidInput
from reconciler.manifest.composer import Composer, Refused
from reconciler.manifest.load import load_manifest
from reconciler.manifest.normal import normal_form
from reconciler.manifest.placed import PlacedDict, PlacedList, Value
from reconciler.manifest.reader import fastest_parser, pure_parser
from reconciler.manifest.runs import shortened

HEAD = "version: 1\nsite: s\nmentors:\n"
ENTRIES = [
    "  - person: t-1\n    classes: [c-1]\n    learners:\n      - s-1\n      - s-2\n",
    "  - person: t-2\n    learners:\n      - s-3\n      - {id: s-4, from: 2026-08-17}\n",
    "  - person: t-3\n    learners:\n      - {until: 2027-06-20, id: s-3}\n      - s-4\n",
    '  - person: "0412"\n    groups: ["7", g-2]\n    classes:\n      - "8A 1"\n      - c.2\n',
    "  - person: t-3\n",
    "  - person: t-4\n    learners: [s-5]\n\n  # Class 8A\n",
    '  - person: t-5@example.org\n    learners:\n      - s-6\n      - "null"\n',
    "  - person: t-7\n    classes: [8a, 8e, 9E, 10b, {id: 1a, from: 2026-08-17}, {until: 0a}]\n",
    "  - person: kåre\n    classes: [Ås skole/8 Å, 1ø, null x, {id: øæ+, from: 2026-08-17}, z]\n",
    '  - person: t-6\n    learners:\n      - {id: "9", until: 2027-06-20}\n      - nullable\n',
]
TAIL = "headteachers:\n  - person: h-1\n    schools: [x-1]\n"

PIECES = [
    *"abn09 -:#'\"[]{},|>!%@~.=<\n\\ø",
    *("\n  ", "\n    ", "\n      ", "\n      - ", "\n  - ", "- ", ": ", " #", "null", "true"),
    *("~", "|\n", ">-\n", "? ", "---\n", "...\n", "person", "learners", "  - person: t-9\n"),
    *(
        "8e1",
        "0x1",
        "0o1",
        "1e-1",
        "8e-a",
        "1.",
        "8å",
        "/",
        "+",
        " x",
        "å ",
        "null ",
        "2026-08-1a",
        "id: ",
        ", ",
        "until: ",
    ),
    *("learners:\n      - s-1\n", "{id: s-1}", "!!str ", "2026-08-17", "# a\n", "\u00e5", "\x07"),
]


def read_whole(text: bytes, make=fastest_parser) -> tuple[Value, dict[int, str]] | None:
    """Return what the parser makes of the whole text; None where it is refused."""
    composer = Composer("m.yaml", spans=None)
    try:
        composer.run(make(text))
    except (Refused, YAMLError):
        return None
    return None if composer.found else (composer.root, composer.written)


def read_short(text: bytes) -> tuple[Value, dict[int, str]] | None:
    """Return what is made of the text without its runs; None where the whole text is needed."""
    short = shortened(text, 2)
    read = short and read_whole(short.text)
    return read if short and read and short.complete(read[0]) else None


def laid_out(value: Value) -> object:
    """Return a value with all its types and places."""
    if isinstance(value, PlacedDict):
        items = [(key, laid_out(each)) for key, each in value.items()]
        return items, value.places.tolist()
    if isinstance(value, PlacedList):
        return [laid_out(each) for each in value], value.places.tolist()
    return type(value), value


def is_read_alike(text: str) -> bool:
    """Check a text; return whether it was read without its runs."""
    raw = text.encode()
    short = read_short(raw)
    if short is None:
        return False
    whole = read_whole(raw)
    assert whole is not None
    assert (laid_out(short[0]), short[1]) == (laid_out(whole[0]), whole[1])
    return True


@given(st.lists(st.sampled_from(ENTRIES), min_size=2, max_size=12), st.booleans())
def test_entries_in_normal_form_are_read_without_the_parser(entries, more):
    assert is_read_alike(HEAD + "".join(entries) + (TAIL if more else ""))


edits = st.lists(
    st.tuples(st.integers(0, 10_000), st.integers(0, 3), st.sampled_from(["", *PIECES])),
    min_size=1,
    max_size=4,
)


@given(st.lists(st.sampled_from(ENTRIES), min_size=2, max_size=7), edits)
@example(ENTRIES[:3], [(0, 0, "x: |\n")])
@example([*ENTRIES[:3], *ENTRIES[:3]], [(34, 0, "x: |2\n")])
@settings(max_examples=600)
def test_whatever_else_stands_there_nothing_is_read_otherwise(entries, changes):
    text = HEAD + "".join(entries) + TAIL
    for at, length, piece in changes:
        place = at % (len(text) + 1)
        text = text[:place] + piece + text[place + length :]
    if not text.endswith("\n"):
        text += "\n"
    is_read_alike(text)


@pytest.mark.soak
@given(st.lists(st.sampled_from(ENTRIES), min_size=2, max_size=7), edits)
@settings(max_examples=25_000)
def test_many_more_texts_are_read_alike(entries, changes):
    test_whatever_else_stands_there_nothing_is_read_otherwise.hypothesis.inner_test(
        entries, changes
    )


@pytest.mark.parametrize(
    "around",
    [
        "notes: |\n{}",
        "notes:\n  x: |\n{}",
        'notes: "\n{}"\n',
        "notes: '\n{}'\n",
        "mentors:\n{}  - &a x\n",
        "mentors:\n{}  - person: &a x\n    learners: [*a]\n",
        "mentors:\n{}\t\n",
        "mentors: # as read\n{}",
        "mentors:\n\n  # as read\n{}",
        "mentors: !!seq\n{}",
        "a:\n mentors:\n{}",
        "? \n{}: x\n",
    ],
)
def test_what_only_looks_like_entries_is_left_to_the_parser(around):
    text = around.format("".join(ENTRIES))
    is_read_alike(text)


def test_text_around_them_is_seen_for_what_it_is():
    inside = "notes: |\n" + "".join(ENTRIES)
    assert shortened(inside.encode(), 2) is not None
    assert not is_read_alike(inside)
    assert is_read_alike("mentors: # as read\n" + "".join(ENTRIES))


def test_the_pure_parser_reads_what_is_left_alike():
    text = (HEAD + "".join(ENTRIES) + TAIL).encode()
    short = shortened(text, 2)
    assert short
    read = read_whole(short.text, pure_parser)
    assert read
    assert short.complete(read[0])
    whole = read_whole(text, pure_parser)
    assert whole
    assert laid_out(read[0]) == laid_out(whole[0])


def test_the_form_is_the_one_that_fmt_writes():
    loose = "version: 1\nsite: s\nmentors:\n" + "".join(
        f"- learners: ['s-{n}', {{'id': s-{n + 1}, from: 2026-08-17}}]\n"
        f"  classes: ['{n}']\n  person:   t-{n}\n"
        for n in range(40)
    )
    raw = normal_form("m.yaml", loose.encode())
    short = shortened(raw)
    assert short is not None
    assert [len(run.entries) for run in short.runs] == [40]


def test_mistakes_inside_a_run_are_told_with_their_places(tmp_path: Path):
    entries = "".join(f"  - person: t-{n}\n    learners:\n      - s-{n}\n" for n in range(60))
    twice = entries.replace("      - s-30\n", "      - s-30\n      - s-31\n      - s-30\n")
    again = twice.replace("person: t-41\n", "person: t-40\n")
    path = tmp_path / "m.yaml"
    path.write_text(HEAD + again, encoding="utf-8")
    with pytest.raises(InvalidInput) as refused:
        load_manifest([path])
    told = [(each.code, str(each).split(" ")[0]) for each in refused.value.diagnostics]
    assert told == [("RR113", f"{path}:98:9:"), ("RR112", f"{path}:129:13:")]
