"""The id of a run: its own, or that of the trace in which it is started."""

import re

import pytest

from reconciler import tracing

GIVEN = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_trace_that_is_handed_over_goes_on():
    assert tracing.new_id({"TRACEPARENT": f"00-{GIVEN}-00f067aa0ba902b7-01"}) == GIVEN
    assert tracing.new_id({"TRACEPARENT": f"01-{GIVEN}-00f067aa0ba902b7-01-more"}) == GIVEN


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "nonsense",
        f"00-{GIVEN.upper()}-00f067aa0ba902b7-01",
        f"ff-{GIVEN}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{GIVEN}-{'0' * 16}-01",
        f"00-{GIVEN}-00f067aa0ba902b7-01\nX-Injected: 1",
    ],
)
def test_what_is_no_trace_is_none(wrong: str):
    ids = {tracing.new_id({"TRACEPARENT": wrong}) for _ in range(2)}
    assert len(ids) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in ids)


def test_a_request_has_the_id_of_its_run_and_one_of_its_own():
    first, second = (tracing.header(GIVEN)["traceparent"] for _ in range(2))
    assert re.fullmatch(f"00-{GIVEN}-[0-9a-f]{{16}}-01", first)
    assert first != second
    assert tracing.header("") == {}
