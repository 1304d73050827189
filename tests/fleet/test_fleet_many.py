"""Two hundred sites in one process, on threads and on a real Dask cluster that loses a worker."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from many_sites import FleetDesk, Sites, desk_at, many_sites
from sandboxes import Done, clean_environment

DASK = Path(sys.executable).with_name("dask")
WAIT_SECONDS = 60
RUN_SECONDS = 240
SITES = 200
APPLIED = 12
"""An apply asks four times as much of a site as a plan: in the gate so many are applied to."""


@pytest.fixture(scope="module")
def everywhere() -> Iterator[Sites]:
    with many_sites(SITES) as running:
        yield running


class Cluster:
    """A scheduler and workers, each a process of its own, with the sites' credentials."""

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self._directory = directory
        self._environment = environment
        self._started = 0
        self._processes: list[subprocess.Popen[bytes]] = []
        self.workers: list[subprocess.Popen[bytes]] = []
        port = free_port()
        self._scheduler = f"127.0.0.1:{port}"
        self.address = f"dask://{self._scheduler}"
        self._start(
            "Scheduler at",
            "scheduler",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--no-dashboard",
        )

    def have_two_workers(self) -> None:
        self.workers = [each for each in self.workers if each.poll() is None]
        while len(self.workers) < 2:
            folder = str(self._directory / f"worker-{self._started}")
            worker = self._start(
                "Registered to",
                *("worker", self._scheduler, "--nthreads", "2", "--no-nanny", "--no-dashboard"),
                *("--host", "127.0.0.1", "--local-directory", folder),
            )
            self.workers.append(worker)

    def logs(self) -> str:
        return "\n".join(log.read_text() for log in self._directory.glob("dask-*.log"))

    def end(self) -> None:
        for process in reversed(self._processes):
            process.kill()
            process.wait(10)

    def _start(self, words: str, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start a process, and wait until it has said that it is there."""
        path = self._directory / f"dask-{self._started}.log"
        self._started += 1
        with path.open("wb") as log:
            process = subprocess.Popen(
                [DASK, *arguments],
                cwd=self._directory,
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        self._processes.append(process)
        end = time.monotonic() + WAIT_SECONDS
        while words not in path.read_text():
            assert process.poll() is None, path.read_text()
            assert time.monotonic() < end, path.read_text()
            time.sleep(0.05)
        return process


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def _cluster(everywhere: Sites, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    directory = tmp_path_factory.mktemp("dask")
    environment = {
        **clean_environment(),
        **everywhere.variables,
        "RECONCILER_STATE_DIR": str(directory / "state"),
        "RECONCILER_LEASE_SECONDS": "3",
    }
    cluster = Cluster(directory, environment)
    try:
        yield cluster
    finally:
        cluster.end()


@pytest.fixture
def cluster(_cluster: Cluster) -> Cluster:
    """A cluster with two workers, whichever died before."""
    _cluster.have_two_workers()
    return _cluster


@pytest.fixture
def desk(tmp_path: Path, everywhere: Sites) -> FleetDesk:
    return desk_at(tmp_path, everywhere)


def carry_out(
    desk: FleetDesk, *arguments: str, dies: "subprocess.Popen[bytes] | None" = None
) -> str:
    """Run a command; where a worker is to die, kill it once a part of the sites has ended."""
    process = desk.start("fleet", *arguments)
    assert process.stderr
    try:
        if dies is not None:
            for _ in range(5):
                assert process.stderr.readline(), "it has ended"
            dies.kill()
        out, err = process.communicate(timeout=RUN_SECONDS)
    finally:
        process.kill()
        process.wait()
    desk.check_manners(out.decode() + err.decode())
    assert process.returncode == 0, out.decode() + err.decode()
    return out.decode()


def told(out: str) -> list[dict[str, Any]]:
    """What came of each site, but for what is new in every run."""
    document = Done(0, out, "").json("fleet-result")
    keys = ("name", "exit_code", "state", "summary", "counts", "details")
    return [{key: site[key] for key in keys} for site in document["sites"]]


def test_two_hundred_sites_on_threads_and_on_a_cluster_that_loses_a_worker(
    desk: FleetDesk, cluster: Cluster
):
    plan = ("plan", "fleet.yaml", "--format", "json", "--max-parallel", "4")
    on_threads = told(carry_out(desk, *plan))
    first, second = cluster.workers
    on_dask = told(carry_out(desk, *plan, "--executor", cluster.address, dies=first))
    assert first.poll() is not None
    assert second.poll() is None
    assert on_dask == on_threads
    assert len(on_dask) == SITES
    assert {site["summary"] for site in on_dask} == {"4 to add."}
    said = cluster.logs()
    assert not [secret for secret in desk.sites.secrets.values() if secret in said]


def test_an_apply_whose_worker_is_killed_does_nothing_twice(desk: FleetDesk, cluster: Cluster):
    apply_on_both(desk, cluster, APPLIED)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_two_hundred_applies(desk: FleetDesk, cluster: Cluster):
    apply_on_both(desk, cluster, SITES)


def apply_on_both(desk: FleetDesk, cluster: Cluster, number: int) -> None:
    sites = desk.sites
    chosen = list(sites.secrets)[:number]
    sites.write_fleet(desk.directory, chosen)
    sites.reset(*chosen)
    apply = ("apply", "fleet.yaml", "--yes", "--max-parallel", "4")
    assert f"{number} sites: {number} done." in carry_out(desk, *apply)
    on_threads = {name: sites.assignments(name) for name in chosen}
    sites.reset(*chosen)
    # What the killed worker wrote is there already, so its site may tell of it in other words.
    on_dask = carry_out(desk, *apply, "--executor", cluster.address, dies=cluster.workers[0])
    assert f"{number} sites: {number} done." in on_dask
    assert {name: sites.assignments(name) for name in chosen} == on_threads
    assert {sites.writes(name) for name in chosen} == {4}, "nothing twice"


def test_a_cluster_without_workers_is_told(desk: FleetDesk, cluster: Cluster):
    for worker in cluster.workers:
        worker.send_signal(signal.SIGTERM)
        worker.wait(20)
    executor = ("--executor", cluster.address)
    done = desk.run("fleet", "plan", "fleet.yaml", "--only", "s000", *executor, expect=1)
    assert "The Dask cluster has no workers." in done.err


def test_a_cluster_that_is_not_there_is_told(desk: FleetDesk):
    desk.environment["DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT"] = "1s"
    executor = ("--executor", f"dask://127.0.0.1:{free_port()}")
    done = desk.run("fleet", "plan", "fleet.yaml", "--only", "s000", *executor, expect=1)
    assert "The Dask scheduler at tcp://127.0.0.1:" in done.err
