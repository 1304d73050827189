"""The options that several commands share: the same names everywhere (design, section 4)."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from reconciler.cli import completing, values
from reconciler.errors import ConfigurationError, WrongUse

if TYPE_CHECKING:
    from reconciler.connection import Connection

Command = TypeVar("Command", bound=Callable[..., Any])


manifest_argument = click.argument(
    "manifest",
    nargs=-1,
    required=True,
    callback=values.paths,
    shell_complete=completing.files,
)

FORMAT: Final = "reconciler.format"
"""Where a context keeps the format that was asked for, for whoever prints an error."""


def formats_option(subject: str) -> Callable[[Command], Command]:
    """Make the option that says in which formats a command tells its result, and where.

    Args:
        subject: what the result is; `reconciler.reports.formats` knows its formats.
    """
    from reconciler.reports.formats import names

    known = names(subject)

    def outputs(
        context: click.Context, _option: click.Parameter, given: tuple[str, ...]
    ) -> values.Outputs:
        found = values.read_outputs(given, known)
        context.meta[FORMAT] = found
        return found

    return click.option(
        "--format",
        "outputs",
        multiple=True,
        metavar="NAME[=FILE]",
        shell_complete=lambda _context, _option, begun: [
            name for name in known if name.startswith(begun)
        ],
        callback=outputs,
        help=f"{', '.join(known[:-1])} or {known[-1]}; text by default. With =FILE it is written "
        "there, for you alone. May be repeated.",
    )


no_color_option = click.option(
    "--no-color", is_flag=True, help="Plain text, as if NO_COLOR were set."
)


full_option = click.option(
    "--full", is_flag=True, help="List in text what is only counted, being too long to be read."
)


_LOG_FORMAT: Final = "reconciler.log_format"


def _remember_log_format(context: click.Context, _option: click.Parameter, value: str) -> str:
    context.meta[_LOG_FORMAT] = value
    return value


def _start_logging(context: click.Context, _option: click.Parameter, value: int) -> int:
    form = context.meta[_LOG_FORMAT]
    if value or form != "text":
        from reconciler.cli import logs

        command = context.command_path.partition(" ")[2]
        logs.start(form, verbose=bool(value), command=command)
    return value


def verbose_option(command: Command) -> Command:
    """Add the options of the log."""
    for option in (
        click.option(
            "--log-format",
            type=click.Choice(["text", "json"]),
            default="text",
            show_default=True,
            is_eager=True,  # the next one begins the log
            expose_value=False,
            callback=_remember_log_format,
            help="Of what is told on standard error: lines for people, or JSON objects, which tell "
            "how the run goes also without -v.",
        ),
        click.option(
            "-v",
            "--verbose",
            count=True,
            expose_value=False,
            callback=_start_logging,
            help="Tell on standard error what is being done.",
        ),
    ):
        command = option(command)
    return command


config_option = click.option(
    "--config",
    metavar="FILE",
    callback=values.file_to_read,
    shell_complete=completing.files,
    help="The settings file; reconciler.toml by default.",
)


NO_CACHE: Final = "reconciler.no_cache"
"""Where a context keeps that nothing of a site is to be kept, or used again."""


def _remember_no_cache(context: click.Context, _option: click.Parameter, value: bool) -> bool:  # noqa: FBT001 - click's callback
    context.meta[NO_CACHE] = value
    return value


no_cache_option = click.option(
    "--no-cache",
    is_flag=True,
    expose_value=False,
    callback=_remember_no_cache,
    help="Read all of the site anew, and keep no copy; as if RECONCILER_NO_CACHE were set.",
)


def site_options(command: Command) -> Command:
    """Add the options of the commands that read a site: which one, and how."""
    return settings_options(no_cache_option(command))


def settings_options(command: Command) -> Command:
    """Add the options that say which environment is meant."""
    for option in (
        config_option,
        click.option(
            "-e",
            "--environment",
            shell_complete=completing.environments,
            help="An environment of reconciler.toml.",
        ),
    ):
        command = option(command)
    return command


live_option = click.option(
    "--live",
    metavar="FILE",
    callback=values.file_to_read,
    shell_complete=completing.files,
    help="A saved state (export --state) in place of a site.",
)


as_of_option = click.option(
    "--as-of",
    metavar="DATE",
    callback=values.day,
    help="The day for which dates in the manifest are judged; today by default.",
)


def within_option(default: int) -> Callable[[Command], Command]:
    """Make the option that says how far ahead ends are warned of, in days."""
    return click.option(
        "--within",
        metavar="DAYS",
        callback=values.days,
        default=f"{default}d",
        show_default=True,
        help="Name what ends in so many days, like 30d.",
    )


def narrowing_options(command: Command) -> Command:
    """Add the options that narrow a plan or lift a refusal."""
    for option in (
        click.option("--reason", help="Why the overrides are meant; recorded."),
        click.option(
            "--override",
            "override_codes",
            multiple=True,
            metavar="CODE",
            callback=values.none_empty,
            shell_complete=completing.guards,
            help="Lift a guard's refusal for this run; needs --reason. May be repeated.",
        ),
        click.option(
            "--except",
            "excepted",
            multiple=True,
            metavar="ADDRESS",
            callback=values.none_empty,
            shell_complete=completing.addresses,
            help="All but these actions; what the others must wait for cannot be left out. "
            "May be repeated.",
        ),
        click.option(
            "--only",
            multiple=True,
            metavar="ADDRESS",
            callback=values.none_empty,
            shell_complete=completing.addresses,
            help="Only these actions and what they must wait for; * and ? are wildcards. "
            "May be repeated.",
        ),
    ):
        command = option(command)
    return command


def running_options(*, wait_seconds: float = 0) -> Callable[[Command], Command]:
    """Make the options of the commands that write.

    Args:
        wait_seconds: how long they wait for another run by default.
    """
    usual = f"{wait_seconds:g}" if wait_seconds else "not at all"

    def add(command: Command) -> Command:
        for option in (
            click.option(
                "--wait",
                type=click.FloatRange(0, 86_400),
                default=wait_seconds,
                metavar="SECONDS",
                help=f"Wait so long for another run on the site to end; {usual} by default.",
            ),
            click.option(
                "--max-concurrency",
                type=click.IntRange(1, 64),
                default=4,
                show_default=True,
                help="How many requests may be on their way at once.",
            ),
        ):
            command = option(command)
        return command

    return add


def overrides(codes: tuple[str, ...], reason: str | None) -> dict[str, str]:
    """Read --override and --reason, which need each other.

    Raises:
        WrongUse: one without the other, or a code that no guard has.
    """
    from reconciler.manifest.private import private_word
    from reconciler.policy.guards import GUARDS

    if not codes and reason is None:
        return {}
    if not codes or not (reason or "").strip():
        raise WrongUse('An override needs both: --override CODE --reason "why".')
    for code in codes:
        if code not in GUARDS:
            raise WrongUse(f"No guard has the code {code}.", f"There are: {', '.join(GUARDS)}.")
    if private_word(reason or ""):
        click.echo(
            "warning RR124: --reason looks like a detail of somebody's health or family. "
            "The plan and the journal keep it: say only what has to be known.",
            err=True,
        )
    return dict.fromkeys(codes, reason or "")


def connection(environment: str | None, config: Path | None) -> "Connection":
    """Find the connection settings that the options and the environment name.

    What is read is kept in the cache, unless --no-cache was given.

    Raises:
        ConfigurationError: there are none, or they cannot be used.
    """
    from reconciler.connection import cache_folder, load_connection

    found = load_connection(environment, config=config, environ=os.environ, directory=Path.cwd())
    return replace(found, cache=cache_folder(os.environ)) if may_cache() else found


def by_hand(environment: str | None, config: Path | None, what: str) -> "Connection":
    """Find the settings of a site without an API, or say which variable names another one.

    Args:
        environment: the one that is asked for.
        config: the settings file that is asked for.
        what: what of the site is asked for.

    Raises:
        ConfigurationError: RECONCILER_URL names a site with an API; or as `connection`.
    """
    from reconciler.connection import of_variables

    if of_variables(environment, config, os.environ):
        raise ConfigurationError(
            f"A {what} is for a site without an API; RECONCILER_URL names one with, and wins over "
            "reconciler.toml.",
            "Unset it, or name the environment, as in -e town.",
        )
    return connection(environment, config)


def may_cache() -> bool:
    """Whether what is read of a site may be kept: --no-cache was not given."""
    return not click.get_current_context().meta.get(NO_CACHE)


def source(live: Path | None, environment: str | None, config: Path | None) -> "Connection | Path":
    """Choose between a saved state and a site.

    Raises:
        WrongUse: both are asked for.
        ConfigurationError: a site is, and its settings cannot be used.
    """
    if live is None:
        return connection(environment, config)
    if environment is not None:
        raise WrongUse("--live and --environment exclude each other.", "Name one of the two.")
    return live
