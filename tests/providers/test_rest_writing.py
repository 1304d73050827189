"""What a writer sends, and what it makes of the answers to a batch."""

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from scripted_site import TOKENS, ScriptedSite, edited, problem, reset, says, told

from reconciler.connection import Connection
from reconciler.credentials import Secret
from reconciler.domain.address import Address
from reconciler.errors import (
    ContractViolation,
    RequestRefused,
    SiteError,
    Undelivered,
    Unreachable,
)
from reconciler.http.call import Limits
from reconciler.provider import Change, ChangeResult, Verb
from reconciler.providers.rest.writer import RestWriter
from reconciler.providers.threads import Threads

PATH = "/v1/changes"


def adding(number: int) -> Change:
    address = Address.assignment("mentor", "1", "learner", str(number))
    return Change(address, Verb.ADD, None, None, f"key-{number}")


CHANGES = [adding(number) for number in range(3)]


@pytest.fixture
def writer(site: ScriptedSite, limits: Limits) -> Iterator[RestWriter]:
    with RestWriter(site.connection(), limits) as opened:
        yield opened


@pytest.fixture
def failing(writer: RestWriter) -> Callable[..., str]:
    def send(expected: type[SiteError]) -> str:
        with pytest.raises(expected) as caught:
            writer.send(CHANGES)
        assert type(caught.value) is expected
        return told(caught.value)

    return send


def test_what_is_sent(site: ScriptedSite, writer: RestWriter) -> None:
    person = Address.holder("headteacher", "a/b ø")
    label = Address.label("mentor", "tool_name")
    writer.send(
        [
            Change(CHANGES[1].address, Verb.ADD, None, None, "k1"),
            Change(person, Verb.REMOVE, None, None, "k2"),
            Change(label, Verb.CHANGE, "Før", "Etter", "k3"),
            Change(label, Verb.CHANGE, "Etter", None, "k4"),
        ]
    )
    sent = site.asked[-1]
    assert (sent.method, sent.path) == ("POST", PATH)
    assert [{**each, "id": "-"} for each in sent.json()["changes"]] == [
        {"id": "-", "idempotency_key": "k1", "address": "mentor/1/learner/1", "verb": "add",
         "expect": {"present": False}},
        {"id": "-", "idempotency_key": "k2", "address": "headteacher/a%2Fb%20%C3%B8",
         "verb": "remove", "expect": {"present": True}},
        {"id": "-", "idempotency_key": "k3", "address": "label/mentor/tool_name",
         "verb": "change", "value": "Etter", "expect": {"value": "Før"}},
        {"id": "-", "idempotency_key": "k4", "address": "label/mentor/tool_name",
         "verb": "change", "value": None, "expect": {"value": "Etter"}},
    ]  # fmt: skip
    assert len({each["id"] for each in sent.json()["changes"]}) == 4
    assert b"roles.write" in site.asked[0].body


def test_results_stand_in_the_order_of_the_changes(site: ScriptedSite, writer: RestWriter) -> None:
    def settle(document: Any) -> None:
        first, second, third = document["results"]
        first.update(status=201)
        second.update(
            status=409, changed=False, problem={"code": "not_a_holder", "detail": "Not\nadded."}
        )
        third.update(status=204, changed=False)
        document["results"] = [third, first, second]

    site.script(PATH, edited(settle))
    results = writer.send(CHANGES)
    assert results == [
        ChangeResult(201, changed=True, revision=8),
        ChangeResult(409, changed=False, revision=8, code="not_a_holder", detail="Not added."),
        ChangeResult(204, changed=False, revision=8),
    ]
    assert [found.ok for found in results] == [True, False, True]


