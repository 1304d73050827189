"""The compiled code against the plain one: what it takes, both take alike."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_saved_states import STATE

from reconciler.domain.assignments import Assignments
from reconciler.errors import ContractViolation
from reconciler.http import answers
from reconciler.http.answers import Answer, Received
from reconciler.http.call import Call
from reconciler.providers import bulk
from reconciler.providers.codec import COLLECTIONS, Shape, decode, encode
from reconciler.providers.integrity import refuse_twice
from reconciler.providers.rest.pages import read_collection
from reconciler.providers.rest.peer import SITE

LARGE = [shape for shape in COLLECTIONS if shape.name not in ("profiles", "labels")]
VALUES = st.sampled_from(
    [
        *("", "1", "mentor", "learner", "class", "2026-08-17", "2026-8-17", "2026-08-17T00:00:00"),
        *("x", "organisation", "teacher", "\ud800", "Ołena", "u-3"),
        *(0, 1, 1.0, True, False, None, [], {}),
    ]
)


def plainly(shape: Any, raw: bytes) -> Any:
    """What the plain decoder makes of it; None where it refuses."""
    try:
        values = decode(shape, json.loads(raw), "here")
        refuse_twice(shape, values, "here")
    except (ContractViolation, ValueError):
        return None
    return Assignments.of(values) if shape.name == "assignments" else values


def items_of(shape: Shape) -> list[dict[str, Any]]:
    return [dict(each) for each in encode(shape, getattr(STATE, shape.name))]


def edit(data: st.DataObject, items: Sequence[dict[str, Any]]) -> None:
    """Take a field from an item, give it another value, or give it one more."""
    item = data.draw(st.sampled_from(items))
    name = data.draw(st.sampled_from([*item, "more"]))
    if name in item and data.draw(st.booleans()):
        del item[name]
    else:
        item[name] = data.draw(VALUES)


@pytest.mark.parametrize("shape", LARGE, ids=lambda shape: shape.name)
@given(data=st.data())
def test_what_it_takes_the_plain_decoder_takes_alike(shape, data):
    items = items_of(shape)
    for _ in range(data.draw(st.integers(0, 2))):
        edit(data, items)
    raw = json.dumps(items, ensure_ascii=data.draw(st.booleans())).encode(errors="surrogatepass")
    found, expected = bulk.decode(shape, raw), plainly(shape, raw)
    if found is None:
        return
    if isinstance(found, list) and len(set(map(shape.key, found))) < len(found):
        assert expected is None
    else:
        assert found == expected


@pytest.mark.parametrize("shape", LARGE, ids=lambda shape: shape.name)
def test_it_takes_what_is_good(shape):
    raw = json.dumps(items_of(shape)).encode()
    assert bulk.decode(shape, raw) == plainly(shape, raw) is not None


def test_it_leaves_what_is_small_to_the_plain_one():
    profiles = next(shape for shape in COLLECTIONS if shape.name == "profiles")
    assert bulk.decode(profiles, b"[]") is None
    assert bulk.decode_page(profiles, b'{"items": [], "next": null}') is None


def test_assignments_of_which_one_came_twice_are_listed_as_they_came():
    shape = LARGE[-1]
    items = items_of(shape)
    raw = json.dumps([*items, items[0]]).encode()
    assert bulk.decode(shape, raw) == decode(shape, json.loads(raw), "here")


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_assignments_are_grouped_whatever_their_order_and_pages(size):
    shape = LARGE[-1]
    for order in (1, -1):
        items = list(STATE.assignments)[::order]
        gathering = bulk.gathering(shape)
        for start in range(0, len(items), size):
            gathering.add(items[start : start + size])
        assert gathering.values() == STATE.assignments


MORE = "%more%"
PASSED_OVER = [b"NaN", b"-Infinity", b"1e999", b"\xff", b'"\\ud800"', b"[" * 200 + b"]" * 200]
PASSED_OVER += [
    b"[" * 100_000,
    b"01",
    b"{",
    b'"',
    b'{"a": 1, "a": 2}',
    b'"\xed\xa0\x80"',
    b"1" * 500,
]
"""What a field may hold that nobody reads: JSON, nearly JSON, and none."""


def told(shape: Shape, bodies: Sequence[bytes], *, compiled: bool) -> Any:
    """What a reader makes of pages, or what it says of them."""
    left = iter(bodies)

    def get(call: Call) -> Answer:
        asked = call if compiled else replace(call, compiled=None)
        received = Received(200, {"Content-Type": "application/json", "ETag": '"1"'}, next(left))
        return answers.read(
            call.name,
            received,
            SITE,
            conditional=False,
            repeatable=True,
            secrets=(),
            compiled=asked.compiled,
        )

    try:
        values = read_collection(get, shape, None).values
    except ContractViolation as error:
        return str(error), error.advice
    except StopIteration:
        return "asks for more"
    return Assignments.of(values) if shape.name == "assignments" else values


DAMAGES: list[Callable[[dict[str, Any], Any], Any]] = [
    lambda page, value: {**page, "next": value},
    lambda page, value: {**page, "items": value},
    lambda page, value: {**page, "items": [*page["items"], value]},
    lambda page, value: {**page, "other": value},
    lambda page, _: {"items": page["items"]},
    lambda page, _: {"next": page["next"]},
    lambda _, value: value,
]
"""What may be wrong with a page as a whole."""


@pytest.mark.parametrize("shape", COLLECTIONS, ids=lambda shape: shape.name)
@given(data=st.data())
def test_pages_are_read_or_refused_as_the_plain_decoder_does(shape, data):
    items = items_of(shape)
    if data.draw(st.booleans()):
        items.insert(data.draw(st.integers(0, len(items))), dict(data.draw(st.sampled_from(items))))
    for _ in range(data.draw(st.integers(0, 1))):
        edit(data, items)
    more = data.draw(st.none() | st.sampled_from(PASSED_OVER))
    if more is not None:
        data.draw(st.sampled_from(items))["more"] = MORE
    size = data.draw(st.integers(1, len(items) + 1))
    starts = range(0, len(items), size)
    pages: list[Any] = [
        {
            "items": items[start : start + size],
            "next": f"after {start}" if start != starts[-1] else None,
        }
        for start in starts
    ]
    if data.draw(st.booleans()):
        number = data.draw(st.integers(0, len(pages) - 1))
        pages[number] = data.draw(st.sampled_from(DAMAGES))(pages[number], data.draw(VALUES))
    coding = data.draw(st.sampled_from(["utf-8"] * 8 + ["utf-8-sig", "utf-16", "latin-1"]))
    ascii_only = data.draw(st.booleans())
    bodies = [
        json.dumps(each, ensure_ascii=ascii_only)
        .encode(coding, errors="replace" if coding == "latin-1" else "surrogatepass")
        .replace(json.dumps(MORE).encode(), more or b"")
        for each in pages
    ]
    if data.draw(st.integers(0, 9)) == 0:
        number = data.draw(st.integers(0, len(bodies) - 1))
        at = data.draw(st.integers(0, len(bodies[number])))
        cut = data.draw(st.sampled_from([b"", b"\x00", b"\xff", b",", b"}"]))
        rest = data.draw(st.integers(at, len(bodies[number])))
        bodies[number] = bodies[number][:at] + cut + bodies[number][rest:]
    assert told(shape, bodies, compiled=True) == told(shape, bodies, compiled=False)


def test_a_page_that_nothing_is_wrong_with_is_read_by_compiled_code():
    for shape in LARGE:
        body = json.dumps({"items": items_of(shape), "next": "2", "more": [{}]}).encode()
        page = bulk.decode_page(shape, body)
        assert page is not None
        gathering = bulk.gathering(shape)
        gathering.add(page.items)
        assert page.next == "2"
        assert gathering.values() == plainly(shape, json.dumps(items_of(shape)).encode())


def test_a_number_that_nobody_reads_may_be_as_long_as_it_likes():
    """It is JSON, though Python's own decoder takes none of more than 4300 digits."""
    body = b'{"items": [{"role": "mentor", "person": "1", "more": %s}], "next": null}'
    holders = next(shape for shape in COLLECTIONS if shape.name == "holders")
    assert bulk.decode_page(holders, body % (b"1" * 5000)) is not None
