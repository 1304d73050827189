"""The command `runbook`: what is to be done by hand, shown and ticked off."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reconciler.cli import options
from reconciler.cli.output import deliver, print_pieces, refuse_targets
from reconciler.cli.redacting import redact_option
from reconciler.cli.values import Outputs
from reconciler.errors import ExitCode, PlanUnusable, ReconcilerError, WrongUse
from reconciler.redact import Redaction

if TYPE_CHECKING:
    from reconciler.connection import Connection
    from reconciler.plan.model import Plan
    from reconciler.runbook.render import Runbook
    from reconciler.runbook.steps import Step
    from reconciler.workflows.new_runbook import Replaced
    from reconciler.workflows.runbooks import Opened

Command = TypeVar("Command", bound=Callable[..., Any])

_NUMBERS = re.compile(r"(?:([0-9a-z]+):)?([0-9]{1,6})(?:-([0-9]{1,6}))?")


def _shown_as(command: Command) -> Command:
    """Add the options that say how steps are shown."""
    for option in (
        click.option("--names", is_flag=True, help="Call people by name, beside their keys."),
        click.option(
            "--language",
            metavar="CODE",
            default="en",
            show_default=True,
            help="The language, as the admin pages have it: en, nb.",
        ),
        options.formats_option("runbook"),
    ):
        command = option(command)
    return _of_runbooks(command)


def _of_runbooks(command: Command) -> Command:
    """Add the options of all of them."""
    return options.settings_options(redact_option(command))


@click.group("runbook")
def command() -> None:
    """Go through what is to be done by hand on a site that has no API.

    `apply` makes the runbook of an environment with provider = "snapshot": the visits to the admin
    pages, in order. What is done is noted in the snapshot, and the next plan starts from there.

    Examples: reconciler runbook next; reconciler runbook done 1
    """


@command.command("show")
@_shown_as
def show(*, environment: str | None, config: Path | None, **shown: Any) -> int:
    """Show all steps, and which are done.

    Example: reconciler runbook show --format html --language nb > runbook.html
    """
    found = _begin(environment, config, **shown)
    _show(found, found.steps, **shown)
    return ExitCode.DONE


@command.command("next")
@_shown_as
def following(*, environment: str | None, config: Path | None, **shown: Any) -> int:
    """Show the next step that is to be done.

    Example: reconciler runbook next --language nb
    """
    found = _begin(environment, config, **shown)
    _show(found, [step for step in found.steps if step.number not in found.done][:1], **shown)
    return ExitCode.DONE


@command.command("done")
@click.argument("numbers", nargs=-1, required=True, metavar="STEP...")
@_of_runbooks
def done(
    *, numbers: tuple[str, ...], environment: str | None, config: Path | None, redaction: Redaction
) -> int:
    """Note that steps are done: the snapshot then says so.

    STEP is a number, or several like 3-7. From paper, write the runbook's mark before it, as in
    7f3a:2: then a step of another runbook is refused. After the last step the runbook is used.

    Examples: reconciler runbook done 1 3-7; reconciler runbook done 7f3a:2
    """
    from reconciler.workflows.runbooks import tick

    plan, site = _find(environment, config)
    redaction.meet(plan.site, plan.actions)
    _tell(tick(plan, site, _read(numbers, plan)))
    return ExitCode.DONE


@command.command("undo")
@click.argument("numbers", nargs=-1, required=True, metavar="STEP...")
@_of_runbooks
def undone(
    *, numbers: tuple[str, ...], environment: str | None, config: Path | None, redaction: Redaction
) -> int:
    """Take back that steps are done, where that was noted by mistake.

    Example: reconciler runbook undo 3
    """
    from reconciler.workflows.runbooks import untick

    plan, site = _find(environment, config)
    redaction.meet(plan.site, plan.actions)
    _tell(untick(plan, site, _read(numbers, plan)))
    return ExitCode.DONE


@command.command("check")
@_of_runbooks
def check(*, environment: str | None, config: Path | None, redaction: Redaction) -> int:
    """Tell how far the runbook is, and whether it can still be used; exit 5 where it cannot.

    Example: reconciler runbook check
    """
    from reconciler.workflows.runbooks import check_holds

    plan, site = _find(environment, config)
    redaction.meet(plan.site, plan.actions)
    found = _open(plan, site)
    check_holds(found)
    _tell(found)
    return ExitCode.DONE


def say_made(plan: "Plan", site: "Connection", outputs: Outputs, redaction: Redaction) -> ExitCode:
    """Make the runbook of a plan, and say where it is.

    Raises:
        ReconcilerError: as `reconciler.workflows.new_runbook.make_runbook`.
    """
    from reconciler.cli.plan_files import is_plan, read_plan, refuse_target
    from reconciler.plain import count, plain
    from reconciler.workflows.new_runbook import make_runbook
    from reconciler.workflows.runbooks import runbook_file

    path = runbook_file(site)
    refuse_target(path, is_plan, "a runbook", inputs=())
    made = make_runbook(plan, site, read_plan)
    found = made.runbook
    if outputs != Outputs():
        _deliver(
            found,
            found.steps,
            outputs,
            language="en",
            names=False,
            redaction=redaction,
            done="`reconciler runbook show` shows the same.",
        )
        _tell_languages(outputs)
    if outputs.shown == "text" and found.steps:
        steps = count(len(found.steps) - len(found.done), "step")
        click.echo(plain(f"{steps} to be done by hand: {path}."))
    elif outputs.shown == "text":
        click.echo("Nothing to change: the snapshot is as the manifest declares.")
    if made.instead_of:
        _tell_replaced(made.instead_of, goes_on=bool(found.steps))
    if found.steps:
        click.echo("Begin with `reconciler runbook next`.", err=True)
    return ExitCode.DONE


def _tell_languages(outputs: Outputs) -> None:
    """Say how a runbook that is for people is had in another language than English."""
    from reconciler.runbook.render import languages

    shown = {outputs.shown, *(name for name, _ in outputs.files)}
    name = next((each for each in ("html", "markdown") if each in shown), None)
    if name:
        code = " or ".join(each for each in languages() if each != "en")
        click.echo(
            f"It is in English; for {code}: `reconciler runbook show --format {name} "
            "--language CODE`.",
            err=True,
        )


def _tell_replaced(older: "Replaced", *, goes_on: bool) -> None:
    """Say what became of an older runbook, which somebody may have on paper."""
    from reconciler.plain import count
    from reconciler.runbook.render import mark_of

    if older.plan is None:
        told = "One that could not be read is gone."
    else:
        left = older.steps - older.done
        told = (
            f"The runbook {mark_of(older.plan.id)} of {older.plan.as_of} is "
            f"{'replaced' if goes_on else 'withdrawn'}: {older.done} of its "
            f"{count(older.steps, 'step')} {'is' if older.done == 1 else 'are'} done, and "
            f"{left} {'is' if left == 1 else 'are'} dropped."
        )
    click.echo(told, err=True)


def _find(environment: str | None, config: Path | None) -> "tuple[Plan, Connection]":
    from reconciler.cli.plan_files import read_plan
    from reconciler.workflows.runbooks import runbook_file

    site = options.by_hand(environment, config, "runbook")
    path = runbook_file(site)
    if not path.is_file():
        raise ReconcilerError(
            f"There is no runbook {path}.", "`reconciler apply` with the manifest makes one."
        )
    return read_plan(path), site


def _open(plan: "Plan", site: "Connection") -> "Opened":
    from reconciler.workflows.runbooks import open_runbook

    return open_runbook(plan, site)


def _show(found: "Opened", steps: "Iterable[Step]", outputs: Outputs, **how: Any) -> None:
    """Print steps, and write them into the files asked for."""
    from reconciler.runbook.render import as_text

    shown = _deliver(found, steps, outputs, **how)
    if outputs.shown == "text":
        print_pieces(as_text(shown))


def _deliver(
    found: "Opened",
    steps: "Iterable[Step]",
    outputs: Outputs,
    *,
    language: str,
    names: bool,
    redaction: Redaction,
    done: str | None = None,
) -> "Runbook":
    """Tell of steps in the formats for programs, and return what is shown."""
    from reconciler.runbook.render import Runbook
    from reconciler.workflows.runbooks import in_words

    wanted = {step.number for step in steps}
    told = in_words(found, redaction, names=names)
    chosen = tuple(step for step in told if step.number in wanted)
    plan = found.plan
    shown = Runbook(plan.id, plan.site, plan.as_of, chosen, len(found.steps), found.done, language)
    deliver("runbook", shown, outputs, done=done)
    return shown


def _begin(
    environment: str | None,
    config: Path | None,
    *,
    outputs: Outputs,
    language: str,
    redaction: Redaction,
    **_how: Any,
) -> "Opened":
    """Open the runbook that is to be shown.

    Raises:
        WrongUse: there is no such language, or no report may be written to a file.
        ReconcilerError: there is no runbook, or it holds no more.
    """
    from reconciler.runbook.render import languages
    from reconciler.workflows.runbooks import check_holds

    if language not in languages():
        raise WrongUse(f"There is no language {language}.", f"There are: {', '.join(languages())}.")
    refuse_targets("runbook", outputs)
    plan, site = _find(environment, config)
    redaction.meet(plan.site, plan.actions)  # for what an error may say
    found = _open(plan, site)
    check_holds(found)
    return found


def _tell(found: "Opened") -> None:
    left = len(found.steps) - len(found.done)
    ending = " The runbook is used." if found.used else ""
    click.echo(f"{len(found.done)} of {len(found.steps)} steps are done.{ending}")
    if left:
        click.echo("What comes next: `reconciler runbook next`.", err=True)


def _read(numbers: Iterable[str], plan: "Plan") -> frozenset[int]:
    """Read numbers like 3, 3-7 and 7f3a:3.

    Raises:
        WrongUse: one of them is none.
        PlanUnusable: one of them is of another runbook.
    """
    from reconciler.runbook.render import mark_of

    found: set[int] = set()
    mark = mark_of(plan.id)
    for text in numbers:
        match = _NUMBERS.fullmatch(text)
        first, last = (int(match[2]), int(match[3] or match[2])) if match else (1, 0)
        if match is None or first > last:
            raise WrongUse(f"{text} is no step.", "Write a number like 3, or several like 3-7.")
        if match[1] and match[1] != mark:
            raise PlanUnusable(
                f"{text} is of another runbook: this one is {mark} of {plan.as_of}.",
                "`reconciler runbook show` shows it; its steps may have other numbers.",
            )
        found.update(range(first, last + 1))
    return frozenset(found)
