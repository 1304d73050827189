"""Metrics: what results come to, in the text format, and what stays of the last good run."""

import os
import re
import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from receivers import samples_of, valued
from small import plan, small_site, wanting

from reconciler.drift import DriftKind, classify
from reconciler.errors import ExitCode
from reconciler.monitoring import samples
from reconciler.monitoring.exposition import exposed, renewed
from reconciler.monitoring.job import Job
from reconciler.monitoring.samples import FAMILIES, Measured, Sample
from reconciler.monitoring.textfile import file_name, is_textfile, write_textfile
from reconciler.provider import Verb

PLAN = plan(small_site(("10", "u2")), wanting(("t-1", "8a")))
DRIFTED = Measured(
    "drift",
    "test",
    ExitCode.CHANGES,
    1000.0,
    2.5,
    samples.of_drift(classify(PLAN, None, ())),
)
FAILED = Measured("drift", "test", ExitCode.FAILED, 2000.0, 1.0)


def test_names_and_units_are_prometheus_own():
    for name, about in FAMILIES.items():
        assert re.fullmatch(r"reconciler_[a-z]+(_[a-z]+)*", name)
        assert not name.endswith(("_total", "_count", "_sum", "_bucket", "_info"))
        assert about.endswith(".")
        if re.search("when|how long", about, re.IGNORECASE):
            assert name.endswith("_seconds")


def test_drift_is_counted_by_kind_and_none_is_left_out():
    found = samples_of(exposed(DRIFTED.all_samples()))
    kinds = {kind: valued(found, "reconciler_drift_items", kind=kind) for kind in DriftKind}
    assert kinds == {kind: len(PLAN.actions) * (kind is DriftKind.CHANGED) for kind in DriftKind}
    assert {dict(labels)["site"] for _, labels in found} == {"test"}
    assert {dict(labels)["command"] for _, labels in found} == {"drift"}
    assert valued(found, "reconciler_last_run_success") == 1
    assert valued(found, "reconciler_last_run_exit_code") == 2
    assert valued(found, "reconciler_last_run_duration_seconds") == 2.5
    assert valued(found, "reconciler_last_success_timestamp_seconds") == 1000


def test_a_plan_is_counted_by_verb():
    found = samples_of(exposed(samples.of_plan(PLAN)))
    verbs = [action.verb for action in PLAN.actions]
    for verb in Verb:
        assert valued(found, "reconciler_plan_actions", verb=verb) == verbs.count(verb)
    assert valued(found, "reconciler_plan_refused") == 0


def test_nobody_stands_in_a_label():
    text = exposed((*samples.of_plan(PLAN), *DRIFTED.all_samples())).decode()
    assert not re.search(r"\b[ts]-\d", text)


def test_a_label_may_hold_anything():
    hostile = 'a "b"\\\n{c="d"} 1'
    measured = replace(DRIFTED, site=hostile)
    found = samples_of(exposed(measured.all_samples()))
    assert {dict(labels)["site"] for _, labels in found} == {hostile}


def test_a_failed_run_leaves_what_the_last_good_one_found():
    before = exposed(DRIFTED.all_samples())
    found = samples_of(renewed(before, (FAILED,)))
    assert valued(found, "reconciler_last_run_success") == 0
    assert valued(found, "reconciler_last_run_timestamp_seconds") == 2000
    assert valued(found, "reconciler_last_success_timestamp_seconds") == 1000
    assert valued(found, "reconciler_drift_items", kind="changed") == len(PLAN.actions)


def test_a_good_run_replaces_all_of_its_own_and_nothing_else():
    other = replace(DRIFTED, command="plan", samples=samples.of_plan(PLAN))
    mine = replace(DRIFTED, samples=samples.of_rosters({"gone": 5.0}))
    before = exposed((*mine.all_samples(), *other.all_samples()))
    found = samples_of(renewed(before, (replace(DRIFTED, ended=3000.0),)))
    assert not [name for name, _ in found if name == "reconciler_roster_timestamp_seconds"]
    assert valued(found, "reconciler_plan_refused", command="plan") == 0
    assert valued(found, "reconciler_last_run_timestamp_seconds", command="plan") == 1000
    assert valued(found, "reconciler_last_run_timestamp_seconds", command="drift") == 3000


