"""What the commands of a fleet share: options, which sites are meant, and how they are told of."""

import json
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

import click

from reconciler import tracing
from reconciler.cli import completing, options, values
from reconciler.cli.monitoring import note_fleet, wants_facts
from reconciler.cli.output import deliver, refuse_targets
from reconciler.cli.redacting import redact_option
from reconciler.errors import ExitCode, WrongUse, worst
from reconciler.fleet import report
from reconciler.fleet.executors import THREADS, Pool, open_pool
from reconciler.fleet.file import read_fleet
from reconciler.fleet.model import Fleet, FleetResult, FleetSite, SiteResult, Task
from reconciler.fleet.overlap import Stated, check_overlaps, stated
from reconciler.fleet.run import NO_GUARD, Guard, run
from reconciler.fleet.site import Work, scope_site
from reconciler.plain import plain
from reconciler.redact import Redaction
from reconciler.suggest import did_you_mean

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class FleetAsked:
    """The options that every command of a fleet has.

    Attributes:
        fleet: the file that lists the sites.
        only: patterns of the names that are meant; all of them by default.
        max_parallel: how many sites are under way at once.
        executor: who does the work.
        outputs: which formats of the result go where.
        redaction: whom to hide.
        no_color: whether text is plain.
    """

    fleet: Path
    only: tuple[str, ...]
    max_parallel: int
    executor: str
    outputs: values.Outputs
    redaction: Redaction
    no_color: bool


def fleet_options(command: Command) -> Command:
    """Add the argument and the options that every command of a fleet has."""
    for option in (
        options.verbose_option,
        options.no_color_option,
        options.no_cache_option,
        redact_option,
        options.formats_option("fleet"),
        click.option(
            "--executor",
            metavar="WHERE",
            default=THREADS,
            show_default=True,
            callback=values.not_empty,
            help="Who does the work: threads, processes, or a Dask cluster at dask://HOST:PORT.",
        ),
        click.option(
            "--max-parallel",
            type=click.IntRange(1, 1000),
            default=8,
            show_default=True,
            help="How many sites are under way at once.",
        ),
        click.option(
            "--only",
            multiple=True,
            metavar="SITE",
            callback=values.none_empty,
            help="Only these sites, by their names in the fleet; * and ? are wildcards. "
            "May be repeated.",
        ),
        click.argument("fleet", callback=values.file_to_read, shell_complete=completing.files),
    ):
        command = option(command)
    return command


