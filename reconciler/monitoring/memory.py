"""What the last message told, so that the next one tells only what changed.

A small file for each webhook and job, in the folder where the journal's usual file is, and private
to its owner. It holds hashes. It is written when a message was taken, so that what nobody has got
is told again. Where it is lost, everything is told once more.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from reconciler.errors import SiteError
from reconciler.file_locks import locked
from reconciler.monitoring.facts import NOTHING_KNOWN, Findings, Known, Topic, after
from reconciler.monitoring.job import Job
from reconciler.private_files import write_private

FORMAT: Final = "reconciler.told/1"

_WAIT_SECONDS: Final = 60.0
"""A little longer than a message is tried for (`reconciler.http.delivery.LIMITS`)."""


@dataclass(slots=True)
class Memory:
    """What was told.

    Attributes:
        path: the file.
        sites: per site what was told of it.
        number: how many messages there were.
        mark: what tells its messages from those of every other memory: of other jobs, on other
            machines, or from before it was lost.
    """

    path: Path
    sites: dict[str, Known] = field(default_factory=dict)
    number: int = 0
    mark: str = field(default_factory=lambda: os.urandom(16).hex())

    @classmethod
    @contextmanager
    def held(cls, folder: Path, url: str, job: Job) -> Iterator["Memory"]:
        """Hold what was told in a job, so that no other run of it tells the same meanwhile.

        A file that cannot be read counts as none. Where none can be kept, there is no other run to
        wait for either: all is told that there is to tell.

        Args:
            folder: where the file lies.
            url: the webhook's.
            job: of whose runs it is told.

        Raises:
            LeaseHeld: another run is telling for longer than a message may take.
        """
        mark = hashlib.sha256("\n".join((url, *job.parts)).encode()).hexdigest()[:16]
        memory = cls(folder / f"told-{mark}.json")
        with ExitStack() as stack:
            with suppress(OSError, SiteError):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                stack.enter_context(locked(memory.path, _WAIT_SECONDS))
            with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
                memory._read(json.loads(memory.path.read_bytes()))
            if not memory.number:  # what is sent again, as nobody took it, has the same mark
                with suppress(OSError):
                    memory._write()
            yield memory

    def of_site(self, site: str) -> Known:
        """Return what was told of a site."""
        return self.sites.get(site, NOTHING_KNOWN)

    def keep(self, found: Mapping[str, Findings], *, told: bool) -> None:
        """Note what was told, or that there was nothing to tell.

        Args:
            found: per site what was found.
            told: whether there was a message.

        Raises:
            OSError: it cannot be written.
        """
        sites = {**self.sites}
        for site, findings in found.items():
            sites[site] = after(self.of_site(site), findings)
        if not told and sites == self.sites:
            return
        self.sites, self.number = sites, self.number + told
        self._write()

    def _write(self) -> None:
        document = {
            "format": FORMAT,
            "mark": self.mark,
            "number": self.number,
            "sites": {
                site: {topic.value: sorted(keys) for topic, keys in known.items()}
                for site, known in self.sites.items()
            },
        }
        write_private(self.path, json.dumps(document).encode())

    def _read(self, document: Any) -> None:
        if document["format"] != FORMAT:
            raise ValueError
        sites: dict[str, Known] = {
            str(site): {Topic(topic): frozenset(map(str, keys)) for topic, keys in known.items()}
            for site, known in document["sites"].items()
        }
        self.sites, self.number, self.mark = sites, int(document["number"]), str(document["mark"])
