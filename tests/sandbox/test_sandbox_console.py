import asyncio
import html
import json
import re
import time
from pathlib import Path

import pytest
import requests
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from browsers import Browser
from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import Response

from reconciler.sandbox import console as console_package
from reconciler.sandbox.console import administration
from reconciler.sandbox.console.passwords import Passwords, Paused
from reconciler.sandbox.console.session import Sessions
from reconciler.sandbox.context import ConsoleUser
from reconciler.sandbox.database import place_of, serving_engine


@pytest.fixture
def console(sandbox):
    return Browser(sandbox)


def test_a_wrong_name_or_password_signs_nobody_in(quiet):
    stranger = Browser(quiet, signed_in=False)
    for name, password in (("admin", "wrong"), ("root", quiet.ready["console"]["password"])):
        assert stranger.sign_in(password, name).status_code == 401
    assert "wrong" in stranger.sign_in("wrong").text
    assert stranger.get().url.endswith("/console/sign-in")


def test_passwords_are_not_guessed_fast(sandbox):
    stranger = Browser(sandbox, signed_in=False)
    found = sandbox.ready["console"]
    refused, wrong = stranger.sign_in("guess-0"), 0
    while refused.status_code == 401 and wrong < 10:  # a slow machine outlasts the first pauses
        wrong += 1
        refused = stranger.sign_in(f"guess-{wrong}")
    assert refused.status_code == 429
    assert "none is looked at now" in refused.text
    assert sandbox.get("site").status_code == 200, "nobody else waits"
    time.sleep(int(refused.headers["Retry-After"]))
    assert stranger.sign_in(found["password"]).url == found["url"]
    _, _, err = sandbox.stop()
    assert err.count("a wrong name or password for the console from 127.0.0.1") == wrong >= 4
    assert "guess-" not in err


def test_pauses_grow_to_half_a_minute_and_a_right_password_ends_them():
    now = 0.0
    passwords = Passwords(ConsoleUser("admin", "secret"), lambda: now)
    for _ in range(3):
        assert not passwords.check("admin", "wrong", "here")
    for pause in (1, 2, 4, 8, 16, 30, 30):
        assert not passwords.check("admin", "wrong", "here")
        with pytest.raises(Paused) as paused:
            passwords.check("admin", "secret", "here")
        assert paused.value.seconds == pause
        now += pause
    assert passwords.check("admin", "secret", "here")
    assert not passwords.check("admin", "wrong", "here")
    assert passwords.check("admin", "secret", "here")


