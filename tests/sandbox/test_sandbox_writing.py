import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

TEACHER, LEARNER = "t-0412", "s-1001"


@pytest.fixture
def site(sandbox, id_of):
    """A sandbox where mentor is enabled on Staff and t-0412 has been added."""
    sandbox.teacher = id_of(sandbox, TEACHER)
    sandbox.learner = id_of(sandbox, LEARNER)
    assert sandbox.put("profiles", "p-3", "roles", "mentor").status_code == 201
    assert sandbox.put("holders", "mentor", sandbox.teacher).status_code == 201
    return sandbox


def code(answer):
    return answer.status_code, answer.json()["code"]


def test_each_write_counts_once_and_is_logged_once(sandbox, id_of):
    teacher = id_of(sandbox, TEACHER)
    steps = [
        ("profiles", "p-3", "roles", "mentor"),
        ("holders", "mentor", teacher),
        ("assignments", "mentor", teacher, "class", "u-11"),
        ("assignments", "mentor", teacher, "group", "u-14"),
    ]
    for number, step in enumerate(steps, 2):
        made = sandbox.put(*step)
        assert made.status_code == 201
        assert made.json()["changed"] is True
        assert made.json()["revision"] == number
        again = sandbox.put(*step)
        assert again.status_code == 200
        assert (again.json()["changed"], again.json()["revision"]) == (False, number)
    for step in reversed(steps):
        assert sandbox.delete(*step).status_code == 204
        assert sandbox.delete(*step).status_code == 204
    events = sandbox.events()
    assert [event["revision"] for event in events] == list(range(2, 10))
    assert [event["verb"] for event in events] == ["add"] * 4 + ["remove"] * 4
    assert [event["address"] for event in events[:4]] == [
        "profile/p-3/mentor",
        f"mentor/{teacher}",
        f"mentor/{teacher}/class/u-11",
        f"mentor/{teacher}/group/u-14",
    ]
    assert {(event["actor"], event["actor_kind"]) for event in events} == {("reconciler", "api")}
    assert all(event["at"].endswith("Z") for event in events)
    assert abs((datetime.now(UTC) - datetime.fromisoformat(events[-1]["at"])).total_seconds()) < 60


def test_rules_of_holders(sandbox, id_of):
    teacher = id_of(sandbox, TEACHER)
    assert code(sandbox.put("holders", "mentor", teacher)) == (409, "role_not_enabled")
    assert code(sandbox.put("holders", "mentor", "nobody")) == (422, "unknown_person")
    assert code(sandbox.delete("holders", "mentor", "nobody")) == (422, "unknown_person")
    assert code(sandbox.put("holders", "janitor", teacher)) == (422, "invalid_address")
    assert code(sandbox.put("profiles", "p-99", "roles", "mentor")) == (422, "unknown_profile")
    assert sandbox.revision() == 1
    assert not sandbox.events()


def test_rules_of_assignments(site, id_of):
    def assign(role, person, kind, target):
        return site.put("assignments", role, person, kind, target)

    def refused(*parts):
        answer = assign(*parts)
        assert answer.json()["address"] == "/".join(parts)
        return code(answer)

    teacher, revision = site.teacher, site.revision()
    stranger = id_of(site, "t-0401")
    assert refused("mentor", "nobody", "class", "u-11") == (422, "unknown_person")
    assert refused("mentor", teacher, "class", "u-99") == (422, "unknown_target")
    assert refused("mentor", teacher, "learner", "99") == (422, "unknown_target")
    assert refused("mentor", teacher, "learner", stranger) == (422, "not_a_learner")
    assert refused("mentor", teacher, "class", "u-10") == (422, "kind_mismatch")
    assert refused("mentor", teacher, "group", "u-11") == (422, "kind_mismatch")
    assert refused("mentor", teacher, "school", "u-10") == (422, "kind_not_allowed")
    assert refused("headteacher", teacher, "class", "u-11") == (422, "kind_not_allowed")
    assert refused("mentor", stranger, "class", "u-11") == (409, "not_a_holder")
    assert code(assign("mentor", teacher, "planet", "u-11")) == (422, "invalid_address")
    assert site.revision() == revision
    assert assign("mentor", teacher, "learner", site.learner).status_code == 201
    principal = id_of(site, "t-0008")
    assert assign("headteacher", principal, "organisation", "u-1").status_code == 201


