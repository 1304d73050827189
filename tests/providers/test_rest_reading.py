"""What a reader makes of a site that keeps the contract, and of one that does not."""

import gzip
import logging
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import requests
import urllib3
from scripted_site import (
    CLIENT_SECRET,
    ITEMS,
    LEARNER_NAME,
    TOKENS,
    Says,
    ScriptedSite,
    edited,
    problem,
    reset,
    running_site,
    says,
    told,
    with_headers,
)

from reconciler.credentials import Secret
from reconciler.domain.address import Address
from reconciler.domain.assignments import Assignment, Holder
from reconciler.domain.vocabulary import Capability, MembershipRole, Role, TargetKind, UnitKind
from reconciler.errors import (
    ContractViolation,
    RequestRefused,
    SiteError,
    Unreachable,
    WriteForbidden,
)
from reconciler.http.call import Call, Limits
from reconciler.http.failures import FAILURES, Again, meaning
from reconciler.providers.codec import COLLECTIONS
from reconciler.providers.rest.reader import ASKED_SINGLY, ROUNDS, UNASKED, RestReader
from reconciler.state import Membership, Person, Relation, Unit

Failing = Callable[..., str]


def html(status: int) -> Callable[[Says], Says]:
    page = b"<html><title>Sign in, please</title></html>"
    return says(status, page, Content_Type="text/html; charset=utf-8")


def zipped(body: bytes) -> Callable[[Says], Says]:
    """The usual answer said to be gzip, with this body."""
    return lambda usual: replace(
        usual, body=body, headers={**usual.headers, "Content-Encoding": "gzip"}
    )


class TestGood:
    def test_everything_is_read_to_its_last_page(self, reader: RestReader) -> None:
        state = reader.fetch()
        assert {
            shape.name: len(getattr(state, shape.name)) for shape in COLLECTIONS
        } == {name: len(items) for name, items in ITEMS.items()}  # fmt: skip
        assert state.site.capabilities == frozenset(Capability)
        assert (state.site.id, state.site.revision, state.site.actor) == ("nordberg", 7, "pipeline")
        assert state.site.ilp_enabled
        assert state.site.ilp_published_templates == 2
        assert state.profiles[0].roles == {Role.MENTOR}
        assert state.people[1] == Person(
            "2", "s-2", "l2", "l2@school.example", LEARNER_NAME, "p-student", active=True
        )
        assert state.units[2] == Unit("u2", None, UnitKind.CLASS, "8A", "u1")
        assert state.memberships == (
            Membership("u2", "2", MembershipRole.LEARNER, True, date(2026, 8, 17), None),
        )
        assert state.relations == (Relation("1", "3", "guardian"),)
        assert state.holders == {Holder(Role.MENTOR, "1")}
        assert Assignment(Role.MENTOR, "1", TargetKind.CLASS, "u2") in state.assignments

    def test_requests_say_who_asks_and_take_gzip(
        self, site: ScriptedSite, reader: RestReader
    ) -> None:
        site.script("/v1/people", lambda usual: zipped(gzip.compress(usual.body))(usual))
        assert len(reader.fetch().people) == 5
        headers = site.asked[-1].headers
        assert headers["user-agent"].startswith("reconciler/")
        assert "gzip" in headers["accept-encoding"]
        assert {each.query["limit"] for each in site.asked if each.path == "/v1/people"} == {"1000"}

    def test_one_token_serves_all_requests(self, site: ScriptedSite, reader: RestReader) -> None:
        reader.fetch()
        assert [each.path for each in site.asked].count("/oauth/token") == 1
        assert b"roles.read" in site.asked[0].body
        assert b"write" not in site.asked[0].body

    def test_a_second_fetch_costs_only_304s(self, site: ScriptedSite, reader: RestReader) -> None:
        first = reader.fetch()
        site.asked.clear()
        assert reader.fetch() == first
        assert site.paths() == [
            "/v1/site",
            *(f"/v1/{shape.name}" for shape in COLLECTIONS if shape.name not in UNASKED),
        ]
        asked = [each for each in site.asked if each.path != "/v1/site"]
        assert all(each.headers["if-none-match"] for each in asked)

    def test_a_given_token_is_used_as_it_is(self, site: ScriptedSite, limits: Limits) -> None:
        with RestReader(site.connection(token=Secret(TOKENS[0])), limits) as reader:
            reader.fetch()
        assert "/oauth/token" not in [each.path for each in site.asked]


