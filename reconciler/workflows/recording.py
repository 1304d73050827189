"""Where runs are recorded: opens the journal that the settings name."""

import getpass
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from platformdirs import user_state_path

from reconciler import tracing
from reconciler.credentials import Secret
from reconciler.domain.roster import RosterSize
from reconciler.errors import ConfigurationError, JournalError
from reconciler.journal.history import last_rosters
from reconciler.journal.open import check_location
from reconciler.journal.open import open_journal as open_sql
from reconciler.journal.record import SqlJournal
from reconciler.manifest.words import shorten
from reconciler.plan.model import Plan

LEASE_SECONDS: Final = 30.0
"""After so long without a sign of life, another run may write to the site."""

SHARED_NEEDED: Final = (
    "That one run at a time writes, and that a plan is used once, needs a shared one: set "
    "RECONCILER_JOURNAL to a PostgreSQL URL."
)
THROW_AWAY: Final = (
    "warning: this looks like a pipeline (CI is set), and the journal is a file on its disk. "
    f"{SHARED_NEEDED}"
)
"""What is told where `is_throw_away`."""


def open_journal(location: Secret | None) -> SqlJournal:
    """Open a journal.

    Args:
        location: a file or a database's URL; None for `journal.db` in RECONCILER_STATE_DIR, or else
            in the user's state directory.

    Raises:
        JournalError: it cannot be used.
        ConfigurationError: RECONCILER_LEASE_SECONDS is not a number of seconds.
    """
    return open_sql(
        location.reveal() if location else usual_journal(),
        now=lambda: datetime.now(UTC),
        who=_user(),
        host=socket.gethostname(),
        lease_seconds=_lease_seconds(),
        correlation=tracing.current(),
    )


def open_recorded(location: Secret | None) -> SqlJournal:
    """Open a journal to read from: a file that is named must be there.

    Raises:
        JournalError: it cannot be used, or a file that was named is missing.
        ConfigurationError: RECONCILER_LEASE_SECONDS is not a number of seconds.
    """
    if location is not None and is_file(location):
        check_location(location.reveal())
        # Path.exists would raise where no file can have such a name.
        if not os.path.exists(location.reveal()):  # noqa: PTH110 - see above
            raise JournalError(
                f"There is no journal {shorten(location.reveal())}.",
                "Check RECONCILER_JOURNAL or the environment's journal; the first apply makes one.",
            )
    return open_journal(location)


def compared_rosters(journal: SqlJournal, plan: Plan) -> dict[str, RosterSize]:
    """Return with how much a plan by rosters is compared when it is applied; of others nothing."""
    return last_rosters(journal, plan.site) if plan.rosters else {}


def is_throw_away(location: Secret | None) -> bool:
    """Whether the journal lies on a disk that may be gone tomorrow: a file, in a pipeline."""
    return bool(os.environ.get("CI")) and is_file(location)


def is_file(location: Secret | None) -> bool:
    """Whether a journal is a file, which one machine has to itself."""
    return location is None or "://" not in location.reveal()


def state_folder() -> Path:
    """Return where this machine keeps records: RECONCILER_STATE_DIR, or the user's own folder."""
    state = os.environ.get("RECONCILER_STATE_DIR")
    return Path(state) if state else user_state_path("reconciler", appauthor=False)


def usual_journal() -> Path:
    """Return where runs are recorded where no journal is named."""
    return state_folder() / "journal.db"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user may have no name
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"


def _lease_seconds() -> float:
    text = os.environ.get("RECONCILER_LEASE_SECONDS")
    try:
        seconds = float(text) if text else LEASE_SECONDS
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 3600:
        raise ConfigurationError(
            "RECONCILER_LEASE_SECONDS is not a number of seconds.", "Write 1 to 3600."
        )
    return seconds
