"""A file of metrics for node_exporter's textfile collector.

Runs that share a file write it one after the other. It is renamed into its place within its folder,
so that the collector never reads half of one, and whoever is on the machine may read it: the
collector runs as another user, and there is nothing in it but numbers and the names of sites and
rosters. Its name until then does not end in `.prom`, which is all that the collector looks at.
"""

import os
import re
from collections.abc import Sequence, Set
from contextlib import suppress
from pathlib import Path
from typing import Final

from reconciler.file_locks import locked
from reconciler.monitoring.job import Job
from reconciler.monitoring.samples import FAMILIES, Measured
from reconciler.private_files import replacing

READABLE: Final = 0o644
_MARK: Final = re.compile(rb"# (HELP|TYPE) (\w+) ")
_NEAR: Final = 256


def is_textfile(path: Path) -> bool:
    """Whether a file is one of ours, which may be replaced."""
    with path.open("rb") as file:
        found = _MARK.match(file.read(_NEAR))
    return found is not None and found[2].decode() in FAMILIES


def file_name(job: Job) -> str:
    """Return the name of a job's file: no two may write the same one."""
    words = [re.sub(r"[^\w.-]", "_", word) for word in ("reconciler", *job.parts) if word]
    return f"{'_'.join(words)}.prom"


def write_textfile(path: Path, measured: Sequence[Measured], sites: Set[str] | None = None) -> None:
    """Write what runs came to, and keep what they do not replace of what stands there.

    Args:
        path: the file.
        measured: what was run.
        sites: all sites of the fleet, where it is one.

    Raises:
        LeaseHeld: another run is writing to it, and does not end.
        SiteError: no file can be locked where it lies.
        OSError: it cannot be written; what stood there stays.
    """
    from reconciler.monitoring.exposition import renewed  # noqa: PLC0415 - loads a library

    with locked(path):
        before = b""
        with suppress(FileNotFoundError):
            before = path.read_bytes()
        with replacing(path) as file:
            file.write(renewed(before, measured, sites))
            if hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), READABLE)
