"""A fleet that is monitored: a number and a word for each site, in one file and one message."""

import json

import pytest
from many_sites import FleetDesk
from receivers import Gateway, Receiver, Samples, receiving, samples_of, valued

ALL = [f"s{each:03}" for each in range(6)]
CODE = "reconciler_last_run_exit_code"
DRIFT = "reconciler_drift_items"
LAST_GOOD = "reconciler_last_success_timestamp_seconds"


def written(desk: FleetDesk) -> Samples:
    return samples_of((desk.directory / "fleet.prom").read_bytes())


def codes(found: Samples) -> dict[str | None, float]:
    return {
        dict(labels).get("site"): value for (name, labels), value in found.items() if name == CODE
    }


def settings(desk: FleetDesk, text: str) -> None:
    path = desk.directory / "reconciler.toml"
    path.write_text(f"{path.read_text()}\n{text}")


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_every_site_has_its_numbers(fleet: FleetDesk, executor: str):
    fleet.run("fleet", "apply", "fleet.yaml", "--yes", "--only", "s00[0-4]")
    (fleet.directory / "s001" / "roles.yaml").write_text("version: 1\n")
    fleet.run(
        *("fleet", "drift", "fleet.yaml", "--executor", executor, "--metrics", "fleet.prom"),
        expect=1,
    )
    found = written(fleet)
    assert codes(found) == {None: 1, **dict.fromkeys(ALL, 0), "s001": 1, "s005": 3}
    assert valued(found, "reconciler_pending_items", site="s005") > 0
    assert valued(found, DRIFT, site="s000", kind="changed") == 0
    assert {dict(labels)["command"] for _, labels in found} == {"fleet drift"}


def test_a_site_that_fails_keeps_its_last_success_and_others_move_on(fleet: FleetDesk):
    drift = ("fleet", "drift", "fleet.yaml", "--metrics", "fleet.prom")
    fleet.run(*drift, expect=3)
    before = written(fleet)
    (fleet.directory / "s001" / "roles.yaml").write_text("version: 1\n")
    fleet.run(*drift, expect=1)
    found = written(fleet)
    assert valued(found, LAST_GOOD, site="s001") == valued(before, LAST_GOOD, site="s001")
    assert valued(found, LAST_GOOD, site="s002") > valued(before, LAST_GOOD, site="s002")
    assert valued(found, CODE, site="s001") == 1


def test_a_fleet_that_cannot_be_read_is_a_run_that_failed(fleet: FleetDesk):
    drift = ("fleet", "drift", "fleet.yaml", "--metrics", "fleet.prom")
    fleet.run(*drift, expect=3)
    (fleet.directory / "fleet.yaml").write_text("version: 2\n")
    fleet.run(*drift, expect=1)
    assert codes(written(fleet)) == {None: 1, **dict.fromkeys(ALL, 3)}


def test_a_refused_apply_of_a_site_is_a_refused_plan(fleet: FleetDesk):
    fleet.run("fleet", "apply", "fleet.yaml", "--yes")
    fleet.write("version: 1\nsite: s002\nmentors: []\n", "s002/roles.yaml")
    fleet.run("fleet", "apply", "fleet.yaml", "--yes", "--metrics", "fleet.prom", expect=4)
    assert valued(written(fleet), "reconciler_plan_refused", site="s002") == 1


def test_each_site_has_a_group_of_its_own(fleet: FleetDesk):
    with receiving(Gateway()) as gateway:
        settings(fleet, f'[metrics]\npush_url = "{gateway.url}"\n')
        fleet.run("fleet", "drift", "fleet.yaml", "--monitor", expect=3)
        assert codes(gateway.samples()) == {None: 3, **dict.fromkeys(ALL, 3)}
        assert len(gateway.groups) == 7


def test_one_message_tells_of_all_sites(fleet: FleetDesk):
    with receiving(Receiver()) as receiver:
        settings(fleet, f'[webhook]\nurl = "{receiver.url}"\n')
        (fleet.directory / "s001" / "roles.yaml").write_text("version: 1\n")
        fleet.write("version: 1\nsite: s002\nmentors: []\n", "s002/roles.yaml")
        run = ("fleet", "apply", "fleet.yaml", "--yes", "--monitor")
        for _ in range(2):
            fleet.run(*run, expect=1)
        (body,) = [json.loads(each.body) for each in receiver.got]
    assert body["command"] == "fleet apply"
    told = {(each["site"], each["topic"]) for each in body["events"]}
    assert ("s001", "failure") in told
    assert not [site for site, _ in told if site in ALL and site not in {"s001", "s002"}]
