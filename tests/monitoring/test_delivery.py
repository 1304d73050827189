"""Handing something over: what is tried again, what is not, and how long that takes."""

import time
from dataclasses import replace

import pytest
from receivers import HANG, TRICKLE, Receiver, receiving

from reconciler import tracing
from reconciler.errors import RequestRefused, Unreachable
from reconciler.http.call import Limits
from reconciler.http.delivery import Delivery, deliver

QUICK = Limits(connect_seconds=1, attempts=4, retry_seconds=5, sleep=lambda _seconds: None)
SECRET = "T0KEN-4d41"


@pytest.fixture
def receiver():
    with receiving(Receiver()) as found:
        yield found


def hand(receiver: Receiver, timeout: float = 5.0, limits: Limits = QUICK) -> None:
    what = Delivery("POST", f"{receiver.url}/{SECRET}?sig={SECRET}", b"body", {}, "the webhook")
    deliver(what, timeout=timeout, limits=limits)


def test_what_fails_twice_is_taken_at_the_third_attempt(receiver):
    receiver.answers = [(500, {}), (503, {"Retry-After": "1"})]
    hand(receiver)
    assert [each.body for each in receiver.got] == [b"body"] * 3


@pytest.mark.parametrize("status", [500, 429])
def test_what_never_works_ends(receiver, status: int):
    receiver.answers = [(status, {})] * 10
    with pytest.raises(Unreachable, match=f"^the webhook: it answered {status}.$"):
        hand(receiver)
    assert len(receiver.got) == QUICK.attempts


@pytest.mark.parametrize("status", [400, 401, 404, 410])
def test_a_refusal_is_not_tried_again(receiver, status: int):
    receiver.answers = [(status, {})]
    with pytest.raises(RequestRefused, match=f"it answered {status}"):
        hand(receiver)
    assert len(receiver.got) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(receiver, status: int):
    with receiving(Receiver()) as other:
        receiver.answers = [(status, {"Location": f"{other.url}/elsewhere"})]
        with pytest.raises(RequestRefused, match="redirects are not followed"):
            hand(receiver)
        assert not other.got
    assert len(receiver.got) == 1


def test_who_does_not_answer_is_waited_for_so_long_and_no_longer(receiver):
    receiver.answers = [HANG] * 4
    began = time.monotonic()
    with pytest.raises(Unreachable, match="no answer within the time allowed") as failed:
        hand(receiver, timeout=0.2)
    assert time.monotonic() - began < 5
    assert SECRET not in f"{failed.value} {failed.value.advice}"


def test_who_trickles_is_left_at_the_end_of_the_time(receiver):
    receiver.answers = [TRICKLE] * 4
    began = time.monotonic()
    with pytest.raises(Unreachable, match=r"^the webhook: it was not done within 2 seconds\.$"):
        hand(receiver, timeout=0.5, limits=replace(QUICK, total_seconds=2.0))
    assert 1.9 < time.monotonic() - began < 5
    assert len(receiver.got) == 1


def test_a_time_that_somebody_set_is_given_to_each_answer(receiver):
    receiver.answers = [HANG]
    began = time.monotonic()
    limits = replace(QUICK, connect_seconds=0.1, attempts=1, total_seconds=0.1)
    with pytest.raises(Unreachable, match="no answer within the time allowed"):
        hand(receiver, timeout=1.0, limits=limits)
    assert time.monotonic() - began < 5


def test_who_asks_for_more_patience_than_there_is_gets_none(receiver):
    receiver.answers = [(503, {"Retry-After": "3600"})]
    began = time.monotonic()
    with pytest.raises(Unreachable):
        hand(receiver)
    assert time.monotonic() - began < 2
    assert len(receiver.got) == 1


def test_nobody_there_is_told_without_the_address(receiver):
    dead = Receiver(url="http://127.0.0.1:1")
    with pytest.raises(Unreachable, match="the webhook: the connection was refused") as failed:
        hand(dead)
    assert SECRET not in f"{failed.value} {failed.value.advice}"


def test_every_attempt_has_the_runs_id(receiver):
    receiver.answers = [(500, {})]
    with tracing.tracing("4bf92f3577b34da6a3ce929d0e0e4736"):
        hand(receiver)
    first, second = (each.headers["traceparent"].split("-") for each in receiver.got)
    assert first[1] == second[1] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert first[2] != second[2]
