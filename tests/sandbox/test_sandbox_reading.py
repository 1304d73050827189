import gzip
import unicodedata

import pytest
import requests

from reconciler.domain.vocabulary import DEFAULT_LABELS

FIELDS = {
    "profiles": ["id", "name", "roles"],
    "labels": ["role", "tool_name", "role_name"],
    "people": ["id", "sync_key", "username", "email", "name", "profile", "active"],
    "units": ["id", "sync_key", "kind", "title", "parent"],
    "memberships": ["unit", "person", "role", "primary", "begin", "end"],
    "relations": ["person", "learner", "kind"],
    "holders": ["role", "person"],
    "assignments": ["role", "person", "kind", "target"],
}
KEYS = {
    "profiles": ["id"],
    "labels": ["role"],
    "people": ["id"],
    "units": ["id"],
    "memberships": ["unit", "person", "role"],
    "relations": ["person", "learner", "kind"],
    "holders": ["role", "person"],
    "assignments": ["role", "person", "kind", "target"],
}


def test_the_site_says_who_asks(quiet):
    answer = quiet.get("site")
    assert answer.json() == {
        "id": "nordberg-kommune",
        "name": "Nordberg kommune",
        "revision": 1,
        "actor": "reconciler",
        "capabilities": ["assignments", "events", "holders", "labels", "profiles"],
        "ilp": {"enabled": True, "published_templates": 1},
    }
    assert answer.headers["ETag"] == '"1"'
    assert {"Authorization", "Accept-Encoding"} <= set(answer.headers["Vary"].split(", "))
    assert quiet.get("site", headers={"If-None-Match": '"1"'}).status_code == 304
    assert quiet.call("GET", "site", client="other").json()["actor"] == "other"


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_pages_join_to_the_whole_in_order(quiet, name, limit):
    whole = quiet.items(name)
    joined, cursor, etags = [], {}, set()
    while cursor is not None:
        answer = quiet.get(name, params={"limit": limit, **cursor})
        etags.add(answer.headers["ETag"])
        page = answer.json()
        assert len(page["items"]) <= limit
        joined += page["items"]
        cursor = {"cursor": page["next"]} if page["next"] else None
        if len(joined) > 30:
            break
    assert joined == whole[: len(joined)]
    assert len(etags) == 1
    keys = [[item[key] for key in KEYS[name]] for item in whole]
    assert keys == sorted(keys)
    assert all(list(item) == FIELDS[name] for item in whole)


def test_the_municipality_is_as_promised(quiet):
    units = {unit["sync_key"]: unit for unit in quiet.items("units")}
    people = {person["sync_key"]: person for person in quiet.items("people")}
    profiles = {profile["id"]: profile for profile in quiet.items("profiles")}
    memberships = quiet.items("memberships")
    assert [unit["kind"] for unit in units.values() if unit["parent"] is None] == ["organisation"]
    assert units["barneskoler"]["parent"] == units["nordberg-kommune"]["id"]
    assert units["fjellvik-skole"]["parent"] == units["barneskoler"]["id"]
    assert units["8a-math"]["parent"] == units["8a"]["id"]
    assert {"8a", "8b", "9a", "1a", "1b", "no", "choir", None} <= set(units)
    assert len([key for key in people if key and key.startswith("s-")]) == 60
    assert {f"t-04{n:02}" for n in range(1, 13)} | {"t-0007", "t-0008"} <= set(people)
    assert profiles[people["t-0412"]["profile"]]["name"] == "Staff"
    assert profiles[people["t-0007"]["profile"]]["name"] == "Administrator"
    assert {key for key, person in people.items() if not person["active"]} == {"t-0411"}
    roles = {profile["name"]: profile["roles"] for profile in profiles.values()}
    assert roles.pop("Administrator") == ["headteacher"]
    assert "Spesialpedagog" in roles
    assert not any(roles.values())
    headteacher = people["t-0008"]["id"]
    assert quiet.items("holders") == [{"role": "headteacher", "person": headteacher}]
    assert [item["target"] for item in quiet.items("assignments")] == [
        units["fjellvik-skole"]["id"]
    ]
    assert len(quiet.items("labels")) == len(DEFAULT_LABELS)
    learners = [m for m in memberships if m["role"] == "learner"]
    assert sum(m["primary"] for m in learners) == 60
    assert {(m["begin"], m["end"]) for m in memberships} == {("2026-08-01", None)}
    guardians = {relation["person"] for relation in quiet.items("relations")}
    assert people["t-0403"]["id"] in guardians
    assert not {p["id"] for p in people.values()} & set(people)
    assert not {u["id"] for u in units.values()} & set(units)
    names = "".join(person["name"] for person in people.values())
    assert any("CYRILLIC" in unicodedata.name(letter) for letter in names)
    assert not quiet.events()


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "1001"},
        {"limit": "ten"},
        {"limit": "1.0"},
        {"limit": "-1"},
        {"limit": ""},
        {"limit": ["1", "2"]},
        {"offset": "1"},
    ],
)
def test_a_wrong_parameter_is_422(quiet, query):
    for path in ("people", "events"):
        answer = quiet.get(path, params=query)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameter")


