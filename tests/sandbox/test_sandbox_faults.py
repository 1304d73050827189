"""Faults on demand: each kind, as a client meets it at a real sandbox."""

import http.client
import json
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import yaml

Start = Callable[..., Any]
HEADER = "Sandbox-Fault"
ROLE = ("profiles", "p-3", "roles", "mentor")


@pytest.fixture
def faulty(start: Start, tmp_path: Path) -> Start:
    """Start a sandbox with faults; what it makes of them is no error to it."""
    started = []

    def begin(*faults: dict[str, Any], seed: int = 0, more: tuple[str, ...] = ()) -> Any:
        path = tmp_path / f"faults-{time.monotonic_ns()}.yaml"
        path.write_text(yaml.safe_dump({"version": 1, "seed": seed, "faults": list(faults)}))
        started.append(start("--faults", str(path), *more))
        return started[-1]

    yield begin
    for running in started:
        code, _, err = running.stop()
        assert code == 0
        assert "Traceback" not in err
        assert "ERROR" not in err


def statuses(running: Any, path: str, times: int, **kwargs: Any) -> list[int]:
    return [running.get(path, **kwargs).status_code for _ in range(times)]


def raw(running: Any, path: str = "units", **headers: str) -> tuple[Any, bytes, bool]:
    """Ask with a client that repairs nothing: the head, what came of the body, and if all did."""
    connection = http.client.HTTPConnection(urlsplit(running.url).netloc, timeout=20)
    bearer = {"Authorization": f"Bearer {running.token()}"}
    with closing(connection):
        connection.request("GET", f"/v1/{path}", headers={**bearer, **headers})
        with connection.getresponse() as answer:
            try:
                return answer.headers, answer.read(), True
            except http.client.IncompleteRead as error:
                return answer.headers, error.partial, False


def cut_off(call: Callable[[], Any]) -> BaseException:
    """What broke the connection under a request, as the system says it."""
    with pytest.raises(requests.ConnectionError) as caught:
        call()
    return caught.value.args[0].args[1]


# Errors and limits


def test_an_error_at_a_count_is_a_problem_with_retry_after(faulty):
    running = faulty({"kind": "error", "every": 3, "path": "/v1/people"})
    assert statuses(running, "people", 7) == [200, 200, 503, 200, 200, 503, 200]
    assert statuses(running, "units", 3) == [200] * 3
    running.get("people")
    answer = running.get("people")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Retry-After"] == "1"


def test_counts_begin_late_and_end(faulty):
    running = faulty({"kind": "error", "status": 500, "after": 2, "times": 2})
    assert statuses(running, "people", 6) == [200, 200, 500, 500, 200, 200]
    # Each client has counts of its own.
    assert statuses(running, "people", 4, client="other") == [200, 200, 500, 500]


@pytest.mark.parametrize(
    ("fault", "code", "retry_after"),
    [
        ({"status": 429}, "too_many_requests", "1"),
        ({"status": 500}, "internal_error", None),
        ({"status": 503, "retry_after": None}, "unavailable", None),
        ({"status": 503, "retry_after": 30}, "unavailable", "30"),
        ({"status": 502}, None, None),
        ({"status": 504, "retry_after": 2}, None, "2"),
    ],
)
def test_each_status_is_answered_as_who_answers_it_would(by_header, fault, code, retry_after):
    asked = {HEADER: json.dumps({"kind": "error", **fault})}
    answer = by_header.get("site", headers=asked)
    assert answer.status_code == fault["status"]
    assert answer.headers.get("Retry-After") == retry_after
    if code:
        assert answer.json()["code"] == code
    else:  # a proxy's page
        assert answer.headers["Content-Type"].startswith("text/html")


