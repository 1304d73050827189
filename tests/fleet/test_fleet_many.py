"""Many sites in one process, on threads and on a real Dask cluster that loses a worker.

`make soak` has five hundred (design, section 9); the gate has fewer, as each of them takes a third
of a second.
"""

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
RUN_SECONDS = 480
END_SECONDS = 30
SITES = 500
PLANNED = 50
"""In the gate so many are planned for."""
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

    def have_two_workers(self, **variables: str) -> None:
        self.workers = [each for each in self.workers if each.poll() is None]
        while len(self.workers) < 2:
            folder = str(self._directory / f"worker-{self._started}")
            worker = self._start(
                "Registered to",
                *("worker", self._scheduler, "--nthreads", "2", "--no-nanny", "--no-dashboard"),
                *("--host", "127.0.0.1", "--local-directory", folder),
                **variables,
            )
            self.workers.append(worker)

    def lose_workers(self) -> None:
        """Kill all of them, as when a machine is gone."""
        for worker in self.workers:
            worker.kill()
        for worker in self.workers:
            worker.wait(10)

    def logs(self) -> str:
        return "\n".join(log.read_text() for log in self._directory.glob("dask-*.log"))

    def end(self) -> None:
        for process in reversed(self._processes):
            process.kill()
            process.wait(10)

    def _start(self, words: str, *arguments: str, **variables: str) -> "subprocess.Popen[bytes]":
        """Start a process, and wait until it has said that it is there."""
        path = self._directory / f"dask-{self._started}.log"
        self._started += 1
        with path.open("wb") as log:
            process = subprocess.Popen(
                [DASK, *arguments],
                cwd=self._directory,
                env={**self._environment, **variables},
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
        # Before Python 3.11.9 it can freeze a worker (https://github.com/python/cpython/issues/106883).
        "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
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
    desk: FleetDesk,
    *arguments: str,
    dies: "subprocess.Popen[bytes] | None" = None,
    seconds: float = RUN_SECONDS,
) -> str:
    """Run a command; where a worker is to die, kill it once a part of the sites has ended."""
    process = desk.start("fleet", *arguments)
    assert process.stderr
    try:
        if dies is not None:
            for _ in range(5):
                assert process.stderr.readline(), "it has ended"
            dies.kill()
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as late:
        told = (late.stderr or b"").decode().splitlines()[-3:]
        raise AssertionError(f"not ended in {seconds} seconds; at last: {told}") from None
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


def test_a_plan_is_the_same_on_threads_and_on_a_cluster_that_loses_a_worker(
    desk: FleetDesk, cluster: Cluster
):
    plan_on_both(desk, cluster, PLANNED)


@pytest.mark.soak
def test_five_hundred_plans(desk: FleetDesk, cluster: Cluster):
    plan_on_both(desk, cluster, SITES)


def plan_on_both(desk: FleetDesk, cluster: Cluster, number: int) -> None:
    desk.sites.write_fleet(desk.directory, list(desk.sites.secrets)[:number])
    plan = ("plan", "fleet.yaml", "--format", "json", "--max-parallel", "4")
    on_threads = told(carry_out(desk, *plan))
    first, second = cluster.workers
    on_dask = told(carry_out(desk, *plan, "--executor", cluster.address, dies=first))
    assert first.poll() is not None
    assert second.poll() is None
    assert on_dask == on_threads
    assert len(on_dask) == number
    assert {site["summary"] for site in on_dask} == {"4 to add."}
    said = cluster.logs()
    assert not [secret for secret in desk.sites.secrets.values() if secret in said]


def test_an_apply_whose_worker_is_killed_does_nothing_twice(desk: FleetDesk, cluster: Cluster):
    apply_on_both(desk, cluster, APPLIED)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_five_hundred_applies(desk: FleetDesk, cluster: Cluster):
    apply_on_both(desk, cluster, SITES)


def apply_on_both(desk: FleetDesk, cluster: Cluster, number: int) -> None:
    sites = desk.sites
    chosen = list(sites.secrets)[:number]
    sites.write_fleet(desk.directory, chosen)
    sites.reset(*chosen)
    apply = ("apply", "fleet.yaml", "--yes", "--max-parallel", "4")
    seconds = max(RUN_SECONDS, 4 * number)
    assert f"{number} sites: {number} done." in carry_out(desk, *apply, seconds=seconds)
    on_threads = {name: sites.assignments(name) for name in chosen}
    sites.reset(*chosen)
    # What the killed worker wrote is there already, so its site may tell of it in other words.
    where = ("--executor", cluster.address)
    on_dask = carry_out(desk, *apply, *where, dies=cluster.workers[0], seconds=seconds)
    assert f"{number} sites: {number} done." in on_dask
    assert {name: sites.assignments(name) for name in chosen} == on_threads
    assert {sites.writes(name) for name in chosen} == {4}, "nothing twice"