@dataclass(slots=True)
class Conduct:
    """A fleet that was read, with workers to ask its sites.

    Attributes:
        asked: the options.
        fleet: the sites.
        chosen: those that are meant, in the fleet's order.
        stated: what the manifests of all of them say, as far as they can be read.
        pool: the workers.
        failed: what is known before the command is run: the sites that cannot be told apart.
    """

    asked: FleetAsked
    fleet: Fleet
    chosen: tuple[FleetSite, ...]
    stated: Mapping[str, Stated]
    pool: Pool
    failed: dict[str, SiteResult] = field(default_factory=dict)

    def ask(
        self,
        command: str,
        work: Work,
        *,
        guard: Guard = NO_GUARD,
        done: Mapping[str, SiteResult] | None = None,
        agreed: Mapping[str, str] | None = None,
        heard: Callable[[SiteResult], None] = lambda _result: None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> FleetResult:
        """Run a command for every site that is meant.

        Args:
            command: its name.
            work: what it does with one.
            guard: when no other site may begin.
            done: results that need no more asking.
            agreed: per site the digest of the changes that were agreed to; None for all there are.
            heard: told of every site as it ends.
            stopping: whether no other site shall begin.
        """
        known = {**self.failed, **(done or {})}
        tasks = self.tasks()
        if agreed is not None:
            tasks = [replace(task, agreed=agreed.get(task.name, "")) for task in tasks]
        left = sum(task.name not in known for task in tasks)
        telling = Telling(command, self.asked.outputs.shown == "json", left)

        def watch(result: SiteResult) -> None:
            heard(result)
            telling(result)

        results, stopped = run(
            tasks,
            work,
            self.pool,
            max_parallel=self.asked.max_parallel,
            guard=guard,
            known=known,
            watch=watch,
            stopping=stopping,
        )
        every = sorted(results, key=lambda result: result.name)
        codes = [guard.lost if each.code is None else each.code for each in every]
        return FleetResult(command, tuple(every), worst(codes), stopped)

    def tasks(self, known: Container[str] = ()) -> list[Task]:
        """Return what workers are told about the sites that are meant, but for those known."""
        return [self.task(each) for each in self.chosen if each.name not in known]

    def task(self, site: FleetSite) -> Task:
        """Return what a worker is told about a site."""
        return Task(
            site.name,
            site.manifest,
            site.environment,
            site.config,
            pseudonyms=self.asked.redaction.key is not None,
            document="json" in self.asked.outputs.names,
            cache=options.may_cache(),
            trace=tracing.current(),
            facts=wants_facts(),
        )


@contextmanager
def conducting(asked: FleetAsked) -> Iterator[Conduct]:
    """Read the fleet, refuse what cannot be meant, and lend workers.

    Raises:
        InvalidInput: the file has mistakes, or two entries speak for the same part of a site.
        WrongUse: a pattern is the name of no site, or --executor is wrong.
        ConfigurationError: the workers cannot be used.
    """
    refuse_targets("fleet", asked.outputs)
    fleet = read_fleet(asked.fleet)
    chosen = choose(fleet, asked.only)
    said = {site.name: found for site in fleet.sites if (found := stated(site)) is not None}
    names = {site.name for site in chosen}
    pool = open_pool(asked.executor, asked.max_parallel)
    ended = False
    try:
        conduct = Conduct(asked, fleet, chosen, said, pool)

        def ask(sites: Sequence[FleetSite]) -> Sequence[SiteResult]:
            tasks = [conduct.task(site) for site in sites]
            return run(tasks, scope_site, pool, max_parallel=asked.max_parallel)[0]

        conduct.failed = check_overlaps(said.values(), names, ask)
        yield conduct
        ended = True
    finally:
        pool.close(at_once=not ended)


def choose(fleet: Fleet, patterns: Sequence[str]) -> tuple[FleetSite, ...]:
    """Return the sites that are meant, in the fleet's order.

    Raises:
        WrongUse: a pattern is the name of none.
    """
    names = [site.name for site in fleet.sites]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise WrongUse(
                f"--only {pattern}: the fleet has no such site.",
                did_you_mean(pattern, names) or f"{fleet.file} lists them.",
            )
    return tuple(
        site
        for site in fleet.sites
        if not patterns or any(fnmatchcase(site.name, pattern) for pattern in patterns)
    )


@dataclass(slots=True)
class Telling:
    """Tells of each site as it ends, on standard error.

    Attributes:
        command: what is run.
        json: whether for programs.
        total: how many sites there are.
    """

    command: str
    json: bool
    total: int
    _ended: int = 0

    def __call__(self, result: SiteResult) -> None:
        """Tell of a site."""
        self._ended += 1
        if self.json:
            code = None if result.code is None else int(result.code)
            told = json.dumps(
                {
                    "event": "site",
                    "name": result.name,
                    "exit_code": code,
                    "ended": self._ended,
                    "total": self.total,
                }
            )
        else:
            told = plain(f"[{self._ended}/{self.total}] {report.line(self.command, result)}")
        with suppress(OSError):  # who reads the progress may leave; the run goes on
            click.echo(told, err=True)


def print_fleet(result: FleetResult, asked: FleetAsked, done: str | None = None) -> ExitCode:
    """Print what came of a fleet, and return its exit code.

    Args:
        result: what came of it.
        asked: the options.
        done: what else tells it, where sites were changed.
    """
    note_fleet(result)
    deliver(
        "fleet",
        report.fleet_document(result),
        asked.outputs,
        lambda: report.fleet_text(result),
        colour=not asked.no_color,
        done=done,
    )
    return result.code
