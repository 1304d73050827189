"""Who is not meant to get in, or to be heard: what each call, page and connection owes them."""

import json
import re
import select
import socket
import time
from contextlib import ExitStack
from html.parser import HTMLParser
from http.client import HTTPConnection
from urllib.parse import urlencode

import hostile
import pytest
import requests
from browsers import Browser
from starlette.requests import Request

from reconciler.sandbox.connections import PATIENCE
from reconciler.sandbox.console.addresses import check_address
from reconciler.sandbox.http import BODY_LIMIT
from reconciler.sandbox.problems import Problem

OPEN_CALLS = {("/oauth/token", "post"), ("/v1/openapi.json", "get")}
OPEN_PAGES = {"/sign-in", "/style.css"}
MOST_READ = 10 * BODY_LIMIT  # what is dropped after the answer, and what systems keep in between


@pytest.fixture
def calls(routes):
    """Every call that needs a token, with something in the place of its parameters."""
    found = {route for route in routes if not route[0].startswith("/console")} - OPEN_CALLS
    return [(method, re.sub(r"{\w+}", "mentor", path)) for path, method in sorted(found)]


@pytest.fixture
def console_paths(routes):
    """The console's paths by method, without the prefix."""
    found = {"get": set(), "head": set(), "post": set()}
    for path, method in routes:
        if path.startswith("/console"):
            found[method].add(path.removeprefix("/console"))
    return found


def test_no_call_is_answered_without_a_valid_token(calls, quiet, start):
    elsewhere = start("--token-lifetime", "1")
    own, stranger = quiet.token(), elsewhere.token()
    expired = elsewhere.token()
    time.sleep(1.1)
    attempts = [
        (quiet, {}),
        (quiet, {"headers": {"Authorization": f"Bearer {stranger}"}}),
        (elsewhere, {"headers": {"Authorization": f"Bearer {expired}"}}),
        (elsewhere, {"headers": {"Authorization": f"Bearer {own}"}}),
        (quiet, {"params": {"access_token": own}}),
        (quiet, {"data": {"access_token": own}}),
        (quiet, {"cookies": {"access_token": own, "Authorization": f"Bearer {own}"}}),
        *(
            (quiet, {"headers": {"Authorization": wrong}})
            for wrong in ("Bearer", "bearer  ", "Bearer nonsense", f"Basic {own}", own)
        ),
    ]
    assert len(calls) > 10
    for method, path in calls:
        for running, given in attempts:
            answer = requests.request(method, running.url + path, timeout=10, **given)
            assert answer.status_code == 401, (method, path, given)
            challenge = answer.headers["WWW-Authenticate"]
            assert challenge.startswith("Bearer ")
            token = given.get("headers", {}).get("Authorization", "").startswith("Bearer ")
            assert ("invalid_token" in challenge) is token
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json()["code"] == "unauthorised"
    assert (quiet.revision(), elsewhere.revision()) == (1, 1)


def test_a_token_for_reading_never_writes(calls, quiet):
    for method, path in calls:
        answer = quiet.call(method.upper(), path.removeprefix("/v1/"), client="auditor")
        if method == "get":
            assert answer.status_code == 200
        else:
            assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert quiet.revision() == 1


def test_no_page_is_shown_and_no_form_taken_without_signing_in(console_paths, quiet):
    stranger = Browser(quiet, signed_in=False)
    for path in console_paths["get"] - OPEN_PAGES:
        answer = stranger.get(path, allow_redirects=False)
        assert (answer.status_code, answer.headers["Location"]) == (303, sign_in_for(path))
    for path in console_paths["post"] - {"/sign-in", "/language"}:
        answer = stranger.post(path, stranger.csrf("/sign-in"), **FORM)
        assert "/console/sign-in" in answer.url, path
        assert ("Nothing was changed" in answer.text) is (path != "/sign-out")
    assert quiet.revision() == 1


def sign_in_for(path):
    return "/console/sign-in" + (path and f"?{urlencode({'page': f'/console{path}'})}")


FORM = {"role": "mentor", "profile": "p-3", "person": "1", "kind": "class", "target": "u-11"}
FORM |= {"tool_name": "x", "role_name": "x", "published_templates": "7", "page": "/console/events"}


