"""The compiled code against the plain one: what it takes, both take alike; what it writes, too."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_saved_states import STATE

from reconciler.domain.assignments import Assignments
from reconciler.errors import ContractViolation
from reconciler.providers import bulk
from reconciler.providers.codec import COLLECTIONS, decode, encode
from reconciler.providers.integrity import refuse_twice

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


@pytest.mark.parametrize("shape", LARGE, ids=lambda shape: shape.name)
@given(data=st.data())
def test_what_it_takes_the_plain_decoder_takes_alike(shape, data):
    items = [dict(each) for each in encode(shape, getattr(STATE, shape.name))]
    for _ in range(data.draw(st.integers(0, 2))):
        item = data.draw(st.sampled_from(items))
        name = data.draw(st.sampled_from([*item, "more"]))
        if name in item and data.draw(st.booleans()):
            del item[name]
        else:
            item[name] = data.draw(VALUES)
    raw = json.dumps(items, ensure_ascii=data.draw(st.booleans())).encode(errors="surrogatepass")
    found, expected = bulk.decode(shape, raw), plainly(shape, raw)
    if found is not None and shape.name != "assignments":
        refused = len(set(map(shape.key, found))) < len(found)
        assert expected is None if refused else list(found) == expected
    elif found is not None:
        assert found == expected


@pytest.mark.parametrize("shape", LARGE, ids=lambda shape: shape.name)
def test_it_takes_what_is_good(shape):
    raw = json.dumps([*encode(shape, getattr(STATE, shape.name))]).encode()
    assert bulk.decode(shape, raw) == plainly(shape, raw) is not None


def test_it_leaves_what_is_small_or_twice_to_the_plain_one():
    profiles = next(shape for shape in COLLECTIONS if shape.name == "profiles")
    assert bulk.decode(profiles, b"[]") is None
    shape = LARGE[-1]
    items = [*encode(shape, STATE.assignments)]
    assert bulk.decode(shape, json.dumps([*items, items[0]]).encode()) is None


@pytest.mark.parametrize("shape", COLLECTIONS, ids=lambda shape: shape.name)
@pytest.mark.parametrize("at_once", [1, 2, 10_000])
def test_what_it_writes_is_what_the_plain_encoder_writes(shape, at_once, monkeypatch):
    monkeypatch.setattr(bulk, "_AT_ONCE", at_once)
    values = getattr(STATE, shape.name)
    assert json.loads(bulk.encode(shape, values)) == list(encode(shape, values))
    assert json.loads(bulk.encode(shape, ())) == []
