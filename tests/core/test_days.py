"""Stretches of days against sets of days."""

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.days import Days, joined

FIRST = date(2026, 1, 1)
RANGE = [FIRST + timedelta(days=n) for n in range(20)]
OPEN = st.none() | st.sampled_from(RANGE)


def in_order(days: Days) -> bool:
    return days.begins is None or days.ends is None or days.begins <= days.ends


STRETCHES = st.lists(st.builds(Days, OPEN, OPEN).filter(in_order), max_size=6)


def days_of(stretches: list[Days]) -> set[date]:
    """The days of a range that is a little wider than what is drawn."""
    wider = [FIRST - timedelta(days=1), *RANGE, RANGE[-1] + timedelta(days=1)]
    return {day for day in wider for each in stretches if each.include(day)}


@given(STRETCHES)
def test_joined_stretches_are_the_same_days_with_a_gap_between(stretches):
    found = joined(stretches)
    assert days_of(found) == days_of(stretches)
    for earlier, later in pairwise(found):
        assert earlier.ends is not None
        assert later.begins is not None
        assert later.begins - earlier.ends > timedelta(days=1)


@given(st.builds(Days, OPEN, st.sampled_from(RANGE)).filter(in_order))
def test_days_are_counted_with_both_ends(days):
    wanted = len(days_of([days]) - {FIRST - timedelta(days=1)})
    assert days.count(FIRST) == wanted
    assert Days(days.begins, None).count(FIRST) is None