def test_a_holder_with_assignments_stays_and_a_disabled_role_is_allowed(site):
    assert site.put("assignments", "mentor", site.teacher, "class", "u-11").status_code == 201
    assert code(site.delete("holders", "mentor", site.teacher)) == (409, "has_assignments")
    assert site.delete("profiles", "p-3", "roles", "mentor").status_code == 204
    assert {"role": "mentor", "person": site.teacher} in site.items("holders")
    assert site.put("holders", "mentor", site.teacher).status_code == 200
    assert site.delete("assignments", "mentor", site.teacher, "class", "u-11").status_code == 204
    assert site.delete("holders", "mentor", site.teacher).status_code == 204
    assert code(site.put("holders", "mentor", site.teacher)) == (409, "role_not_enabled")


def test_labels_are_patched(sandbox):
    def patch(body, **kwargs):
        return sandbox.call("PATCH", "labels/mentor", json=body, **kwargs)

    both = {"tool_name": "Mine elever", "role_name": "Контактний учитель 🎓"}
    assert patch(both).json() == {"role": "mentor", **both}
    assert [event["address"] for event in sandbox.events()] == [
        "label/mentor/tool_name",
        "label/mentor/role_name",
    ]
    assert sandbox.revision() == 3
    assert patch(both).status_code == 200
    assert sandbox.revision() == 3
    assert patch({"tool_name": None}).json()["tool_name"] is None
    assert patch({"tool_name": "x" * 64}).status_code == 200
    labels = {item["role"]: item for item in sandbox.items("labels")}
    assert labels["headteacher"] == {"role": "headteacher", "tool_name": None, "role_name": None}
    assert labels["mentor"]["role_name"] == both["role_name"]
    merge = {"Content-Type": "application/merge-patch+json"}
    assert patch({"tool_name": "a"}, headers=merge).status_code == 200


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{}", "invalid_body"),
        ("[]", "invalid_body"),
        ("nonsense", "invalid_body"),
        ('{"tool_name": 1}', "invalid_body"),
        ('{"tool_name": "a", "colour": "b"}', "invalid_body"),
        ('{"tool_name": ""}', "invalid_value"),
        ('{"tool_name": "%s"}' % ("x" * 65), "invalid_value"),
        ('{"role_name": "fine", "tool_name": "a\\u0000b"}', "invalid_value"),
        ('{"tool_name": "a\\n"}', "invalid_value"),
        ('{"tool_name": " a"}', "invalid_value"),
        ('{"tool_name": "a\\u00a0"}', "invalid_value"),
        ('{"tool_name": "a\\u0085b"}', "invalid_value"),
        ('{"tool_name": "a\\u2028b"}', "invalid_value"),
        ('{"tool_name": "\\ud800"}', "invalid_body"),
    ],
)
def test_a_wrong_patch_is_422_and_changes_nothing(quiet, body, expected):
    json = {"Content-Type": "application/json"}
    answer = quiet.call("PATCH", "labels/mentor", data=body, headers=json)
    assert code(answer) == (422, expected)
    assert quiet.revision() == 1


def test_a_body_of_another_kind_is_415(quiet):
    for headers in ({"Content-Type": "text/plain"}, {}):
        assert code(quiet.call("PATCH", "labels/mentor", data="{}", headers=headers)) == (
            415,
            "unsupported_media_type",
        )
    assert code(quiet.call("PATCH", "labels/janitor", json={"tool_name": "a"})) == (
        422,
        "invalid_address",
    )


def test_put_and_delete_take_no_body(quiet):
    assert code(quiet.put("holders", "mentor", "1", data="x")) == (422, "invalid_body")
    assert code(quiet.delete("holders", "mentor", "1", data="x")) == (422, "invalid_body")


@pytest.mark.parametrize("person", ["a/b", "ø ü", "..%2f", "王", "a?b#c", "%"])
def test_ids_of_any_text_reach_the_rules(quiet, person):
    answer = quiet.put("holders", "mentor", person)
    assert code(answer) == (422, "unknown_person")
    assert answer.json()["detail"] == f"there is no person {person}"


@pytest.mark.parametrize("segment", ["%ff", "%00"])
def test_a_path_that_is_no_text_is_422(quiet, segment):
    assert code(quiet.call("PUT", f"holders/mentor/{segment}")) == (422, "invalid_address")


