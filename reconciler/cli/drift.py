"""The command `drift`."""

from datetime import date
from pathlib import Path

import click

from reconciler.cli import options, values
from reconciler.cli.monitoring import monitored, note_drift
from reconciler.cli.output import deliver, refuse_targets
from reconciler.cli.plan_files import refuse_plans
from reconciler.cli.redacting import redact_option
from reconciler.ending import WARNED_DAYS
from reconciler.redact import Redaction


@click.command("drift")
@options.manifest_argument
@options.live_option
@options.as_of_option
@options.within_option(WARNED_DAYS)
@options.site_options
@options.formats_option("drift")
@options.full_option
@redact_option
@options.no_color_option
@options.verbose_option
@monitored
def command(  # noqa: PLR0913 - the parameters are the command's options
    *,
    manifest: tuple[Path, ...],
    live: Path | None,
    as_of: date | None,
    within: int,
    environment: str | None,
    config: Path | None,
    outputs: values.Outputs,
    full: bool,
    redaction: Redaction,
    no_color: bool,
) -> int:
    """Find what others changed on the site, with who and when; change nothing.

    An assignment that is still live after its last day is drift, too. Exits 2 when something
    drifted, 3 when the manifest merely has changes not yet applied.

    Example: reconciler drift examples/roles.yaml
    """
    from reconciler.reports import text
    from reconciler.workflows import beside
    from reconciler.workflows.loading import load_manifest

    refuse_plans(manifest)
    refuse_targets("drift", outputs)
    loaded = load_manifest(manifest, config=config)
    source = options.source(live, environment, config)
    report = beside.find_drift(loaded, source, as_of=as_of, within_days=within)
    shown = redaction.drift(report)
    note_drift(report, shown, loaded)
    deliver("drift", shown, outputs, lambda: text.drift_text(shown, full=full), colour=not no_color)
    return report.exit_code
