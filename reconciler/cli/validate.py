"""The command `validate`."""

from datetime import date
from pathlib import Path

import click

from reconciler.cli import options, values
from reconciler.cli.output import deliver, refuse_targets
from reconciler.cli.plan_files import refuse_plans
from reconciler.cli.redacting import redact_option
from reconciler.diagnostics import listing
from reconciler.errors import ExitCode, WrongUse
from reconciler.manifest.model import Manifest
from reconciler.plain import count
from reconciler.redact import Redaction


@click.command("validate")
@options.manifest_argument
@click.option("--online", is_flag=True, help="Check people, units and profiles on the site too.")
@click.option("--as-policy", is_flag=True, help="It is a site-wide policy file, and no manifest.")
@options.live_option
@options.as_of_option
@options.site_options
@options.formats_option("diagnostics")
@redact_option
@options.verbose_option
def command(  # noqa: PLR0913 - the parameters are the command's options
    *,
    manifest: tuple[Path, ...],
    online: bool,
    as_policy: bool,
    live: Path | None,
    as_of: date | None,
    environment: str | None,
    config: Path | None,
    outputs: values.Outputs,
    redaction: Redaction,
) -> int:
    """Check a manifest: schema, dates, duplicates; with --online, its references too.

    MANIFEST is one or more files or directories; with --as-policy, one file with the policies of
    the site.

    Example: reconciler validate examples/roles.yaml
    """
    refuse_plans(manifest)
    refuse_targets("diagnostics", outputs)
    if (environment or config) and not (online or live):
        raise WrongUse(
            "--environment and --config need --online: without it no site is asked.",
            "Add --online, or leave them out.",
        )
    counted = ""
    asked = bool(online or live)
    loaded = _loaded(manifest, config, as_policy=as_policy, offline=not asked)
    if any(path.is_dir() for path in manifest):  # a file that was passed over shows in it
        counted = f"{count(len(loaded.files), 'file')}, "
    found = loaded.warnings
    if asked:
        from reconciler.workflows import beside, reading

        source = options.source(live, environment, config)
        policy = loaded if as_policy else beside.site_policy(source)
        found = reading.check_online(
            None if as_policy else loaded, policy, reading.fetch_state(source), as_of
        )
    found = redaction.diagnostics(found)
    if outputs != values.Outputs():
        deliver("diagnostics", found, outputs)
    if outputs.shown == "text":
        for line in listing(found):
            click.echo(line, err=True)
        where = f"against {live or 'the site'}" if asked else "offline"
        click.echo(f"Valid: {', '.join(map(str, manifest))} ({counted}checked {where}).")
    return ExitCode.DONE


def _loaded(
    manifest: tuple[Path, ...], config: Path | None, *, as_policy: bool, offline: bool
) -> Manifest:
    from reconciler.workflows.loading import load_manifest, read_policy

    if not as_policy:
        return load_manifest(manifest, config=config, offline=offline)
    if len(manifest) > 1:
        raise WrongUse("A site has one policy file.", "Check one at a time.")
    return read_policy(manifest[0])
