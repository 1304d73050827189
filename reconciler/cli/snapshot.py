"""The command `snapshot`: what is on a site that has neither an API nor an export."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from reconciler.cli import completing, options, values
from reconciler.cli.redacting import redact_option
from reconciler.errors import ContractViolation, ExitCode, ReconcilerError, WrongUse
from reconciler.redact import Redaction

if TYPE_CHECKING:
    from collections.abc import Collection

    from reconciler.domain.address import Address
    from reconciler.state import LiveState
    from reconciler.workflows.importing import Change

_NAMED: Final = 10
"""So much of what a form takes away or gives is named; the rest is counted."""


@click.group("snapshot")
def command() -> None:
    """Write a snapshot by a form that is filled in a spreadsheet.

    Examples: reconciler snapshot form town --site town; reconciler snapshot import town
    """


@command.command("form")
@click.argument("folder", callback=values.not_empty, shell_complete=completing.folders)
@click.option(
    "--site",
    metavar="ID",
    callback=values.not_empty_if_given,
    help="Write an empty form for the site with this id.",
)
@options.settings_options
def form(*, folder: str, site: str | None, environment: str | None, config: Path | None) -> int:
    """Write a form: a folder of CSV files, one for each list. No file is replaced.

    It is filled with what the environment's snapshot says, people's names among it; with --site it
    is empty.

    Examples: reconciler snapshot form town --site town; reconciler snapshot form changed -e town
    """
    from reconciler.plain import plain
    from reconciler.private_files import write_private
    from reconciler.providers.filled_form import empty_form, filled_form
    from reconciler.workflows.reading import today_in
    from reconciler.workflows.runbooks import snapshot_of

    if site is None:
        path = snapshot_of(options.by_hand(environment, config, "snapshot"), "snapshot")
        if not path.exists():
            raise ReconcilerError(
                f"There is no snapshot {path} yet.", "Begin with an empty form, by --site ID."
            )
        files, ending = filled_form(_read(path), today_in("UTC")), f", with what stands in {path}"
    elif environment is not None or config is not None:
        raise WrongUse(
            "With --site the form is empty, and an environment's snapshot fills it.",
            "Give one of the two.",
        )
    else:
        files, ending = empty_form(site), ""
    there = [name for name in files if os.path.lexists(Path(folder) / name)]
    if there:
        raise ReconcilerError(
            f"Nothing was written: {', '.join(there)} stands in {folder} already.",
            "Name another folder.",
        )
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        write_private(Path(folder) / name, content)
    click.echo(plain(f"Wrote {', '.join(files)} in {folder}{ending}."), err=True)
    return ExitCode.DONE


@command.command("import")
@click.argument("folder", callback=values.not_empty, shell_complete=completing.folders)
@click.option("--yes", is_flag=True, help="Do not ask; for pipelines.")
@options.settings_options
@redact_option
def read(
    *,
    folder: str,
    yes: bool,
    environment: str | None,
    config: Path | None,
    redaction: Redaction,
) -> int:
    """Read a form that was filled in, and write the snapshot of the environment anew.

    What it takes away and gives is told, and you are asked whether the site is so. The snapshot of
    another site is not replaced: name its environment, or delete the file first.

    Example: reconciler snapshot import town -e town
    """
    from reconciler.cli.asking import can_ask
    from reconciler.cli.plan_files import is_state, read_plan, refuse_target
    from reconciler.plain import count, plain
    from reconciler.providers.form import read_form
    from reconciler.providers.rejoined import rejoined
    from reconciler.providers.saved import site_and_revision
    from reconciler.workflows import importing
    from reconciler.workflows.reading import today_in
    from reconciler.workflows.runbooks import runbook_file, snapshot_of
    from reconciler.workflows.snapshots import held

    connection = options.by_hand(environment, config, "snapshot")
    path = snapshot_of(connection, "snapshot")
    refuse_target(path, is_state, "a snapshot", inputs=())
    with held(path) as snapshot:
        site, revision = site_and_revision(path) if path.exists() else (None, 0)
        state = read_form(Path(folder), revision + 1)
        if site not in (None, state.site.id):
            raise ReconcilerError(
                f"{path} is the snapshot of {site}, and the form is of {state.site.id}; nothing "
                "was written.",
                "Name another environment, or delete the snapshot, if it is meant.",
            )
        before, withdrawn = _before(path), None
        if before is not None:
            state = rejoined(state, before, today_in("UTC"))
            runbook = importing.runbook_of(connection, read_plan)
            change = importing.change(before, state, runbook)
            _tell(change, before, state, redaction, learners=not yes and can_ask())
            if (change.taken or change.given) and not yes:
                _ask()
            if change.noted and runbook is not None:
                withdrawn = runbook_file(connection)
                importing.note_runs(connection, runbook, before)
        snapshot.write(state)
        if withdrawn is not None:
            # Only now: it would tell to do some of it again.
            withdrawn.unlink()
            click.echo("The runbook is withdrawn: `reconciler apply` makes another.", err=True)
    found = f"{count(len(state.people), 'person', 'people')}, {count(len(state.units), 'unit')}"
    click.echo(plain(f"Wrote {path}: {found}."), err=True)
    return ExitCode.DONE


def _read(path: Path) -> "LiveState":
    """Read a snapshot with all that it says of its site, also what only an API can do."""
    from reconciler.providers.saved import SavedStateReader

    with SavedStateReader(path, lacking=frozenset()) as reader:
        return reader.fetch()


def _before(path: Path) -> "LiveState | None":
    """Read the snapshot that is to be replaced; a damaged one is replaced without a look at it."""
    if not path.exists():
        return None
    try:
        return _read(path)
    except ContractViolation:
        click.echo(
            "The snapshot before is damaged: nothing is kept of it or compared with it.", err=True
        )
        return None


def _tell(
    change: "Change",
    before: "LiveState",
    after: "LiveState",
    redaction: Redaction,
    *,
    learners: bool,
) -> None:
    """Say what a form takes away and gives, before anything is written; a log names no learner."""
    from reconciler.plain import first_of, plain
    from reconciler.workflows.importing import counted, named

    def told(found: "Collection[Address]", state: "LiveState") -> str:
        return first_of(named(found, state, redaction, learners=learners), _NAMED)

    for done, found, state in (
        ("takes away", change.taken, before),
        ("gives", change.given, after),
    ):
        if found:
            said = f"the form {done}: {counted(found)}: {told(found, state)}."
            click.echo(plain(f"Compared with the snapshot, {said}"), err=True)
    if change.noted:
        said = told(change.noted, before)
        click.echo(plain(f"The runbook noted, and the form undoes: {said}."), err=True)


def _ask() -> None:
    """Ask whether that is meant.

    Raises:
        WrongUse: there is no terminal to ask on.
        Declined: it is not.
    """
    from reconciler.cli.asking import ask

    ask(
        "Is the site as the form says?",
        refused="Not imported",
        advice="`reconciler snapshot form` writes a form with what the snapshot says; if it is "
        "meant, add --yes.",
    )