def test_a_full_request_and_one_too_many(site: ScriptedSite, writer: RestWriter) -> None:
    assert len(writer.send([adding(number) for number in range(500)])) == 500
    count = len(site.asked)
    with pytest.raises(ValueError, match="500"):
        writer.send([adding(number) for number in range(501)])
    assert len(site.asked) == count


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda answer: answer["results"].pop(), id="one is missing"),
        pytest.param(
            lambda answer: answer["results"].append(answer["results"][0]), id="one comes twice"
        ),
        pytest.param(
            lambda answer: answer["results"].__setitem__(0, answer["results"][1]),
            id="one stands in for another",
        ),
        pytest.param(lambda answer: answer["results"][0].update(id="x"), id="an id of nobody"),
        pytest.param(lambda answer: answer["results"][0].update(id=1), id="an id of another type"),
        pytest.param(lambda answer: answer["results"][0].pop("id"), id="no id"),
        pytest.param(lambda answer: answer["results"][0].pop("status"), id="no status"),
        pytest.param(lambda answer: answer["results"][0].update(status="200"), id="a text"),
        pytest.param(lambda answer: answer["results"][0].update(status=True), id="a boolean"),
        pytest.param(lambda answer: answer["results"][0].update(status=0), id="no HTTP status"),
        pytest.param(lambda answer: answer["results"][0].update(changed=None), id="no changed"),
        pytest.param(lambda answer: answer["results"][0].pop("revision"), id="no revision"),
        pytest.param(lambda answer: answer["results"][0].update(problem="no"), id="a bare text"),
        pytest.param(lambda answer: answer["results"].__setitem__(0, "ok"), id="no object"),
        pytest.param(lambda answer: answer.update(results={}), id="no list"),
        pytest.param(lambda answer: answer.pop("results"), id="no results"),
        pytest.param(lambda _answer: [], id="no document"),
    ],
)
def test_results_that_cannot_be_matched_leave_everything_unknown(
    site: ScriptedSite, failing: Callable[..., str], edit: Any
) -> None:
    site.script(PATH, edited(edit))
    assert "POST /v1/changes: " in failing(ContractViolation)


def test_a_request_that_is_refused_as_a_whole_had_no_effect(
    site: ScriptedSite, failing: Callable[..., str]
) -> None:
    site.script(PATH, problem(422, "duplicate_change_id", "The id 1 stands twice."))
    said = failing(RequestRefused)
    assert "422 (duplicate_change_id) The id 1 stands twice." in said
    assert site.paths() == [PATH]


def test_a_lost_answer_is_asked_for_again_with_the_same_keys(
    site: ScriptedSite, writer: RestWriter, sleeps: list[float]
) -> None:
    broken = [
        reset,
        lambda usual: replace(usual, drop=5),
        problem(503, "busy", "Later.", Retry_After="3"),
    ]
    site.script(PATH, *broken)
    results = writer.send(CHANGES)
    assert [found.repeated for found in results] == [True, True, True]
    bodies = [each.body for each in site.asked if each.path == PATH]
    assert len(bodies) == 4
    assert len(set(bodies)) == 1
    assert sleeps[2] == 3


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504])
def test_a_server_that_fails_leaves_everything_unknown(
    site: ScriptedSite, failing: Callable[..., str], status: int
) -> None:
    site.always[PATH] = problem(status, "oops", "It broke.")
    assert f"POST {PATH}: the site cannot answer: {status} (oops) It broke." in failing(Unreachable)


def test_an_answer_that_never_comes_leaves_everything_unknown(
    site: ScriptedSite, failing: Callable[..., str]
) -> None:
    site.always[PATH] = reset
    assert f"POST {PATH}: the connection failed" in failing(Unreachable)


def test_a_refusal_after_a_lost_answer_proves_nothing(
    site: ScriptedSite, failing: Callable[..., str]
) -> None:
    """The first attempt may have had an effect, so this is no `RequestRefused`."""
    site.script(PATH, reset, problem(403, "insufficient_scope", "The token may not."))
    assert "may have had an effect" in failing(SiteError)


def test_a_refusal_after_a_429_is_a_refusal(
    site: ScriptedSite, failing: Callable[..., str]
) -> None:
    busy = problem(429, "too_many", "Slow down.", Retry_After="0")
    site.script(PATH, busy, problem(403, "insufficient_scope", "The token may not."))
    assert "403 (insufficient_scope)" in failing(RequestRefused)


