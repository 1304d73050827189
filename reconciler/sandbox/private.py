"""Writes files whole or not at all, readable for their owner only."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from reconciler.sandbox.options import SandboxRefused


@contextmanager
def private_file(path: Path, named: str) -> Iterator[IO[str]]:
    """Give a file to write, which takes its place at the end, and not after an exception.

    Args:
        path: where it is to stand.
        named: what messages call it.

    Raises:
        SandboxRefused: it cannot be written.
    """
    try:
        # mkstemp gives mode 0600.
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                yield file
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise SandboxRefused(f"{named} {path} cannot be written: {error.strerror}") from error
