"""The command `history`, and what it can do with the record: show a run, forget a person."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from reconciler.cli import options, values
from reconciler.cli.asking import ask
from reconciler.cli.output import deliver, refuse_targets
from reconciler.cli.redacting import redact_option
from reconciler.connection import journal_location
from reconciler.credentials import Secret
from reconciler.errors import ExitCode, ReconcilerError, WrongUse
from reconciler.plain import count, plain
from reconciler.redact import Redaction

if TYPE_CHECKING:
    from reconciler.journal.traces import Traces


@click.group("history", invoke_without_command=True)
@click.option("--site", metavar="ID", help="Only the runs on this site.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="How many runs, from the newest.",
)
@options.settings_options
@options.formats_option("history")
@redact_option
@options.no_color_option
@click.pass_context
def command(  # noqa: PLR0913 - the parameters are the command's options
    context: click.Context,
    *,
    site: str | None,
    limit: int,
    environment: str | None,
    config: Path | None,
    outputs: values.Outputs,
    redaction: Redaction,
    no_color: bool,
) -> int:
    """List the runs of apply: when, who, what came of them. It asks the journal, not the site.

    Examples: reconciler history; reconciler history show 3f2a91bc
    """
    from reconciler.reports import runs
    from reconciler.workflows.recalling import recorded_runs

    if context.invoked_subcommand is not None:
        _refuse_misplaced(context, context.invoked_subcommand)
        return ExitCode.DONE
    refuse_targets("history", outputs)
    found = [
        runs.hidden_summary(redaction, run)
        for run in recorded_runs(_journal(environment, config), site=site, limit=limit)
    ]
    deliver("history", found, outputs, lambda: runs.runs_text(found), colour=not no_color)
    return ExitCode.DONE


@command.command("show")
@click.argument("run", callback=values.not_empty)
@options.settings_options
@options.formats_option("run")
@redact_option
@options.no_color_option
def show(
    *,
    run: str,
    environment: str | None,
    config: Path | None,
    outputs: values.Outputs,
    redaction: Redaction,
    no_color: bool,
) -> int:
    """Show a run's actions and what became of each.

    RUN is a run's id, or the beginning of it.

    Examples: reconciler history show 3f2a91bc;
    reconciler history show 3f2a91bc --format html=run.html
    """
    from reconciler.reports import runs
    from reconciler.workflows.recalling import recorded_run

    refuse_targets("run", outputs)
    found = runs.hidden_run(redaction, recorded_run(_journal(environment, config), run))
    deliver("run", found, outputs, lambda: runs.run_text(found), colour=not no_color)
    return ExitCode.DONE


@command.command("forget")
@click.argument("person", callback=values.not_empty)
@click.option("--yes", is_flag=True, help="Do not ask; for pipelines.")
@click.option(
    "--site",
    metavar="ID",
    callback=values.not_empty_if_given,
    help="The site whose person is meant; needed where several have one.",
)
@click.option(
    "--word",
    is_flag=True,
    help="Also where nobody in the journal has it, and only texts do: a reason, say.",
)
@click.option(
    "--in-doubt",
    is_flag=True,
    help="Also where nobody knows what became of something that was sent.",
)
@options.settings_options
def forget(
    *,
    person: str,
    yes: bool,
    site: str | None,
    word: bool,
    in_doubt: bool,
    environment: str | None,
    config: Path | None,
) -> int:
    """Forget a person: nothing in the journal names them any more. It cannot be undone.

    PERSON is an id, or a key as the journal has it. What was done to the person stays counted, but
    cannot be rolled back any more. The site, saved files and Git are left as they are.

    Example: reconciler history forget t-0412
    """
    from reconciler.workflows.recalling import forget_person

    def agree(found: "Traces") -> None:
        if found.texts_only and not word:
            raise ReconcilerError(
                f"Nobody in the journal is {person}; it stands in a text, such as a reason, in "
                f"{_counted(found)}.",
                "Check the id or key. To erase the word there, add --word.",
            )
        if not yes:
            click.echo(plain(f"{person} is named in {_counted(found)} on {found.site}."), err=True)
            click.echo(_closed(found), nl=False, err=True)
            ask("Forget this person for good?", refused="Not forgotten", advice="Agree with --yes.")

    forgotten = forget_person(
        _journal(environment, config), person, site=site, in_doubt=in_doubt, agree=agree
    )
    if forgotten is None:
        click.echo(plain(f"Nothing in the journal names {person}."))
        click.echo(
            "If it should, check the id or key, and which journal this is. Whom a policy "
            "protects stands in it by id.",
            err=True,
        )
        return ExitCode.DONE
    now = f" The person is {forgotten.placeholder} there now." if forgotten.placeholder else ""
    click.echo(plain(f"Forgotten on {forgotten.site}, in {_counted(forgotten)}.{now}"))
    click.echo(_closed(forgotten), nl=False)
    return ExitCode.DONE


def _counted(found: "Traces") -> str:
    return f"{count(found.rows, 'row')} of {count(found.runs, 'run')}"


def _closed(found: "Traces") -> str:
    """Say which saved plans are of no use any more: without the record, they cannot be resumed."""
    if not found.unfinished:
        return ""
    return f"{count(found.unfinished, 'plan')} not carried out to the end can be applied no more.\n"


def _refuse_misplaced(context: click.Context, subcommand: str) -> None:
    """Refuse options before a subcommand, which would not hear of them: another journal, say.

    Raises:
        WrongUse: there are some.
    """
    for parameter in context.command.params:
        source = context.get_parameter_source(str(parameter.name))
        if source is ParameterSource.COMMANDLINE:
            option = max(parameter.opts, key=len)
            raise WrongUse(
                f"{option} stands before {subcommand}, which does not hear of it.",
                f"Write it after {subcommand}, if it takes it.",
            )


def _journal(environment: str | None, config: Path | None) -> Secret | None:
    return journal_location(environment, config=config, environ=os.environ, directory=Path.cwd())
