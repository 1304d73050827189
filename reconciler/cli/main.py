"""The command group, and how every error becomes one message and an exit code.

Commands are imported when they are called, so that `--version`, `--help` and the completion of
their names load none of them. What a command runs with, its function imports: the module itself is
loaded for the command's own `--help`, too.
"""

import os
import sys
import time
from collections.abc import Sequence
from functools import singledispatch
from types import MappingProxyType
from typing import Any, Final

import click

from reconciler import __version__
from reconciler.cli.lazy import LazyCommands, Table
from reconciler.errors import ExitCode, InvalidInput, ReconcilerError, code_of, told
from reconciler.plain import plain
from reconciler.tracing import new_id, tracing

COMMANDS: Final[Table] = MappingProxyType(
    {
        "init": ("reconciler.cli.init", "Write a folder to begin with."),
        "doctor": ("reconciler.cli.doctor", "Check settings, network, site, cache and journal."),
        "validate": ("reconciler.cli.validate", "Check a manifest for mistakes."),
        "fmt": ("reconciler.cli.fmt", "Put manifests into their normal form."),
        "plan": ("reconciler.cli.plan", "Show what apply would change; change nothing."),
        "show": ("reconciler.cli.show", "Print a saved plan."),
        "apply": ("reconciler.cli.apply", "Make the site what the manifest declares."),
        "drift": ("reconciler.cli.drift", "Find what others changed on the site."),
        "review": ("reconciler.cli.review", "Look for learners without mentors, and the like."),
        "fleet": ("reconciler.cli.fleet", "Plan, apply, check or review many sites at once."),
        "snapshot": ("reconciler.cli.snapshot", "Begin with a form where there is no export."),
        "runbook": ("reconciler.cli.runbook", "Go through what is to be done by hand."),
        "pipeline": ("reconciler.cli.pipeline", "Comment on a pull request, in a pipeline."),
        "history": ("reconciler.cli.history", "List the runs of apply, and what came of them."),
        "rollback": ("reconciler.cli.rollback", "Take back what a run did."),
        "export": ("reconciler.cli.export", "Write the live state as a manifest or as JSON."),
        "access": ("reconciler.cli.access", "Tell who can see which learners, and why."),
        "explain": ("reconciler.cli.explain", "Explain what a person's menu shows, and why."),
        "roster": (
            "reconciler.cli.roster",
            "Check a school system's export, or count what is in it.",
        ),
        "rules": ("reconciler.cli.rules", "Show what the rules of a manifest find."),
        "sandbox": ("reconciler.cli.sandbox", "Serve a site of your own to try things on."),
        "demo": ("reconciler.cli.demo", "Watch the whole story run against a sandbox."),
        "schema": ("reconciler.cli.schema", "Print a published JSON Schema."),
        "completion": ("reconciler.cli.completion", "Print what makes a shell complete commands."),
    }
)


class _Commands(LazyCommands):
    """What every command owes, whichever is called."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what it raises hides whom the command is to hide.

        Mistakes in files are its result in JSON, too. No report of an earlier run stands for one of
        this, unless it was not run at all for its command line.
        """
        code = ExitCode.FAILED
        try:
            with tracing(new_id(os.environ)):
                code = super().invoke(ctx)
        except click.UsageError:
            code = ExitCode.WRONG_USE
            raise
        except ReconcilerError as error:
            from reconciler.cli.output import print_mistakes
            from reconciler.cli.redacting import hidden

            code = error.exit_code
            shown = hidden(ctx, error)
            print_mistakes(ctx, shown)
            raise shown from None
        else:
            return code
        finally:
            if code != ExitCode.WRONG_USE and "reconciler.cli.output" in sys.modules:
                from reconciler.cli.output import take_away_earlier

                take_away_earlier(ctx)


@click.group(
    cls=_Commands, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__)
