"""What a sandbox is started with, and the error that keeps it from starting."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from reconciler.domain.roster_formats import FORMATS
from reconciler.domain.vocabulary import Capability

LOOPBACK: Final = "127.0.0.1"
"""Where nobody but this machine can reach a sandbox."""

MEMORY: Final = ":memory:"
"""The database that lives and dies with the process."""

STATE: Final = "state"

SEED_TYPES: Final = (*(name for name, each in FORMATS.items() if each.found_as), STATE)
"""The formats of a seed: the rosters that are files, as `roster check --type` calls them, and a
saved state."""


class SandboxRefused(Exception):
    """The sandbox cannot start; the message is one sentence for the user."""


@dataclass(frozen=True, slots=True)
class Seed:
    """What a fresh site shall hold.

    Attributes:
        path: a file or folder.
        type: one of `SEED_TYPES`; None tells it by the content.
        columns: for a plain CSV file, per meaning the heading of its column.
    """

    path: Path
    type: str | None = None
    columns: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """How to start a sandbox.

    Attributes:
        host: the address to listen on; another than the loopback lets other machines in.
        port: the port there; 0 takes a free one.
        database: a file's path, `:memory:`, or a `postgresql://` URL.
        seed: what a fresh site holds; None is the built-in municipality.
        ready_file: where to say that the server listens, and with which secrets.
        request_log: a file that gets a line for each request.
        without: capabilities that this site's API shall not have.
        console_user: who may sign in to the console.
        console_password: with which password; None makes one.
        token_lifetime: seconds for which an access token is valid.
        latency: seconds to wait before each request is handled.
        faults: a file of what goes wrong on purpose.
        faults_by_header: whether a request may bring a fault of its own.
    """

    host: str = LOOPBACK
    port: int = 0
    database: str = MEMORY
    seed: Seed | None = None
    ready_file: Path | None = None
    request_log: Path | None = None
    without: frozenset[Capability] = frozenset()
    console_user: str = "admin"
    console_password: str | None = None
    token_lifetime: int = 3600
    latency: float = 0.0
    faults: Path | None = None
    faults_by_header: bool = False
