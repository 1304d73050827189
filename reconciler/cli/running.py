"""What `apply` and `rollback` share: show a plan, ask, carry it out, and tell what became of it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import click

from reconciler.apply.courier import Report
from reconciler.apply.preflight import refuse
from reconciler.cause import SHORT_ID
from reconciler.cli import options
from reconciler.cli.asking import ask
from reconciler.cli.monitoring import note_result
from reconciler.cli.output import deliver
from reconciler.cli.stopping import Stopping
from reconciler.cli.values import Outputs
from reconciler.connection import Connection
from reconciler.diagnostics import listing
from reconciler.domain.address import Address
from reconciler.errors import ExitCode, WrongUse
from reconciler.plan.model import Plan
from reconciler.redact import Redaction


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of a command that writes.

    Attributes:
        overrides: per guard code the reason to lift its refusal.
        max_concurrency: how many requests may be on their way at once.
        wait: how many seconds to wait for another run to end.
        outputs: which formats of the result go where.
        colour: whether text may have colours.
        full: whether a text lists what is too long to be read.
        only: address patterns that narrow a saved plan.
        excepted: address patterns that are left out of a saved plan.
        left: addresses (in ids) that are left out of it, as somebody went through it.
        redaction: whom to hide in what is printed.
    """

    overrides: Mapping[str, str]
    max_concurrency: int
    wait: float
    outputs: Outputs
    colour: bool
    full: bool = False
    only: Sequence[str] = ()
    excepted: Sequence[str] = ()
    left: frozenset[Address] = frozenset()
    redaction: Redaction = field(default_factory=Redaction)


def connect(environment: str | None, config: Path | None, outputs: Outputs) -> Connection:
    """Find the site that is to be changed, and check that what comes of it can be told.

    Raises:
        WrongUse: nothing can be sent to the site, and a runbook has no such format.
        ConfigurationError: as `reconciler.cli.options.connection`.
    """
    from reconciler.reports.formats import names

    site = options.connection(environment, config)
    known = names("runbook")
    if site.snapshot is not None and (unknown := sorted(outputs.names.difference(known))):
        raise WrongUse(
            f"--format: a runbook is not told as {unknown[0]}.", f"There are: {', '.join(known)}."
        )
    return site


def agree(plan: Plan, asked: Asked, *, yes: bool) -> None:
    """Show a plan and ask; where nobody can be asked, only --yes goes on.

    Raises:
        GuardRefused: a guard refuses.
        WrongUse: there is no terminal to ask on, and no --yes.
        ReconcilerError: the answer was no.
    """
    from reconciler.reports import printing, text

    shown = asked.redaction.plan(plan)
    # Of nothing to do, the result says the same once more.
    summary = bool(plan.actions or plan.refused or asked.outputs.shown != "text")
    printing.show(
        text.plan_text(shown, summary=summary, full=asked.full, lifting=False),
        colour=asked.colour,
        stderr=True,
    )
    refuse(shown.verdicts, shown.site)
    if yes or not plan.actions:
        return
    ask(
        "Apply these changes?",
        refused="Not applied",
        advice="Agree with --yes, or apply a plan that was saved.",
    )


def carry_out(plan: Plan, site: Connection, asked: Asked) -> ExitCode:
    """Apply a plan, show how far it is, stop when told to, and print what became of it.

    Raises:
        Interrupted: it was stopped at once, in the middle.
        ReconcilerError: as `reconciler.workflows.applying.apply_plan`.
    """
    from reconciler.cli.progress import progress
    from reconciler.reports import text
    from reconciler.reports.outcomes import Applied
    from reconciler.workflows.applying import apply_plan
    from reconciler.workflows.recording import THROW_AWAY, is_throw_away

    asked.redaction.plan(plan)  # so that it knows whom to hide in an error
    if site.snapshot is not None:
        return _write_runbook(plan, site, asked)
    if is_throw_away(site.journal):
        click.echo(THROW_AWAY, err=True)
    stopping = Stopping()
    with stopping.listening(), progress(asked.outputs.shown, colour=asked.colour) as show:

        def watch(report: Report) -> None:
            stopping.watch(report)
            with suppress(OSError):  # who reads the progress may leave; the run goes on
                show(report)

        result = apply_plan(
            plan,
            site,
            only=asked.only,
            excepted=asked.excepted,
            left=asked.left,
            overrides=asked.overrides,
            max_concurrency=asked.max_concurrency,
            wait_seconds=asked.wait,
            waiting=lambda held: click.echo(asked.redaction.error(held), err=True),
            watcher=watch,
            stop=stopping.event,
        )
    note_result(result, plan)
    shown = asked.redaction.result(result)
    fresh = (each for each in result.warnings if each not in plan.warnings)
    with suppress(OSError):  # the result has them, too
        for line in listing(asked.redaction.diagnostics(fresh)):
            click.echo(line, err=True)
    recorded = f"`reconciler history show {result.run[:SHORT_ID]}` tells the same."
    deliver(
        "apply",
        Applied(shown, plan),
        asked.outputs,
        lambda: text.result_text(shown, plan, full=asked.full),
        colour=asked.colour,
        done=recorded if result.run else "There was nothing to do.",
    )
    return result.exit_code


def _write_runbook(plan: Plan, site: Connection, asked: Asked) -> ExitCode:
    """Make a runbook of a plan, where nothing can be sent to the site.

    Raises:
        WrongUse: only a part of a saved plan is asked for, or otherwise than it was made.
        ReconcilerError: as `reconciler.workflows.new_runbook.make_runbook`.
    """
    from reconciler.cli.runbook import say_made

    if asked.only or asked.excepted or asked.overrides:
        raise WrongUse(
            "A runbook is made of a whole plan.",
            "Give --only, --except and --override to `reconciler plan`.",
        )
    return say_made(plan, site, asked.outputs, asked.redaction)
