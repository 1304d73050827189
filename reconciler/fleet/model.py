"""A fleet as values: its sites, what a worker is told about one, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from reconciler.diagnostics import Position
from reconciler.errors import ExitCode
from reconciler.monitoring.facts import Findings
from reconciler.monitoring.samples import Sample


@dataclass(frozen=True, slots=True)
class FleetSite:
    """One entry of a fleet: a site, or a part of one.

    Attributes:
        name: what it is called in the fleet.
        manifest: the files and folders of its manifest.
        environment: the environment that says how the site is reached, by name.
        config: the settings file in which that stands.
        position: where the fleet names it.
    """

    name: str
    manifest: tuple[Path, ...]
    environment: str
    config: Path
    position: Position


@dataclass(frozen=True, slots=True)
class Fleet:
    """Many sites.

    Attributes:
        file: the file that lists them.
        sites: in its order.
        config: the settings file of every site that names no other.
        canary: how many of them are done before any other begins.
        max_failed_sites: with more failed sites than these no other begins; None for any number,
            though no canary site may fail then.
    """

    file: Path
    sites: tuple[FleetSite, ...]
    config: Path
    canary: int = 0
    max_failed_sites: int | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker is told about a site: references alone, and nothing that is secret.

    Attributes:
        name: what the site is called in the fleet.
        manifest: the files and folders of its manifest.
        environment: the environment that names site and credentials.
        config: the settings file in which that stands.
        pseudonyms: whether to put pseudonyms in the place of people; the worker's environment has
            the key.
        document: whether the whole result is wanted, not only what it comes to.
        agreed: for an apply, the digest of the changes that somebody has seen; others are not made.
            None agrees to whatever the manifest asks for.
        cache: whether a copy of the site may be kept for the next command, and used.
        facts: whether somebody is to be told what was found, not only how much.
        trace: the id of the run that it is part of.
        sender: the machine that sent it to a cluster (`reconciler.fleet.machine`); empty for the
            threads and processes of this one. Who is sent it keeps copies only in a folder that its
            own environment names, and on another machine no journal in a file.
    """

    name: str
    manifest: tuple[Path, ...]
    environment: str
    config: Path
    pseudonyms: bool = False
    document: bool = False
    agreed: str | None = None
    cache: bool = False
    facts: bool = False
    trace: str = ""
    sender: str = ""

    def anywhere(self, sender: str) -> "Task":
        """Return it for a worker that has the same files, and another current folder."""
        return replace(
            self,
            manifest=tuple(path.absolute() for path in self.manifest),
            config=self.config.absolute(),
            sender=sender,
        )


class Ended(StrEnum):
    """How far a site came.

    `ended`: its command has ended, whatever came of it. `skipped`: an earlier run, which is gone on
    with, did it. `not_started`: the run was stopped before.
    """

    ENDED = "ended"
    SKIPPED = "skipped"
    NOT_STARTED = "not_started"


@dataclass(frozen=True, slots=True)
class SiteResult:
    """What came of one site: plain data that travels between processes.

    Attributes:
        name: what it is called in the fleet.
        code: the exit code that the command would have had for this site alone; None where it was
            not started.
        summary: a sentence.
        ended: how far it came.
        site: the site's id; empty where it is not known.
        counts: what there is, per word of the command's.
        details: lines that say why it failed or was refused, and what to know besides.
        document: the whole result as the command's own JSON document, where that was wanted.
        digest: of the manifest; empty where it could not be read.
        as_of: the day for which it was planned, as in 2026-08-17.
        actions: the digest of what would be changed, to know it again.
        throw_away: whether the run is recorded on a disk that may be gone tomorrow.
        units: the ids of the units in scope, where these were asked for; None for all of them.
        environment: the environment by which an apply reached it; empty where it did not.
        url: the address at which it did.
        samples: what was found, measured.
        findings: what was found, to be told; None where nobody is to be told.
    """

    name: str
    code: ExitCode | None
    summary: str
    ended: Ended = Ended.ENDED
    site: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    details: tuple[str, ...] = ()
    document: Mapping[str, Any] | None = None
    digest: str = ""
    as_of: str = ""
    actions: str = ""
    throw_away: bool = False
    units: frozenset[str] | None = None
    environment: str = ""
    url: str = ""
    samples: tuple[Sample, ...] = ()
    findings: Findings | None = None


@dataclass(frozen=True, slots=True)
class FleetResult:
    """What came of a fleet.

    Attributes:
        command: what was done with each site: plan, apply, drift or review.
        results: of every site that was meant, by name.
        code: the worst of their exit codes; a site that was not started counts, too.
        stopped: why the run stopped before its end, or an empty text.
    """

    command: str
    results: tuple[SiteResult, ...]
    code: ExitCode
    stopped: str = ""

    def ended(self, how: Ended) -> int:
        """How many sites came so far."""
        return sum(result.ended is how for result in self.results)


def not_started(name: str, why: str) -> SiteResult:
    """Return the result of a site that was not asked for anything."""
    return SiteResult(name, None, why, Ended.NOT_STARTED)