class TestChangingSites:
    def test_what_changed_meanwhile_is_asked_again(
        self, site: ScriptedSite, reader: RestReader
    ) -> None:
        def grow(usual: Says) -> Says:
            site.items["holders"].append({"role": "headteacher", "person": "1"})
            site.versions["holders"] += 1
            site.site["revision"] += 1
            return usual

        site.script("/v1/assignments", grow)
        state = reader.fetch()
        assert Holder(Role.HEADTEACHER, "1") in state.holders
        assert state.site.revision == 8
        assert site.paths().count("/v1/holders") == 2
        assert site.paths().count("/v1/site") == 3
        again = [each for each in site.asked if each.path == "/v1/people"][-1]
        assert again.headers["if-none-match"] == '"people-0"'

    def test_a_site_that_never_rests_is_not_read(
        self, site: ScriptedSite, failing: Failing
    ) -> None:
        def grow(usual: Says) -> Says:
            site.site["revision"] += 1
            return usual

        site.always["/v1/site"] = grow
        assert "changed too quickly" in failing()
        assert site.paths().count("/v1/site") == ROUNDS + 1

    def test_another_site_behind_the_address(self, site: ScriptedSite, failing: Failing) -> None:
        site.script("/v1/site", lambda usual: usual, edited(lambda found: found.update(id="other")))
        assert "other" in failing(ContractViolation)

    def test_an_etag_that_differs_between_pages_begins_the_collection_again(
        self, site: ScriptedSite, reader: RestReader
    ) -> None:
        site.script("/v1/people", lambda usual: usual, with_headers(ETag='"people-1"'))
        assert len(reader.fetch().people) == 5
        cursors = [each.query.get("cursor") for each in site.asked if each.path == "/v1/people"]
        assert cursors == [None, "at-2", None, "at-2", "at-4"]

    def test_an_etag_that_always_differs(self, site: ScriptedSite, failing: Failing) -> None:
        etags = (f'"{number}"' for number in range(1000))

        def grow(usual: Says) -> Says:
            return replace(usual, headers={**usual.headers, "ETag": next(etags)})

        site.always["/v1/people"] = grow
        assert "GET /v1/people" in failing()
        assert site.paths().count("/v1/people") <= 20

    def test_a_cursor_that_expired_begins_the_collection_again(
        self, site: ScriptedSite, reader: RestReader
    ) -> None:
        gone = problem(410, "cursor_expired", "The collection has changed.")
        site.script("/v1/people", lambda usual: usual, gone)
        assert len(reader.fetch().people) == 5

    def test_a_cursor_that_always_expires(self, site: ScriptedSite, failing: Failing) -> None:
        gone = problem(410, "cursor_expired", "The collection has changed.")
        site.always["/v1/people"] = lambda usual: usual if b"at-2" in usual.body else gone(usual)
        assert "changed too quickly" in failing()

    def test_a_collection_without_an_etag(self, site: ScriptedSite, failing: Failing) -> None:
        site.script("/v1/units", lambda usual: replace(usual, headers={
            "Content-Type": "application/json"
        }))  # fmt: skip
        assert "GET /v1/units (page 1): the answer has no ETag" in failing(ContractViolation)

    def test_a_304_that_nobody_asked_for(self, site: ScriptedSite, failing: Failing) -> None:
        site.script("/v1/units", says(304, ETag='"x"'))
        assert "GET /v1/units (page 1)" in failing(ContractViolation)


def first_item(**fields: object) -> Callable[[Any], None]:
    return lambda page: page["items"][0].update(fields)


