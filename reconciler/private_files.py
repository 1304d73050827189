"""Writes files whole or not at all: new ones that only their owner may read, old ones anew.

What stands there and is no file, a device, a pipe or a link, is left alone: to put a file in the
place of `/dev/null` or `/dev/stdout`, which who may do everything can, breaks whatever else runs on
the machine.
"""

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


def write_private(path: Path, content: bytes | Iterator[bytes]) -> None:
    """Write a file with mode 0600, replacing an older one in a single step.

    Args:
        path: where it is to stand.
        content: all of it, or its pieces.

    Raises:
        OSError: it cannot be written; an older file is left as it was.
    """
    with replacing(path) as file:
        file.writelines((content,) if isinstance(content, bytes) else content)


def replace_content(path: Path, content: bytes) -> None:
    """Give an existing file other content in a single step; its mode and owner stay.

    Raises:
        OSError: it cannot be written, and is left as it was.
    """
    with replacing(path, path.stat()) as file:
        file.write(content)


def is_taken(path: Path) -> bool:
    """Whether something stands there that is no file itself, and so is not replaced."""
    return os.path.lexists(path) and not stat.S_ISREG(path.lstat().st_mode)


@contextmanager
def replacing(path: Path, like: os.stat_result | None = None) -> Iterator[IO[bytes]]:
    """Give a file to write, which takes its place at the end, and not after an exception.

    Args:
        path: where it is to stand.
        like: the mode and the owner that it is to have; without, only its owner may read it.

    Raises:
        OSError: it cannot be written; what stood there is left as it was.
    """
    if is_taken(path):
        raise OSError(errno.EINVAL, "It is no file", str(path))
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:  # its text names a file that nobody has heard of
        raise OSError(error.errno, error.strerror, str(path)) from None
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if like is not None:
            resemble(temporary, like)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def resemble(path: Path, like: os.stat_result) -> None:
    """Give a file the mode of another one and, as far as one may, its owner and its group.

    Where the group is another one in the end, no group is let in.

    Raises:
        OSError: its mode cannot be changed.
    """
    mode = stat.S_IMODE(like.st_mode)
    if hasattr(os, "chown"):  # which Windows has not
        for owner in (like.st_uid, -1):  # only who may do everything can give a file away
            with suppress(OSError):
                os.chown(path, owner, like.st_gid)
                break
        if path.stat().st_gid != like.st_gid:
            mode &= ~stat.S_IRWXG
    path.chmod(mode)
