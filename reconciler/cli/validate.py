"""The command `validate`."""

from datetime import date
from pathlib import Path

import click

from reconciler.cli import options
from reconciler.cli.plan_files import refuse_plans
from reconciler.cli.redacting import redact_option
from reconciler.diagnostics import listing
from reconciler.errors import ExitCode, InvalidInput, WrongUse
from reconciler.plain import count
from reconciler.redact import Redaction
from reconciler.reports import documents
from reconciler.workflows import reading


@click.command("validate")
@options.manifest_argument
@click.option("--online", is_flag=True, help="Check people, units and profiles on the site too.")
@options.live_option
@options.as_of_option
@options.site_options
@options.format_option
@redact_option
@options.verbose_option
def command(  # noqa: PLR0913 - the parameters are the command's options
    *,
    manifest: tuple[Path, ...],
    online: bool,
    live: Path | None,
    as_of: date | None,
    environment: str | None,
    config: Path | None,
    output_format: str,
    redaction: Redaction,
) -> int:
    """Check a manifest: schema, dates, duplicates; with --online, its references too.

    MANIFEST is one or more files or directories.

    Example: reconciler validate examples/roles.yaml
    """
    refuse_plans(manifest)
    if (environment or config) and not (online or live):
        raise WrongUse(
            "--environment and --config need --online: without it no site is asked.",
            "Add --online, or leave them out.",
        )
    counted = ""
    try:
        loaded = reading.load_manifest(manifest)
        if any(path.is_dir() for path in manifest):  # a file that was passed over shows in it
            counted = f"{count(len(loaded.files), 'file')}, "
        found = loaded.warnings
        if online or live:
            state = reading.fetch_state(options.source(live, environment, config))
            found = reading.make_plan(loaded, state, as_of=as_of).warnings
    except InvalidInput as invalid:
        if output_format == "text":
            raise
        found = invalid.diagnostics
    found = tuple(redaction.diagnostic(each) for each in found)
    if output_format == "json":
        click.echo(documents.to_text(documents.diagnostics_document(found)), nl=False)
    else:
        for line in listing(found):
            click.echo(line, err=True)
        where = f"against {live or 'the site'}" if online or live else "offline"
        click.echo(f"Valid: {', '.join(map(str, manifest))} ({counted}checked {where}).")
    return ExitCode.FAILED if any(each.is_error for each in found) else ExitCode.DONE