def test_a_failed_run_of_no_known_site_marks_all_of_its_command_until_each_is_good():
    runs = (DRIFTED, replace(DRIFTED, site="other"), replace(DRIFTED, command="plan"))
    before = exposed(sample for each in runs for sample in each.all_samples())
    lost = replace(FAILED, site="", placed=False)
    failed = renewed(before, (lost,))
    good = "reconciler_last_run_success"
    sites = {
        (dict(labels)["command"], dict(labels).get("site")): value
        for (name, labels), value in samples_of(failed).items()
        if name == good
    }
    assert sites == {("drift", "test"): 0, ("drift", "other"): 0, ("plan", "test"): 1}
    found = samples_of(renewed(failed, (replace(DRIFTED, ended=3000.0),)))
    assert valued(found, good, command="drift", site="test") == 1
    assert valued(found, good, command="drift", site="other") == 0
    assert valued(found, "reconciler_last_success_timestamp_seconds", site="other") == 1000


def test_where_the_name_of_its_site_is_known_it_marks_that_alone():
    before = exposed((*DRIFTED.all_samples(), *replace(DRIFTED, site="other").all_samples()))
    found = samples_of(renewed(before, (replace(FAILED, placed=False),)))
    assert valued(found, "reconciler_last_run_success", site="test") == 0
    assert valued(found, "reconciler_last_run_success", site="other") == 1


def test_a_failure_of_no_known_site_is_over_with_the_first_good_run():
    lost = renewed(b"", (replace(FAILED, site="mistyped", placed=False),))
    assert valued(samples_of(lost), "reconciler_last_run_success", command="drift") == 0
    found = samples_of(renewed(lost, (DRIFTED,)))
    assert {dict(labels).get("site") for _, labels in found} == {"test"}


def test_a_site_without_a_name_stays_beside_one_with_a_name():
    before = exposed(replace(DRIFTED, site="").all_samples())
    found = samples_of(renewed(before, (DRIFTED,)))
    assert {dict(labels).get("site") for _, labels in found} == {None, "test"}


def test_a_site_that_a_fleet_has_no_more_is_forgotten_and_one_not_reached_is_not():
    whole = Measured("fleet drift", "", ExitCode.CHANGES, 10.0, 1.0)
    sites = [replace(DRIFTED, command="fleet drift", site=name, ended=10.0) for name in "abc"]
    before = exposed(sample for each in (whole, *sites) for sample in each.all_samples())
    now = (replace(whole, ended=20.0), replace(sites[0], ended=20.0))
    found = samples_of(renewed(before, now, frozenset("ab")))
    ended = "reconciler_last_run_timestamp_seconds"
    assert valued(found, ended, site="a") == 20
    assert valued(found, ended, site="b") == 10
    assert {dict(labels).get("site") for _, labels in found} == {None, "a", "b"}


@pytest.mark.parametrize("before", [b"", b"\xff\xfe", b"not metrics {", b"other_metric 1\n"])
def test_what_cannot_be_read_or_is_not_ours_is_replaced(before: bytes):
    found = samples_of(renewed(before, (FAILED,)))
    assert {name for name, _ in found} <= set(FAMILIES)


def test_the_file_is_there_whole_or_not_and_whoever_collects_may_read_it(tmp_path: Path):
    path = tmp_path / file_name(Job("fleet drift", "Ås/kommune", "x"))
    assert path.name == "reconciler_fleet_drift_Ås_kommune_2d711642.prom"
    write_textfile(path, (DRIFTED,))
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    write_textfile(path, (FAILED,))
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert is_textfile(path)
    assert [each.name for each in tmp_path.glob("*.prom")] == [path.name]
    assert (
        valued(samples_of(path.read_bytes()), "reconciler_last_success_timestamp_seconds") == 1000
    )


def test_runs_that_share_a_file_lose_nothing_of_each_other(tmp_path: Path):
    path = tmp_path / "runs.prom"
    runs = [replace(DRIFTED, site=f"s{number}") for number in range(20)]
    writing = [threading.Thread(target=write_textfile, args=(path, (run,))) for run in runs]
    for each in writing:
        each.start()
    for each in writing:
        each.join()
    found = samples_of(path.read_bytes())
    assert {dict(labels)["site"] for _, labels in found} == {run.site for run in runs}


def test_nothing_is_put_beside_a_device(tmp_path: Path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(OSError, match="It is no file"):
        write_textfile(path, (DRIFTED,))
    assert [each.name for each in tmp_path.iterdir()] == ["pipe"]


def test_a_file_of_somebody_else_is_none_of_ours(tmp_path: Path):
    path = tmp_path / "node.prom"
    path.write_text("# HELP node_load1 1m load.\n# TYPE node_load1 gauge\nnode_load1 0.1\n")
    assert not is_textfile(path)


def test_a_sample_without_labels_of_its_own_has_those_of_the_run():
    (first, *_) = Measured("drift", "", ExitCode.DONE, 1.0).all_samples()
    assert first == Sample("reconciler_last_run_timestamp_seconds", (("command", "drift"),), 1.0)
