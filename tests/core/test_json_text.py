"""Documents in pieces: text and digest of the whole, and read back piece by piece."""

import hashlib
import io
import json
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import examples

from reconciler import json_text
from reconciler.json_text import OtherForm, Reading
from reconciler.plain import harmless_json

texts = st.text(max_size=8) | st.sampled_from(["\u2028", "\x7f", "\u202e", "é", "\x00", "\\", '"'])
plain_values = st.none() | st.booleans() | st.integers() | texts
values = st.recursive(
    plain_values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(texts, values, min_size=1, max_size=4)
names = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
documents = st.dictionaries(names, values | st.lists(objects, max_size=5), min_size=1, max_size=5)


def listed(value):
    return isinstance(value, list) and all(isinstance(each, dict) and each for each in value)


def members(document):
    return [(name, iter(each) if listed(each) else each) for name, each in document.items()]


def compact(document):
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    """So that a few items are several pieces."""
    monkeypatch.setattr(json_text, "_ITEMS_AT_ONCE", 2)
    monkeypatch.setattr(json_text, "_BYTES_AT_ONCE", 40)


@given(documents)
@examples(80)
@example({"halves": [{"a": "\ud800"}, {"b": 1}]})
def test_the_pieces_are_the_text_of_the_whole(document):
    assert "".join(json_text.written(members(document))) == harmless_json(document) + "\n"
    assert json_text.whole(members(document)) == document


@given(documents)
@examples(80)
def test_the_digest_is_that_of_the_whole(document):
    expected = hashlib.sha256(compact(document).encode()).hexdigest()
    assert json_text.digest(members(document)) == f"sha256:{expected}"


@given(documents)
@examples(80)
def test_what_is_written_is_read_back(document):
    found = Reading(io.BytesIO((harmless_json(document) + "\n").encode()))
    assert found.names == document.keys()
    for name, value in document.items():
        assert found.value(name) == value
        if listed(value):
            assert list(found.items(name)) == value


@given(documents, st.data())
@examples(150)
def test_what_is_edited_is_read_as_json_has_it_or_not_at_all(document, data):
    text = (harmless_json(document) + "\n").encode()
    start, end = sorted(data.draw(st.integers(0, len(text))) for _ in range(2))
    insert = data.draw(st.binary(max_size=3) | st.sampled_from([b",", b"\n", b"[", b"}", b"  "]))
    edited = text[:start] + insert + text[end if data.draw(st.booleans()) else start :]
    with suppress(OtherForm):
        found = Reading(io.BytesIO(edited))
        read = {
            name: list(found.items(name)) if listed(document.get(name)) else found.value(name)
            for name in sorted(found.names)
        }
        assert read == json.loads(edited)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}\n",
        "[\n]\n",
        '{\n  "a": 1\n}',
        '{\n  "a": 1,\n  "a": 2\n}\n',
        '{\n  "a": 1\n  "b": 2\n}\n',
        ' {\n  "a": 1\n}\n',
    ],
)
def test_another_form_is_not_read(text):
    with pytest.raises(OtherForm):
        Reading(io.BytesIO(text.encode()))


@pytest.mark.parametrize(
    "items", ["[{}]", "[\n  ]", "[\n    {},\n  ]", "[\n    {\n    },\n  ]", "{}", "[\n    {},\n"]
)
def test_a_list_in_another_form_is_not_read(items):
    found = Reading(io.BytesIO(f'{{\n  "a": {items}\n}}\n'.encode()))
    with pytest.raises(OtherForm):
        list(found.items("a"))
