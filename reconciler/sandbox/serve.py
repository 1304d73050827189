"""Runs a sandbox until it is told to stop."""

import json
import logging
import os
import secrets
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, TextIO

import click
import uvicorn
from starlette.types import ASGIApp

from reconciler.domain.vocabulary import Capability
from reconciler.sandbox import ready
from reconciler.sandbox.app import make_app
from reconciler.sandbox.connections import PromptConnection
from reconciler.sandbox.context import ConsoleUser, Context
from reconciler.sandbox.faults.connection import ClosableProtocol
from reconciler.sandbox.faults.reading import faults_of
from reconciler.sandbox.oauth import Client, Scope, Tokens
from reconciler.sandbox.options import LOOPBACK, SandboxOptions, SandboxRefused
from reconciler.sandbox.reading import contract
from reconciler.sandbox.request_log import RequestLog, opened
from reconciler.sandbox.store import Store, open_store

_SECONDS_TO_FINISH: Final = 5
_ANY: Final = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104 - what was asked for, told as reachable


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
    """Serve a site until SIGTERM or SIGINT; then return.

    Before it serves, these are for the caller to handle (`reconciler.sandbox.stopping`).

    Raises:
        SandboxRefused: address, port, database, seed, faults or ready file cannot be used.
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    with _listener(options.host, options.port) as listener:
        store = open_store(options.database, options.seed)
        try:
            with opened(options.request_log) if options.request_log else nullcontext() as log:
                _run(options, store, listener, log)
        finally:
            store.close()


def _run(
    options: SandboxOptions, store: Store, listener: socket.socket, log: TextIO | None
) -> None:
    clients = {
        name: Client(client_id, secrets.token_urlsafe(24), scopes)
        for name, client_id, scopes in (
            ("main", "reconciler", frozenset(Scope)),
            ("auditor", "auditor", frozenset({Scope.READ})),
            ("other", "other", frozenset(Scope)),
        )
    }
    faults = faults_of(options, {client.id for client in clients.values()})
    context = Context(
        store=store,
        tokens=Tokens(clients.values(), options.token_lifetime),
        capabilities=frozenset(Capability) - options.without,
        contract=contract(),
        console=ConsoleUser(
            options.console_user, options.console_password or secrets.token_urlsafe(12)
        ),
    )
    address = _address(options.host, listener.getsockname()[1])
    site_id, site_name = store.site()
    announcement = {"site": site_id, **_announcement(clients, context.console, address)}
    if options.console_password is not None:
        del announcement["console"]["password"]  # who gave it knows it
    app: ASGIApp = make_app(context, faults=faults)
    if log is not None:
        app = RequestLog(app, log)
    config = uvicorn.Config(
        app,
        http=ClosableProtocol if faults else PromptConnection,
        ws="none",
        proxy_headers=False,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=_SECONDS_TO_FINISH,
    )
    server = _Server(config, lambda: _announce(options.ready_file, announcement, site_name))
    if options.ready_file is not None:
        # One that a killed server left would send its readers to nobody.
        ready.forget(options.ready_file)
    try:
        server.run(sockets=[listener])
    finally:
        if options.ready_file is not None:
            ready.withdraw(options.ready_file, os.getpid())


def _announcement(clients: dict[str, Client], console: ConsoleUser, url: str) -> dict[str, Any]:
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
        _print(json.dumps(announcement, indent=2))
        secrets_at = "standard output"
    console = announcement["console"]["url"]
    _tell(
        f"Sandbox of {site} at {announcement['url']}, console {console}; "
        f"sign-ins are in {secrets_at}. Stop it with Ctrl-C."
    )


def _print(text: str) -> None:
    if sys.stdout is None:
        raise SandboxRefused("standard output is closed; open it, or name a --ready-file")
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except OSError as error:
        raise SandboxRefused(
            f"standard output cannot be written: {error.strerror}; name a --ready-file"
        ) from error


def _tell(sentence: str) -> None:
    with suppress(OSError):  # who does not want to know may close it
        click.echo(sentence, err=True)


def _address(host: str, port: int) -> str:
    """Return where a browser on this machine finds what listens there."""
    reached = _ANY.get(host, host)
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


@contextmanager
def _listener(host: str, port: int) -> Iterator[socket.socket]:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise SandboxRefused(f"the address {host} is none of this machine's: {error}") from error
    with socket.socket(family, kind, protocol) as listener:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError as error:
            raise SandboxRefused(
                f"port {port} of {host} cannot be used: {error.strerror}; "
                "name another --port, or leave it out for a free one"
            ) from error
        if not ip_address(address[0]).is_loopback:
            _tell(f"Other machines can reach this sandbox on {host}, unencrypted.")
        yield listener
