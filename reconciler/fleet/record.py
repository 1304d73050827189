"""What a run of `fleet apply` has done so far, for another one to go on where it was killed.

The file has a line for its format and one for each site; the last that a site has is the one that
counts. A line that was cut off, as by a full disk, tells of no site.
"""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from reconciler.errors import ExitCode, JournalError
from reconciler.fleet.model import Ended, SiteResult
from reconciler.private_files import write_private

FORMAT: Final = "reconciler.fleet-record/3"


@dataclass(frozen=True, slots=True)
class Applied:
    """What was applied well, and where to: all that must be the same for it to be done.

    Attributes:
        manifest: the manifest's digest.
        as_of: the day for which it was, as in 2026-08-17.
        environment: the environment by which the site was reached: of one address, it tells whose
            credentials were meant.
        url: the site's address: a rehearsal and the real site may have the same id.
    """

    manifest: str
    as_of: str
    environment: str
    url: str


@dataclass(slots=True)
class Record:
    """Per site what was applied well to it.

    Attributes:
        path: the file, which only its owner may read.
        done: per name what was.
        broken: why it is not complete, or an empty text.
    """

    path: Path
    done: dict[str, Applied] = field(default_factory=dict)
    broken: str = ""

    @classmethod
    def of(cls, state: Path, fleet: Path, *, resume: bool) -> "Record":
        """Return a new record of a fleet, or that of its last run.

        Args:
            state: the folder in which it lies.
            fleet: the fleet's file, of which there is one record.
            resume: whether to go on with the last run.

        Raises:
            JournalError: it is there, and cannot be read.
        """
        mark = hashlib.sha256(str(fleet.resolve()).encode()).hexdigest()[:16]
        record = cls(state / f"fleet-{mark}.json")
        try:
            if resume and record.path.exists():
                record.done = _read(record.path.read_bytes())
        except (OSError, ValueError):
            raise JournalError(
                f"The record {record.path} cannot be read.", "Run it without --resume."
            ) from None
        return record

    def begin(self) -> None:
        """Write it, in the place of the last run's.

        Raises:
            JournalError: it cannot be written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lines = [json.dumps({"format": FORMAT}), *map(_line, self.done, self.done.values())]
            write_private(self.path, "\n".join(lines).encode())
        except OSError as error:
            raise JournalError(
                f"The record of the run cannot be kept in {self.path.parent}: {error.strerror}.",
                "RECONCILER_STATE_DIR names another folder.",
            ) from None

    def has(self, name: str, applied: Applied) -> bool:
        """Whether this very thing was applied well to a site."""
        return self.done.get(name) == applied

    def note(self, result: SiteResult) -> None:
        """Note a site that is as its manifest declares; what cannot be written stops no site."""
        if result.code is not ExitCode.DONE or result.ended is not Ended.ENDED:
            return
        applied = Applied(result.digest, result.as_of, result.environment, result.url)
        self.done[result.name] = applied
        try:
            with self.path.open("ab") as file:
                file.write(f"\n{_line(result.name, applied)}".encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            self.broken = f"The record {self.path} cannot be written: {error.strerror}."


def _line(name: str, applied: Applied) -> str:
    return json.dumps({"site": name, **asdict(applied)})


def _read(text: bytes) -> dict[str, Applied]:
    """Read a record.

    Raises:
        ValueError: it is none.
    """
    first, *lines = text.split(b"\n")
    if json.loads(first) != {"format": FORMAT}:
        raise ValueError
    done = {}
    for line in lines:
        with suppress(ValueError, TypeError):
            found = json.loads(line)
            name = str(found.pop("site"))
            done[name] = Applied(**found)
    return done
