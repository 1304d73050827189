"""The most memory that a plan has at once, each beside another process of the same run."""

import sys
from pathlib import Path

import pytest
from sandboxes import ROOT, running

sys.path.insert(0, str(ROOT / "benchmarks"))

from measure import once
from sites import BARE_YAML, SAVED, plan, site

SIZE = 300_000
"""Assignments; of fewer, the modules that the program loads weigh more than the manifest."""

SMALL, LARGE = 400, 30_000


@pytest.mark.soak  # it takes half a minute
def test_a_plan_without_changes_has_no_more_memory_than_a_load_of_its_manifest(tmp_path: Path):
    folder = site(tmp_path, SIZE)
    bare = once(BARE_YAML, cwd=folder)
    # With changes it would end with 2.
    planned = once(plan(*SAVED, "--detailed-exitcode"), cwd=folder)
    assert planned.peak <= bare.peak, f"{planned.peak / 1e6:.0f} and {bare.peak / 1e6:.0f} MB"


def most(folder: Path, size: int) -> tuple[int, int]:
    """The most bytes that a plan had at once: of a saved state, and of the same site over HTTP."""
    where = site(folder, size)
    saved = once(plan(*SAVED), cwd=where)
    with running(where, "--seed", str(where / "state.json")) as sandbox:
        variables = {"HOME": str(where), "RECONCILER_NO_CACHE": "1", **sandbox.variables()}
        over_http = once(plan(), cwd=where, variables=variables)
    return saved.peak, over_http.peak


def test_a_plan_over_http_grows_with_its_site_as_one_of_a_saved_state(tmp_path: Path):
    """A site comes page by page, and what a page was made of is gone when the next one comes."""
    saved_small, http_small = most(tmp_path, SMALL)
    saved_large, http_large = most(tmp_path, LARGE)
    assert http_large - http_small < 1.2 * (saved_large - saved_small)
