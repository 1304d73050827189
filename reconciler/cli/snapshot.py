"""The command `snapshot`: what is on a site that has neither an API nor an export."""

import os
from pathlib import Path

import click

from reconciler.cli import completing, options, values
from reconciler.errors import ExitCode, ReconcilerError


@click.group("snapshot")
def command() -> None:
    """Begin a snapshot by a form that is filled in a spreadsheet.

    Examples: reconciler snapshot form town --site town; reconciler snapshot import town
    """


@command.command("form")
@click.argument("folder", callback=values.not_empty, shell_complete=completing.folders)
@click.option(
    "--site", required=True, metavar="ID", callback=values.not_empty, help="The site's id."
)
def form(*, folder: str, site: str) -> int:
    """Write an empty form: a folder of CSV files, one for each list. No file is replaced.

    Example: reconciler snapshot form town --site town
    """
    from reconciler.plain import plain
    from reconciler.private_files import write_private
    from reconciler.providers.form import empty_form

    files = empty_form(site)
    there = [name for name in files if os.path.lexists(Path(folder) / name)]
    if there:
        raise ReconcilerError(
            f"Nothing was written: {', '.join(there)} stands in {folder} already.",
            "Name another folder.",
        )
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        write_private(Path(folder) / name, content)
    click.echo(plain(f"Wrote {', '.join(files)} in {folder}."), err=True)
    return ExitCode.DONE


@command.command("import")
@click.argument("folder", callback=values.not_empty, shell_complete=completing.folders)
@options.settings_options
def read(*, folder: str, environment: str | None, config: Path | None) -> int:
    """Read a form that was filled in, and write the snapshot of the environment anew.

    The snapshot of another site is not replaced: name its environment, or delete the file first.

    Example: reconciler snapshot import town -e town
    """
    from reconciler.cli.plan_files import is_state, refuse_target
    from reconciler.plain import count, plain
    from reconciler.providers.form import read_form
    from reconciler.providers.saved import site_and_revision
    from reconciler.workflows.runbooks import snapshot_of
    from reconciler.workflows.snapshots import held

    path = snapshot_of(options.by_hand(environment, config, "snapshot"), "snapshot")
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
        snapshot.write(state)
    found = f"{count(len(state.people), 'person', 'people')}, {count(len(state.units), 'unit')}"
    click.echo(plain(f"Wrote {path}: {found}."), err=True)
    return ExitCode.DONE
