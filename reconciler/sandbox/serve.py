"""Runs a sandbox until it is told to stop."""

import json
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

import uvicorn
from sqlalchemy import select

from reconciler.domain.vocabulary import Capability
from reconciler.sandbox import ready, tables
from reconciler.sandbox.app import make_app
from reconciler.sandbox.context import ConsoleUser, Context
from reconciler.sandbox.oauth import Client, Scope, Tokens
from reconciler.sandbox.options import SandboxOptions, SandboxRefused
from reconciler.sandbox.reading import contract
from reconciler.sandbox.seeds import load_seed
from reconciler.sandbox.store import Store, open_store

HOST: Final = "127.0.0.1"
_CONSOLE_USER: Final = "admin"
_SECONDS_TO_FINISH: Final = 5


class _Server(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._listening()


def serve(options: SandboxOptions) -> None:
    """Serve a site on 127.0.0.1 until SIGTERM or SIGINT; then return.

    Raises:
        SandboxRefused: the port, the database, the seed or the ready file cannot be used.
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    with _stoppable(), _listener(options.port) as listener:
        store = open_store(
            options.database, lambda: load_seed(options.seed), seeded=options.seed is not None
        )
        try:
            _run(options, store, listener)
        finally:
            store.close()


def _run(options: SandboxOptions, store: Store, listener: socket.socket) -> None:
    clients = {
        "main": Client(
            options.client_id,
            options.client_secret or secrets.token_urlsafe(24),
            frozenset(Scope),
        ),
        "auditor": Client("auditor", secrets.token_urlsafe(24), frozenset({Scope.READ})),
        "other": Client("other", secrets.token_urlsafe(24), frozenset(Scope)),
    }
    context = Context(
        store=store,
        tokens=Tokens(clients.values(), options.token_lifetime),
        capabilities=frozenset(Capability) - options.without,
        contract=contract(),
        console=ConsoleUser(_CONSOLE_USER, secrets.token_urlsafe(12)),
    )
    announcement = _announcement(clients, context.console, listener.getsockname()[1])
    config = uvicorn.Config(
        make_app(context, latency=options.latency),
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=_SECONDS_TO_FINISH,
    )
    server = _Server(config, lambda: _announce(options.ready_file, announcement, _site_name(store)))
    if options.ready_file is not None:
        # One that a killed server left would send its readers to nobody.
        ready.forget(options.ready_file)
    try:
        server.run(sockets=[listener])
    finally:
        if options.ready_file is not None:
            ready.withdraw(options.ready_file, os.getpid())


def _announcement(clients: dict[str, Client], console: ConsoleUser, port: int) -> dict[str, Any]:
    url = f"http://{HOST}:{port}"
    main = clients["main"]
    return {
        "url": url,
        "token_url": f"{url}/oauth/token",
        "client_id": main.id,
        "client_secret": main.secret,
        "clients": {
            name: {
                "client_id": client.id,
                "client_secret": client.secret,
                "scope": " ".join(sorted(client.scopes)),
            }
            for name, client in clients.items()
            if name != "main"
        },
        "console": {
            "url": f"{url}/console",
            "username": console.name,
            "password": console.password,
        },
        "pid": os.getpid(),
    }


def _announce(ready_file: Path | None, announcement: dict[str, Any], site: str) -> None:
    if ready_file is not None:
        ready.announce(ready_file, announcement)
        secrets_at = str(ready_file)
    else:
        sys.stdout.write(json.dumps(announcement, indent=2) + "\n")
        sys.stdout.flush()
        secrets_at = "standard output"
    console = announcement["console"]["url"]
    sys.stderr.write(
        f"Sandbox of {site} at {announcement['url']}, console {console}; "
        f"sign-ins are in {secrets_at}. Stop it with Ctrl-C.\n"
    )
    sys.stderr.flush()


def _site_name(store: Store) -> str:
    with store.reading() as connection:
        return str(connection.execute(select(tables.site.c.name)).scalar_one())


@contextmanager
def _listener(port: int) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            raise SandboxRefused(
                f"port {port} of {HOST} cannot be used: {error.strerror}; "
                "name another --port, or leave it out for a free one"
            ) from error
        yield listener


class _Stopped(BaseException):
    """A signal came before the server was up."""


@contextmanager
def _stoppable() -> Iterator[None]:
    """End quietly on SIGTERM and SIGINT, whenever they come.

    uvicorn handles them while it serves and raises them once more when it is done; a process that
    was asked to stop and did has succeeded.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise _Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    except _Stopped:
        return
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
