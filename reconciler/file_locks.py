"""One command at a time writes a file that it has read before, wherever that lies.

The lock is a file beside it, not a lease in the journal: the file may lie on a share, and each who
works with it has a journal of their own. The system frees it when a process ends.
"""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from reconciler.errors import LeaseHeld, SiteError
from reconciler.private_files import resemble

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

WAIT_SECONDS: Final = 10.0
"""So long a command waits for another one to be done with the file; nothing takes long."""

_LOOK_SECONDS: Final = 0.05
_BUSY: Final = frozenset({errno.EACCES, errno.EAGAIN, errno.EDEADLK})


@contextmanager
def locked(path: Path, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold a file, so that nobody else who asks for it writes to it.

    Args:
        path: where it lies, or is to lie.
        wait_seconds: how long to wait for another command.

    Raises:
        LeaseHeld: another command holds it for longer.
        SiteError: no file can be locked where it lies.
        OSError: nothing can be written there, or what stands there is no file.
    """
    if path.exists() and not path.is_file():  # a device, say: nothing is put beside that
        raise OSError(errno.EINVAL, "It is no file", str(path))
    # The file stays: who deleted it would let two in, each with a lock on another file.
    lock = path.with_name(f".{path.name}.lock")
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        with suppress(OSError):  # only its owner can let the same people in, and did so before
            resemble(lock, path.stat())
        _take(handle, path, monotonic() + wait_seconds)
        yield
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
            "Keep it where two commands cannot write to it at once: on another disk.",
        ) from None
    return True