def test_html_from_a_proxy_leaves_everything_unknown(
    site: ScriptedSite, failing: Callable[..., str]
) -> None:
    site.script(PATH, says(200, b"<html>", Content_Type="text/html"))
    assert f"POST {PATH}: the answer is no JSON (text/html" in failing(ContractViolation)


def test_what_never_reached_the_site_had_no_effect(limits: Limits) -> None:
    """Nobody listens there, so an `apply` may say that it failed, and need not wonder."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        connection = Connection(url, f"{url}/oauth/token", token=Secret(TOKENS[0]))
        with RestWriter(connection, limits) as writer, pytest.raises(Undelivered) as caught:
            writer.send(CHANGES)
    assert "POST /v1/changes" in told(caught.value)


def test_what_was_put_off_each_time_had_no_effect(
    site: ScriptedSite, failing: Callable[..., str]
) -> None:
    site.always[PATH] = problem(429, "too_many", "Slow down.", Retry_After="1")
    assert "429" in failing(Undelivered)


def test_once_it_may_have_arrived_it_is_not_undelivered(
    site: ScriptedSite, failing: Callable[..., str]
) -> None:
    busy = problem(429, "too_many", "Slow down.")
    site.script(PATH, reset)
    site.always[PATH] = busy
    failing(Unreachable)


def test_a_retry_after_holds_back_every_request(
    site: ScriptedSite, writer: RestWriter, sleeps: list[float]
) -> None:
    """What one request is told, the others heed: they leave together when the time is over."""
    writer.site()
    writer._transport._pause.ask(7)
    writer.send(CHANGES)
    assert sleeps == [7]
    writer.send(CHANGES)
    assert sleeps == [7]


def test_a_retry_after_that_is_too_long_holds_back_nothing(
    site: ScriptedSite, writer: RestWriter, sleeps: list[float]
) -> None:
    site.script(PATH, problem(503, "busy", "Later.", Retry_After="7200"))
    with pytest.raises(Unreachable):
        writer.send(CHANGES)
    writer.site()
    assert sleeps == []


def test_who_is_asked_to_stop_tries_nothing_again(site: ScriptedSite, sleeps: list[float]) -> None:
    stop = threading.Event()

    def stopping(usual: Any) -> Any:
        stop.set()
        return reset(usual)

    site.script(PATH, stopping)
    limits = Limits(sleep=sleeps.append, clock=lambda: sum(sleeps), stopping=stop.is_set)
    with RestWriter(site.connection(), limits) as writer, pytest.raises(Unreachable):
        writer.send(CHANGES)
    assert [each.path for each in site.asked].count(PATH) == 1
    assert sleeps == []


def test_who_is_asked_to_stop_while_waiting_does_not_try_again_early(site: ScriptedSite) -> None:
    stop = threading.Event()
    site.always[PATH] = problem(429, "too_many", "Slow down.", Retry_After="9")
    limits = Limits(sleep=lambda _seconds: stop.set(), stopping=stop.is_set)
    with RestWriter(site.connection(), limits) as writer, pytest.raises(Undelivered):
        writer.send(CHANGES)
    assert [each.path for each in site.asked].count(PATH) == 1


def test_several_requests_at_once_renew_a_refused_token_once(
    site: ScriptedSite, limits: Limits
) -> None:
    """Two are refused together; the second must not throw away what the first has fetched."""
    with RestWriter(site.connection(), limits) as writer:
        old = writer._authorisation.header()
        assert writer._authorisation.renew(old)
        new = writer._authorisation.header()
        assert new is not old
        assert writer._authorisation.renew(old)
        assert writer._authorisation.header() is new


def test_threads_carry_several_requests_at_once_and_bring_back_every_answer(
    site: ScriptedSite, writer: RestWriter
) -> None:
    meeting = threading.Barrier(3, timeout=20)

    def send(changes: Any) -> list[ChangeResult]:
        meeting.wait()  # none comes back before all three have left
        return writer.send(changes)

    with Threads(send, 3) as courier:
        for number in range(3):
            courier.post(number, [adding(number)])
        answers = dict(courier.collect() for _ in range(3))
    assert sorted(answers) == [0, 1, 2]
    assert all(isinstance(each, list) and each[0].ok for each in answers.values())


def test_threads_bring_back_the_sites_errors_and_raise_all_others() -> None:
    lost = Unreachable("Nobody answers.")

    def send(changes: Any) -> list[ChangeResult]:
        raise lost if changes[0] is CHANGES[0] else ZeroDivisionError("a defect")

    with Threads(send, 1) as courier:
        courier.post(1, CHANGES[:1])
        assert courier.collect() == (1, lost)
        courier.post(2, CHANGES[1:])
        with pytest.raises(ZeroDivisionError):
            courier.collect()


def test_a_later_attempt_that_could_not_be_sent_leaves_the_lost_one_unknown(
    site: ScriptedSite, writer: RestWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = writer._transport._exchange
    calls = []

    def exchange(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) > 1:
            raise Undelivered("The certificates are gone.")
        return plain(*arguments)

    monkeypatch.setattr(writer._transport, "_exchange", exchange)
    site.script(PATH, reset)
    with pytest.raises(Unreachable) as caught:
        writer.send(CHANGES)
    assert type(caught.value) is Unreachable


def test_who_is_asked_to_stop_sends_no_change_that_had_to_wait(site: ScriptedSite) -> None:
    stop = threading.Event()
    limits = Limits(sleep=lambda _seconds: stop.set(), stopping=stop.is_set)
    with RestWriter(site.connection(), limits) as writer:
        writer.site()
        writer._transport._pause.ask(20)
        with pytest.raises(Undelivered, match="was not sent"):
            writer.send(CHANGES)
    assert PATH not in site.paths()


def test_a_pause_that_is_too_long_to_wait_for_is_told(
    site: ScriptedSite, writer: RestWriter
) -> None:
    site.script(PATH, problem(503, "busy", "Later.", Retry_After="7200"))
    with pytest.raises(Unreachable) as caught:
        writer.send(CHANGES)
    assert caught.value.retry_after == 7200


TOKEN = "/oauth/token"


def late(site: ScriptedSite, token: int) -> tuple[Limits, threading.Event]:
    """Let so many tokens come in time; with the next one comes the end of the lease."""
    stop = threading.Event()

    def slow(usual: Any) -> Any:
        stop.set()
        return usual

    site.script(TOKEN, *[lambda usual: usual] * token, slow)
    return Limits(sleep=lambda _seconds: None, stopping=stop.is_set), stop


def test_a_token_that_comes_too_late_sends_no_change(site: ScriptedSite) -> None:
    """While it was fetched the lease may have run out: another run may be writing by now."""
    limits, stop = late(site, 0)
    with RestWriter(site.connection(), limits) as writer:
        with pytest.raises(Undelivered, match="was not sent"):
            writer.send(CHANGES)
        assert stop.is_set()
        assert site.paths() == []
        writer.site()  # what is only read may go out nevertheless
    assert site.paths() == ["/v1/site"]


def test_a_renewed_token_that_comes_too_late_sends_no_change(site: ScriptedSite) -> None:
    limits, stop = late(site, 1)
    site.script(PATH, problem(401, "invalid_token", "The token has run out."))
    told = pytest.raises(RequestRefused, match="The token has run out")
    with RestWriter(site.connection(), limits) as writer, told:
        writer.send(CHANGES)
    assert stop.is_set()
    assert site.paths() == [PATH]


def test_a_token_that_comes_too_late_for_another_attempt_leaves_the_first_unknown(
    site: ScriptedSite,
) -> None:
    limits, stop = late(site, 1)
    with RestWriter(site.connection(), limits) as writer:

        def lost(_usual: Any) -> None:
            writer._authorisation.renew(writer._authorisation.header())

        site.script(PATH, lost)
        with pytest.raises(Unreachable) as caught:
            writer.send(CHANGES)
    assert type(caught.value) is Unreachable
    assert stop.is_set()
    assert site.paths() == [PATH]
