"""The snapshot of a site without an API: one command at a time changes it, wherever it lies.

The lock is a file beside the snapshot, not a lease in the journal: the snapshot may lie on a share,
and each who works with it has a journal of their own. The system frees it when a process ends.
"""

import errno
import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from reconciler.errors import LeaseHeld, SiteError
from reconciler.private_files import replace_content, resemble, write_private
from reconciler.providers.saved import write_state
from reconciler.state import LiveState

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

WAIT_SECONDS: Final = 10.0
"""So long a command waits for another one to be done with the snapshot; none takes long."""

_LOOK_SECONDS: Final = 0.05
_BUSY: Final = frozenset({errno.EACCES, errno.EAGAIN, errno.EDEADLK})


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
    # The file stays: who deleted it would let two in, each with a lock on another file.
    lock = path.with_name(f".{path.name}.lock")
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        with suppress(OSError):  # only its owner can let the same people in, and did so before
            resemble(lock, path.stat())
        _take(handle, path, monotonic() + wait_seconds)
        yield Snapshot(path)
    finally:
        os.close(handle)


def _take(lock: int, path: Path, end: float) -> None:
    while not _taken(lock, path):
        if monotonic() >= end:
            raise LeaseHeld(
                f"Another command is writing to {path}.", "Wait for its end, and run this again."
            )
        sleep(_LOOK_SECONDS)


def _taken(lock: int, path: Path) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(lock, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _BUSY:
            return False
        raise SiteError(
            f"No file can be locked where {path} lies: {error.strerror}.",
            "Keep the snapshot where two commands cannot write to it at once: on another disk.",
        ) from None
    return True


def _digest(path: Path) -> bytes | None:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except FileNotFoundError:
        return None
