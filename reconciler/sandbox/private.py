"""Writes files whole or not at all, readable for their owner only."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import IO

from reconciler.private_files import replacing
from reconciler.sandbox.options import SandboxRefused


@contextmanager
def private_file(path: Path, named: str) -> Iterator[IO[str]]:
    """Give a text file to write, which takes its place at the end, and not after an exception.

    Args:
        path: where it is to stand.
        named: what messages call it.

    Raises:
        SandboxRefused: it cannot be written.
    """
    try:
        with replacing(path) as file:
            text = TextIOWrapper(file, encoding="utf-8", newline="\n")
            yield text
            text.detach()
    except OSError as error:
        raise SandboxRefused(f"{named} {path} cannot be written: {error.strerror}") from error
