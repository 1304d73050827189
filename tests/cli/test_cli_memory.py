"""How much memory a plan takes: each beside another of the same run, since machines differ."""

import sys
from pathlib import Path

import pytest
from sandboxes import Sandbox, running

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from generated import AS_OF, Size, write
from measure import PROGRAM, once

SMALL, LARGE = 400, 30_000
PLAN = (PROGRAM, "plan", "roles.yaml", "--as-of", str(AS_OF))


def most(folder: Path, size: int) -> tuple[int, int]:
    """The most bytes that a plan had at once: of a saved state, and of the same site over HTTP."""
    where = folder / str(size)
    where.mkdir()
    write(where, Size(size))
    saved = once([*PLAN, "--live", "state.json"], cwd=where)
    with running(where, "--seed", str(where / "state.json")) as sandbox:
        over_http = once(PLAN, cwd=where, variables=variables(sandbox, where))
    return saved.peak, over_http.peak


def variables(sandbox: Sandbox, home: Path) -> dict[str, str]:
    return {"HOME": str(home), "RECONCILER_NO_CACHE": "1", **sandbox.variables()}


@pytest.mark.skipif(sys.platform == "win32", reason="the system does not tell")
def test_a_plan_over_http_grows_with_its_site_as_one_of_a_saved_state(tmp_path: Path):
    """A site comes page by page, and what a page was made of is gone when the next one comes."""
    saved_small, http_small = most(tmp_path, SMALL)
    saved_large, http_large = most(tmp_path, LARGE)
    assert http_large - http_small < 1.2 * (saved_large - saved_small)
