"""How far an apply is: a bar on a terminal, a line now and then elsewhere, JSON for programs.

All of it goes to standard error; standard output is for the result.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import click
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from reconciler.apply.courier import Report, Watcher
from reconciler.reports import printing

SECONDS: Final = 5.0
"""Between two lines where there is no terminal."""


@contextmanager
def progress(output_format: str, *, colour: bool) -> Iterator[Watcher]:
    """Give a watcher that shows how far a run is, in the way that fits.

    A bar is drawn with escape codes, and there are none where no colour is wanted.
    """
    if output_format == "json":
        yield _tell_json
        return
    console = printing.console(stderr=True, colour=colour)
    if not console.is_terminal or console.color_system is None:
        yield _Lines(time.monotonic)
        return
    columns = (
        TextColumn("Applying"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task("apply", total=None)
        yield lambda report: shown.update(task, completed=report.settled, total=report.total)


class _Rate(ProgressColumn):
    """So many actions a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.0f}/s" if task.speed else "", style="dim")


class _Lines:
    """A line every few seconds, for logs; a short run has none."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last = clock()

    def __call__(self, report: Report) -> None:
        now = self._clock()
        if now - self._last < SECONDS or report.settled == report.total:
            return
        self._last = now
        click.echo(f"Applying: {report.settled} of {report.total} actions settled.", err=True)


def _tell_json(report: Report) -> None:
    line = {
        "event": "progress",
        "run": report.run,
        "settled": report.settled,
        "total": report.total,
        "counts": {outcome.value: number for outcome, number in sorted(report.counts.items())},
    }
    click.echo(json.dumps(line), err=True)