def test_an_error_after_the_commit_hides_a_write_that_was_made(by_header):
    asked = {HEADER: "error status=504 when=after"}
    assert by_header.put("profiles", "p-2", "roles", "mentor", headers=asked).status_code == 504
    assert by_header.put("profiles", "p-2", "roles", "mentor").status_code == 200
    refused = {HEADER: "error status=504"}
    assert (
        by_header.delete("profiles", "p-2", "roles", "mentor", headers=refused).status_code == 504
    )
    assert by_header.put("profiles", "p-2", "roles", "mentor").status_code == 200


def test_a_limit_counts_by_client_and_says_truly_when_it_ends(faulty):
    running = faulty({"kind": "limit", "requests": 2, "window": 1.2, "path": "/v1/site"})
    running.token()  # which is not limited here, and must not take the window's time
    assert statuses(running, "people", 1) == statuses(running, "people", 1, client="other") == [200]
    began = time.monotonic()
    assert statuses(running, "site", 3) == [200, 200, 429]
    refused = running.get("site")
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    wait = int(refused.headers["Retry-After"])
    assert 1 <= wait <= 2
    assert statuses(running, "site", 2, client="other") == [200, 200]
    time.sleep(wait)
    assert statuses(running, "site", 2) == [200, 200]
    assert time.monotonic() - began >= 1.2


def test_a_limit_holds_for_token_requests_that_it_matches(faulty):
    running = faulty({"kind": "limit", "requests": 1, "window": 60, "path": "/oauth/token"})
    running.token()
    running.token("other")
    with pytest.raises(AssertionError):
        running.token()


# Time


def test_latency_from_to_and_of_one_client_only(faulty):
    running = faulty({"kind": "latency", "seconds": {"from": 0.2, "to": 0.4}, "client": "other"})
    for client in ("main", "other"):
        running.token(client)
        running.get("openapi.json", client=client)

    def taken(client: str) -> float:
        started = time.monotonic()
        assert running.get("site", client=client).status_code == 200
        return time.monotonic() - started

    assert taken("main") < 0.2
    first, second = taken("other"), taken("other")
    assert min(first, second) >= 0.2
    assert abs(first - second) > 0.001


def test_a_slow_body_is_whole_in_the_end(by_header):
    started = time.monotonic()
    answer = by_header.get("people", headers={HEADER: "slow seconds=0.5 pieces=4"}, stream=True)
    assert time.monotonic() - started < 0.4  # the head comes at once
    assert answer.json() == by_header.get("people").json()
    assert time.monotonic() - started >= 0.5


def test_it_stops_though_requests_still_wait(start):
    running = start("--faults-by-header")
    slow = running.get("people", headers={HEADER: "slow seconds=60 pieces=999"}, stream=True)
    with ThreadPoolExecutor(1) as pool:
        asked = {HEADER: "latency seconds=60"}
        waiting = pool.submit(requests.get, f"{running.url}/v1/site", headers=asked, timeout=20)
        time.sleep(0.5)
        started = time.monotonic()
        code, _, err = running.stop()
        answer = waiting.result()
    assert time.monotonic() - started < 15
    assert (code, answer.status_code, answer.headers["Retry-After"]) == (0, 503, "1")
    assert "Traceback" not in err
    with slow, pytest.raises(requests.RequestException):
        assert slow.content


# Connections


@pytest.mark.parametrize(
    ("ending", "error"),
    [("close", http.client.RemoteDisconnected), ("reset", ConnectionResetError)],
)
@pytest.mark.parametrize(("when", "written"), [("before", 0), ("after", 1)])
def test_a_cut_before_or_after_the_commit(faulty, ending, error, when, written):
    running = faulty({"kind": "cut", "when": when, "ending": ending, "methods": ["PUT"]})
    revision = running.revision()
    found = cut_off(lambda: running.put(*ROLE))
    assert type(found) is error
    assert running.revision() == revision + written
    assert len(running.events()) == written