JSON = "application/json"
WRONG_CONTENT: list[Any] = [
    ("/v1/people", edited(lambda page: page["items"][1].pop("active")),
     "item 2 of people has no field active"),
    ("/v1/people", edited(first_item(active=1)), "its active is not true or false"),
    ("/v1/people", edited(first_item(name=None)), "its name is not a text"),
    ("/v1/people", edited(first_item(id="")), "its id is an empty text"),
    ("/v1/people", edited(first_item(id=1)), "its id is not a text"),
    ("/v1/people", edited(first_item(username="\ud800")), "its username is not whole Unicode text"),
    ("/v1/units", edited(first_item(kind="kingdom")),
     "its kind is none of organisation, school, class, group"),
    ("/v1/units", edited(first_item(kind=["class"])), "its kind is none of"),
    ("/v1/profiles", edited(first_item(roles="mentor")), "its roles is not a list"),
    ("/v1/profiles", edited(first_item(roles=["king"])),
     "its roles is none of mentor, headteacher"),
    ("/v1/labels", edited(first_item(tool_name=5)), "its tool_name is not a text"),
    ("/v1/memberships", edited(first_item(begin="17.08.2026")),
     "item 1 of memberships is not readable: its begin"),
    ("/v1/memberships", edited(first_item(begin="20260817")), "its begin is not a date like"),
    ("/v1/memberships", edited(first_item(end=20260817)), "its end is not a text"),
    ("/v1/assignments", edited(first_item(target="u9")), "the class u9, which is not one"),
    ("/v1/holders", edited(lambda page: page["items"].clear()),
     "1 has assignments as mentor but has not been added"),
    ("/v1/units", edited(lambda page: page["items"].__setitem__(0, "u0")),
     "item 1 of units is not an object"),
    ("/v1/units", edited(lambda _page: []), "the answer is not a page of items"),
    ("/v1/units", edited(lambda _page: {"items": {}, "next": None}),
     "the answer is not a page of items"),
    ("/v1/units", edited(lambda page: page.pop("next")), "does not say whether more pages follow"),
    ("/v1/units", edited(lambda page: page.update(next=3)),
     "the cursor of the next page is not a text"),
    ("/v1/units", edited(lambda page: page.update(next="")),
     "the cursor of the next page is not a text"),
    ("/v1/units", edited(lambda page: page.update(items=[])),
     "the page is empty, but more are to follow"),
    ("/v1/units", edited(lambda page: page.update(next=None)), "the state does not hold together"),
    ("/v1/site", edited(lambda found: found.pop("id")), "the site has no field id"),
    ("/v1/site", edited(lambda found: found.update(revision="7")),
     "its revision is not a whole number"),
    ("/v1/site", edited(lambda found: found.update(revision=True)),
     "its revision is not a whole number"),
    ("/v1/site", edited(lambda found: found.update(revision=-1)),
     "its revision is not a whole number"),
    ("/v1/site", edited(lambda found: found.update(ilp=None)), "its ilp is not an object"),
    ("/v1/site", edited(lambda found: found["ilp"].update(enabled="yes")),
     "its enabled is not true or false"),
    ("/v1/site", edited(lambda found: found.update(capabilities="all")),
     "its capabilities is not a list"),
    ("/v1/site", edited(lambda _found: [1]), "the site is not an object"),
    ("/v1/people", html(200), "GET /v1/people (page 1): the answer is no JSON (text/html, "),
    ("/v1/people", says(200, b""), "something of no stated type, 0 bytes"),
    ("/v1/people", says(200, b"", Content_Type=JSON), "not whole JSON (application/json, 0 bytes)"),
    ("/v1/people", says(200, b'{"items": [{"id": "1"', Content_Type=JSON), "not whole JSON"),
    ("/v1/people", says(200, b"\xff\xfe", Content_Type=JSON), "not whole JSON"),
    ("/v1/people", says(200, b"[" * 100_000, Content_Type=JSON), "not whole JSON"),
    ("/v1/people", says(200, b"9" * 5000, Content_Type=JSON), "not whole JSON"),
    ("/v1/people", says(200, b"null", Content_Type=JSON), "not whole JSON"),
    ("/v1/people", says(206, {"items": [], "next": None}),
     "the answer is 206, where the contract has 200"),
    ("/v1/people", says(204), "the answer is 204, where the contract has 200"),
]  # fmt: skip


class TestBrokenContract:
    @pytest.mark.parametrize(("path", "step", "message"), WRONG_CONTENT)
    def test_what_is_not_what_the_contract_says_is_named(
        self, site: ScriptedSite, failing: Failing, path: str, step: Any, message: str
    ) -> None:
        site.script(path, step)
        said = failing(ContractViolation)
        assert message in said
        if "hold together" not in said:
            assert f"GET {path}" in said

    def test_an_error_on_a_later_page_names_the_page(
        self, site: ScriptedSite, failing: Failing
    ) -> None:
        site.script("/v1/people", lambda usual: usual, edited(first_item(active="yes")))
        assert "GET /v1/people (page 2): item 1 of people" in failing(ContractViolation)

    def test_a_cursor_that_leads_back(self, site: ScriptedSite, failing: Failing) -> None:
        site.script(
            "/v1/people",
            *([lambda usual: usual] * 2),
            edited(lambda page: page.update(next="at-2")),
        )
        assert "GET /v1/people (page 3): a page came twice" in failing(ContractViolation)

    def test_an_item_that_comes_twice(self, site: ScriptedSite, failing: Failing) -> None:
        twice = edited(lambda page: page["items"].__setitem__(0, ITEMS["people"][0]))
        site.script("/v1/people", lambda usual: usual, twice)
        assert "item 3 of people came twice" in failing(ContractViolation)

    def test_fields_that_are_not_known_are_passed_over(
        self, site: ScriptedSite, reader: RestReader
    ) -> None:
        site.script("/v1/people", edited(first_item(shoe_size=43)))
        assert len(reader.fetch().people) == 5

    def test_a_huge_answer_is_cut_off(self, site: ScriptedSite, sleeps: list[float]) -> None:
        bomb = gzip.compress(b" " * 3_000_000)
        assert len(bomb) < 10_000
        site.script("/v1/people", zipped(bomb))
        small = Limits(sleep=sleeps.append, answer_bytes=1_000_000)
        with RestReader(site.connection(), small) as reader, pytest.raises(SiteError) as caught:
            reader.fetch()
        assert "GET /v1/people (page 1): the answer is larger than 1,000,000" in told(caught.value)
        assert sleeps == []


