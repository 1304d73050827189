"""What a sandbox is started with, and the error that keeps it from starting."""

from dataclasses import dataclass
from pathlib import Path

from reconciler.domain.vocabulary import Capability

LOOPBACK = "127.0.0.1"
"""Where nobody but this machine can reach a sandbox."""

MEMORY = ":memory:"
"""The database that lives and dies with the process."""


class SandboxRefused(Exception):
    """The sandbox cannot start; the message is one sentence for the user."""


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """How to start a sandbox.

    Attributes:
        host: the address to listen on; another than the loopback lets other machines in.
        port: the port there; 0 takes a free one.
        database: a file's path, `:memory:`, or an SQLAlchemy URL.
        seed: a OneRoster bundle (zip or folder) or an exported state; None is the built-in
            municipality.
        ready_file: where to say that the server listens, and with which secrets.
        client_id: the pipeline's client.
        client_secret: its secret; None makes one.
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
    seed: Path | None = None
    ready_file: Path | None = None
    client_id: str = "reconciler"
    client_secret: str | None = None
    without: frozenset[Capability] = frozenset()
    console_user: str = "admin"
    console_password: str | None = None
    token_lifetime: int = 3600
    latency: float = 0.0
    faults: Path | None = None
    faults_by_header: bool = False
