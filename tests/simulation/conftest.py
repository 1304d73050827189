"""An empty journal, so that its tables need not be made for each schedule."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.journal.open import open_journal


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal without a run in it, in one file."""
    file = tmp_path_factory.mktemp("template") / "journal.db"
    open_journal(file, now=lambda: datetime.now(UTC), who="sim", host="sim").close()
    return file
