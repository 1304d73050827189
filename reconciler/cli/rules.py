"""The command `rules`: what the rules of a manifest find."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import click

from reconciler.cli import options, values
from reconciler.cli.output import deliver, refuse_targets
from reconciler.cli.plan_files import refuse_plans
from reconciler.cli.redacting import redact_option
from reconciler.diagnostics import in_order, listing
from reconciler.errors import ExitCode, WrongUse
from reconciler.redact import Redaction


@click.group("rules")
def command() -> None:
    """Look at the rules of a manifest.

    Example: reconciler rules test examples/rules.yaml
    """


@command.command("test")
@options.manifest_argument
@options.live_option
@options.as_of_option
@options.site_options
@options.formats_option("rules")
@redact_option
@options.no_color_option
@options.verbose_option
def test(  # noqa: PLR0913 - the parameters are the command's options
    *,
    manifest: tuple[Path, ...],
    live: Path | None,
    as_of: date | None,
    environment: str | None,
    config: Path | None,
    outputs: values.Outputs,
    redaction: Redaction,
    no_color: bool,
) -> int:
    """Show for each rule what it finds in its roster, and why not the rest.

    Nothing is planned or changed. Exit 1 where a rule is wrong: where it matches nothing, say.

    Example: reconciler rules test examples/rules.yaml
    """
    from reconciler.reports import rules as report
    from reconciler.workflows import reading
    from reconciler.workflows.loading import load_manifest

    refuse_plans(manifest)
    refuse_targets("rules", outputs)
    loaded = load_manifest(manifest, config=config)
    if not loaded.rules:
        raise WrongUse("The manifest has no rules.", "Name one that has.")
    derived, names = reading.run_rules(
        loaded, options.source(live, environment, config), as_of=as_of
    )
    shown = redaction.names(loaded.site.key, names)
    told = in_order((*loaded.warnings, *derived.found))
    found = redaction.diagnostics(told)
    for line in listing(found):
        click.echo(line, err=True)
    derived = replace(derived, found=found)
    deliver(
        "rules",
        report.rules_document(derived, shown),
        outputs,
        lambda: report.rules_text(derived, shown),
        colour=not no_color,
    )
    return ExitCode.FAILED if any(each.is_error for each in derived.found) else ExitCode.DONE
