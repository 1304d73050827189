"""The command line of the sandbox; `reconciler sandbox` is this same command.

The server's dependencies are imported only when it runs, since the client installs without them.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from click.core import ParameterSource

from reconciler.domain.roster import NEEDED_COLUMNS, read_columns
from reconciler.domain.roster_formats import PLAIN_CSV
from reconciler.domain.vocabulary import Capability
from reconciler.sandbox.options import (
    LOOPBACK,
    MEMORY,
    SEED_TYPES,
    SandboxOptions,
    SandboxRefused,
    Seed,
)
from reconciler.sandbox.stopping import stoppable

_EXTRA_MISSING: Final = (
    "Error: the sandbox needs packages that are not installed (missing: {name}); "
    "run: pip install 'reconciler[sandbox]'"
)

_SHORTEST_PASSWORD: Final = 8


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


def _name(_context: click.Context, _parameter: click.Parameter, name: str) -> str:
    if not name.strip():
        raise click.BadParameter("a name has at least one character that can be seen")
    return name


def _capabilities(
    _context: click.Context, _parameter: click.Parameter, names: tuple[str, ...]
) -> frozenset[Capability]:
    return frozenset(map(Capability, names))


Command = TypeVar("Command", bound=Callable[..., Any])


def _columns(
    _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    try:
        return read_columns(values)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _seed_options(command: Command) -> Command:
    """Add what says which seed is meant, and how it is read."""
    for option in (
        click.option(
            "--seed-column",
            "columns",
            multiple=True,
            metavar="WHAT=HEADING",
            callback=_columns,
            help="What a column of a plain CSV file is: unit=Class. May be repeated.",
        ),
        click.option(
            "--seed-type",
            type=click.Choice(SEED_TYPES),
            show_default="told by its content",
            help="The format that the seed is in.",
        ),
        click.option(
            "--seed",
            type=click.Path(exists=True, path_type=Path),
            show_default="a small municipality",
            help="What a fresh site holds: a roster that is a file or folder, or a saved state.",
        ),
    ):
        command = option(command)
    return command


def _seed(path: Path | None, seed_type: str | None, columns: dict[str, str]) -> Seed | None:
    if path is None:
        if seed_type or columns:
            raise click.UsageError("--seed-type and --seed-column are about a --seed.")
        return None
    kind = seed_type or (PLAIN_CSV if columns else None)
    if columns and kind != PLAIN_CSV:
        raise click.UsageError(f"--seed-column is not for --seed-type {kind}.")
    if kind == PLAIN_CSV and not set(NEEDED_COLUMNS) <= set(columns):
        raise click.UsageError(
            "A plain CSV file needs to be told which columns are the unit and the person: "
            "--seed-column unit=Class --seed-column person=Teacher."
        )
    return Seed(path, kind, columns)


@contextmanager
def _refusing() -> Iterator[None]:
    """Tell in one sentence why something cannot be done, and end the command."""
    try:
        yield
    except SandboxRefused as refused:
        click.echo(f"Error: {refused}", err=True)
        raise click.exceptions.Exit(1) from None
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("reconciler"):
            raise
        click.echo(_EXTRA_MISSING.format(name=missing.name), err=True)
        raise click.exceptions.Exit(1) from None


@click.group("sandbox", invoke_without_command=True)
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
    metavar="DATABASE",
    help="SQLite file, :memory: or a postgresql:// URL. One that holds a site is used again.",
)
@_seed_options
@click.option(
    "--ready-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="JSON file with address and secrets, written once the server listens.",
)
@click.option(
    "--request-log",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="File that gets a line of JSON for each request.",
)
@click.option(
    "--console-user",
    default="admin",
    show_default=True,
    metavar="NAME",
    callback=_name,
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
@click.pass_context
def sandbox(
    context: click.Context,
    /,
    *,
    seed: Path | None,
    seed_type: str | None,
    columns: dict[str, str],
    **options: Any,
) -> None:
    """Serve a site of your own on this machine, to try things on.

    It speaks the published API, enforces the platform's rules, has a console for the browser, and
    stops with Ctrl-C.

    Example: reconciler sandbox --port 8321 --ready-file ready.json
    """
    if context.invoked_subcommand is not None:
        _refuse_misplaced(context, context.invoked_subcommand)
        return
    wanted = _seed(seed, seed_type, columns)
    with _refusing(), stoppable():
        from reconciler.sandbox.serve import serve  # noqa: PLC0415, the server is an extra

        serve(SandboxOptions(seed=wanted, **options))


_kept_database = click.option(
    "--database",
    required=True,
    metavar="DATABASE",
    help="SQLite file or postgresql:// URL.",
)


@sandbox.command("reset")
@_kept_database
@_seed_options
@click.option("--yes", is_flag=True, help="Do not ask; for scripts.")
def reset(
    *,
    database: str,
    seed: Path | None,
    seed_type: str | None,
    columns: dict[str, str],
    yes: bool,
) -> None:
    """Let a sandbox's database begin again. What it holds is gone, its events included.

    Nothing changes where the seed cannot be used, or while a sandbox serves the database.

    Example: reconciler sandbox reset --database site.db --yes
    """

    def agree(lost: str) -> None:
        if yes:
            return
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise click.UsageError("There is no terminal to ask on; agree with --yes.")
        if not click.confirm(f"Throw away {lost}?", err=True):
            raise SandboxRefused("the answer was no; nothing was changed")

    wanted = _seed(seed, seed_type, columns)
    with _refusing():
        from reconciler.sandbox import upkeep  # noqa: PLC0415, the server is an extra

        site = upkeep.reset(database, wanted, agree)
        click.echo(f"The database holds {site} now, at its beginning.", err=True)


@sandbox.command("update")
@_kept_database
@_seed_options
def update(
    *, database: str, seed: Path | None, seed_type: str | None, columns: dict[str, str]
) -> None:
    """Take a newer directory from the school system, also while the site is served.

    People, units, memberships and who answers for whom are as the seed has them; who has which
    role stays. People whom it does not have keep their account, which is in use no longer.

    Example: reconciler sandbox update --database site.db --seed roster.zip
    """
    wanted = _seed(seed, seed_type, columns)
    if wanted is None:
        raise click.UsageError("Name what the school system has now, with --seed.")
    with _refusing():
        from reconciler.sandbox import upkeep  # noqa: PLC0415, the server is an extra

        site = upkeep.update(database, wanted)
        click.echo(f"{site} has the directory of {wanted.path} now.", err=True)


@sandbox.command("export")
@_kept_database
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the state to a file; standard output by default. It holds people's names.",
)
def export(*, database: str, out: Path | None) -> None:
    """Save a site's whole state as JSON, for --seed and for --live; also while it is served.

    Example: reconciler sandbox export --database site.db --out live.json
    """
    with _refusing():
        from reconciler.sandbox import upkeep  # noqa: PLC0415, the server is an extra

        upkeep.export(database, out)
        if out is not None:
            click.echo(f"Saved the state to {out}.", err=True)


def _refuse_misplaced(context: click.Context, subcommand: str) -> None:
    """Refuse options before a subcommand, which would not hear of them: another database, say."""
    for parameter in context.command.params:
        if context.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE:
            option = max(parameter.opts, key=len)
            raise click.UsageError(
                f"{option} stands before {subcommand}, which does not hear of it. "
                f"Write it after {subcommand}, if it takes it."
            )
