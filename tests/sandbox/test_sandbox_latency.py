"""`--latency`: a real sandbox that feels far away."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from reconciler.sandbox.connections import PATIENCE

SECONDS = 0.7


def timed(url):
    """How long an answer takes, and its status."""
    started = time.monotonic()
    status = requests.get(url, timeout=20).status_code
    return time.monotonic() - started, status


def test_each_request_waits_by_itself(start):
    site = f"{start('--latency', str(SECONDS)).url}/v1/site"
    alone, status = timed(site)
    assert status == 401
    assert alone >= SECONDS
    started = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(timed, [site] * 4))
    assert all(taken >= SECONDS for taken, _ in together)
    # One after another they would take four times as long.
    assert time.monotonic() - started < 2 * SECONDS + alone


@pytest.mark.parametrize("seconds", ["-1", "60.5", "long"])
def test_other_waits_are_refused(seconds):
    run = subprocess.run(
        [sys.executable, "-m", "reconciler.sandbox", "--latency", seconds],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert run.returncode == 64
    assert "--latency" in run.stderr


def test_a_large_body_outlasts_a_long_wait(start):
    """The server does not read on while it waits; that is not the client's slowness."""
    site = start("--latency", str(PATIENCE + 1))
    url = f"{site.url}/v1/changes"
    body = b'{"changes": [' + b" " * 1_000_000 + b"]}"
    headers = {"Content-Type": "application/json"}
    assert requests.post(url, body, headers=headers, timeout=40).status_code == 401
