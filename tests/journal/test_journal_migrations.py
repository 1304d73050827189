"""The tables are made and upgraded by whoever opens the journal first, and once."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import alembic.command
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text, update
from stories import SITE, Opener, plan_of

from reconciler.apply.journal import RunEnd
from reconciler.errors import JournalError
from reconciler.journal.history import find_run
from reconciler.journal.record import SqlJournal
from reconciler.journal.tables import REVISIONS, VERSION_TABLE, metadata, plans

OPEN = """
import sys
from datetime import UTC, datetime
from reconciler.journal.open import open_journal
open_journal(sys.argv[1], now=lambda: datetime.now(UTC), who="a", host="h").close()
print("alembic" in sys.modules)
"""


def test_the_migrations_make_what_the_tables_say(journal: SqlJournal) -> None:
    with journal.database.reading() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []
        assert context.get_current_heads() == (REVISIONS[-1],)


def test_every_revision_is_known() -> None:
    config = Config()
    config.set_main_option("script_location", "reconciler.journal:migrations")
    scripts = ScriptDirectory.from_config(config).walk_revisions()
    assert tuple(script.revision for script in scripts)[::-1] == REVISIONS


def test_an_up_to_date_journal_is_opened_without_alembic(location: str | Path) -> None:
    said = [
        subprocess.run(
            [sys.executable, "-c", OPEN, str(location)], check=True, capture_output=True, text=True
        ).stdout.strip()
        for _ in range(2)
    ]
    assert said == ["True", "False"]


def test_an_up_to_date_journal_is_not_written(
    journal: SqlJournal, location: str | Path, opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alembic.command, "upgrade", None)
    opener(location)


def test_many_may_open_a_fresh_journal_at_once(location: str | Path, opener: Opener) -> None:
    with ThreadPoolExecutor(12) as pool:
        journals = list(pool.map(lambda _: opener(location), range(12)))
    assert len(journals) == 12


def test_processes_may_open_a_fresh_journal_at_once(location: str | Path) -> None:
    started = [
        subprocess.Popen([sys.executable, "-c", OPEN, str(location)], stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    outputs = [process.communicate(timeout=60)[0] for process in started]
    assert [process.returncode for process in started] == [0] * 4
    assert any(b"True" in output for output in outputs)


def test_a_migration_that_fails_leaves_nothing(
    location: str | Path, opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade = alembic.command.upgrade

    def half(config: Config, revision: str) -> None:
        upgrade(config, revision)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(alembic.command, "upgrade", half)
    with pytest.raises(JournalError, match="No space left on device"):
        opener(location)
    monkeypatch.undo()
    with opener(location).database.reading() as connection:
        assert set(inspect(connection).get_table_names()) == {*metadata.tables, VERSION_TABLE}


def test_a_newer_journal_is_refused(
    journal: SqlJournal, location: str | Path, opener: Opener
) -> None:
    with journal.database.writing() as connection:
        connection.execute(text("UPDATE journal_version SET version_num = '0999'"))
    with pytest.raises(JournalError, match="newer version of reconciler") as refused:
        opener(location)
    assert refused.value.advice is not None
    assert "Upgrade" in refused.value.advice


def test_another_programs_database_is_refused(
    journal: SqlJournal, location: str | Path, opener: Opener
) -> None:
    with journal.database.writing() as connection:
        connection.execute(text("DROP TABLE journal_version"))
    with pytest.raises(JournalError, match="belongs to another program"):
        opener(location)


def test_older_headers_lose_what_names_people(
    journal: SqlJournal, location: str | Path, opener: Opener
) -> None:
    plan = plan_of()
    with journal.lease(SITE):
        run = journal.begin(plan, plan.actions, [])
        run.end(RunEnd.DONE, "", used=True)
    kept = dict(find_run(journal, run.id).header)
    basis = {**kept["basis"], "digests": {"holders": "sha256:1"}}
    older = {**kept, "basis": basis, "verdicts": [], "moved": [{"name": "mentor/gone-1/class/8a"}]}
    with journal.database.writing() as connection:
        if isinstance(location, Path):
            connection.exec_driver_sql("PRAGMA secure_delete = OFF")
        connection.execute(update(plans).values(header=older))
        connection.execute(text("UPDATE journal_version SET version_num = '0002'"))
    journal.close()
    assert find_run(opener(location), run.id).header == kept
    if isinstance(location, Path):
        left = [each.read_bytes() for each in location.parent.iterdir() if each.is_file()]
        assert not [each for each in left if b"gone-1" in each]
