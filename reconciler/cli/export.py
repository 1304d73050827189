"""The command `export`."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import completing, options, values
from reconciler.cli.export_folder import refuse_folder, write_folder
from reconciler.cli.places import schema_line
from reconciler.cli.plan_files import EXPORT_HEADER, is_export, is_state, refuse_target
from reconciler.cli.redacting import redact_option
from reconciler.cli.roster_files import (
    declare_roster,
    read_roster,
    reading_options,
    refuse_without_roster,
    tell_of_roster,
)
from reconciler.directory import Directory, find_unit
from reconciler.errors import ExitCode, ReconcilerError, WrongUse
from reconciler.manifest.dump import dump_manifest
from reconciler.manifest.naming import PersonKey, UnitKey
from reconciler.plain import count
from reconciler.private_files import write_private
from reconciler.providers.saved import write_state
from reconciler.redact import Redaction
from reconciler.rosters.formats import FILES, SERVICES
from reconciler.state import LiveState

if TYPE_CHECKING:
    from reconciler.export.schools import Part


@click.command("export")
@click.option(
    "-o",
    "--out",
    metavar="FILE",
    callback=values.file_to_write,
    shell_complete=completing.files,
    help="Write the manifest to a file; standard output by default.",
)
@click.option(
    "--state",
    "state_file",
    metavar="FILE",
    callback=values.file_to_write,
    shell_complete=completing.files,
    help="Write the whole live state as JSON instead, for --live. It holds people's names.",
)
@click.option(
    "--per-school",
    metavar="FOLDER",
    callback=values.not_empty_if_given,
    shell_complete=completing.folders,
    help="Write the manifest as a folder of files, one for each school.",
)
@click.option(
    "--scope",
    "tops",
    multiple=True,
    metavar="UNIT",
    callback=values.none_empty,
    help="Write a manifest for this part of the site alone. May be repeated.",
)
@click.option(
    "--as-rules",
    metavar="ROSTER",
    callback=values.not_empty_if_given,
    shell_complete=completing.files,
    help="Propose rules over this roster, and write as entries what they do not give.",
)
@reading_options((*FILES, *SERVICES))
@click.option(
    "--people", type=click.Choice([key.value for key in PersonKey]), help="How to name people."
)
@click.option(
    "--units", type=click.Choice([key.value for key in UnitKey]), help="How to name units."
)
@options.as_of_option
@options.live_option
@options.site_options
@redact_option
@options.verbose_option
@click.pass_context
def command(  # noqa: PLR0913 - the parameters are the command's options
    context: click.Context,
    /,
    *,
    out: Path | None,
    state_file: Path | None,
    per_school: str | None,
    tops: tuple[str, ...],
    as_rules: str | None,
    people: str | None,
    units: str | None,
    as_of: date | None,
    live: Path | None,
    environment: str | None,
    config: Path | None,
    redaction: Redaction,
    **how: Any,
) -> int:
    """Write the live state as a manifest that plans to nothing, or as a saved state.

    Whoever is withheld is left out, and said to be.

    Examples: reconciler export --out roles.yaml; reconciler export --state live.json
    """
    from reconciler.export.ruled import export_ruled
    from reconciler.export.schools import export_schools
    from reconciler.export.whole import export_manifest, export_scope
    from reconciler.workflows import reading

    _refuse_combinations(context, redaction)
    folder = Path(per_school) if per_school else None
    inputs = (live, config)
    refuse_target(out, is_export, "a manifest that export wrote", inputs=inputs)
    refuse_target(state_file, is_state, "a saved state", inputs=inputs)
    refuse_folder(folder)
    roster = read_roster(as_rules, config=config, **how) if as_rules else None
    if roster:
        tell_of_roster(roster)
    whole = reading.fetch_state(options.source(live, environment, config))
    state = redaction.state(whole)
    if state_file is not None:
        write_private(state_file, write_state(state))
        click.echo(f"Saved the live state to {state_file}.", err=True)
        return ExitCode.DONE
    if roster and len(state.people) < len(whole.people):
        raise ReconcilerError(
            "Rules cannot be proposed while people are withheld: a rule would give or take what no "
            "entry may show.",
            "Unset RECONCILER_WITHHELD for this, and keep the file to yourself; or export entries.",
        )
    notes = _notes(whole, state, redaction)
    named = PersonKey(people) if people else None, UnitKey(units) if units else None
    if folder is not None:
        _write_parts(folder, export_schools(state, *named), notes, inputs)
        return ExitCode.DONE
    day = as_of or reading.today_in("UTC")
    if as_rules and roster:
        notes += f"# On {day} it plans to nothing. On another day the roster may say otherwise.\n"
        source = declare_roster(as_rules, out.parent if out else Path(), **how)
        text = export_ruled(state, roster, source, day, *named)
    elif tops:
        text = dump_manifest(export_scope(state, _tops(state, tops), day, *named))
    else:
        text = dump_manifest(export_manifest(state, *named))
    line = schema_line(out.parent if out else Path())
    manifest = EXPORT_HEADER + line + notes + text
    if out is None:
        click.echo(manifest, nl=False)
    else:
        write_private(out, manifest.encode())
        click.echo(f"Wrote the manifest to {out}.", err=True)
    return ExitCode.DONE


def _refuse_combinations(context: click.Context, redaction: Redaction) -> None:
    """Refuse options that do not go together.

    Raises:
        WrongUse: they do not.
    """
    given = context.params
    if given["state_file"] and any(
        given[name] for name in ("out", "people", "units", "per_school", "tops", "as_rules")
    ):
        raise WrongUse(
            "--state takes none of --out, --people, --units, --per-school, --scope, --as-rules.",
            "Run export twice.",
        )
    if given["per_school"] and given["out"]:
        raise WrongUse("--per-school and --out exclude each other.", "Name the folder or the file.")
    if sum(bool(given[name]) for name in ("per_school", "tops", "as_rules")) > 1:
        raise WrongUse("--per-school, --scope and --as-rules exclude each other.", "Name one.")
    if not given["as_rules"]:
        refuse_without_roster(context, "--as-rules")
        if given["as_of"] and not given["tops"]:
            raise WrongUse(
                "--as-of is for --as-rules and --scope.", "Without them the day does not matter."
            )
    elif redaction.key:
        raise WrongUse(
            "--as-rules and --redact exclude each other.", "No roster knows the pseudonyms."
        )


def _tops(state: LiveState, keys: Sequence[str]) -> list[str]:
    """Find the units that are the scope.

    Raises:
        ReconcilerError: one of them is not on the site, or is the site itself.
    """
    directory = Directory(state)
    found = sorted({find_unit(directory, key) for key in keys})
    if directory.root.id in found:
        raise ReconcilerError(
            "The scope would be the whole site.", "Leave --scope out, or name a part of the site."
        )
    return found


def _write_parts(
    folder: Path, parts: Sequence["Part"], notes: str, inputs: Sequence[Path | None]
) -> None:
    from reconciler.export.schools import SCHOOLS

    written = {
        part.path: (
            f"{EXPORT_HEADER}{schema_line(folder / part.path.parent)}"
            f"# {part.about}\n{notes}{dump_manifest(part.data)}"
        ).encode()
        for part in parts
    }
    write_folder(folder, written, inputs=inputs)
    schools = sum(part.path.parent == SCHOOLS for part in parts)
    told = f"{count(len(parts), 'file')}, {schools:,} of them for schools"
    click.echo(f"Wrote the manifest to {folder}: {told}.", err=True)


def _notes(whole: LiveState, shown: LiveState, redaction: Redaction) -> str:
    """Say, in comments, what a reader has to know; whom it leaves out also on standard error."""
    withheld = _withheld(whole, shown)
    if withheld:
        click.echo(withheld, err=True)
    redacted = "Redacted: pseudonyms stand for people. For reading only." if redaction.key else ""
    return "".join(f"# {note}\n" for note in (redacted, withheld) if note)


def _withheld(whole: LiveState, shown: LiveState) -> str:
    """Say whom an export leaves out, and what that means; an empty text where it is nobody."""
    missing = len(whole.people) - len(shown.people)
    if not missing:
        return ""
    left = len(whole.assignments) - len(shown.assignments)
    return (
        f"Withheld people: {missing}, with {count(left, 'assignment')}. "
        "To apply this would take those away."
    )
