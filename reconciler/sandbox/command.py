"""The command line of the sandbox; `reconciler sandbox` is this same command.

The server's dependencies are imported only when it runs, since the client installs without them.
"""

import sys
from pathlib import Path

import click

from reconciler.domain.vocabulary import Capability
from reconciler.sandbox.options import MEMORY, SandboxOptions, SandboxRefused

_EXTRA_MISSING = (
    "Error: the sandbox needs packages that are not installed (missing: {name}); "
    "run: pip install 'reconciler[sandbox]'"
)


@click.command("sandbox")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default="a free one",
    help="Port on 127.0.0.1.",
)
@click.option(
    "--database",
    default=MEMORY,
    show_default=True,
    metavar="FILE",
    help="SQLite file, :memory: or an SQLAlchemy URL. A file that holds a site is used again.",
)
@click.option(
    "--seed",
    type=click.Path(exists=True, path_type=Path),
    show_default="a small municipality",
    help="What a fresh site holds: a OneRoster zip or folder, or an exported state.",
)
@click.option(
    "--ready-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="JSON file with address and secrets, written once the server listens.",
)
@click.option(
    "--without",
    type=click.Choice([capability.value for capability in Capability]),
    multiple=True,
    help="Leave a capability out; may be repeated.",
)
@click.option(
    "--token-lifetime",
    type=click.IntRange(1, 86_400),
    default=3600,
    show_default=True,
    metavar="SECONDS",
    help="How long an access token is valid.",
)
@click.option(
    "--latency",
    type=click.FloatRange(0, 60),
    default=0,
    show_default=True,
    metavar="SECONDS",
    help="Wait so long before each request is handled, as if the site were far away.",
)
def sandbox(
    *,
    port: int,
    database: str,
    seed: Path | None,
    ready_file: Path | None,
    without: tuple[str, ...],
    token_lifetime: int,
    latency: float,
) -> None:
    """Serve a site of your own on this machine, to try things on.

    It speaks the published API on 127.0.0.1, enforces the platform's rules, and stops with Ctrl-C.
    """
    try:
        from reconciler.sandbox.serve import serve  # noqa: PLC0415, the server is an extra
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("reconciler"):
            raise
        click.echo(_EXTRA_MISSING.format(name=missing.name), err=True)
        sys.exit(1)
    options = SandboxOptions(
        port=port,
        database=database,
        seed=seed,
        ready_file=ready_file,
        without=frozenset(Capability(name) for name in without),
        token_lifetime=token_lifetime,
        latency=latency,
    )
    try:
        serve(options)
    except SandboxRefused as refused:
        click.echo(f"Error: {refused}", err=True)
        sys.exit(1)
