"""What a cache keeps comes back as it was, and what is anything else is refused."""

import json

import pytest
from hypothesis import given
from strategies import sites
from test_saved_states import STATE

from reconciler.providers.codec import COLLECTIONS
from reconciler.providers.rest import compact

every_collection = pytest.mark.parametrize("shape", COLLECTIONS, ids=lambda shape: shape.name)


@given(sites())
def test_what_is_kept_comes_back(state):
    for each in (state, STATE):
        for shape in COLLECTIONS:
            values = getattr(each, shape.name)
            found = compact.decode(shape, compact.encode(values))
            assert (found if shape.name == "assignments" else type(values)(found)) == values


@every_collection
def test_what_is_no_such_collection_is_refused(shape):
    raw = compact.encode(getattr(STATE, shape.name))
    item = json.loads(raw)[0]
    wrong = item[:-1] if isinstance(item, list) else {**item, next(iter(item)): 1}
    for body in (
        raw[:-1],
        b"",
        b"{}",
        b"[[]]",
        b"[" * 100_000,
        json.dumps([wrong]).encode(),
        b"\xff",
    ):
        assert compact.decode(shape, body) is None


def test_assignments_are_kept_by_holder():
    shape = COLLECTIONS[-1]
    kept = json.loads(compact.encode(getattr(STATE, shape.name)))
    assert len(kept) == len(list(STATE.assignments.groups()))
    assert all(len(each) == 3 for each in kept)