def test_the_cookie_and_the_headers_are_strict(quiet):
    answer = requests.get(quiet.ready["console"]["url"] + "/sign-in", timeout=10)
    cookie = answer.headers["Set-Cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert "<script" not in answer.text
    style = requests.get(quiet.ready["console"]["url"] + "/style.css", timeout=10)
    assert style.headers["Content-Type"].startswith("text/css")


def test_two_sandboxes_in_one_browser_leave_each_other_alone(quiet, sandbox):
    browser = Browser(quiet)
    browser.url = sandbox.ready["console"]["url"]
    browser.sign_in(sandbox.ready["console"]["password"])
    for url in (quiet.ready["console"]["url"], sandbox.ready["console"]["url"]):
        browser.url = url
        assert browser.get().url == url, "still signed in"


def test_a_form_that_nobody_is_signed_in_for_is_not_lost_in_silence(quiet):
    browser = Browser(quiet)
    csrf, page = browser.csrf(), "/console/mentor/add?q=marit"
    browser.session.cookies.clear()
    form = {"role": "mentor", "person": "10515", "page": page}
    lost = browser.post("/holders/add", csrf, **form)
    assert "Nothing was changed" in lost.text
    assert 'role="alert"' in lost.text
    browser.session.headers["Accept-Language"] = "nb"
    assert "Ingenting ble endret" in browser.post("/holders/add", csrf, **form).text
    own = dict(re.findall(r'name="(csrf|page)" value="([^"]+)"', lost.text))
    password = quiet.ready["console"]["password"]
    wrong = browser.post("/sign-in", **own, username="admin", password="wrong")
    assert 'name="page" value="/console/mentor/add?q=marit"' in wrong.text
    signed_in = browser.post("/sign-in", **own, username="admin", password=password)
    assert signed_in.url.endswith(page)
    assert quiet.revision() == 1


def test_who_asks_for_a_page_comes_to_it_by_signing_in(quiet):
    browser = Browser(quiet, signed_in=False)
    asked = browser.get("/events?q=mentor")
    assert "Nothing was changed" not in asked.text
    own = dict(re.findall(r'name="(csrf|page)" value="([^"]+)"', asked.text))
    password = quiet.ready["console"]["password"]
    assert browser.post("/sign-in", **own, username="admin", password=password).url.endswith(
        "/console/events?q=mentor"
    )


@pytest.mark.parametrize(
    "page", ["//evil.example", "https://evil.example", "/consoles", "/console/" + 5_000 * "x"]
)
def test_signing_in_leads_to_no_page_of_somebody_else(quiet, page):
    browser = Browser(quiet, signed_in=False)
    browser.get("/sign-in", params={"page": page})
    found = quiet.ready["console"]
    form = {"username": "admin", "password": found["password"], "page": page}
    assert browser.post("/sign-in", browser.csrf("/sign-in"), **form).url == found["url"]
    assert browser.get("/sign-in", params={"page": page}).url == found["url"]


def test_no_session_is_renewed(quiet):
    browser = Browser(quiet)
    before = browser.session.cookies.copy()
    assert browser.get("/sign-in").url.endswith("/console"), "who is signed in goes on"
    wrong = browser.post("/sign-in", username="admin", password="wrong")
    assert wrong.url.endswith("/console")
    assert browser.session.cookies == before
    stranger = Browser(quiet, signed_in=False)
    assert stranger.get("/sign-in").cookies
    assert not stranger.get("/sign-in").cookies


def test_a_session_ends_after_eight_hours_and_signed_out_ones_are_remembered_so_long():
    now = 0.0
    sessions = Sessions(lambda: now)

    def asking(session):
        scope = {"type": "http", "server": ("127.0.0.1", 80), "headers": []}
        response = Response()
        sessions.write(Request(scope), response, session)
        cookie = response.headers["set-cookie"].partition(";")[0]
        return Request({**scope, "headers": [(b"cookie", cookie.encode())]})

    session = sessions.fresh("admin")
    request = asking(session)
    now = 8 * 3600 - 1.0
    assert sessions.read(request) == session
    now = 8 * 3600
    assert sessions.read(request) is None
    session, stranger = sessions.fresh("admin"), sessions.fresh()
    for each in (session, stranger):
        sessions.end(asking(each), Response(), each)
    assert sessions.read(asking(session)) is None
    assert sessions.remembered == 1, "strangers can fill no memory"
    now *= 2
    other = sessions.fresh("admin")
    sessions.end(asking(other), Response(), other)
    assert sessions.remembered == 1, "who is signed out for good by the clock is forgotten"


def test_a_forged_cookie_is_no_session(quiet):
    port = quiet.url.rpartition(":")[2]
    forged = {f"sandbox_console_{port}": "WyJ4IiwiYWRtaW4iXQ.aGVsbG8.c2lnbmF0dXJl"}
    answer = requests.get(quiet.ready["console"]["url"], cookies=forged, timeout=10)
    assert answer.url.endswith("/console/sign-in")


def test_signing_out_ends_the_session_for_good(quiet):
    browser = Browser(quiet)
    copied = browser.session.cookies.copy()
    browser.post("/sign-out")
    browser.session.cookies = copied
    assert browser.get().url.endswith("/console/sign-in")


def test_edits_follow_the_rules_and_are_logged_as_the_console(console, sandbox, id_of):
    teacher = id_of(sandbox, "t-0412")
    refused = console.post("/holders/add", role="mentor", person=teacher)
    assert refused.status_code == 409
    assert f"the profile of {teacher} has no mentor role" in refused.text
    assert f"({teacher}: Marit Løken, t-0412)" in refused.text
    form = {"role": "mentor", "person": teacher, "kind": "class", "target": "u-11"}
    assert f"({teacher}: Marit Løken, t-0412; u-11: 8A, 8a)" in (
        console.post("/assignments/add", **form).text
    )
    wrong = {**form, "kind": "school", "target": "u-10"}
    assert (
        f"({teacher}: Marit Løken, t-0412; u-10: " in console.post("/assignments/add", **wrong).text
    )
    assert console.post("/profiles/add", profile="p-3", role="mentor").status_code == 200
    assert console.post("/holders/add", role="mentor", person=f" {teacher} ").status_code == 200
    form = {"role": "mentor", "person": teacher, "kind": "class", "target": "u-11"}
    assert console.post("/assignments/add", **form).status_code == 200
    assert {"role": "mentor", "person": teacher, "kind": "class", "target": "u-11"} in (
        sandbox.items("assignments")
    )
    page = console.get("/mentor").text
    assert "Marit Løken" in page
    assert "8A" in page
    below = {"u-11"} | {each["id"] for each in sandbox.items("units") if each["parent"] == "u-11"}
    learners = {
        each["person"]
        for each in sandbox.items("memberships")
        if each["unit"] in below and each["role"] == "learner"
    }
    assert f"{len(learners)} learners" in page
    refused = console.post("/holders/remove", role="mentor", person=teacher)
    assert (refused.status_code, "remove those first" in refused.text) == (409, True)
    assert console.post("/assignments/remove", **form).status_code == 200
    assert console.post("/labels", role="mentor", tool_name="Elever", role_name="").ok
    assert [
        (event["actor"], event["actor_kind"], event["verb"], event["address"])
        for event in sandbox.events()
    ] == [
        ("admin", "console", "add", "profile/p-3/mentor"),
        ("admin", "console", "add", f"mentor/{teacher}"),
        ("admin", "console", "add", f"mentor/{teacher}/class/u-11"),
        ("admin", "console", "remove", f"mentor/{teacher}/class/u-11"),
        ("admin", "console", "change", "label/mentor/tool_name"),
    ]
    assert f"mentor/{teacher}/class/u-11" in console.get("/events").text


def test_text_is_escaped(console, sandbox):
    evil = "<script>alert(1)</script>\"'&"
    assert console.post("/labels", role="mentor", tool_name=evil, role_name=evil).ok
    assert sandbox.items("labels")[1]["tool_name"] == evil
    page = console.get("/mentor/settings").text
    assert "<script" not in page
    assert 'value="&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;"' in page


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("/holders/add", {"role": "mentor"}, 422),
        ("/holders/add", {"role": "janitor", "person": "1"}, 422),
        ("/assignments/add", {"role": "mentor", "person": "1"}, 422),
        ("/labels", {"role": "mentor", "tool_name": "x" * 65}, 422),
        ("/holders/change", {}, 404),
        ("/nothing/add", {}, 404),
    ],
)
def test_a_form_filled_in_wrongly_is_explained(quiet, path, form, status):
    assert Browser(quiet).post(path, **form).status_code == status
    assert quiet.revision() == 1


