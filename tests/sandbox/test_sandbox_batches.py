"""What a batch leaves for the end of its transaction counts for its next changes all the same."""

import pytest


@pytest.fixture
def site(sandbox):
    """A municipality in which mentors can be added."""
    assert sandbox.put("profiles", "p-3", "roles", "mentor").status_code == 201
    return sandbox


def outcome(result):
    return result["status"], result["changed"], result["revision"]


def test_a_key_that_stands_twice_in_a_batch_takes_effect_once(site, id_of):
    person = id_of(site, "t-0412")
    add = {"idempotency_key": "add", "address": f"mentor/{person}", "verb": "add"}
    first, remove, again, reused, other = site.batch(
        {**add, "expect": {"present": False}},
        {"address": f"mentor/{person}", "verb": "remove"},
        {**add, "expect": {"present": False}},
        {**add, "verb": "remove"},
        {"address": f"mentor/{person}", "verb": "add", "expect": {"present": False}},
    ).json()["results"]
    assert outcome(first) == outcome(again) == (201, True, 3)
    assert outcome(remove) == (204, True, 4)
    assert reused["problem"]["code"] == "idempotency_key_reused"
    assert outcome(other) == (201, True, 5)


def test_each_change_of_a_batch_has_its_event_and_moves_its_collection(site, id_of):
    person = id_of(site, "t-0412")
    before = {name: site.get(name).headers["ETag"] for name in ("holders", "labels", "profiles")}
    wanted = [
        (f"mentor/{person}", "add"),
        (f"mentor/{person}/class/u-11", "add"),
        (f"mentor/{person}/class/u-11", "remove"),
        (f"mentor/{person}", "remove"),
    ]
    answer = site.batch(*({"address": address, "verb": verb} for address, verb in wanted)).json()
    assert [result["revision"] for result in answer["results"]] == [3, 4, 5, 6]
    events = [event for event in site.events() if event["revision"] > 2]
    assert [(event["address"], event["verb"]) for event in events] == wanted
    assert [event["revision"] for event in events] == [3, 4, 5, 6]
    assert answer["revision"] == site.revision() == 6
    moved = {name for name, etag in before.items() if site.get(name).headers["ETag"] != etag}
    assert moved == {"holders"}