class TestConnections:
    @pytest.mark.parametrize(
        "step",
        [
            pytest.param(lambda usual: replace(usual, length=len(usual.body) + 10), id="too long"),
            pytest.param(lambda usual: replace(usual, drop=10), id="reset in the body"),
            pytest.param(reset, id="reset before the answer"),
            pytest.param(zipped(b"no gzip"), id="no gzip"),
            pytest.param(
                lambda usual: zipped(gzip.compress(usual.body)[:10] + b"\xff" * 20)(usual),
                id="damaged gzip",
            ),
            pytest.param(
                lambda usual: replace(
                    usual,
                    body=b"5\r\nabcde\r\nZZ\r\n",
                    headers={**usual.headers, "Transfer-Encoding": "chunked"},
                    length=0,
                ),
                id="damaged chunks",
            ),
        ],
    )
    def test_a_broken_answer_is_asked_for_again_and_never_used(
        self, site: ScriptedSite, reader: RestReader, limits: Limits, sleeps: list[float], step: Any
    ) -> None:
        site.script("/v1/people", step, step)
        assert len(reader.fetch().people) == 5
        assert len(sleeps) == 2
        site.always["/v1/people"] = step
        with (
            RestReader(site.connection(token=Secret(TOKENS[0])), limits) as other,
            pytest.raises(SiteError) as caught,
        ):
            other.fetch()
        assert "GET /v1/people (page 1)" in told(caught.value)
        assert type(caught.value) in (Unreachable, ContractViolation)
        assert len(sleeps) == 2 + limits.attempts - 1
        assert all(0 <= sleep <= 11 for sleep in sleeps)

    def test_gzip_that_ends_too_soon_is_never_used(
        self, site: ScriptedSite, failing: Failing
    ) -> None:
        site.always["/v1/people"] = lambda usual: zipped(gzip.compress(usual.body)[:-40])(usual)
        assert "GET /v1/people (page 1)" in failing(ContractViolation)

    def test_waits_grow_and_vary(
        self, site: ScriptedSite, failing: Failing, sleeps: list[float]
    ) -> None:
        site.always["/v1/site"] = reset
        assert "GET /v1/site: the connection failed" in failing(Unreachable)
        assert sleeps[4] > sleeps[0]
        assert len({round(sleep / 0.2, 3) % 1 for sleep in sleeps}) > 1

    def test_nobody_listens(self, limits: Limits, sleeps: list[float]) -> None:
        with running_site() as gone:
            connection = gone.connection()
        with RestReader(connection, limits) as reader, pytest.raises(Unreachable) as caught:
            reader.fetch()
        place = connection.url.removeprefix("http://")
        said = told(caught.value)
        assert f"POST to the token endpoint: the connection was refused ({place})." in said
        assert sleeps

    def test_each_try_that_fails_is_logged(
        self, limits: Limits, caplog: pytest.LogCaptureFixture
    ) -> None:
        with running_site() as gone:
            connection = gone.connection()
        caplog.set_level(logging.DEBUG, "reconciler")
        with RestReader(connection, limits) as reader, pytest.raises(Unreachable):
            reader.site()
        tries = [each for each in caplog.messages if "the connection was refused" in each]
        assert len(tries) == limits.attempts

    def test_an_answer_that_does_not_come_in_time(
        self, site: ScriptedSite, sleeps: list[float]
    ) -> None:
        def wait(usual: Says) -> Says:
            site.stopping.wait(5)
            return usual

        site.always["/v1/site"] = wait
        short = Limits(sleep=sleeps.append, attempts=2)
        connection = site.connection(timeout=0.1)
        with RestReader(connection, short) as reader, pytest.raises(Unreachable) as caught:
            reader.fetch()
        assert "GET /v1/site: no answer within the time allowed" in told(caught.value)
        assert len(sleeps) == 1

    def test_a_body_that_stops_coming(self, site: ScriptedSite, sleeps: list[float]) -> None:
        site.always["/v1/site"] = lambda usual: replace(usual, length=len(usual.body) + 9, pause=1)
        short = Limits(sleep=sleeps.append, attempts=1)
        connection = site.connection(timeout=0.1)
        with RestReader(connection, short) as reader, pytest.raises(Unreachable) as caught:
            reader.fetch()
        assert "GET /v1/site: no answer within the time allowed" in told(caught.value)

    def test_a_body_that_trickles_is_cut_off(self, site: ScriptedSite) -> None:
        site.always["/v1/site"] = lambda usual: replace(usual, pause=0.02)
        quick = Limits(answer_seconds=0.2)
        with (
            RestReader(site.connection(timeout=5), quick) as reader,
            pytest.raises(Unreachable) as caught,
        ):
            reader.fetch()
        assert "GET /v1/site: the answer took longer than" in told(caught.value)