def test_a_damaged_or_foreign_cursor_is_422(quiet):
    cursor = quiet.get("people", params={"limit": 3}).json()["next"]
    for wrong in ("", "nonsense", cursor[:-2] + "xx", cursor[1:], "ü"):
        answer = quiet.get("people", params={"cursor": wrong})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor")
    answer = quiet.get("units", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor")


def test_a_cursor_of_an_older_revision_is_410(sandbox):
    people = sandbox.get("people", params={"limit": 3}).json()["next"]
    profiles = sandbox.get("profiles", params={"limit": 3}).json()["next"]
    before = {name: sandbox.get(name).headers["ETag"] for name in FIELDS}
    assert sandbox.put("profiles", "p-3", "roles", "mentor").status_code == 201
    expired = sandbox.get("profiles", params={"cursor": profiles})
    assert (expired.status_code, expired.json()["code"]) == (410, "cursor_expired")
    assert sandbox.get("people", params={"cursor": people}).status_code == 200
    after = {name: sandbox.get(name).headers["ETag"] for name in FIELDS}
    assert {name for name in FIELDS if before[name] != after[name]} == {"profiles"}


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("{etag}", 304),
        ("W/{etag}", 304),
        ('"other", {etag}', 304),
        ("*", 304),
        ('"other"', 200),
        ("nonsense", 200),
        ('W/"a" , W/{etag}', 304),
    ],
)
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_if_none_match(quiet, header, status, encoding):
    etag = quiet.get("people", params={"limit": 5}).headers["ETag"]
    answer = quiet.get(
        "people",
        headers={"If-None-Match": header.format(etag=etag), "Accept-Encoding": encoding},
    )
    assert answer.status_code == status
    assert answer.headers["ETag"] == etag
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert bool(answer.content) is (status == 200)


@pytest.mark.parametrize(
    ("accepted", "zipped"),
    [("gzip", True), ("identity", False), ("gzip;q=0", False), ("deflate, gzip;q=0.5", True)],
)
def test_gzip_is_for_those_who_accept_it(quiet, accepted, zipped):
    answer = quiet.get("people", headers={"Accept-Encoding": accepted}, stream=True)
    raw = answer.raw.read(decode_content=False)
    assert (answer.headers.get("Content-Encoding") == "gzip") is zipped
    assert answer.headers["Vary"] == "Accept-Encoding"
    text = gzip.decompress(raw) if zipped else raw
    assert text == quiet.get("people").content
    assert len(raw) < len(text) or not zipped


def test_what_does_not_exist_is_a_problem(quiet):
    missing = quiet.get("nothing")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    wrong = quiet.call("POST", "people")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    assert wrong.headers["Allow"] == "GET"
    both = quiet.get("holders/mentor/10504")
    assert set(both.headers["Allow"].split(", ")) == {"PUT", "DELETE"}
    for answer in (missing, wrong, both):
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code


def test_a_large_body_is_refused_early(quiet):
    for data in (b"x" * 5_000_001, iter([b"x" * 1_000_000] * 6)):
        answer = quiet.call(
            "POST", "changes", data=data, headers={"Content-Type": "application/json"}
        )
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    declared = requests.Request(
        "POST",
        f"{quiet.url}/v1/changes",
        headers={"Content-Length": "5000001", "Authorization": f"Bearer {quiet.token()}"},
    ).prepare()
    declared.headers["Content-Length"] = "5000001"
    answer = requests.Session().send(declared, timeout=10)
    assert answer.status_code == 413