def test_what_was_done_is_told_once_and_a_refusal_instead_of_it(start):
    console = Browser(start())
    form = {"profile": "p-3", "role": "mentor", "page": "/console/profiles"}
    assert '<p class="done" role="status">Done.</p>' in console.post("/profiles/add", **form).text
    assert "Done." not in console.get("/profiles").text
    person = {"role": "mentor", "person": "nobody", "page": "/console/mentor/add"}
    refused = console.post("/holders/add", **person).text
    assert 'role="alert"' in refused
    assert "Done." not in refused


def test_whose_profile_lacks_the_role_is_told_before_they_are_added(quiet):
    found = Browser(quiet).get("/mentor/add?q=t-0412").text
    assert "The role is not enabled on this profile." in found
    assert 'action="/console/holders/add"' not in found
    assert (
        'action="/console/holders/add"' not in Browser(quiet).get("/mentor/edit?person=10515").text
    )


def test_who_is_found_by_e_mail_is_asked_for_so(quiet):
    people = Browser(quiet).get("/people")
    assert "Name, user name, key or e-mail" in people.text
    email = next(each["email"] for each in quiet.items("people") if each["sync_key"] == "t-0412")
    assert "t-0412" in Browser(quiet).get("/people", params={"q": email}).text


def test_the_console_is_not_bound_by_the_api_s_capabilities(start):
    running = start("--without", "profiles")
    assert Browser(running).post("/profiles/add", profile="p-3", role="mentor").ok
    assert running.revision() == 2


