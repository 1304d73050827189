import json
import re

import pytest
import requests


class Browser:
    def __init__(self, running, *, signed_in=True):
        self.running = running
        self.session = requests.Session()
        if signed_in:
            answer = self.sign_in(running.ready["console"]["password"])
            assert answer.status_code == 200
            assert answer.url.endswith("/console")

    def get(self, path=""):
        return self.session.get(self.running.ready["console"]["url"] + path, timeout=10)

    def csrf(self, path=""):
        return re.search(r'name="csrf" value="([^"]+)"', self.get(path).text)[1]

    def post(self, path, csrf=None, **form):
        form["csrf"] = self.csrf() if csrf is None else csrf
        url = self.running.ready["console"]["url"] + path
        return self.session.post(url, data=form, timeout=10)

    def sign_in(self, password, username="admin"):
        return self.post("/sign-in", self.csrf("/sign-in"), username=username, password=password)


@pytest.fixture
def console(sandbox):
    return Browser(sandbox)


def test_nothing_is_shown_or_done_without_signing_in(quiet):
    stranger = Browser(quiet, signed_in=False)
    for path in ("", "/events"):
        assert stranger.get(path).url.endswith("/console/sign-in")
    answer = stranger.post("/profiles/add", profile="p-3", role="mentor")
    assert answer.url.endswith("/console/sign-in")
    for name, password in (("admin", "wrong"), ("root", quiet.ready["console"]["password"])):
        assert stranger.sign_in(password, name).status_code == 401
    assert "wrong" in stranger.sign_in("wrong").text
    assert quiet.revision() == 1


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


def test_a_forged_cookie_is_no_session(quiet):
    forged = {"sandbox_console": "WyJ4IiwiYWRtaW4iXQ.aGVsbG8.c2lnbmF0dXJl"}
    answer = requests.get(quiet.ready["console"]["url"], cookies=forged, timeout=10)
    assert answer.url.endswith("/console/sign-in")


@pytest.mark.parametrize("csrf", ["", "guessed", "é"])
def test_a_form_without_the_token_changes_nothing(quiet, csrf):
    browser = Browser(quiet)
    refused = browser.post("/profiles/add", csrf, profile="p-3", role="mentor")
    assert refused.status_code == 403
    assert "nothing was changed" in refused.text
    assert browser.post("/sign-out", csrf).url.endswith("/console/sign-in")
    assert browser.get().url.endswith("/console")
    assert quiet.revision() == 1


def test_a_token_of_another_session_is_refused(quiet):
    first, second = Browser(quiet), Browser(quiet)
    assert (
        first.post("/profiles/add", second.csrf(), profile="p-3", role="mentor").status_code == 403
    )


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
    assert console.post("/profiles/add", profile="p-3", role="mentor").status_code == 200
    assert console.post("/holders/add", role="mentor", person=f" {teacher} ").status_code == 200
    form = {"role": "mentor", "person": teacher, "kind": "class", "target": "u-11"}
    assert console.post("/assignments/add", **form).status_code == 200
    assert {"role": "mentor", "person": teacher, "kind": "class", "target": "u-11"} in (
        sandbox.items("assignments")
    )
    page = console.get().text
    assert "Marit Løken" in page
    assert "8A" in page
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
    page = console.get().text
    assert "<script" not in page
    assert "&lt;script&gt;" in page
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


def test_the_console_is_not_bound_by_the_api_s_capabilities(start):
    running = start("--without", "profiles")
    assert Browser(running).post("/profiles/add", profile="p-3", role="mentor").ok
    assert running.revision() == 2


def test_many_holders_are_paged(start, tmp_path):
    from_console = Browser(start("--seed", str(crowd(tmp_path))))
    first = from_console.get().text
    assert first.count("Remove mentor") == 100
    link = re.search(r'href="/console(\?mentor_after=[^"]+)"', first)[1]
    assert from_console.get(link).text.count("Remove mentor") == 20


def crowd(tmp_path):
    people = [f"m{n:03}" for n in range(120)]
    path = tmp_path / "crowd.json"
    path.write_text(
        json.dumps(
            {
                "format": "reconciler.state/1",
                "site": {
                    "id": "x",
                    "name": "X",
                    "ilp": {"enabled": False, "published_templates": 0},
                },
                "profiles": [{"id": "p", "name": "P", "roles": ["mentor"]}],
                "people": [
                    {
                        "id": person,
                        "sync_key": None,
                        "username": person,
                        "email": None,
                        "name": person,
                        "profile": "p",
                        "active": True,
                    }
                    for person in people
                ],
                "units": [
                    {
                        "id": "u",
                        "sync_key": None,
                        "kind": "organisation",
                        "title": "X",
                        "parent": None,
                    }
                ],
                "memberships": [],
                "relations": [],
                "holders": [{"role": "mentor", "person": person} for person in people],
                "assignments": [],
            }
        )
    )
    return path