def test_idempotency_key(site):
    key = {"Idempotency-Key": "k-1"}
    step = ("assignments", "mentor", site.teacher, "class", "u-11")
    first = site.put(*step, headers=key)
    assert first.status_code == 201
    assert site.delete(*step).status_code == 204
    revision = site.revision()
    again = site.put(*step, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert site.revision() == revision
    assert not [item for item in site.items("assignments") if item["role"] == "mentor"]
    assert code(site.delete(*step, headers=key)) == (422, "idempotency_key_reused")
    other = site.put(*step, headers=key, client="other")
    assert other.status_code == 201
    assert site.revision() == revision + 1
    for wrong in ("x" * 256, "a b", ""):
        answer = site.put(*step, headers={"Idempotency-Key": wrong})
        assert code(answer) == (422, "invalid_parameter")


def test_a_key_that_was_used_is_told_whatever_else_is_wrong_in_a_batch_as_singly(site):
    key = "k-1"
    step = ("assignments", "mentor", site.teacher, "class", "u-11")
    assert site.put(*step, headers={"Idempotency-Key": key}).status_code == 201
    wrong = "x" * 65
    singly = site.call(
        "PATCH", "labels/mentor", json={"tool_name": wrong}, headers={"Idempotency-Key": key}
    )
    assert code(singly) == (422, "idempotency_key_reused")
    change = {"address": "label/mentor/tool_name", "verb": "change", "value": wrong}
    (told,) = site.batch({**change, "idempotency_key": key}).json()["results"]
    assert told["problem"]["code"] == "idempotency_key_reused"


def test_a_refused_write_is_judged_afresh(site):
    key = {"Idempotency-Key": "k-1"}
    step = ("holders", "headteacher", site.teacher)
    assert code(site.put(*step, headers=key)) == (409, "role_not_enabled")
    assert site.put("profiles", "p-3", "roles", "headteacher").status_code == 201
    assert site.put(*step, headers=key).status_code == 201


def test_what_no_revision_could_take_is_refused_as_that(site):
    stale = {"If-Match": '"999"'}
    refused = site.call("PATCH", "labels/mentor", json={"role_name": ""}, headers=stale)
    assert code(refused) == (422, "invalid_value")


def test_if_match_on_the_revision(site):
    etag = site.get("site").headers["ETag"]
    step = ("assignments", "mentor", site.teacher, "class", "u-11")
    for wrong in ('"1"', f"W/{etag}", "nonsense"):
        refused = site.put(*step, headers={"If-Match": wrong})
        assert code(refused) == (412, "precondition_failed")
    assert site.put(*step, headers={"If-Match": f'"x", {etag}'}).status_code == 201
    assert code(site.delete(*step, headers={"If-Match": etag})) == (412, "precondition_failed")
    assert site.delete(*step, headers={"If-Match": "*"}).status_code == 204
    assert code(site.batch(headers={"If-Match": etag})) == (412, "precondition_failed")


def test_a_batch_judges_each_change_by_itself(site):
    of = f"mentor/{site.teacher}"
    answer = site.batch(
        {"address": f"{of}/class/u-11", "verb": "add", "expect": {"present": False}},
        {"address": f"{of}/class/u-11", "verb": "add", "expect": {"present": False}},
        {"address": f"{of}/class/u-11", "verb": "add"},
        {"address": f"{of}/class/u-12", "verb": "remove"},
        {"address": f"{of}/school/u-10", "verb": "add"},
        {"address": "nonsense", "verb": "add"},
        {"address": of, "verb": "remove", "expect": {"present": True}},
        {
            "address": "label/mentor/tool_name",
            "verb": "change",
            "value": "A",
            "expect": {"value": None},
        },
        {
            "address": "label/mentor/tool_name",
            "verb": "change",
            "value": "B",
            "expect": {"value": None},
        },
        {"address": "label/mentor/tool_name", "verb": "change", "value": None},
        {"address": "label/mentor/tool_name", "verb": "change"},
        {"address": "label/mentor/tool_name", "verb": "add"},
        {"address": of, "verb": "change", "value": "x"},
        {"address": of, "verb": "add", "value": None},
        {"address": of, "verb": "add", "expect": {"value": None}},
        {"address": "label/mentor/tool_name", "verb": "change", "value": "x" * 65},
        {"address": "profile/p-99/mentor", "verb": "add"},
    )
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [result["id"] for result in results] == [f"c{n}" for n in range(17)]
    assert [
        (result["status"], result["changed"], result.get("problem", {}).get("code"))
        for result in results
    ] == [
        (201, True, None),
        (412, False, "expectation_failed"),
        (200, False, None),
        (204, False, None),
        (422, False, "kind_not_allowed"),
        (422, False, "invalid_address"),
        (409, False, "has_assignments"),
        (200, True, None),
        (412, False, "expectation_failed"),
        (200, True, None),
        (422, False, "invalid_value"),
        (422, False, "verb_not_allowed"),
        (422, False, "verb_not_allowed"),
        (422, False, "invalid_value"),
        (422, False, "invalid_expectation"),
        (422, False, "invalid_value"),
        (422, False, "unknown_profile"),
    ]
    assert answer.json()["revision"] == site.revision() == 6
    assert [event["revision"] for event in site.events()] == [2, 3, 4, 5, 6]


def test_a_repeated_change_is_replayed_before_its_expectation_is_judged(site):
    change = {
        "idempotency_key": "once",
        "address": f"mentor/{site.teacher}/class/u-11",
        "verb": "add",
        "expect": {"present": False},
    }
    first = site.batch(change).json()["results"]
    revision = site.revision()
    assert site.batch(change).json()["results"] == first
    assert first[0]["status"] == 201
    assert site.revision() == revision
    other = site.batch({**change, "verb": "remove"}).json()["results"][0]
    assert (other["status"], other["problem"]["code"]) == (422, "idempotency_key_reused")


def change(**members):
    return {"id": "1", "idempotency_key": "k", "address": "mentor/1", "verb": "add", **members}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, "invalid_body"),
        ({"changes": [], "more": 1}, "invalid_body"),
        ({"changes": [change(colour="red")]}, "invalid_body"),
        ({"changes": [change(verb="destroy")]}, "invalid_body"),
        ({"changes": [change(id=1)]}, "invalid_body"),
        ({"changes": [change(idempotency_key="")]}, "invalid_body"),
        ({"changes": [change(expect=None)]}, "invalid_body"),
        ({"changes": [change(expect={})]}, "invalid_body"),
        ({"changes": [change(expect={"present": 1})]}, "invalid_body"),
        ({"changes": [change(), change()]}, "duplicate_change_id"),
        ({"changes": [change(id=str(n)) for n in range(501)]}, "too_many_changes"),
    ],
)
def test_a_wrong_batch_is_422_as_a_whole(quiet, body, expected):
    answer = quiet.call("POST", "changes", json=body)
    assert code(answer) == (422, expected)
    assert quiet.revision() == 1