def test_a_large_request_is_read_before_an_orderly_cut(faulty):
    running = faulty({"kind": "cut", "methods": ["POST"]})
    padding = {"changes": [], "padding": "x" * 3_000_000}
    found = cut_off(lambda: running.call("POST", "changes", json=padding))
    assert type(found) is http.client.RemoteDisconnected


@pytest.mark.parametrize("compressed", [False, True])
def test_a_body_shorter_than_its_length(by_header, compressed):
    coding = {"Accept-Encoding": "gzip"} if compressed else {}
    _, body, whole = raw(by_header, "people", **coding)
    head, came, broken = raw(by_header, "people", **coding, **{HEADER: "truncate"})
    assert (whole, broken) == (True, False)
    assert head["Content-Length"] == str(len(body))
    assert head.get("Content-Encoding") == ("gzip" if compressed else None)
    assert came == body[: len(body) // 2]


@pytest.mark.parametrize("size", [0, 5, 10**6])
def test_a_chunked_body_without_an_end(by_header, size):
    _, body, _ = raw(by_header)
    head, came, whole = raw(by_header, **{HEADER: f"truncate framing=chunked bytes={size}"})
    assert head["Transfer-Encoding"] == "chunked"
    assert "Content-Length" not in head
    assert (came, whole) == (body[:size], False)


def test_a_length_is_never_kept(by_header):
    head, came, whole = raw(by_header, **{HEADER: "truncate bytes=100000000"})
    assert len(came) == int(head["Content-Length"]) - 1
    assert not whole


def test_an_answer_without_a_body_cannot_be_truncated(by_header):
    asked = {HEADER: "truncate"}
    assert by_header.delete("profiles", "p-4", "roles", "mentor", headers=asked).status_code == 204


# ETags


def test_a_cache_that_says_unchanged_of_what_has_changed(faulty):
    running = faulty({"kind": "stale", "path": "/v1/profiles", "every": 2})
    before = running.get("profiles").headers["ETag"]
    running.put(*ROLE)
    old = {"If-None-Match": before}
    asked = [running.get("profiles", headers=old) for _ in range(4)]
    # Only conditional requests are counted: nothing else could be answered like this.
    assert [answer.status_code for answer in asked] == [200, 304, 200, 304]
    assert asked[1].headers["ETag"] == before
    assert asked[1].content == b""
    assert asked[0].headers["ETag"] != before
    assert running.get("profiles").status_code == 200


def test_an_old_etag_with_a_new_body(by_header):
    asked = {HEADER: "stale answer=old_etag"}
    true = by_header.get("holders")
    made_up = by_header.get("holders", headers=asked)
    assert made_up.json() == true.json()
    assert made_up.headers["ETag"] not in (true.headers["ETag"], "")
    known = by_header.get("holders", headers={**asked, "If-None-Match": '"what-i-have"'})
    assert (known.status_code, known.headers["ETag"]) == (200, '"what-i-have"')
    refused = by_header.get("holders?cursor=x", headers=asked)
    assert refused.status_code == 422


# Changes of a batch


def enable(profile: str) -> dict[str, Any]:
    return {"address": f"profile/{profile}/mentor", "verb": "add", "expect": {"present": False}}


def test_some_changes_of_a_batch_fail_and_are_not_made(faulty):
    running = faulty({"kind": "items", "every": 2, "code": "internal_error"})
    profiles = ("p-1", "p-2", "p-3", "p-4", "p-5")
    answer = running.batch(*(enable(profile) for profile in profiles))
    results = answer.json()["results"]
    assert [found["id"] for found in results] == ["c0", "c1", "c2", "c3", "c4"]
    assert [found["status"] for found in results] == [201, 500, 201, 500, 201]
    failed = results[1]
    assert failed["problem"]["code"] == "internal_error"
    assert failed["problem"]["address"] == "profile/p-2/mentor"
    assert failed["revision"] == answer.json()["revision"] == running.revision()
    assert failed["changed"] is False
    made = [event["address"] for event in running.events()]
    assert made == [f"profile/{profile}/mentor" for profile in ("p-1", "p-3", "p-5")]
    # The count goes on in the next batch: the sixth change fails.
    again = running.batch(enable("p-2"), enable("p-4")).json()["results"]
    assert [found["status"] for found in again] == [500, 201]


def test_changes_fail_by_address_and_all_of_them_may(faulty):
    running = faulty({"kind": "items", "address": "profile/*/headteacher"})
    headteacher = {"address": "profile/p-3/headteacher", "verb": "remove"}
    revision = running.revision()
    (failed,) = running.batch(headteacher).json()["results"]
    assert (failed["status"], failed["problem"]["code"]) == (503, "unavailable")
    assert running.revision() == revision
    assert running.batch(enable("p-3")).json()["results"][0]["status"] == 201


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"data": b"no json", "headers": {"Content-Type": "application/json"}}, 422),
        ({"json": {"changes": "none"}}, 422),
        ({"data": b"x" * 6_000_000, "headers": {"Content-Type": "application/json"}}, 413),
        ({"json": {"changes": []}}, 200),
    ],
)
def test_what_is_no_batch_is_refused_as_ever(by_header, sent, status):
    sent["headers"] = {**sent.get("headers", {}), HEADER: "items"}
    assert by_header.call("POST", "changes", **sent).status_code == status


