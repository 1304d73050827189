"""The command `apply`."""

import signal
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import click

from reconciler.cli import options, values
from reconciler.cli.asking import ask, refuse_without_terminal
from reconciler.cli.monitoring import monitored, note_plan
from reconciler.cli.output import refuse_targets
from reconciler.cli.plan_files import is_plan, read_plan
from reconciler.cli.redacting import redact_option
from reconciler.cli.running import Asked, agree, carry_out, connect
from reconciler.commits import commit_of
from reconciler.connection import Connection
from reconciler.domain.address import Address
from reconciler.errors import WrongUse
from reconciler.manifest.model import Manifest
from reconciler.plain import count
from reconciler.plan.model import Plan
from reconciler.plan.select import WITHIN
from reconciler.redact import Redaction
from reconciler.state import LiveState

_WITHOUT_TERMINAL: Final = "Narrow the plan with --only and --except instead."


@click.command("apply")
@options.manifest_argument
@click.option("--yes", is_flag=True, help="Do not ask; for pipelines.")
@click.option(
    "-i",
    "--interactive",
    is_flag=True,
    help="Go through the plan on a terminal, and take or leave each part of it.",
)
@click.option(
    "--by",
    type=click.Choice(["school", "person"]),
    help="What the parts are about; by default schools, where there are several.",
)
@click.option(
    "--reviewed",
    metavar="PLAN",
    callback=values.file_to_read,
    help="A saved plan that was reviewed: what is not in it is not done.",
)
@options.narrowing_options
@options.running_options()
@options.site_options
@options.formats_option("apply")
@options.full_option
@redact_option
@options.no_color_option
@options.verbose_option
@monitored
def command(  # noqa: PLR0913 - the parameters are the command's options
    *,
    manifest: tuple[Path, ...],
    yes: bool,
    interactive: bool,
    by: str | None,
    reviewed: Path | None,
    only: tuple[str, ...],
    excepted: tuple[str, ...],
    override_codes: tuple[str, ...],
    reason: str | None,
    max_concurrency: int,
    wait: float,
    environment: str | None,
    config: Path | None,
    outputs: values.Outputs,
    full: bool,
    redaction: Redaction,
    no_color: bool,
) -> int:
    """Make the site what the manifest declares, or do what a saved plan says.

    MANIFEST is one or more files or directories: a plan is made, shown, and applied once you
    agree. A saved plan (from plan --out) was agreed to already and is applied as it is. With
    --reviewed, the plan that is made may do what a saved one does, or less, and nothing else.

    With --interactive you go through either part by part, and what you leave out is not applied.

    The first Ctrl-C or SIGTERM finishes what is on its way and records it; the second stops at
    once. The same command again finishes either.

    Examples: reconciler apply examples/roles.yaml; reconciler apply plan.json;
    reconciler apply plan.json --format junit=apply.xml
    """
    from reconciler.workflows import beside
    from reconciler.workflows.applying import TRIES, apply_fresh
    from reconciler.workflows.loading import load_manifest

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # until the run has begun
    lifted = options.overrides(override_codes, reason)
    refuse_targets("apply", outputs, "runbook")
    _refuse_walk(by, interactive=interactive, yes=yes)
    asked = Asked(
        lifted,
        max_concurrency,
        wait,
        outputs,
        colour=not no_color,
        full=full,
        only=only,
        excepted=excepted,
        redaction=redaction,
    )
    if any(is_plan(path) for path in manifest):
        if len(manifest) > 1:
            raise WrongUse("One saved plan at a time, and no manifest beside it.")
        if reviewed is not None:
            raise WrongUse(
                "--reviewed is for manifests: a saved plan is applied as it is.",
                "Name the manifest in the place of the plan.",
            )
        plan = read_plan(manifest[0])
        site = connect(environment, config, outputs)
        return _apply_saved(plan, site, asked, by, interactive=interactive)
    allowed = read_plan(reviewed) if reviewed is not None else None
    loaded = load_manifest(manifest, config=config)
    site = connect(environment, config, outputs)
    site_policy = beside.site_policy(site)
    commit = commit_of(loaded.files, manifest)
    chosen = replace(asked, only=(), excepted=(), overrides={})  # the plan carries all of them

    def taken(plan: Plan) -> frozenset[Address]:
        from reconciler.cli.walking import walk

        return walk(plan, asked, by)

    def agreed() -> Plan:
        walks = taken if interactive else None
        plan = _planned(loaded, site, asked, site_policy, commit, walks)
        if allowed is not None:
            _check_reviewed(plan, allowed)
        note_plan(plan, loaded)
        agree(plan, asked, yes=yes or site.snapshot is not None)  # a runbook changes nothing
        return plan

    return apply_fresh(
        agreed,
        lambda plan: carry_out(plan, site, chosen),
        # --yes agrees to whatever the manifest asks for, also after another run has ended.
        tries=TRIES if yes else 1,
        stale=lambda moved: click.echo(f"{redaction.error(moved)} Planning again.", err=True),
    )