def test_events_are_paged_and_found_by_address(site):
    of = f"mentor/{site.teacher}"
    for unit in ("u-11", "u-12", "u-13"):
        site.batch({"address": f"{of}/class/{unit}", "verb": "add"}, client="other")
    site.batch({"address": f"{of}/class/u-12", "verb": "remove"})
    seen, after = [], "0"
    while after is not None:
        page = site.get("events", params={"after": after, "limit": 2}).json()
        seen += page["items"]
        after = page["next"]
    assert seen == site.events()
    assert [event["revision"] for event in seen] == list(range(2, 8))
    own = site.get("events", params={"address": f"{of}/class/u-12"}).json()["items"]
    assert [(event["verb"], event["actor"]) for event in own] == [
        ("add", "other"),
        ("remove", "reconciler"),
    ]
    assert code(site.get("events", params={"address": "nonsense"})) == (422, "invalid_address")
    late = site.get("events", params={"after": str(2**63 - 1)}).json()
    assert late == {"items": [], "next": None}
    assert code(site.get("events", params={"after": str(2**63)})) == (422, "invalid_parameter")


def test_writers_at_once_lose_nothing(start, id_of):
    running = start()
    learners = [m["person"] for m in running.items("memberships") if m["primary"]]
    teacher = id_of(running, TEACHER)
    running.put("profiles", "p-3", "roles", "mentor")
    running.put("holders", "mentor", teacher)
    running.token("other")
    before = running.revision()
    barrier = threading.Barrier(4)

    def write(number):
        barrier.wait(20)
        revisions = []
        for position, learner in enumerate(learners[number::4]):
            step = ("assignments", "mentor", teacher, "learner", learner)
            if position % 2:
                revisions.append(running.put(*step).json()["revision"])
            else:
                address = "/".join(step[1:])
                result = running.batch({"address": address, "verb": "add"}).json()
                revisions.append(result["results"][0]["revision"])
            running.get("assignments")
        return revisions

    with ThreadPoolExecutor(4) as pool:
        revisions = [revision for own in pool.map(write, range(4)) for revision in own]
    assert sorted(revisions) == list(range(before + 1, before + 1 + len(learners)))
    assert running.revision() == before + len(learners)
    assert [event["revision"] for event in running.events()] == list(
        range(2, before + 1 + len(learners))
    )
    assert len(running.items("assignments")) == len(learners) + 1