@pytest.mark.parametrize("asked", ["", f"{HEADER}: items\r\n"])
def test_a_batch_that_breaks_off_is_not_made_and_no_failure(start, asked):
    running = start("--faults-by-header")
    change = {"id": "1", "idempotency_key": "k", **enable("p-3")}
    head = (
        f"POST /v1/changes HTTP/1.1\r\nHost: sandbox\r\n{asked}"
        f"Authorization: Bearer {running.token()}\r\n"
        "Content-Type: application/json\r\nContent-Length: 5000\r\n\r\n"
    )
    address = urlsplit(running.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(head.encode() + json.dumps({"changes": [change]}).encode())
        time.sleep(0.2)
    time.sleep(0.2)
    assert running.events() == []
    _, _, err = running.stop()
    assert "Traceback" not in err
    assert "ERROR" not in err


def test_a_batch_that_is_refused_as_a_whole_stays_so(by_header):
    refused = by_header.batch(enable("p-1"), client="auditor", headers={HEADER: "items"})
    assert refused.status_code == 403


# The header


def test_a_header_is_a_fault_only_where_the_sandbox_allows_it(quiet, by_header):
    asked = {HEADER: "error"}
    assert quiet.get("site", headers=asked).status_code == 200
    assert quiet.get("site", headers={HEADER: "nonsense"}).status_code == 200
    assert by_header.get("site", headers=asked).status_code == 503
    assert by_header.get("site").status_code == 200


def test_a_header_concerns_token_requests_too(by_header):
    answer = requests.post(by_header.ready["token_url"], headers={HEADER: "error"}, timeout=10)
    assert answer.status_code == 503


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cuts", "\"cuts\" is not known here; did you mean 'cut'"),
        ("", '"" is not known here; there are latency, limit, error'),
        ("cut whenever", "'whenever' is not 'key=value'"),
        ("cut when=after when=after", "or the key stands twice"),
        ("cut when=later", '"later" is not known here'),
        ("cut rate=0.5", "'rate' belongs in a file"),
        ("error path=/v1/site", "'path' belongs in a file"),
        ("limit requests=1", "a limit belongs in a file"),
        ("latency", "'seconds' is missing. How long, from 0 to 60 seconds."),
        ("latency seconds=61", "seconds: 61 is too large."),
        ("latency seconds=.nan", "this is to be a number or a mapping"),
        ('{"kind": "latency", "seconds": NaN}', "it is not JSON"),
        ('{"kind": "latency", "seconds": {"from": 2, "to": 1}}', "2 to 1 is no span"),
        ("{", "it is not JSON"),
    ],
)
def test_a_header_that_is_no_fault_is_refused(by_header, text, said):
    refused = by_header.get("site", headers={HEADER: text})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_parameter")
    assert refused.json()["detail"].startswith(f"{HEADER}: ")
    assert said in refused.json()["detail"]


