"""The command `export`."""

from pathlib import Path

import click

from reconciler.cli import options
from reconciler.cli.plan_files import EXPORT_HEADER, is_export, is_state, refuse_target
from reconciler.cli.redacting import redact_option
from reconciler.errors import ExitCode, WrongUse
from reconciler.export import export_manifest
from reconciler.manifest.dump import dump_manifest
from reconciler.manifest.model import PersonKey, UnitKey
from reconciler.plain import count
from reconciler.private_files import write_private
from reconciler.providers.saved import write_state
from reconciler.redact import Redaction
from reconciler.state import LiveState
from reconciler.workflows import reading


@click.command("export")
@click.option(
    "-o",
    "--out",
    metavar="FILE",
    callback=options.file_to_write,
    help="Write the manifest to a file; standard output by default.",
)
@click.option(
    "--state",
    "state_file",
    metavar="FILE",
    callback=options.file_to_write,
    help="Write the whole live state as JSON instead, for --live. It holds people's names.",
)
@click.option(
    "--people", type=click.Choice([key.value for key in PersonKey]), help="How to name people."
)
@click.option(
    "--units", type=click.Choice([key.value for key in UnitKey]), help="How to name units."
)
@options.live_option
@options.site_options
@redact_option
@options.verbose_option
def command(  # noqa: PLR0913 - the parameters are the command's options
    *,
    out: Path | None,
    state_file: Path | None,
    people: str | None,
    units: str | None,
    live: Path | None,
    environment: str | None,
    config: Path | None,
    redaction: Redaction,
) -> int:
    """Write the live state as a manifest that plans to nothing, or as a saved state.

    Examples: reconciler export --out roles.yaml; reconciler export --state live.json
    """
    if state_file is not None and (out or people or units):
        raise WrongUse("--state takes none of --out, --people, --units.", "Run export twice.")
    refuse_target(out, is_export, "a manifest that export wrote", inputs=(live, config))
    refuse_target(state_file, is_state, "a saved state", inputs=(live, config))
    whole = reading.fetch_state(options.source(live, environment, config))
    state = redaction.state(whole)
    if state_file is not None:
        write_private(state_file, write_state(state))
        click.echo(f"Saved the live state to {state_file}.", err=True)
        return ExitCode.DONE
    withheld = _withheld(whole, state)
    if withheld:
        click.echo(withheld, err=True)
    redacted = "Redacted: pseudonyms stand for people. For reading only." if redaction.key else ""
    notes = [note for note in (redacted, withheld) if note]
    manifest = (
        EXPORT_HEADER
        + "".join(f"# {note}\n" for note in notes)
        + dump_manifest(
            export_manifest(
                state,
                PersonKey(people) if people else None,
                UnitKey(units) if units else None,
            )
        )
    )
    if out is None:
        click.echo(manifest, nl=False)
    else:
        write_private(out, manifest.encode())
        click.echo(f"Wrote the manifest to {out}.", err=True)
    return ExitCode.DONE


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
