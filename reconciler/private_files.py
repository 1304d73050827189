"""Writes files whole or not at all: new ones that only their owner may read, old ones anew."""

import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path


def write_private(path: Path, content: bytes | Iterator[bytes]) -> None:
    """Write a file with mode 0600, replacing an older one in a single step.

    Args:
        path: where it is to stand.
        content: all of it, or its pieces.

    Raises:
        OSError: it cannot be written; an older file is left as it was.
    """
    _replace(path, (content,) if isinstance(content, bytes) else content, None)


def replace_content(path: Path, content: bytes) -> None:
    """Give an existing file other content in a single step; its mode and owner stay.

    Raises:
        OSError: it cannot be written, and is left as it was.
    """
    _replace(path, (content,), path.stat())


def _replace(path: Path, content: Iterable[bytes], like: os.stat_result | None) -> None:
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:  # its text names a file that nobody has heard of
        raise OSError(error.errno, error.strerror, str(path)) from None
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(content)
            file.flush()
            os.fsync(file.fileno())
        if like is not None:
            with suppress(OSError):  # only who may do everything can give a file away
                os.chown(temporary, like.st_uid, like.st_gid)
            temporary.chmod(stat.S_IMODE(like.st_mode))
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
