"""The command line of the sandbox; `reconciler sandbox` is this same command.

The server's dependencies are imported only when it runs, since the client installs without them.
"""

import sys
from pathlib import Path
from typing import Any

import click

from reconciler.domain.vocabulary import Capability
from reconciler.sandbox.options import LOOPBACK, MEMORY, SandboxOptions, SandboxRefused

_EXTRA_MISSING = (
    "Error: the sandbox needs packages that are not installed (missing: {name}); "
    "run: pip install 'reconciler[sandbox]'"
)

_SHORTEST_PASSWORD = 8


def _first_line(
    _context: click.Context, _parameter: click.Parameter, file: Path | None
) -> str | None:
    """Read a password that is given, without the line break that editors put after it."""
    if file is None:
        return None
    try:
        password = file.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{file} cannot be read: {error}") from error
    if len(password) < _SHORTEST_PASSWORD:
        raise click.BadParameter(
            f"the first line of {file} is no password: "
            f"it has fewer than {_SHORTEST_PASSWORD} characters"
        )
    return password


def _capabilities(
    _context: click.Context, _parameter: click.Parameter, names: tuple[str, ...]
) -> frozenset[Capability]:
    return frozenset(map(Capability, names))


@click.command("sandbox")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default="a free one",
    help="Port to listen on.",
)
@click.option(
    "--host",
    default=LOOPBACK,
    show_default=True,
    metavar="ADDRESS",
    help="Address to listen on. Any but 127.0.0.1 lets other machines in.",
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
    "--console-user",
    default="admin",
    show_default=True,
    metavar="NAME",
    help="Who signs in to the console.",
)
@click.option(
    "--console-password-file",
    "console_password",
    callback=_first_line,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    show_default="a new password, told once",
    metavar="FILE",
    help="File whose first line is the console's password.",
)
@click.option(
    "--without",
    type=click.Choice([capability.value for capability in Capability]),
    multiple=True,
    callback=_capabilities,
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
@click.option(
    "--faults",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="YAML file of what goes wrong on purpose: errors, cuts, limits and more.",
)
@click.option(
    "--faults-by-header",
    is_flag=True,
    help="Let each request bring a fault of its own, in the header Sandbox-Fault.",
)
def sandbox(**options: Any) -> None:
    """Serve a site of your own on this machine, to try things on.

    It speaks the published API, enforces the platform's rules, has a console for the browser, and
    stops with Ctrl-C.
    """
    try:
        from reconciler.sandbox.serve import serve  # noqa: PLC0415, the server is an extra
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("reconciler"):
            raise
        click.echo(_EXTRA_MISSING.format(name=missing.name), err=True)
        sys.exit(1)
    try:
        serve(SandboxOptions(**options))
    except SandboxRefused as refused:
        click.echo(f"Error: {refused}", err=True)
        sys.exit(1)