def test_a_cluster_that_loses_all_its_workers_ends_with_what_is_known(
    desk: FleetDesk, cluster: Cluster
):
    sites = desk.sites
    chosen = list(sites.secrets)[:APPLIED]
    sites.write_fleet(desk.directory, chosen)
    sites.reset(*chosen)
    apply = ("apply", "fleet.yaml", "--yes", "--format", "json", "--max-parallel", "4")
    desk.environment["DASK_DISTRIBUTED__SCHEDULER__NO_WORKERS_TIMEOUT"] = "2s"
    process = desk.start("fleet", *apply, "--executor", cluster.address)
    assert process.stderr
    try:
        assert process.stderr.readline()
        cluster.lose_workers()
        lost_at = time.monotonic()
        out, err = process.communicate(timeout=RUN_SECONDS)
        assert time.monotonic() - lost_at < END_SECONDS
    finally:
        process.kill()
        process.wait()
    desk.check_manners(out.decode() + err.decode())
    assert process.returncode == 6, err.decode()
    document = Done(6, out.decode(), "").json("fleet-result")
    assert document["stopped"] == "the Dask cluster has no worker left."
    assert [site["name"] for site in document["sites"]] == chosen
    of = {code: [s for s in document["sites"] if s["exit_code"] == code] for code in (0, 6, None)}
    assert sum(map(len, of.values())) == APPLIED
    assert all(of.values()), "some are done, some unknown, some not begun"
    assert len(of[6]) <= 4
    for site in of[6]:
        assert site["summary"] == "Nothing came back: the Dask cluster has no worker left."
        assert site["details"][0] == "What was done until then is not known."
    assert {site["state"] for site in of[None]} == {"not_started"}
    assert {sites.writes(site["name"]) for site in of[None]} == {0}
    assert {sites.writes(site["name"]) for site in of[0]} == {4}
    cluster.have_two_workers()
    again = carry_out(desk, *apply, "--executor", cluster.address)
    assert {site["exit_code"] for site in Done(0, again, "").json("fleet-result")["sites"]} == {0}
    assert {sites.writes(name) for name in chosen} == {4}, "nothing twice"


def test_workers_of_other_machines_want_a_journal_that_all_of_them_see(
    desk: FleetDesk, cluster: Cluster, tmp_path: Path, postgres_url: str
):
    named = 'import socket\nsocket.gethostname = lambda: "another.example"\n'
    (tmp_path / "sitecustomize.py").write_text(named)
    chosen = list(desk.sites.secrets)[:3]
    desk.sites.write_fleet(desk.directory, chosen)
    desk.sites.reset(*chosen)
    cluster.workers[0].kill()
    cluster.workers[0].wait(10)
    cluster.have_two_workers(PYTHONPATH=str(tmp_path), JOURNAL=postgres_url)
    where = ("--executor", cluster.address)
    try:
        done = desk.run("fleet", "apply", "fleet.yaml", "--yes", *where, expect=1)
        assert done.out == ""
        said = " ".join(done.err.split())
        assert "the journal of s000 and 2 other sites is a file" in said
        assert "set RECONCILER_JOURNAL to a PostgreSQL URL" in said
        assert {desk.sites.writes(name) for name in chosen} == {0}
        assert (
            "3 with changes."
            in desk.run("fleet", "plan", "fleet.yaml", "--detailed-exitcode", *where, expect=2).out
        )
        cluster.lose_workers()
        cluster.have_two_workers(PYTHONPATH=str(tmp_path), JOURNAL=postgres_url)
        settings = desk.directory / "reconciler.toml"
        text = settings.read_text()
        settings.write_text(text.replace("client_id", 'journal = {env = "JOURNAL"}\nclient_id'))
        assert "3 sites: 3 done." in carry_out(desk, "apply", "fleet.yaml", "--yes", *where)
        assert {desk.sites.writes(name) for name in chosen} == {4}
    finally:
        cluster.lose_workers()


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
