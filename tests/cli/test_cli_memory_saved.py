"""The most memory that a plan has at once, in a process of its own, beside a load of the YAML."""

import sys
from pathlib import Path

from sandboxes import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))

from measure import once
from sites import BARE_YAML, SAVED, plan, site

SIZE = 300_000
"""Assignments; of fewer, the modules that the program loads weigh more than the manifest."""


def test_a_plan_without_changes_has_no_more_memory_than_a_load_of_its_manifest(tmp_path: Path):
    folder = site(tmp_path, SIZE)
    bare = once(BARE_YAML, cwd=folder)
    # With changes it would end with 2.
    planned = once(plan(*SAVED, "--detailed-exitcode"), cwd=folder)
    assert planned.peak <= bare.peak, f"{planned.peak / 1e6:.0f} and {bare.peak / 1e6:.0f} MB"