def test_many_holders_are_paged(start, tmp_path):
    people = [f"m{n:03}" for n in range(120)]
    holders = [{"role": "mentor", "person": each} for each in people]
    from_console = Browser(start("--seed", a_site(tmp_path, people, holders=holders)))
    first = from_console.get("/mentor").text
    assert first.count("/holders/remove") == 12
    link = re.search(r'href="/console(/mentor\?after=[^"]+)"', first)[1]
    assert from_console.get(link).text.count("/holders/remove") == 12
    assert from_console.get("/mentor?q=M11").text.count("/holders/remove") == 10


def test_very_many_learners_are_not_all_counted_but_all_shown(start, tmp_path):
    learners = [f"l{n:04}" for n in range(3_100)]
    seed = a_site(
        tmp_path,
        ["alone", "head", *learners],
        units=[a_unit("class", "class", "root")],
        memberships=[a_membership(unit, each) for each in learners for unit in ("class", "root")],
        holders=[
            {"role": "headteacher", "person": "head"},
            {"role": "mentor", "person": "alone"},
        ],
        assignments=[
            {"role": "headteacher", "person": "head", "kind": "organisation", "target": "root"},
            {"role": "mentor", "person": "alone", "kind": "learner", "target": "l0007"},
        ],
    )
    console = Browser(start("--seed", seed))
    assert re.search(r"At least [0-9]+ learners", console.get("/headteacher/edit?person=head").text)
    assert "1 learner<" in console.get("/mentor").text
    for path in ("/headteacher/edit?person=head", "/people/seen?person=head"):
        shown, more = [], path
        while more is not None:
            page = console.get(more).text
            shown += re.findall(r"<small>(l[0-9]{4})</small>", page)
            link = re.search(r'href="/console([^"]+(?:learner|headteacher)=l[0-9]+)"', page)
            more = link and html.unescape(link[1])
        assert shown == learners


def a_site(folder, people, units=(), **collections):
    state = {
        "format": "reconciler.state/1",
        "site": {"id": "x", "name": "X", "ilp": {"enabled": False, "published_templates": 0}},
        "profiles": [{"id": "p", "name": "P", "roles": ["headteacher", "mentor"]}],
        "people": [a_person(each) for each in people],
        "units": [a_unit("root", "organisation", None), *units],
        **{key: [] for key in ("memberships", "relations", "holders", "assignments")},
        **collections,
    }
    path = folder / "site.json"
    path.write_text(json.dumps(state))
    return str(path)


def a_person(each):
    own = {"id": each, "username": each, "name": each, "profile": "p", "active": True}
    return {**own, "sync_key": None, "email": None}


def a_unit(each, kind, parent):
    return {"id": each, "sync_key": None, "kind": kind, "title": each, "parent": parent}