def test_no_form_is_taken_without_its_session_s_token(console_paths, quiet):
    browser, other = Browser(quiet), Browser(quiet)
    before = quiet.get("site").json()
    assert len(console_paths["post"]) > 8
    for path in sorted(console_paths["post"]):
        for csrf in ("", "guessed", "é", other.csrf()):
            answer = browser.post(path, csrf, **FORM, username="admin", password="x")
            if path == "/language":
                continue  # it has none, and changes nothing but that browser's own cookie
            if path in ("/sign-out", "/sign-in"):
                assert browser.get().url.endswith("/console"), "still signed in"
            else:
                assert answer.status_code == 403, path
    assert quiet.get("site").json() == before
    assert quiet.events() == []


def test_another_sandbox_s_session_is_none(quiet, sandbox):
    theirs = Browser(sandbox)
    theirs.url = quiet.ready["console"]["url"]
    here, there = (each.url.rpartition(":")[2] for each in (quiet, sandbox))
    cookie = theirs.session.cookies[f"sandbox_console_{there}"]
    theirs.session.cookies.set(f"sandbox_console_{here}", cookie, path="/console")
    assert theirs.get().url.endswith("/console/sign-in")


class Elements(HTMLParser):
    """What a page consists of."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.links = set(), set(), []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value for name, value in attrs if name in ("href", "action", "src")]


def test_whatever_is_shown_stays_text(console_paths, start, tmp_path):
    running = start("--seed", str(hostile.seed(tmp_path)), "--console-user", hostile.SCRIPT)
    browser = Browser(running)
    assert browser.post("/labels", role="mentor", tool_name=hostile.MARKS).ok
    assert running.events()[0]["actor"] == hostile.SCRIPT
    shown = ""
    for path in sorted(console_paths["get"] - OPEN_PAGES | {"/<script>", "/%22%3E%3Cimg%20src=x"}):
        for query in hostile.queries():
            page = browser.get(path, params=query)
            found = Elements(page.text)
            assert page.status_code in (200, 404, 422)
            assert not found.tags & {"script", "img", "b", "iframe", "style"}, (path, query)
            assert not {name for name in found.attributes if name.startswith("on")}, (path, query)
            assert all(link.startswith(("/console", "#")) for link in found.links), (path, query)
            shown += page.text
    refused = browser.post("/holders/add", role="mentor", person=hostile.SCRIPT)
    assert refused.status_code == 422
    assert "script" not in Elements(refused.text).tags
    # What {{7*7}} comes to, beside the tokens of forms, which are random and may have any digits.
    own = re.sub(r'name="csrf" value="[^"]+"|revision|{{7\*7}}', "", shown)
    assert "49" not in re.findall(r"\d+", own)
    for text in ("&lt;script&gt;evil()&lt;/script&gt;", "onerror=evil()&gt;", "{{7*7}}"):
        assert text in shown


ODD = (
    "/..",
    "/../v1/site",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/..%2f..%2fetc%2fpasswd",
    "/..%5c..%5cetc",
    "//etc/passwd",
    "/%2Fetc%2Fpasswd",
    "/%00",
    "/%0d%0aSet-Cookie:%20x=y",
    "/%ff%fe",
    "/%ed%a0%80",
    "/%c0%ae%c0%ae/",
    "/%",
    "/%zz",
    "/style.css/../../x",
    "/style.css%00.html",
    "/" + "a" * 60_000,
    "/" + "%25" * 20_000,
    "/" + "a/" * 20_000,
)
LONG = "_" * 10_000
TEXTS = ("%00", "%ff", "%ed%a0%80", "%25", "%27%22", "%F0%9F%98%80", LONG, "%0d%0aX:y")


@pytest.mark.parametrize("prefix", ["", "/v1", "/console", "/v1/holders/mentor", "/oauth"])
def test_an_odd_path_leads_nowhere(quiet, prefix):
    cookie = "; ".join(f"{each.name}={each.value}" for each in Browser(quiet).session.cookies)
    headers = {"Authorization": f"Bearer {quiet.token()}", "Cookie": cookie}
    for path in ODD:
        for method in ("GET", "PUT", "POST"):
            answer, body = raw(quiet, method, prefix + path, headers)
            assert answer.status in (404, 405, 415, 422), (method, path[:50], answer.status)
            assert "Set-Cookie" not in answer.headers or prefix == "/console"
            assert b"root:" not in body
            assert len(body) < 100_000 + 2 * len(path)
    assert quiet.revision() == 1


def test_odd_text_in_a_parameter_is_found_nowhere_or_refused(console_paths, quiet):
    browser = Browser(quiet)
    names = ("q", "unit", "unit_after", "after", "learner", "mentor")
    for path in sorted(console_paths["get"]):
        for text in TEXTS:
            # All at once, but for the longest: a head of more than 64 kB may be answered with 400.
            for some in (names[:3], names[3:]) if text is LONG else (names,):
                for person in ("1", text):
                    query = f"?person={person}&" + "&".join(f"{name}={text}" for name in some)
                    answer = browser.get(path + query)
                    assert answer.status_code in (200, 404, 422), (path, text[:20])
        for name in ("person", *names):
            answer = browser.get(f"{path}?{name}=a%00")
            assert answer.status_code == 422
    for name in ("limit", "cursor", "after", "address"):
        for text in TEXTS:
            answer = quiet.get(f"events?{name}={text}")
            assert (answer.status_code, answer.json()["status"]) == (422, 422)


def test_odd_text_in_a_form_changes_nothing_but_labels(console_paths, sandbox):
    browser = Browser(sandbox)
    csrf = browser.csrf()
    for path in sorted(console_paths["post"] - {"/sign-out", "/language", "/sign-in"}):
        for text in (text for text in TEXTS if text != "%F0%9F%98%80"):
            names = {*FORM, "page", "published_templates"} - {"role", "kind"}
            body = f"csrf={csrf}&role=mentor&kind=class&" + "&".join(f"{n}={text}" for n in names)
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            answer = browser.session.post(browser.url + path, data=body, headers=form, timeout=10)
            assert (answer.status_code, path) in ((422, path), (200, "/labels"))
    assert {each["address"].partition("/")[0] for each in sandbox.events()} == {"label"}


def raw(running, method, path, headers):
    connection = HTTPConnection(running.url.removeprefix("http://"), timeout=10)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("path", ["/v1/changes", "/oauth/token", "/console/sign-in", "/v1/site"])
@pytest.mark.parametrize("signed_in", [False, True])
def test_a_body_of_100_megabytes_is_not_read(quiet, path, chunked, signed_in):
    media_type = (
        "application/json" if path == "/v1/changes" else "application/x-www-form-urlencoded"
    )
    head = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Type: {media_type}"]
    head += ["Transfer-Encoding: chunked" if chunked else "Content-Length: 100000000"]
    head += [f"Authorization: Bearer {quiet.token()}"] if signed_in else []
    part = b"x" * 50_000
    framed = b"%x\r\n%s\r\n" % (len(part), part) if chunked else part
    sent, started = 0, time.monotonic()
    with connected(quiet) as connection:
        connection.sendall("\r\n".join([*head, "", ""]).encode())
        try:
            while sent < 100_000_000:
                connection.sendall(framed)
                sent += len(part)
        except OSError:
            pass
        answer = connection.recv(1000)
    status = int(answer.split()[1])
    assert status in ((400, 401, 405, 413, 422) if chunked else (413,))
    assert b"connection: close" in answer.lower()
    assert sent < MOST_READ, "the server went on reading"
    assert time.monotonic() - started < 5
    assert quiet.revision() == 1


def connected(running, room=None):
    """Connect, with room for so many bytes that were not yet read."""
    host, _, port = running.url.removeprefix("http://").rpartition(":")
    connection = socket.socket()
    connection.settimeout(20)
    if room:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    connection.connect((host, int(port)))
    return connection


def test_who_keeps_the_server_waiting_is_let_go_and_keeps_nobody_else_waiting(start):
    running = start()
    bearer = f"Authorization: Bearer {running.token()}".encode()
    post = b"POST /v1/changes HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    begun = {
        "says nothing": b"",
        "a request line": b"GET /v1/si",
        "headers": b"GET /v1/site HTTP/1.1\r\nHost: localhost\r\nX-",
        "a body": post + bearer + b"\r\nContent-Length: 1000\r\n\r\n{",
        "chunks": post + bearer + b"\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
        "a body that was refused": post + b"Content-Length: 1000000\r\n\r\n",
        "a second request": b"GET /v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\nGET /v1",
    }
    with ExitStack() as stack:
        idle = [stack.enter_context(connected(running)) for _ in range(300)]
        slow = {stack.enter_context(connected(running)): name for name in begun for _ in range(3)}
        deaf = stack.enter_context(connected(running, room=10_000))
        deaf.sendall(b"GET /v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 300)
        for connection, name in slow.items():
            connection.sendall(begun[name])
        started, longest = time.monotonic(), 0.0
        waiting = {*idle, *slow}
        while waiting and time.monotonic() < started + 2 * PATIENCE:
            for connection in waiting & set(slow):  # trickling
                if slow[connection] in ("headers", "a body", "a body that was refused"):
                    send_quietly(connection, b"x")
                if slow[connection] == "chunks":
                    send_quietly(connection, b"1\r\n \r\n")
            asked = time.monotonic()
            assert running.get("site").status_code == 200
            longest = max(longest, time.monotonic() - asked)
            time.sleep(0.3)
            waiting = {connection for connection in waiting if not ended(connection)}
        assert not waiting, {slow.get(connection, "idle") for connection in waiting}
        assert time.monotonic() - started > PATIENCE - 1
        assert longest < 2
        # It was the last to begin to let the server wait.
        time.sleep(max(0.0, started + PATIENCE + 3 - time.monotonic()))
        assert taken(deaf) < 300 * 50_000, "it was kept, though it took nothing of its answers"
        assert Browser(running).get().status_code == 200
    _, out, err = running.stop()
    assert "Traceback" not in out + err


def send_quietly(connection, data):
    try:
        connection.sendall(data)
    except OSError:
        return


def ended(connection):
    """Read what is there; whether the other side has closed the connection."""
    try:
        while select.select([connection], [], [], 0)[0]:
            if not connection.recv(1_000_000):
                return True
    except OSError:
        return True
    return False


def taken(connection):
    """Read to the end what was already sent; return how much that was."""
    total = 0
    try:
        while part := connection.recv(1_000_000):
            total += len(part)
    except OSError:
        pass
    return total


def test_who_leaves_in_the_middle_is_no_failure_of_the_server(start):
    running = start()
    bearer = f"Authorization: Bearer {running.token()}\r\nContent-Length: 1000\r\n\r\n"
    for head in ("POST /v1/changes", "PUT /v1/holders/mentor/1", "POST /console/sign-in"):
        for media_type in ("application/json", "application/x-www-form-urlencoded"):
            with connected(running) as leaving:
                about = f" HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media_type}\r\n"
                leaving.sendall((head + about + bearer + "half").encode())
    time.sleep(0.3)
    assert running.revision() == 1
    _, out, err = running.stop()
    assert "Traceback" not in out + err
    assert "ERROR" not in err


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example@127.0.0.1:99",
        "127.0.0.1/evil",
        "[::1",
        "x",
        "2130706433",
    ],
)
def test_the_console_is_under_no_name_of_somebody_else(quiet, host):
    answer, body = raw(quiet, "GET", "/console/sign-in", {"Host": host})
    assert answer.status == 404
    form = {"Host": host, "Content-Type": "application/x-www-form-urlencoded"}
    assert raw(quiet, "POST", "/console/sign-in", form)[0].status == 404
    assert b"evil" not in body


@pytest.mark.parametrize("host", ["localhost", "LocalHost:1", "app.localhost:8000", "127.0.0.1"])
def test_the_console_is_under_the_machine_s_own_names(quiet, host):
    assert raw(quiet, "GET", "/console/sign-in", {"Host": host})[0].status == 200
    assert raw(quiet, "GET", "/console/sign-in", {"Host": "[::1]:8000"})[0].status == 200


def test_the_console_works_behind_a_proxy_that_calls_it_localhost(quiet):
    proxied = {
        "Host": "localhost",
        "X-Forwarded-Proto": "https",
        "Origin": "https://sandbox.example",
    }
    proxied |= {"X-Forwarded-Host": "sandbox.example", "X-Forwarded-For": "192.0.2.7"}
    browser = Browser(quiet, signed_in=False)
    browser.session.headers.update(proxied)
    asked = browser.get("/events", allow_redirects=False)
    assert asked.headers["Location"].startswith("/console/"), "on the proxy's own name"
    found = quiet.ready["console"]
    assert browser.sign_in(found["password"]).ok
    assert "Events" in browser.get("/events").text
    assert browser.post("/language", language="en").ok


def test_an_ipv4_address_among_ipv6_ones_is_this_machine_s_too():
    def asked(server, host):
        scope = {"type": "http", "server": (server, 80), "query_string": b""}
        return Request({**scope, "headers": [(b"host", host)]})

    for server in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
        check_address(asked(server, b"localhost"))
        with pytest.raises(Problem):
            check_address(asked(server, b"evil.example"))
    check_address(asked("::ffff:192.0.2.7", b"sandbox.example"))


def test_no_other_page_s_script_may_read_or_ask(quiet):
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "PUT"}
    for path in ("/v1/site", "/oauth/token", "/console/sign-in"):
        for method in ("OPTIONS", "GET"):
            answer = requests.request(method, quiet.url + path, headers=asked, timeout=10)
            assert not [
                name for name in answer.headers if name.lower().startswith("access-control")
            ]
    secrets = json.dumps(quiet.ready["clients"])
    assert secrets not in requests.get(f"{quiet.url}/v1/openapi.json", timeout=10).text