def _refuse_walk(by: str | None, *, interactive: bool, yes: bool) -> None:
    """Refuse what nobody can go through, before anything is read.

    Raises:
        WrongUse: options do not go together, or there is no terminal.
    """
    if by is not None and not interactive:
        raise WrongUse("--by says how --interactive parts a plan.", "Give --interactive as well.")
    if interactive and yes:
        raise WrongUse("--interactive asks and --yes does not.", "Leave one of the two out.")
    if interactive:
        refuse_without_terminal(_WITHOUT_TERMINAL)


def _apply_saved(
    plan: Plan, site: Connection, asked: Asked, by: str | None, *, interactive: bool
) -> int:
    """Apply a saved plan, or what somebody takes of it."""
    if not interactive:
        return carry_out(plan, site, asked)
    from reconciler.cli.walking import walk_saved

    left = walk_saved(plan, site, asked, by)
    ask("Apply these changes?", refused="Not applied", advice=_WITHOUT_TERMINAL)
    return carry_out(plan, site, replace(asked, left=left))


def _check_reviewed(plan: Plan, allowed: Plan) -> None:
    from reconciler.plan.reviewed import check_reviewed

    if left := check_reviewed(plan, allowed):
        said = f"{count(left, 'change')} that {'was' if left == 1 else 'were'} reviewed"
        click.echo(f"{said} need not be made any more.", err=True)


def _planned(
    manifest: Manifest,
    site: Connection,
    asked: Asked,
    site_policy: Manifest | None,
    commit: str | None,
    walks: Callable[[Plan], frozenset[Address]] | None,
) -> Plan:
    """Plan what a manifest and the options ask for, and what somebody takes of it.

    Raises:
        WrongUse: a pattern matches nothing of what would change: what is meant is not known.
        ReconcilerError: whoever went through it took nothing.
    """
    from reconciler.workflows import beside, reading

    state = reading.fetch_state(site)
    make = partial(
        reading.make_plan,
        manifest,
        state,
        commit=commit,
        overrides=asked.overrides,
        only=asked.only,
        excepted=asked.excepted,
        site_policy=site_policy,
        rosters_before=beside.rosters_before(manifest, site),
    )
    plan = make()
    by_address = [each for each in (*asked.only, *asked.excepted) if not each.startswith(WITHIN)]
    mistyped = plan.unmatched if by_address else ()
    if mistyped and (plan.actions or _would_change(manifest, state, site_policy)):
        raise WrongUse(mistyped[0].message, mistyped[0].advice)
    if walks is None:
        return plan
    left = walks(plan)
    return make(as_of=plan.as_of, left=left) if left else plan


def _would_change(manifest: Manifest, state: LiveState, site_policy: Manifest | None) -> bool:
    """Whether there is anything to do at all: else no pattern has anything to match."""
    from reconciler.workflows import reading

    return bool(reading.make_plan(manifest, state, site_policy=site_policy).actions)