def cli() -> None:
    """Config-as-code for the mentor and headteacher roles of a learning platform.

    A manifest in YAML says who has which role over whom. `plan` shows what differs from the
    site, `apply` changes just that, `drift` finds what others changed.

    Exit codes: 0 done, 1 failed, 2 changes or drift, 3 not yet applied, 4 refused by a guard,
    5 the plan cannot be used, 6 applied in part, 64 wrong use of the command line.

    Examples: reconciler doctor; reconciler plan examples/roles.yaml
    """


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code; no exception leaves it."""
    if sys.stdout is None:  # the shell's `>&-`: the next file to be opened would take its place
        click.echo("Error: Standard output is closed.", err=True)
        return ExitCode.FAILED
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # What goes into a file or a pipe may be a document, and those are in UTF-8.
            encoding = None if stream.isatty() else "utf-8"
            stream.reconfigure(encoding=encoding, errors="backslashreplace")
    began = time.monotonic()
    code = _run(arguments)
    if "reconciler.cli.logs" in sys.modules:
        from reconciler.cli import logs

        logs.end(code, time.monotonic() - began)
    return code


def _run(arguments: Sequence[str]) -> int:
    try:
        code = cli.main(list(arguments), prog_name="reconciler", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as left:
        return left.exit_code
    except click.exceptions.NoArgsIsHelpError as bare:
        click.echo(bare.format_message(), err=True)  # the help, whose lines are to stay lines
        return ExitCode.WRONG_USE
    except BrokenPipeError:
        return ExitCode.FAILED  # whoever read us has left; there is nobody to tell
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - no traceback for a user
        message, advice, code = _told(error)
        from reconciler.rosters.problems import InvalidRoster

        # Of a roster's problems each has a line; everything else is one, whatever it quotes.
        lines = message.split("\n") if isinstance(error, InvalidRoster) else [message]
        click.echo("\n".join(map(plain, [f"Error: {lines[0]}", *lines[1:]])), err=True)
        if advice:
            click.echo(plain(advice), err=True)
    return code if isinstance(code, int) else ExitCode.DONE


_Told = tuple[str, str | None, ExitCode]

_NO_COMMAND: Final = "No such command "
"""How click begins to say so; older ones have no error of its own for it."""


@singledispatch
def _told(error: BaseException) -> _Told:
    """Put an error into words: message, advice and exit code.

    What is registered for no class is told as `reconciler.errors.told` does.
    """
    import logging
    import traceback

    ours = isinstance(error, ReconcilerError | OSError)
    if not ours and logging.getLogger("reconciler").isEnabledFor(logging.DEBUG):
        traceback.print_tb(error.__traceback__)
    message, advice = told(error)
    return message, advice, code_of(error)


@_told.register
def _(error: InvalidInput) -> _Told:
    from reconciler.diagnostics import listing

    for line in listing(error.diagnostics):
        click.echo(line, err=True)
    return f"{error}.", None, error.exit_code


@_told.register
def _wrong_use(error: click.UsageError) -> _Told:
    command = error.ctx.command_path if error.ctx else "reconciler"
    advice = f"See {command} --help."
    if error.ctx and error.message.startswith(_NO_COMMAND):
        near = _near_command(error.ctx, error.message.removeprefix(_NO_COMMAND).strip("'\"."))
        return error.message, f"{near} {advice}" if near else advice, ExitCode.WRONG_USE
    return error.format_message(), advice, ExitCode.WRONG_USE


def _near_command(context: click.Context, wrong: str) -> str | None:
    """Say which command was meant; click knows none that is imported when it is called."""
    from reconciler.suggest import did_you_mean

    group = context.command
    return did_you_mean(
        wrong, group.list_commands(context) if isinstance(group, click.Group) else ()
    )


@_told.register
def _(error: click.NoSuchOption) -> _Told:
    from difflib import get_close_matches

    # The dashes, which all of them share, make click take far names for near ones.
    names = {each.lstrip("-"): each for each in error.possibilities or ()}
    near = [names[name] for name in get_close_matches(error.option_name.lstrip("-"), names)]
    told = click.NoSuchOption(error.option_name, possibilities=near, ctx=error.ctx)
    return _wrong_use(told)


@_told.register
def _(error: click.MissingParameter) -> _Told:
    message, advice, code = _wrong_use(error)
    return " ".join(message.split()), advice, code  # click lists choices in lines of their own


@_told.register
def _(error: click.ClickException) -> _Told:
    return error.format_message(), None, ExitCode.FAILED


@_told.register(click.Abort)
@_told.register(KeyboardInterrupt)
def _(_error: BaseException) -> _Told:
    return "Interrupted.", None, ExitCode.FAILED
