"""The command `review`."""

from datetime import date
from pathlib import Path

import click

from reconciler.cli import completing, options, values
from reconciler.cli.output import deliver, refuse_targets
from reconciler.cli.plan_files import refuse_plans
from reconciler.cli.planned import as_planned_option, state_on
from reconciler.cli.redacting import redact_option
from reconciler.codes import Severity
from reconciler.diagnostics import listing
from reconciler.ending import REVIEWED_DAYS
from reconciler.errors import ExitCode
from reconciler.redact import Redaction
from reconciler.review import FAIL_ON, fails

fail_on_option = click.option(
    "--fail-on",
    type=click.Choice(FAIL_ON),
    metavar="WHAT",
    multiple=True,
    default=(Severity.ERROR.value,),
    show_default=True,
    help="Exit 4 for findings of this severity or worse (error, warning), of a check by its code "
    "or name, or never. May be repeated.",
)


@click.command("review")
@click.argument("manifest", nargs=-1, callback=values.paths, shell_complete=completing.files)
@as_planned_option
@options.within_option(REVIEWED_DAYS)
@fail_on_option
@options.live_option
@options.as_of_option
@options.site_options
@options.formats_option("review")
@options.full_option
@redact_option
@options.no_color_option
@options.verbose_option
def command(  # noqa: PLR0913 - the parameters are the command's options
    *,
    manifest: tuple[Path, ...],
    as_planned: tuple[Path, ...],
    within: int,
    fail_on: tuple[str, ...],
    live: Path | None,
    as_of: date | None,
    environment: str | None,
    config: Path | None,
    outputs: values.Outputs,
    full: bool,
    redaction: Redaction,
    no_color: bool,
) -> int:
    """Look for learners and classes without a mentor, schools without a headteacher, and the like.

    A MANIFEST says which part of the site is meant, what ends when, and which policies there are,
    and so does what --as-planned names. Without either, the whole site is looked at. Nothing is
    changed.

    Examples: reconciler review; reconciler review examples/roles.yaml --within 30d --format csv
    """
    from reconciler.reports import review as report
    from reconciler.workflows import beside, reading

    refuse_plans(manifest)
    refuse_targets("review", outputs)
    loaded = None
    if manifest:
        from reconciler.workflows.loading import load_manifest

        loaded = load_manifest(manifest, config=config)
    source = options.source(live, environment, config)
    site_policy = beside.site_policy(source)
    if as_of is None and not as_planned:
        as_of = reading.today_in(loaded.settings.timezone if loaded else "UTC")
    found = state_on(as_planned, source, config, as_of, redaction)
    review = reading.review_state(found, loaded, site_policy=site_policy, within_days=within)
    shown = redaction.review(review)
    if loaded:
        for line in listing(shown.warnings):
            click.echo(line, err=True)
    deliver(
        "review", shown, outputs, lambda: report.review_text(shown, full=full), colour=not no_color
    )
    return ExitCode.REFUSED if fails(review, fail_on) else ExitCode.DONE
