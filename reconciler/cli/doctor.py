"""The command `doctor`."""

import os
from pathlib import Path

import click

from reconciler.cli import options, values
from reconciler.cli.output import deliver, refuse_targets
from reconciler.cli.redacting import redact_option
from reconciler.errors import ExitCode
from reconciler.redact import Redaction


@click.command("doctor")
@options.site_options
@options.formats_option("doctor")
@redact_option
@options.no_color_option
@options.verbose_option
def command(
    *,
    environment: str | None,
    config: Path | None,
    outputs: values.Outputs,
    redaction: Redaction,
    no_color: bool,
) -> int:
    """Check what every command needs: settings, network, credentials, site, cache and journal.

    Each check has a line, with what to do about it. One that fails ends only what depends on it.
    Nothing is changed, and no secret is shown. Exit 1 where a check fails.

    Examples: reconciler doctor; reconciler doctor --environment test --format json
    """
    from reconciler.doctor import report
    from reconciler.doctor.checks import examine
    from reconciler.doctor.model import Subject, Verdict

    refuse_targets("doctor", outputs)
    subject = Subject(environment, config, os.environ, Path.cwd(), options.may_cache(), redaction)
    examined = list(examine(subject))
    deliver("doctor", examined, outputs, lambda: report.text(examined), colour=not no_color)
    failed = any(found.verdict is Verdict.FAILED for _, found in examined)
    return ExitCode.FAILED if failed else ExitCode.DONE
