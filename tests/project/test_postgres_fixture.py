"""The PostgreSQL server for tests is real: it keeps rows, wants its password, and goes away."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

TESTS = Path(__file__).parents[1]

HANGING = """
import time
from pathlib import Path

def test_hanging(postgres_server, postgres_url):
    Path("said").write_text(f"{postgres_url} {postgres_server.directory}")
    Path("said").rename("ready")
    time.sleep(60)
"""


def wait_until(come):
    end = time.monotonic() + 30
    while not come():
        assert time.monotonic() < end, "it did not come in time"
        time.sleep(0.02)


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_writes_to_an_empty_database_of_its_own(postgres_url, turn):
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE notes (turn integer, text varchar)")
        connection.execute("INSERT INTO notes VALUES (%s, %s)", (turn, "Blåbær"))
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT * FROM notes").fetchall() == [(turn, "Blåbær")]


def test_a_wrong_password_is_refused(postgres_server, postgres_url):
    wrong = postgres_url.replace(postgres_server.password, "wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_a_killed_session_leaves_no_server_behind(postgres_server, tmp_path):
    (tmp_path / "test_hanging.py").write_text(HANGING)
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "postgres", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as session:
        wait_until((tmp_path / "ready").exists)
        session.kill()
    url, directory = (tmp_path / "ready").read_text().split()
    wait_until(lambda: not Path(directory).exists())
    with pytest.raises(psycopg.OperationalError, match="refused"):
        psycopg.connect(url)
