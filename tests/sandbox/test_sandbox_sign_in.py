import base64

import pytest
import requests


def ask(running, auth=None, **form):
    return requests.post(running.ready["token_url"], data=form, auth=auth, timeout=10)


def credentials(running):
    return running.ready["client_id"], running.ready["client_secret"]


def test_a_token_is_given_to_basic_and_to_the_body(quiet):
    client, secret = credentials(quiet)
    basic = ask(quiet, (client, secret), grant_type="client_credentials")
    body = ask(quiet, grant_type="client_credentials", client_id=client, client_secret=secret)
    for answer in (basic, body):
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.json()["token_type"] == "Bearer"
        assert answer.json()["expires_in"] == 3600
        assert answer.json()["scope"] == "roles.read roles.write"
    assert basic.json()["access_token"] != body.json()["access_token"]


def test_a_smaller_scope_is_given_and_kept(quiet):
    answer = ask(quiet, credentials(quiet), grant_type="client_credentials", scope="roles.read")
    assert answer.json()["scope"] == "roles.read"
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    url = f"{quiet.url}/v1/profiles/p-3/roles/mentor"
    refused = requests.put(url, headers=bearer, timeout=10)
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    assert 'scope="roles.write"' in refused.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "client_credentials", "scope": "roles.all"}, 400, "invalid_scope"),
        ({"grant_type": "client_credentials", "scope": ""}, 400, "invalid_scope"),
        ({"grant_type": ["client_credentials"] * 2}, 400, "invalid_request"),
        ({"grant_type": "client_credentials", "client_secret": "x"}, 400, "invalid_request"),
        ({"grant_type": "client_credentials", "scope": "x" * 2_000_000}, 400, "invalid_request"),
    ],
)
def test_token_errors(quiet, form, status, error):
    answer = ask(quiet, credentials(quiet), **form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("auth", [("reconciler", "wrong"), ("nobody", "x"), ("", ""), None])
def test_an_unknown_client_is_401(quiet, auth):
    answer = ask(quiet, auth, grant_type="client_credentials")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    "value",
    ["Basic !!!", "Basic " + base64.b64encode(b"\xff:x").decode(), "Basic é".encode("latin-1")],
)
def test_a_damaged_authorization_is_401(quiet, value):
    answer = requests.post(
        quiet.ready["token_url"],
        data={"grant_type": "client_credentials"},
        headers={"Authorization": value},
        timeout=10,
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_json_is_no_token_request(quiet):
    answer = requests.post(quiet.ready["token_url"], json={}, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
