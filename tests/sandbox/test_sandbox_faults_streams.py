"""Which requests meet a fault: a pure decision, out of counts and a seed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.sandbox.faults.model import Limit, Matcher, Occurrence, fits
from reconciler.sandbox.faults.streams import Stream, Streams, occurs

SETTINGS = settings(max_examples=100, deadline=None)

counts = st.builds(
    Occurrence,
    every=st.none() | st.integers(1, 5),
    rate=st.sampled_from([0.0, 0.3, 1.0]),
    after=st.integers(0, 5),
    times=st.none() | st.integers(1, 4),
)


def play(stream: Stream, occurrence: Occurrence, requests: int) -> list[float | None]:
    """What each of some requests meets: nothing, or what chance says next."""
    met = [stream.meet(occurrence) for _ in range(requests)]
    return [None if chance is None else chance.random() for chance in met]


@SETTINGS
@given(
    st.integers(0, 2**53),
    st.lists(st.tuples(st.sampled_from(["0", "1"]), st.sampled_from(["", "a", "b"])), max_size=60),
    counts,
)
def test_streams_in_any_order_are_what_each_is_alone(seed, order, occurrence):
    mixed = Streams(seed)
    met: dict[tuple[str, str], list[float | None]] = {}
    for name, client in order:
        met.setdefault((name, client), []).extend(play(mixed.of(name, client), occurrence, 1))
    for (name, client), found in met.items():
        assert found == play(Streams(seed).of(name, client), occurrence, len(found))


@SETTINGS
@given(counts, st.integers(0, 99))
def test_counts_are_kept(occurrence, seed):
    met = [each is not None for each in play(Stream(seed), occurrence, 40)]
    assert not any(met[: occurrence.after])
    if occurrence.times is not None:
        assert sum(met) <= occurrence.times
    if occurrence.every is not None:
        numbers = [number for number, each in enumerate(met, 1 - occurrence.after) if each]
        wanted = range(occurrence.every, 41 - occurrence.after, occurrence.every)
        assert numbers == list(wanted)[: occurrence.times]
    elif occurrence.rate == 1:
        assert sum(met) == min(40 - occurrence.after, occurrence.times or 40)
    elif occurrence.rate == 0:
        assert not any(met)


@SETTINGS
@given(counts, st.integers(1, 50), st.integers(0, 10))
def test_without_a_rate_chance_has_no_say(occurrence, number, met):
    draws = {occurs(occurrence, number, met, draw) for draw in (0.0, 0.5, 0.999)}
    assert len(draws) == 1 or (occurrence.every is None and 0 < occurrence.rate < 1)


def test_a_rate_is_about_the_share_that_it_says():
    met = [each for each in play(Stream(1, "0", "a"), Occurrence(rate=0.2), 2000) if each]
    assert 320 < len(met) < 480
    # What is drawn next is evenly spread, and not bound to have been a hit.
    assert 0.45 < sum(met) / len(met) < 0.55


def test_other_names_clients_and_seeds_make_other_chances():
    keys = [
        (1, "0", "a"),
        (1, "0", "b"),
        (1, "1", "a"),
        (2, "0", "a"),
        (1, "0,", "a"),
        (1, "", "0a"),
    ]
    played = [tuple(play(Stream(*key), Occurrence(rate=0.5), 40)) for key in keys]
    assert len(set(played)) == len(keys)


def test_a_seed_means_the_same_next_year():
    met = play(Stream(7, "0", "reconciler"), Occurrence(rate=0.5), 16)
    assert "".join("." if each is None else "x" for each in met) == "..x.xxx.xxxx.x.x"


@SETTINGS
@given(
    st.integers(1, 4),
    st.sampled_from([0.5, 1.0, 3.0]),
    st.lists(st.floats(0, 2, allow_nan=False), max_size=40),
)
def test_a_limit_admits_so_many_a_window_and_tells_the_truth(requests, window, steps):
    stream, limit, now = Stream(), Limit(requests, window), 100.0
    admitted: list[float] = []
    for step in steps:
        now += step
        wait = stream.wait(limit, now)
        assert wait <= window
        if wait:
            # Who comes back then is admitted.
            now += wait
            assert stream.wait(limit, now) == 0
        admitted.append(now)
    # In any stretch of a window's length at most two windows take part.
    for start in admitted:
        assert sum(start <= each < start + window for each in admitted) <= 2 * requests


@pytest.mark.parametrize(
    ("pattern", "path", "fitting"),
    [
        ("/v1/**", "/v1/people", True),
        ("/v1/**", "/v1/holders/mentor/7", True),
        ("/v1/**", "/oauth/token", False),
        ("/v1/*", "/v1/people", True),
        ("/v1/*", "/v1/holders/mentor/7", False),
        ("/v1/holders/*/7", "/v1/holders/mentor/7", True),
        ("/v1/holders/*/7", "/v1/holders/mentor/77", False),
        ("/v1/holders/mentor/a%2Fb", "/v1/holders/mentor/a%2Fb", True),
        ("/v1/peopl.", "/v1/people", False),
        ("/**", "/", True),
        ("mentor/**", "mentor/7/class/8", True),
    ],
)
def test_patterns(pattern, path, fitting):
    assert fits(pattern, path) is fitting


def test_a_matcher_asks_for_method_path_and_client():
    matcher = Matcher(frozenset({"GET"}), "/v1/site", "reconciler")
    assert matcher.matches("GET", "/v1/site", "reconciler")
    assert not matcher.matches("PUT", "/v1/site", "reconciler")
    assert not matcher.matches("GET", "/v1/people", "reconciler")
    assert not matcher.matches("GET", "/v1/site", "")
    assert Matcher().matches("DELETE", "/v1/people", "")
