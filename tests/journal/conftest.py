"""Journals on both databases; two of them on one database are two processes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from stories import Opener

from reconciler.journal.open import open_journal
from reconciler.journal.record import SqlJournal


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    """Where a fresh journal may be made."""
    if request.param == "sqlite":
        return tmp_path / "state" / "journal.db"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def opener() -> Iterator[Opener]:
    """Opens journals anywhere, and closes them after the test."""
    opened: list[SqlJournal] = []

    def open_one(where: str | Path, **settings: Any) -> SqlJournal:
        usual = {"now": lambda: datetime.now(UTC), "who": "anna", "host": "ci-7"}
        journal = open_journal(where, **{**usual, **settings})
        opened.append(journal)
        return journal

    yield open_one
    for journal in opened:
        journal.close()


@pytest.fixture
def journal(location: str | Path, opener: Opener) -> SqlJournal:
    """A fresh journal."""
    return opener(location)
