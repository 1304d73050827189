"""A real PostgreSQL server for the tests that ask for one, and a fresh database for each of them.

The server belongs to one test session (with pytest-xdist: to one worker), which starts it when the
first test asks. It wants a password, so that a wrong one is really refused.
"""

import contextlib
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

HOST = "127.0.0.1"
USER = "tester"
TRIES = 3

# Tests need no data that outlives them, and wait for no disk.
SETTINGS = {
    "listen_addresses": HOST,
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
}

# Waits until the session lets go of its standard input, by ending in whatever way, and tidies up.
JANITOR = 'cat; "$1" -D "$2/data" -m immediate stop; rm -rf "$2"'


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A server that listens on 127.0.0.1; its one user may do everything."""

    port: int
    password: str
    directory: Path

    def url(self, database: str) -> str:
        """The address of one of its databases, with user and password."""
        return f"postgresql://{USER}:{self.password}@{HOST}:{self.port}/{database}"

    def administer(self, statement: str) -> None:
        """Run one statement outside a transaction, as those on whole databases have to be."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this session's own."""
    with server() as running:
        yield running


@contextlib.contextmanager
def server() -> Iterator[PostgresServer]:
    """Run a PostgreSQL server for as long as the block lasts; skips where none is installed."""
    programs = _programs()
    account = _account()
    directory = Path(tempfile.mkdtemp(prefix="reconciler-pg-"))
    if account:
        shutil.chown(directory, account["user"], account["group"])
    with _tidied(programs, directory, account):
        password = secrets.token_hex(12)
        _initialise(programs, directory, account, password)
        yield PostgresServer(_start(programs, directory, account), password, directory)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of a fresh, empty database, which is dropped after the test."""
    name = f"test_{secrets.token_hex(6)}"
    postgres_server.administer(f"CREATE DATABASE {name}")
    yield postgres_server.url(name)
    # By force: what a test has left connected is no reason to keep it.
    postgres_server.administer(f"DROP DATABASE {name} WITH (FORCE)")


def _programs() -> Path:
    """The directory of the newest server's programs; Debian does not put it on the PATH."""
    debian = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    versions = sorted(debian, key=lambda path: float(path.parts[-3]))
    elsewhere = shutil.which("initdb")
    if not versions and not elsewhere:
        pytest.skip("PostgreSQL's server (initdb) is not on this machine")
    return (versions[-1] if versions else Path(str(elsewhere)).resolve()).parent


def _account() -> dict[str, Any]:
    """Whom the server runs as, for `subprocess`: it refuses to be root."""
    if os.geteuid() != 0:
        return {}
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("PostgreSQL's server does not run as root, and there is no user postgres")
    return {"user": "postgres", "group": "postgres", "extra_groups": []}


@contextlib.contextmanager
def _tidied(programs: Path, directory: Path, account: dict[str, Any]) -> Iterator[None]:
    """Stop the server and remove its directory after the block, or when this process dies in it."""
    janitor = subprocess.Popen(
        ["sh", "-c", JANITOR, "janitor", programs / "pg_ctl", directory],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,  # or Ctrl-C would end it before its work
        **account,
    )
    try:
        yield
    finally:
        janitor.communicate()


def _initialise(programs: Path, directory: Path, account: dict[str, Any], password: str) -> None:
    # Nobody else can enter the directory.
    password_file = directory / "password"
    password_file.write_text(password)
    password_file.chmod(0o644)
    run = _run(
        *(programs / "initdb", "--pgdata", directory / "data", "--username", USER),
        *("--auth", "scram-sha-256", "--pwfile", password_file),
        *("--encoding", "UTF8", "--locale", "C", "--no-sync"),
        directory=directory,
        account=account,
    )
    assert run.returncode == 0, f"PostgreSQL makes no cluster: {run.stdout}{run.stderr}"


def _start(programs: Path, directory: Path, account: dict[str, Any]) -> int:
    """Start the server and return its port."""
    log = directory / "server.log"
    said = ""
    for _ in range(TRIES):
        port = _free_port()
        settings = {**SETTINGS, "unix_socket_directories": directory, "port": port}
        options = " ".join(f"-c {key}={value}" for key, value in settings.items())
        run = _run(
            *(programs / "pg_ctl", "--pgdata", directory / "data", "--log", log),
            *("--wait", "--options", options, "start"),
            directory=directory,
            account=account,
        )
        if run.returncode == 0:
            return port
        # Somebody else may have taken the port since it was free.
        said = run.stdout + run.stderr
    raise AssertionError(f"PostgreSQL does not start: {said}{log.read_text()}")


def _run(
    *command: str | Path, directory: Path, account: dict[str, Any]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=directory,
        timeout=60,
        check=False,
        **account,
    )


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        return int(taken.getsockname()[1])
