"""The command `apply`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from reconciler.apply.engine import Progress as Tell
from reconciler.apply.preflight import refuse
from reconciler.cli import options
from reconciler.cli.output import print_result
from reconciler.cli.plan_files import is_plan, read_plan
from reconciler.connection import Connection
from reconciler.errors import ExitCode, ReconcilerError, WrongUse
from reconciler.plan.model import Plan
from reconciler.reports import documents, text
from reconciler.workflows import reading
from reconciler.workflows.applying import apply_plan


@click.command("apply")
@click.argument("manifest", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask; for pipelines.")
@options.narrowing_options
@options.site_options
@options.format_option
@options.no_color_option
@options.verbose_option
def command(  # noqa: PLR0913 - the parameters are the command's options
    *,
    manifest: tuple[Path, ...],
    yes: bool,
    only: tuple[str, ...],
    override_codes: tuple[str, ...],
    reason: str | None,
    environment: str | None,
    config: Path | None,
    output_format: str,
    no_color: bool,
) -> int:
    """Make the site what the manifest declares, or do what a saved plan says.

    MANIFEST is one or more files or directories: a plan is made, shown, and applied once you
    agree. A saved plan (from plan --out) was agreed to already and is applied as it is.

    Examples: reconciler apply examples/roles.yaml; reconciler apply plan.json
    """
    lifted = options.overrides(override_codes, reason)
    if any(is_plan(path) for path in manifest):
        if len(manifest) > 1:
            raise WrongUse("One saved plan at a time, and no manifest beside it.")
        plan = read_plan(manifest[0])
        site = options.connection(environment, config)
    else:
        loaded = reading.load_manifest(manifest)
        site = options.connection(environment, config)
        plan = _agreed(
            reading.make_plan(loaded, reading.fetch_state(site), overrides=lifted, only=only),
            yes=yes,
            colour=not no_color,
        )
        only = ()
    return _apply(plan, site, only, lifted, output_format, colour=not no_color)


def _apply(
    plan: Plan,
    site: Connection,
    only: tuple[str, ...],
    lifted: dict[str, str],
    output_format: str,
    *,
    colour: bool,
) -> ExitCode:
    with _progress() as tell:
        result = apply_plan(plan, site, only=only, overrides=lifted, progress=tell)
    print_result(
        documents.result_document(result), text.result_text(result), output_format, colour=colour
    )
    return result.exit_code


def _agreed(plan: Plan, *, yes: bool, colour: bool) -> Plan:
    """Show a plan and ask; where nobody can be asked, only --yes goes on.

    Raises:
        GuardRefused: a guard refuses.
        WrongUse: there is no terminal to ask on, and no --yes.
        ReconcilerError: the answer was no.
    """
    text.show(text.plan_text(plan), colour=colour, stderr=True)
    refuse(plan.verdicts)
    if yes or not plan.actions:
        return plan
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise WrongUse(
            "There is no terminal to ask on.", "Agree with --yes, or apply a plan that was saved."
        )
    if not click.confirm("Apply these changes?", err=True):
        raise ReconcilerError("Not applied: the answer was no. Nothing was changed.")
    return plan


@contextmanager
def _progress() -> Iterator[Tell]:
    """Show a bar on a terminal, and nothing elsewhere."""
    console = text.console(stderr=True)
    columns = (TextColumn("Applying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as shown:
        task = shown.add_task("apply", total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)