def kinds_below(kind: type[BaseException]) -> list[type[BaseException]]:
    below = [further for each in kind.__subclasses__() for further in kinds_below(each)]
    return sorted({kind, *below}, key=lambda each: (each.__module__, each.__qualname__))


class TestEveryFailureOfTheLibraries:
    @pytest.mark.parametrize(
        "kind",
        [*kinds_below(requests.RequestException), *kinds_below(urllib3.exceptions.HTTPError)],
    )
    def test_is_told_as_ours(
        self,
        limits: Limits,
        monkeypatch: pytest.MonkeyPatch,
        kind: type[Exception],
    ) -> None:
        raised = kind.__new__(kind)  # not all of them can be made from one text
        raised.args = (f"Authorization: Bearer {TOKENS[0]}",)

        def fail(*_: object, **__: object) -> None:
            raise raised

        monkeypatch.setattr(requests.Session, "send", fail)
        connection = ScriptedSite.connection_to("https://site.example", token=Secret(TOKENS[0]))
        with RestReader(connection, limits) as reader, pytest.raises(SiteError) as caught:
            reader.site()
        assert "GET /v1/site: " in told(caught.value)

    def test_the_most_telling_words_win(self) -> None:
        def words(kind: type[Exception]) -> str:
            found = meaning("GET /v1/site", kind.__new__(kind), "the site")
            return str(found.error if isinstance(found, Again) else found)

        assert set(FAILURES) >= {requests.RequestException, OSError}
        assert "TLS" in words(requests.exceptions.SSLError)
        assert "proxy" in words(requests.exceptions.ProxyError)
        assert "no connection within" in words(requests.exceptions.ConnectTimeout)
        assert "no answer within" in words(requests.exceptions.ReadTimeout)
        assert "broke off" in words(requests.exceptions.ChunkedEncodingError)
        assert "compression" in words(requests.exceptions.ContentDecodingError)
        assert "connection failed" in words(requests.exceptions.ConnectionError)
        assert "could not be sent" in words(requests.exceptions.InvalidURL)

    def test_advice_names_who_was_asked(self) -> None:
        found = meaning("GET /orgs", requests.exceptions.SSLError(), "the school system")
        assert isinstance(found, SiteError)
        assert found.advice == (
            "If the school system has a certificate authority of its own, name it in ca_bundle."
        )

    def test_a_name_that_nobody_knows_is_told_with_its_host_and_nothing_else(self) -> None:
        request = requests.Request("GET", "https://me:pw@nosuch.example/v1/site?cursor=x").prepare()
        unknown = urllib3.exceptions.NameResolutionError(
            "nosuch.example", urllib3.connection.HTTPConnection("x"), socket.gaierror()
        )
        reason = urllib3.exceptions.MaxRetryError(
            urllib3.HTTPSConnectionPool("x"), "/v1/site", unknown
        )
        error = requests.exceptions.ConnectionError(reason, request=request)
        found = meaning("GET /v1/site", error, "the site")
        assert isinstance(found, Again)
        assert str(found.error) == "GET /v1/site: no such host is known (nosuch.example:443)."
        assert not found.lost

    def test_a_bundle_that_is_not_there(
        self, site: ScriptedSite, limits: Limits, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/bundle.pem")
        connection = site.connection(url=site.url.replace("http:", "https:"), token=Secret("token"))
        with RestReader(connection, limits) as reader, pytest.raises(Unreachable) as caught:
            reader.site()
        assert "could not be sent" in told(caught.value)

    @pytest.mark.parametrize("host", ["a..example", "x" * 70 + ".example", "1.2.3.4.5.6"])
    def test_a_host_that_cannot_be(self, limits: Limits, host: str) -> None:
        connection = ScriptedSite.connection_to(f"https://{host}", token=Secret("token"))
        with RestReader(connection, limits) as reader, pytest.raises(SiteError) as caught:
            reader.site()
        assert "GET /v1/site: " in told(caught.value)


class TestRefusals:
    def test_a_token_that_expired_is_renewed_once(
        self, site: ScriptedSite, reader: RestReader
    ) -> None:
        def expire(usual: Says) -> Says:
            site.good_tokens.remove(TOKENS[0])
            return problem(401, "invalid_token", "The token has expired.")(usual)

        site.script("/v1/units", expire)
        assert len(reader.fetch().units) == 3
        assert site.tokens_given == 2

    def test_a_second_401_ends_it(self, site: ScriptedSite, failing: Failing) -> None:
        site.always["/v1/site"] = problem(401, "invalid_token", "The token is not known.")
        said = failing(RequestRefused)
        assert "GET /v1/site was refused: 401 (invalid_token) The token is not known." in said
        assert "Check the credentials" in said
        assert site.tokens_given == 2

    def test_a_given_token_cannot_be_renewed(self, site: ScriptedSite, limits: Limits) -> None:
        connection = site.connection(token=Secret("expired-token"))
        with RestReader(connection, limits) as reader, pytest.raises(RequestRefused) as caught:
            reader.site()
        assert caught.value.status == 401
        assert "expired-token" not in told(caught.value)
        assert site.paths() == ["/v1/site"]

    def test_a_client_that_is_not_known(self, site: ScriptedSite, limits: Limits) -> None:
        connection = site.connection(client_secret=Secret("wrong-secret"))
        with RestReader(connection, limits) as reader, pytest.raises(RequestRefused) as caught:
            reader.site()
        said = told(caught.value)
        assert "POST to the token endpoint was refused: 401 (invalid_client)" in said
        assert "wrong-secret" not in said
        assert site.paths() == []

    @pytest.mark.parametrize(
        ("answer", "message"),
        [
            (says(200, {"token_type": "Bearer"}), "no usable access_token"),
            (says(200, {"access_token": "", "token_type": "Bearer"}), "no usable access_token"),
            (says(200, {"access_token": "a\nb", "token_type": "Bearer"}), "no usable access_token"),
            (says(200, {"access_token": "æ", "token_type": "Bearer"}), "no usable access_token"),
            (says(200, {"access_token": "t", "token_type": "mac"}), "not a bearer token"),
            (says(200, []), "not an object"),
            (html(200), "no JSON"),
        ],
    )
    def test_a_token_endpoint_that_gives_no_token(
        self, site: ScriptedSite, failing: Failing, answer: Any, message: str
    ) -> None:
        site.script("/oauth/token", answer)
        said = failing(ContractViolation)
        assert "POST to the token endpoint: " in said
        assert message in said
        assert site.paths() == []

    @pytest.mark.parametrize(
        ("answer", "parts"),
        [
            (problem(403, "insufficient_scope", "The token may not."),
             ("403 (insufficient_scope) The token may not.", "roles.read")),
            (problem(404, "not_found", "There is no such thing."),
             ("404 (not_found)", "Check the url")),
            (html(404), ("404 without a problem detail (text/html, ", "Check the url")),
            (html(407), ("407 ", "HTTPS_PROXY")),
            (says(400, {"error": "invalid_scope", "error_description": "No."}),
             ("400 (invalid_scope) No.",)),
            (says(400, {"code": 5, "detail": {"a": 1}}), ("400",)),
            (says(422, b"{", Content_Type="application/problem+json"),
             ("422 without a problem detail",)),
            (problem(422, "x", "a\x1b[31mb\nc" + "d" * 5000), ("a [31mb c", "ddd")),
        ],
    )  # fmt: skip
    def test_a_refusal_is_told_in_one_line(
        self, site: ScriptedSite, failing: Failing, answer: Any, parts: tuple[str, ...]
    ) -> None:
        site.script("/v1/site", answer)
        said = failing(RequestRefused)
        assert all(part in said for part in parts), said
        assert said.isprintable()
        assert len(said) < 600

    def test_credentials_that_come_back_are_not_repeated(
        self, site: ScriptedSite, failing: Failing
    ) -> None:
        site.script("/v1/site", problem(403, "echo", f"You sent Bearer {TOKENS[0]}."))
        said = failing(RequestRefused)
        assert "403 (echo) its message is left out: it repeats a credential." in said
        assert "You sent" not in said

    @pytest.mark.parametrize("secret", ["no", "oslo"])
    def test_a_short_secret_is_not_repeated_either(
        self, site: ScriptedSite, limits: Limits, secret: str
    ) -> None:
        site.script("/v1/site", problem(403, "echo", f"Nothing known of {secret}, says the site."))
        connection = site.connection(token=Secret(secret))
        with RestReader(connection, limits) as reader, pytest.raises(RequestRefused) as caught:
            reader.site()
        assert "repeats a credential" in told(caught.value)
        assert secret not in str(caught.value)

    def test_a_client_secret_that_comes_back_is_not_repeated(
        self, site: ScriptedSite, failing: Failing
    ) -> None:
        body = {"error": "invalid_client", "error_description": f"{CLIENT_SECRET} is wrong"}
        site.script("/oauth/token", says(400, body))
        said = failing(RequestRefused)
        assert "400 (invalid_client) its message is left out" in said
        assert "is wrong" not in said


class TestWaiting:
    @pytest.mark.parametrize("status", [429, 503])
    def test_as_many_seconds_as_the_site_asks(
        self, site: ScriptedSite, reader: RestReader, sleeps: list[float], status: int
    ) -> None:
        site.script("/v1/people", problem(status, "busy", "Later.", Retry_After="7"))
        reader.fetch()
        assert sleeps == [7.0]

    def test_until_the_date_that_the_site_names(
        self, site: ScriptedSite, reader: RestReader, sleeps: list[float]
    ) -> None:
        at = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
        site.script("/v1/people", problem(503, "busy", "Later.", Retry_After=at))
        reader.fetch()
        assert len(sleeps) == 1
        assert 20 < sleeps[0] <= 30

    def test_a_date_that_is_past(
        self, site: ScriptedSite, reader: RestReader, sleeps: list[float]
    ) -> None:
        past = "Sun, 06 Nov 1994 08:49:37 GMT"
        site.script("/v1/people", problem(503, "busy", "Later.", Retry_After=past))
        reader.fetch()
        assert sleeps == [0.0]

    @pytest.mark.parametrize("value", ["soon", "-5", "", "1.5", "١٢", "Mon, 99 Xyz 99999"])
    def test_what_cannot_be_read_is_no_date(
        self, site: ScriptedSite, reader: RestReader, sleeps: list[float], value: str
    ) -> None:
        header = value.encode().decode("latin-1")
        site.script("/v1/people", problem(503, "busy", "Later.", Retry_After=header))
        reader.fetch()
        assert len(sleeps) == 1
        assert 0 < sleeps[0] < 2

    @pytest.mark.parametrize(
        ("value", "when"),
        [("61", "61 seconds"), ("600", "10 minutes"), ("7200", "2 hours"), ("9" * 400, "hours")],
    )
    def test_a_site_that_asks_for_too_long_is_left_alone(
        self, site: ScriptedSite, failing: Failing, sleeps: list[float], value: str, when: str
    ) -> None:
        site.always["/v1/people"] = problem(429, "too_many", "Slow down.", Retry_After=value)
        said = failing(Unreachable)
        assert "GET /v1/people (page 1): the site cannot answer: 429 (too_many) Slow down." in said
        assert "Try again in" in said
        assert when in said
        assert sleeps == []
        assert site.paths().count("/v1/people") == 1

    def test_waits_are_added_up(
        self, site: ScriptedSite, failing: Failing, sleeps: list[float]
    ) -> None:
        site.always["/v1/people"] = problem(429, "too_many", "Slow down.", Retry_After="25")
        assert "Try again in 25 seconds." in failing(Unreachable)
        assert sleeps == [25, 25]

    def test_time_spent_on_attempts_is_limited_too(self, site: ScriptedSite) -> None:
        site.always["/v1/site"] = reset
        quick = Limits(total_seconds=0.0)
        with RestReader(site.connection(), quick) as reader, pytest.raises(Unreachable) as caught:
            reader.fetch()
        told(caught.value)
        assert site.paths() == ["/v1/site"]

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    def test_a_failure_that_passes(
        self, site: ScriptedSite, reader: RestReader, sleeps: list[float], status: int
    ) -> None:
        site.script("/v1/people", html(status), problem(status, "oops", "It broke."))
        assert len(reader.fetch().people) == 5
        assert len(sleeps) == 2

    def test_a_failure_that_stays(
        self, site: ScriptedSite, failing: Failing, limits: Limits
    ) -> None:
        site.always["/v1/people"] = html(502)
        said = failing(Unreachable)
        assert "502 without a problem detail (text/html, " in said
        assert "Sign in" not in said
        assert site.paths().count("/v1/people") == limits.attempts

    def test_a_token_request_is_tried_again_too(
        self, site: ScriptedSite, reader: RestReader, sleeps: list[float]
    ) -> None:
        site.script("/oauth/token", reset, html(503))
        reader.fetch()
        assert len(sleeps) == 2


class TestTokensStayAtHome:
    @pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
    @pytest.mark.parametrize("path", ["/v1/site", "/oauth/token"])
    def test_redirects_are_not_followed(
        self, site: ScriptedSite, failing: Failing, status: int, path: str
    ) -> None:
        with running_site() as other:
            site.script(path, says(status, b"", Location=f"{other.url}{path}"))
            assert "was not followed" in failing(ContractViolation)
            assert other.asked == []

    def test_each_credential_goes_to_its_own_address(
        self, site: ScriptedSite, limits: Limits
    ) -> None:
        with running_site() as issuer:
            connection = site.connection(token_url=f"{issuer.url}/oauth/token")
            with RestReader(connection, limits) as reader:
                reader.fetch()
            assert {each.path for each in issuer.asked} == {"/oauth/token"}
            assert "/oauth/token" not in {each.path for each in site.asked}
            for each in site.asked:
                assert each.headers["authorization"] == f"Bearer {TOKENS[0]}"


class TestNoWrites:
    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
    def test_a_reader_can_send_nothing_but_get(
        self, site: ScriptedSite, reader: RestReader, method: str
    ) -> None:
        reader.fetch()
        count = len(site.asked)
        call = Call(method, "/v1/changes", document={"changes": []})
        with pytest.raises(WriteForbidden) as caught:
            reader._transport.send(call, reader._authorisation)
        told(caught.value)
        # Not even past the transport, by the session itself.
        with pytest.raises(WriteForbidden):
            reader._transport._session.request(method, f"{site.url}/v1/changes", timeout=1)
        assert len(site.asked) == count


def event(number: int, address: Address) -> dict[str, Any]:
    return {
        "at": "2026-11-24T10:00:00Z", "actor": f"actor-{number}", "actor_kind": "console",
        "address": str(address), "verb": "add", "revision": number,
    }  # fmt: skip


class TestEvents:
    def test_few_addresses_are_asked_one_by_one(
        self, site: ScriptedSite, reader: RestReader
    ) -> None:
        mine = Address.assignment("mentor", "1", "learner", "2")
        odd = Address.holder("mentor", "a/b ø")
        never = Address.label("mentor", "tool_name")
        site.events = [event(n, (mine, odd, mine)[n % 3]) for n in range(1, 9)]
        found = reader.last_events([mine, odd, never])
        assert {address: last.revision for address, last in found.items()} == {mine: 8, odd: 7}
        assert found[mine].actor == "actor-8"
        assert found[mine].at == datetime(2026, 11, 24, 10, tzinfo=UTC)
        assert found[mine].actor_kind == "console"
        asked = [each.query.get("address") for each in site.asked if each.path == "/v1/events"]
        assert asked == [str(mine)] * 3 + [str(odd)] * 2 + [str(never)]

    def test_for_many_addresses_the_log_is_read_once(
        self, site: ScriptedSite, reader: RestReader
    ) -> None:
        addresses = [Address.holder("mentor", str(number)) for number in range(ASKED_SINGLY + 1)]
        site.page_size = 10
        site.events = [event(n, addresses[n % 7]) for n in range(1, 51)]
        found = reader.last_events(addresses)
        assert {address.parts[1]: last.revision for address, last in found.items()} == {
            str(rest): max(n for n in range(1, 51) if n % 7 == rest) for rest in range(7)
        }
        asked = [each for each in site.asked if each.path == "/v1/events"]
        assert [each.query["after"] for each in asked] == ["0", "10", "20", "30", "40"]
        assert not any("address" in each.query for each in asked)

    def test_no_address_needs_no_request(self, site: ScriptedSite, reader: RestReader) -> None:
        assert reader.last_events([]) == {}
        assert site.asked == []

    @pytest.mark.parametrize(
        ("edit", "message"),
        [
            (lambda page: page["items"].reverse(), "out of order"),
            (lambda page: page["items"].__setitem__(1, page["items"][0]), "came twice"),
            (lambda page: page.update(next="0"), "does not follow"),
            (lambda page: page.update(next="x"), "does not follow"),
            (first_item(at="yesterday"), "its at has a value that cannot be read"),
            (first_item(at="2026-11-24T10:00:00"), "its at has no time zone"),
            (first_item(actor=None), "its actor is not a text"),
            (first_item(revision="1"), "its revision is not a whole number"),
        ],
    )
    def test_a_log_that_cannot_be_read(
        self, site: ScriptedSite, reader: RestReader, edit: Any, message: str
    ) -> None:
        address = Address.holder("mentor", "1")
        site.events = [event(n, address) for n in range(1, 6)]
        site.script("/v1/events", edited(edit))
        with pytest.raises(ContractViolation) as caught:
            reader.last_events([address])
        said = told(caught.value)
        assert "GET /v1/events (page 1)" in said
        assert message in said
