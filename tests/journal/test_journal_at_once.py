"""A fresh journal that several open at the same moment, as the sites of a fleet do."""

import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path

from reconciler.journal.open import open_journal


def test_who_opens_a_fresh_journal_waits_for_who_is_making_it(tmp_path: Path):
    path = tmp_path / "journal.db"
    maker = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    maker.execute("BEGIN IMMEDIATE")
    done = threading.Timer(0.5, maker.rollback)
    done.start()
    with open_journal(path, now=lambda: datetime.now(UTC), who="anna", host="office") as journal:
        assert not done.is_alive()
        with journal.lease("nord"):
            pass
    done.join()
    maker.close()
