"""The command `pipeline`: what a pipeline asks of GitHub or GitLab, where it runs."""

import os
import re
from pathlib import Path
from typing import Final

import click

from reconciler.cli import options, values
from reconciler.errors import ExitCode, WrongUse

_ABOUT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", re.ASCII)


@click.group("pipeline")
def command() -> None:
    """Comment on a pull request, and find what was reviewed, as a step of a pipeline.

    Examples: reconciler pipeline comment plan.md; reconciler pipeline reviewed
    """


def _about(_context: click.Context, _param: click.Parameter, value: str) -> str:
    """Check, as a callback, what can be a part of a name.

    Raises:
        WrongUse: it cannot.
    """
    if value and not _ABOUT.fullmatch(value):
        raise WrongUse(
            "--about is no short name.", "Write up to 40 letters, digits, dots or dashes."
        )
    return value


about_option = click.option(
    "--about",
    metavar="NAME",
    default="",
    callback=_about,
    help="Which of several: a repository may have more than one manifest.",
)


@command.command("comment")
@click.argument("file", callback=values.file_to_read)
@about_option
@options.verbose_option
def comment(*, file: Path, about: str) -> int:
    """Write a report in Markdown as a comment on the pull request, in the place of the last one.

    Example: reconciler pipeline comment plan.md
    """
    from reconciler.pipelines.comment import write_comment
    from reconciler.pipelines.host import Host
    from reconciler.reports.markdown import LIMIT, MARK

    text = file.read_text(encoding="utf-8", errors="replace")
    if not text.startswith(MARK):
        raise WrongUse(
            f"{file} is no report in Markdown.", f"Write one with --format markdown={file}."
        )
    mark = f"{MARK}<!-- about {about} -->\n"
    marked = mark + text.removeprefix(MARK)
    if len(marked) > LIMIT:
        raise WrongUse(
            f"{file} has {len(text):,} characters; a comment has room for {LIMIT:,}.",
            "Give it as --format markdown writes it.",
        )
    click.echo(write_comment(Host.of(os.environ), marked, mark), err=True)
    return ExitCode.DONE


@command.command("newest")
@options.verbose_option
def newest() -> int:
    """Check that the job is for the newest commit of the default branch, before an apply.

    Of an older one newer merges may have taken back what it declares: exit code 5.

    Example: reconciler pipeline newest
    """
    from reconciler.pipelines.host import Host
    from reconciler.pipelines.newest import check_newest

    check_newest(Host.of(os.environ))
    return ExitCode.DONE


@command.command("reviewed")
@about_option
@options.verbose_option
def reviewed(*, about: str) -> int:
    """Find the run that made the plan by which the merged pull request was reviewed (GitHub).

    Prints lines for the outputs of a step: run, artefact and request.

    Example: reconciler pipeline reviewed
    """
    from reconciler.pipelines.host import Host
    from reconciler.pipelines.reviewed import find_reviewed

    found = find_reviewed(Host.of(os.environ), about)
    click.echo(f"run={found.run}\nartefact={found.artefact}\nrequest={found.request}")
    return ExitCode.DONE
