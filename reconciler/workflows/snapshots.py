"""The snapshot of a site without an API: one command at a time changes it, wherever it lies."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.errors import SiteError
from reconciler.file_locks import WAIT_SECONDS, locked
from reconciler.private_files import replace_content, write_private
from reconciler.providers.saved import write_state
from reconciler.state import LiveState


class Snapshot:
    """A snapshot that no other command writes to meanwhile; `held` gives one.

    Args:
        path: where it lies, or is to lie.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen = _digest(path)

    def write(self, state: LiveState) -> None:
        """Put a state in its place in a single step; mode and owner stay.

        Raises:
            SiteError: somebody else has replaced it since it was held, by a copy say.
            OSError: it cannot be written, and is left as it was.
        """
        content = write_state(state)
        if _digest(self.path) != self._seen:
            raise SiteError(
                f"{self.path} was changed while the command ran; it is left as it is.",
                "Run the command again.",
            )
        if self._seen is None:
            write_private(self.path, content)
        else:
            replace_content(self.path, content)
        self._seen = hashlib.sha256(content).digest()


@contextmanager
def held(path: Path, wait_seconds: float = WAIT_SECONDS) -> Iterator[Snapshot]:
    """Hold a snapshot, so that nobody else writes to it or to its runbook.

    Args:
        path: where it lies, or is to lie.
        wait_seconds: how long to wait for another command.

    Raises:
        LeaseHeld: another command holds it for longer.
        SiteError: no file can be locked where it lies.
        OSError: nothing can be written there, or it cannot be read.
    """
    with locked(path, wait_seconds):
        yield Snapshot(path)


def _digest(path: Path) -> bytes | None:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except FileNotFoundError:
        return None