def a_membership(unit, person):
    days = {"begin": None, "end": None}
    return {"unit": unit, "person": person, "role": "learner", "primary": True, **days}


def test_a_refused_form_shows_the_page_that_it_stood_on(quiet):
    browser = Browser(quiet)
    form = {"role": "mentor", "person": "1", "page": "/console/mentor/add?q=marit"}
    refused = browser.post("/holders/add", **form)
    assert refused.status_code == 422
    assert "there is no person 1" in refused.text
    assert 'role="alert"' in refused.text
    assert 'value="marit"' in refused.text


@pytest.mark.parametrize(
    "page",
    [
        "/console/gone",
        "/console/holders/add",
        "/console/sign-out",
        "/console/mentor/edit?person=gone",
        "/console/events?before=x",
        "/console/people?q=" + 101 * "x",
        "",
    ],
)
def test_a_refusal_is_shown_even_where_its_page_is_not(quiet, page):
    refused = Browser(quiet).post("/holders/add", role="mentor", person="1", page=page)
    assert refused.status_code == 422
    assert "there is no person 1" in refused.text


@pytest.mark.parametrize(
    "page", ["//evil.example", "https://evil.example", "/consoles", "/console\r\nX: y", "/v1/site"]
)
def test_a_form_leads_to_no_page_of_somebody_else(quiet, page):
    browser = Browser(quiet)
    form = {"csrf": browser.csrf(), "page": page, "language": "nb"}
    url = quiet.ready["console"]["url"]
    answer = browser.session.post(f"{url}/language", data=form, timeout=10, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/console")
    form = {**form, "role": "mentor", "person": "1"}
    refused = browser.session.post(f"{url}/holders/add", data=form, timeout=10)
    assert refused.status_code == 422
    assert "Hendelser" in refused.text, "the first page, in the language just chosen"


@pytest.mark.parametrize(
    ("accepted", "chosen", "word"),
    [
        ("", None, "Sign in"),
        ("nn-NO,nb;q=0.8,en;q=0.5", None, "Logg inn"),
        ("no", None, "Logg inn"),
        ("en;q=0.2,nb;q=0.9", None, "Logg inn"),
        ("nb;q=0,en;q=0.1", None, "Sign in"),
        ("de;q=x,,;;", None, "Sign in"),
        ("nb", "en", "Sign in"),
        ("en", "nb", "Logg inn"),
        ("en", "../nb", "Sign in"),
    ],
)
def test_the_language_is_the_browser_s_or_the_chosen_one(quiet, accepted, chosen, word):
    answer = requests.get(
        quiet.ready["console"]["url"] + "/sign-in",
        headers={"Accept-Language": accepted},
        cookies={"sandbox_language": chosen} if chosen else {},
        timeout=10,
    )
    assert f"<h1>{word}</h1>" in answer.text


def test_every_word_of_the_console_is_there_in_every_language():
    folder = Path(console_package.__file__).parent
    said = {
        message if isinstance(message, str) else message[0]
        for _, _, message, _, _ in extract_from_dir(
            folder / "templates",
            [("**.html", "jinja2.ext:babel_extract")],
            options_map={"**.html": {"newstyle_gettext": "true"}},
        )
    }
    for file in (folder / "words").glob("*.po"):
        with file.open("rb") as opened:
            messages = [each for each in read_po(opened) if each.id]
        known = {each.id if isinstance(each.id, str) else each.id[0] for each in messages}
        assert known == said, file
        for each in messages:
            texts = each.string if isinstance(each.string, tuple) else (each.string,)
            assert all(texts), each.id
            assert not list(each.check()), each.id


def test_individual_learning_plans_are_switched_by_hand(console, sandbox):
    site = sandbox.get("site").json()
    assert console.post("/ilp", enabled="on", published_templates="3").ok
    changed = sandbox.get("site").json()
    assert changed["ilp"] == {"enabled": True, "published_templates": 3}
    assert changed["revision"] == site["revision"] + 1
    assert console.post("/ilp", enabled="on", published_templates="3").ok
    assert sandbox.revision() == changed["revision"], "nothing was changed"
    for wrong in ("-1", "", "10001", "three", "\u0663"):
        assert console.post("/ilp", published_templates=wrong).status_code == 422
    assert console.post("/ilp", published_templates="0").ok
    assert sandbox.get("site").json()["ilp"] == {"enabled": False, "published_templates": 0}
    assert sandbox.events() == [], "the API has no address for them"
    page = console.get("/events?q=ILP+Admin").text
    assert page.count("<code>ilp</code> <small>ILP templates</small>") == 2
    assert "admin <small>console</small>" in page


def test_events_are_found_by_parts_of_addresses_and_actors_in_any_case(start):
    running = start("--console-user", "Åse")
    browser = Browser(running)
    assert browser.post("/profiles/add", profile="p-3", role="mentor").ok
    for words in ("P-3/Ment", "Åse", "ÅSE ROFILE"):
        assert "profile/p-3/mentor" in browser.get(f"/events?q={words}").text, words
    for words in ("p_3", "%", "nobody", "p-3 nobody"):
        assert "profile/p-3/mentor" not in browser.get("/events", params={"q": words}).text


HOLDER, CLASS, LEARNER = "mentor/t-0412", "mentor/t-0412/class/8a", "mentor/t-0412/learner/s-1040"
FOUND = {
    "Løken": {HOLDER, CLASS, LEARNER},
    "t-0412": {HOLDER, CLASS, LEARNER},
    "MARIT løken": {HOLDER, CLASS, LEARNER},
    "8a": {CLASS},
    "u-11": {CLASS},
    "løken 8A": {CLASS},
    "marit s-1040 reconciler": {LEARNER},
    "s-1040": {LEARNER},
    "løken nobody": set(),
    "øken": set(),
    " ".join(map(chr, range(0x61, 0x61 + 50))): set(),
}


def test_events_are_found_by_whom_and_what_they_are_about(sandbox, id_of):
    who = ("mentor", id_of(sandbox, "t-0412"))
    sandbox.put("profiles", "p-3", "roles", "mentor")
    sandbox.put("holders", *who)
    sandbox.put("assignments", *who, "class", id_of(sandbox, "8a"))
    sandbox.put("assignments", *who, "learner", id_of(sandbox, "s-1040"))
    sandbox.put("holders", "mentor", id_of(sandbox, "t-0008"))
    browser = Browser(sandbox)
    assert "Name or key of a person or unit" in browser.get("/events").text
    found = {
        words: re.findall(
            "<code>(mentor/t-0412[^<]*)</code>", browser.get("/events", params={"q": words}).text
        )
        for words in FOUND
    }
    assert {words: set(addresses) for words, addresses in found.items()} == FOUND


@pytest.mark.parametrize("title", ["Ørsta skole", "ØRSTA SKOLE", "ørsta-skole"])
def test_a_unit_s_title_is_found_in_any_case(start, tmp_path, title):
    school = {**a_unit("s/1", "school", "root"), "title": title}
    head = {"role": "headteacher", "person": "h/1"}
    running = start("--seed", a_site(tmp_path, ["h/1"], [school], holders=[head]))
    assert running.put("assignments", "headteacher", "h/1", "school", "s/1").status_code == 201
    for words in ("ørsta", "Ørsta", "ØRSTA skole"):
        assert "school/s%2F1" in Browser(running).get("/events", params={"q": words}).text


@pytest.mark.parametrize(
    "path", ["/nothing", "/people/seen?person=nobody", "/mentor/edit", "/events?before=x"]
)
def test_what_is_not_there_is_a_page_too(quiet, path):
    answer = Browser(quiet).get(path)
    assert answer.status_code in (404, 422)
    assert strictly_a_page(answer)
    told = "There is nothing here" if answer.status_code == 404 else "That did not work"
    assert f"<h1>{told}</h1>" in answer.text


def test_people_are_found_by_every_word_in_any_case(console):
    found = console.get("/people?q=LØK+marit").text
    assert "Marit Løken" in found
    assert "t-0412" in found
    assert "Nobody is found." in console.get("/people?q=marit+%25").text
    assert "Nobody is found." in console.get("/people?q=_").text


@pytest.mark.parametrize("words", ["marit l", "0412", "T-04", "Løken Marit", "løken"])
def test_a_word_is_found_by_how_it_or_a_part_of_it_begins(quiet, words):
    assert "t-0412" in Browser(quiet).get(f"/people?q={words}").text


@pytest.mark.parametrize("words", ["oken", "412", "marit nobody", "marit " + 90 * "x"])
def test_nobody_is_found_by_what_stands_inside_of_a_word(quiet, words):
    assert "Nobody is found." in Browser(quiet).get(f"/people?q={words}").text


@pytest.mark.parametrize("path", ["/people", "/mentor", "/headteacher", "/events", "/mentor/add"])
def test_a_search_has_a_bound(quiet, path):
    browser = Browser(quiet)
    for words in ("a " * 1_500, "x" * 30_000, "a" * 101):
        refused = browser.get(f"{path}?q={words}")
        assert refused.status_code == 422
        assert "a search has at most 100 characters" in refused.text
    assert browser.get(f"{path}?q={'a ' * 50}").status_code == 200
    assert (
        browser.get("/mentor/edit", params={"person": "10515", "q": "a" * 101}).status_code == 422
    )


def strictly_a_page(answer):
    return answer.headers["Content-Type"].startswith("text/html") and (
        "default-src 'none'" in answer.headers["Content-Security-Policy"]
    )


def test_who_opens_the_server_itself_comes_to_the_console(quiet):
    browser = Browser(quiet)
    for address in (quiet.url, f"{quiet.url}/", f"{quiet.url}/console/"):
        assert browser.session.get(address, timeout=10).url == f"{quiet.url}/console"
        assert "/console/sign-in" in requests.get(address, timeout=10).url
    assert requests.post(quiet.url, timeout=10).status_code == 404


def test_pages_have_a_head(quiet):
    browser = Browser(quiet)
    for path, status in (("", 200), ("/mentor", 200), ("/style.css", 200), ("/nothing", 404)):
        head = browser.session.head(browser.url + path, timeout=10)
        assert (head.status_code, head.content) == (status, b"")
        assert head.headers["Content-Type"] == browser.get(path).headers["Content-Type"]
    assert browser.session.head(f"{browser.url}/labels", timeout=10).status_code == 405


def test_a_body_that_is_too_large_is_refused_on_a_page(quiet):
    answer = requests.post(
        quiet.ready["console"]["url"] + "/labels",
        data=b"x" * 5_000_001,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        timeout=10,
    )
    assert answer.status_code == 413
    assert strictly_a_page(answer)


@pytest.mark.parametrize("kind", ["file", pytest.param("postgresql", marks=pytest.mark.soak)])
def test_a_database_that_fails_is_told_on_a_page(start, new_database, kind):
    database = new_database(kind)
    running = start("--database", database)
    engine = serving_engine(place_of(database))
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE profiles RENAME TO gone"))
    answer = Browser(running).get("/profiles")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert strictly_a_page(answer)
    assert "does not answer" in answer.text
    api = running.get("profiles")
    assert (api.status_code, api.json()["code"]) == (503, "unavailable")
    engine.dispose()


def test_a_failure_of_the_server_is_told_on_a_page(app, monkeypatch, tmp_path):
    monkeypatch.setattr(administration, "_STYLE", tmp_path / "nothing")
    sent = []

    async def ask():
        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/console/style.css", "headers": []}
        scope |= {"raw_path": b"/console/style.css", "query_string": b"", "http_version": "1.1"}
        await app({**scope, "scheme": "http", "server": ("127.0.0.1", 80)}, receive, send)

    with pytest.raises(FileNotFoundError):  # the server's log has it
        asyncio.run(ask())
    assert sent[0]["status"] == 500
    assert b"default-src 'none'" in dict(sent[0]["headers"])[b"content-security-policy"]
    assert b"the server failed" in b"".join(message.get("body", b"") for message in sent)


def test_a_role_that_is_not_enabled_is_without_effect_wherever_it_is_shown(console, sandbox, id_of):
    mentor, learner = id_of(sandbox, "t-0412"), id_of(sandbox, "s-1040")
    form = {"role": "mentor", "person": mentor, "kind": "learner", "target": learner}
    console.post("/profiles/add", profile="p-3", role="mentor")
    console.post("/holders/add", role="mentor", person=mentor)
    console.post("/assignments/add", **form)
    pages = {
        "card": (f"/people/seen?person={mentor}", "<dt>Roles</dt>"),
        "learner's card": (f"/people/seen?person={learner}", "Marit Løken"),
    }
    marked = ("/mentor", f"/mentor/edit?person={mentor}")
    assert all(text in console.get(path).text for path, text in pages.values())
    assert not any("Without effect" in console.get(path).text for path in marked)
    assert not any("Would see" in console.get(path).text for path in marked)
    console.post("/profiles/remove", profile="p-3", role="mentor")
    assert not any(text in console.get(path).text for path, text in pages.values())
    assert all("Without effect" in console.get(path).text for path in marked)
    assert all("Would see 1 learner<" in console.get(path).text for path in marked)
    console.session.headers["Accept-Language"] = "nb"
    assert all("Ville sett 1 elev<" in console.get(path).text for path in marked)


def test_editing_stays_where_it_is_and_offers_nothing_twice(start, tmp_path):
    people = [f"l{n:03}" for n in range(300)]
    seed = a_site(
        tmp_path,
        ["head", "both", *people],
        units=[a_unit(f"u{n:03}", "school", "root") for n in range(201)],
        memberships=[a_membership("u000", each) for each in people],
        holders=[{"role": role, "person": "both"} for role in ("mentor", "headteacher")],
        assignments=[
            {"role": "headteacher", "person": "both", "kind": "school", "target": "u000"},
            *(
                {"role": "mentor", "person": "both", "kind": "learner", "target": each}
                for each in people[:201]
            ),
        ],
    )
    browser = Browser(start("--seed", seed))
    page = browser.get("/mentor/edit?person=both&q=l&unit=root").text
    more = re.findall(r'href="/console([^"]+)" aria-label="(More: [^"]+)"', page)
    assert [name for _, name in more] == ["More: l", "More: root", "More: 201 learners"]
    for link, _ in more:
        assert "q=l&amp;unit=root" in link
        assert browser.get(html.unescape(link)).status_code == 200
    search = page[page.index('role="search"') :]
    assert '<input type="hidden" name="unit" value="root">' in search[: search.index("</form>")]
    assert "Assign: l000" not in page, "that is assigned already"
    assert "Assign: l201" in browser.get("/mentor/edit?person=both&q=l201").text
    schools = browser.get("/headteacher/edit?person=both&unit=root").text
    assert ("Assign: u000" in schools, "Assign: u001" in schools) == (False, True)
    seen = browser.get("/people/seen?person=both").text
    names = re.findall(r'aria-label="(More[^"]*)"', seen)
    assert len(names) == len(set(names)) == 2


@pytest.mark.parametrize("name", ["", " "])
def test_somebody_has_a_name(refusal, name):
    assert "a name has at least one character" in refusal(
        "--console-user", name, "--ready-file", "r.json", code=64
    )