def test_changes_of_a_header_are_counted_in_its_own_request(by_header):
    asked = {HEADER: '{"kind": "items", "every": 2, "times": 1, "code": "expectation_failed"}'}
    for _ in range(2):
        changes = [
            {"address": f"profile/p-{n}/headteacher", "verb": "remove"} for n in (1, 2, 3, 4)
        ]
        results = by_header.batch(*changes, headers=asked).json()["results"]
        assert [found["status"] for found in results] == [204, 412, 204, 204]


# Several at once, and again


def test_several_faults_meet_one_request_the_first_outermost(faulty):
    running = faulty(
        {"kind": "latency", "seconds": 0.3},
        {"kind": "error", "status": 500, "times": 1},
        {"kind": "error", "status": 502, "times": 2},
    )
    running.token()
    started = time.monotonic()
    # The second one counts what the first one answers.
    assert statuses(running, "site", 3) == [500, 502, 200]
    assert time.monotonic() - started >= 0.9


@pytest.mark.parametrize(
    "inner",
    [
        {"kind": "truncate", "bytes": 10},
        {"kind": "truncate", "framing": "chunked"},
        {"kind": "cut", "when": "after"},
    ],
)
def test_the_outer_of_two_that_break_an_answer_off_hears_of_the_inner_one(faulty, inner):
    """It decides what the client gets: the head and a beginning, where the inner one left any."""
    outer = [
        {"kind": "truncate", "bytes": 20, "path": "/v1/units"},
        {"kind": "slow", "seconds": 0.1, "path": "/v1/people"},
        {"kind": "stale", "answer": "old_etag", "path": "/v1/memberships"},
    ]
    running = faulty(*outer, inner)
    for path in ("units", "people", "memberships"):
        if inner["kind"] == "cut":
            with pytest.raises(http.client.RemoteDisconnected):
                raw(running, path)
            continue
        head, body, whole = raw(running, path)
        assert head["Content-Type"] == "application/json"
        assert body.startswith(b'{"items"')
        assert not whole
        if path == "units":
            assert len(body) == min(20, inner.get("bytes", 20))


def test_every_fault_that_is_met_is_a_line_without_ids(start, tmp_path):
    path = tmp_path / "faults.yaml"
    faults = [
        {"kind": "error", "methods": ["PUT"], "times": 1},
        {"kind": "items", "times": 1},
        {"kind": "error", "path": "/v1/peopel"},
    ]
    path.write_text(yaml.safe_dump({"version": 1, "faults": faults}))
    running = start("--faults", str(path))
    assert running.put(*ROLE).status_code == 503
    assert running.batch(enable("p-3")).status_code == 200
    lines = running.stop()[2].splitlines()
    told = [line for line in lines if "meets the fault" in line or "made to fail" in line]
    assert [line.partition(": ")[2] for line in told] == [
        "PUT /v1/profiles of reconciler meets the fault faults[0], error",
        "1 changes of a batch are made to fail",
    ]


def test_a_seed_is_played_again_whatever_others_do(faulty):
    faults = [
        {"kind": "error", "rate": 0.4, "status": 500},
        {"kind": "error", "rate": 0.3, "status": 502},
    ]
    alone = statuses(faulty(*faults, seed=5), "site", 30)
    assert {200, 500, 502} == set(alone)
    beside = faulty(*faults, seed=5, more=("--latency", "0.01"))
    with ThreadPoolExecutor(1) as pool:
        others = pool.submit(statuses, beside, "site", 30, client="other")
        assert statuses(beside, "site", 30) == alone
        assert others.result() != alone
    assert statuses(faulty(*faults, seed=6), "site", 30) != alone
