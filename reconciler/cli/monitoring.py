"""The options `--monitor` and `--metrics`: a run tells others how it went, when it has ended.

What goes wrong with that is a warning. It never changes what the command does, nor its exit code.
"""

import functools
import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import click

from reconciler.cli import values
from reconciler.cli.asking import Declined
from reconciler.cli.plan_files import refuse_target
from reconciler.cli.redacting import hidden
from reconciler.errors import ConfigurationError, ExitCode, ReconcilerError, code_of, told
from reconciler.plain import plain

if TYPE_CHECKING:
    from reconciler.apply.outcome import ApplyResult
    from reconciler.drift import DriftReport
    from reconciler.fleet.model import FleetResult
    from reconciler.manifest.model import Manifest
    from reconciler.monitoring.facts import Findings
    from reconciler.monitoring.job import Job
    from reconciler.monitoring.samples import Measured, Sample
    from reconciler.monitoring.settings import Metrics, Push, Webhook
    from reconciler.plan.model import Plan

Command = TypeVar("Command", bound=Callable[..., Any])

_META: Final = "reconciler.watch"


def monitored(command: Command) -> Command:
    """Let a command tell others how its run went, where that is asked for."""

    @functools.wraps(command)
    def run(*, monitor: bool, metrics: Path | None, **given: Any) -> Any:
        if not monitor and metrics is None:
            return command(**given)
        context = click.get_current_context()
        watch = _Watch(context.command_path.partition(" ")[2], metrics)
        context.meta[_META] = watch
        refuse_target(metrics, _is_textfile, "a file of metrics", inputs=(given.get("config"),))
        try:
            watch.prepare(given, needed=monitor)
            code = command(**given)
        except Declined:
            raise
        except BaseException as error:
            watch.failed(hidden(context, error) if isinstance(error, ReconcilerError) else error)
            raise
        watch.ended(ExitCode(code))
        return code

    for option in (
        click.option(
            "--metrics",
            metavar="FILE",
            callback=values.file_to_write,
            help="Write metrics for Prometheus into this file, for a textfile collector.",
        ),
        click.option(
            "--monitor",
            is_flag=True,
            help="Tell of this run as [metrics] and [webhook] in reconciler.toml say.",
        ),
    ):
        run = option(run)
    return cast("Command", run)


def note_plan(plan: "Plan", manifest: "Manifest | None" = None) -> None:
    """Note a plan for whoever is told of the run."""
    if (watch := _watch()) is not None:
        from reconciler.monitoring import facts, samples

        watch.note(samples.of_plan(plan), facts.of_plan(plan), manifest)


def note_drift(report: "DriftReport", shown: "DriftReport", manifest: "Manifest") -> None:
    """Note drift for whoever is told of the run; `shown` is without those who are to be hidden."""
    if (watch := _watch()) is not None:
        from reconciler.monitoring import facts, samples

        watch.note(samples.of_drift(report), facts.of_drift(report, shown), manifest)


def note_result(result: "ApplyResult", plan: "Plan") -> None:
    """Note what became of a plan for whoever is told of the run."""
    if (watch := _watch()) is not None:
        from reconciler.monitoring import facts, samples

        watch.note(samples.of_result(result), facts.of_result(result, plan))


def note_fleet(result: "FleetResult") -> None:
    """Note what came of a fleet for whoever is told of the run."""
    if (watch := _watch()) is not None:
        watch.fleet = result


def wants_facts() -> bool:
    """Whether somebody is to be told what was found, not only how much."""
    watch = _watch()
    return watch is not None and watch.webhook is not None


def _watch() -> "_Watch | None":
    found = click.get_current_context().meta.get(_META)
    return found if isinstance(found, _Watch) else None


@dataclass(slots=True)
class _Watch:
    """What is known of a run, and whom to tell.

    Attributes:
        command: what is run: `drift`, or `fleet drift`.
        file: the file of metrics that was asked for by itself.
        site: what the site is called (`reconciler.monitoring.samples.Measured`).
        placed: whether the settings were read that say so.
        sites: the names of all sites of the fleet, where it is one.
        metrics: where the settings want metrics to go.
        webhook: whom the settings want to be told.
        address: where the site is, or the fleet's file.
        samples: what was found, measured; what is noted later replaces what was noted before.
        findings: what was found, to be told.
        fleet: what came of the sites of a fleet.
    """

    command: str
    file: Path | None
    site: str = ""
    placed: bool = False
    sites: frozenset[str] | None = None
    metrics: "Metrics | None" = None
    webhook: "Webhook | None" = None
    address: str = ""
    samples: "dict[str, tuple[Sample, ...]]" = field(default_factory=dict)
    findings: "Findings | None" = None
    fleet: "FleetResult | None" = None
    _began: float = field(default_factory=time.monotonic)

    def prepare(self, given: dict[str, Any], *, needed: bool) -> None:
        """Find out whom to tell, before anything else is done.

        Args:
            given: the options of the command.
            needed: whether the settings have to say it.

        Raises:
            ConfigurationError: they do not, or something in them is wrong.
        """
        from reconciler.connection import of_variables, run_settings
        from reconciler.monitoring.settings import metrics_of, webhook_of

        self.site = given.get("environment") or ""
        config = given.get("config")
        self.placed = "fleet" in given
        if "fleet" in given:
            from reconciler.fleet.file import read_fleet

            fleet = read_fleet(given["fleet"])
            config = fleet.config
            self.sites = frozenset(site.name for site in fleet.sites)
        found = run_settings(
            given.get("environment"),
            config=config,
            environ=os.environ,
            directory=Path.cwd(),
            site="fleet" not in given and given.get("live") is None,
        )
        self.site = found.environment
        told = of_variables(given.get("environment"), config, os.environ)
        if told or found.path.is_file() or given.get("live") is not None:
            self.placed = True
        if not needed:
            return
        self.metrics = metrics_of(found, os.environ)
        self.webhook = webhook_of(found, os.environ)
        self.address = _address(given)
        if self.metrics is None and self.webhook is None:
            raise ConfigurationError(
                f"--monitor: {found.path} does not say whom to tell.",
                "Write [metrics] or [webhook] there.",
            )

    @property
    def job(self) -> "Job":
        """What is run, and for whom."""
        from reconciler.monitoring.job import Job

        return Job(self.command, self.site, self.address)

    def note(
        self,
        samples: "Iterable[Sample]",
        findings: "Findings",
        manifest: "Manifest | None" = None,
    ) -> None:
        """Note what was found."""
        self.findings = findings if self.findings is None else self.findings | findings
        found = [*samples]
        if manifest is not None and manifest.rosters:
            from reconciler.monitoring.samples import of_rosters
            from reconciler.workflows.rosters import when_written

            found += of_rosters(when_written(manifest))
        for name in {each.name for each in found}:
            self.samples[name] = tuple(each for each in found if each.name == name)

    def failed(self, error: BaseException) -> None:
        """Tell that the run came to nothing, and why."""
        from reconciler.monitoring import facts, samples

        self.note(samples.of_error(error), facts.of_error(error))
        self._tell(_code(error), self.findings or facts.FINE)

    def ended(self, code: ExitCode) -> None:
        """Tell how the run went."""
        from reconciler.monitoring.facts import FINE

        self._tell(code, FINE if self.findings is None else FINE | self.findings)

    def _tell(self, code: ExitCode, findings: "Findings") -> None:
        measured = self._measured(code)
        if self.file is not None:
            self._try("Metrics could not be written", _write, self.file, measured, self.sites)
        of_job = [replace(each, target=self.job.target) for each in measured]
        if self.metrics is not None and self.metrics.folder is not None:
            from reconciler.monitoring.textfile import file_name

            path = self.metrics.folder / file_name(self.job)
            self._try("Metrics could not be written", _write, path, of_job, self.sites)
        if self.metrics is not None and self.metrics.push is not None:
            self._try("Metrics could not be pushed", _push, self.metrics.push, of_job)
        if self.webhook is not None:
            found = {self.site: findings}
            if self.fleet is not None:
                found |= {each.name: each.findings for each in self.fleet.results if each.findings}
            self._try("The webhook was not told", _send, self.webhook, self, code, found)

    def _measured(self, code: ExitCode) -> "list[Measured]":
        from reconciler.fleet.model import Ended
        from reconciler.monitoring.samples import Measured

        now = time.time()
        seconds = time.monotonic() - self._began
        found = [each for samples in self.samples.values() for each in samples]
        measured = [
            Measured(self.command, self.site, code, now, seconds, tuple(found), placed=self.placed)
        ]
        if self.fleet is not None:
            measured += (
                Measured(self.command, each.name, each.code, now, samples=each.samples)
                for each in self.fleet.results
                if each.code is not None and each.ended is Ended.ENDED
            )
        return measured

    def _try(self, failed: str, work: Callable[..., None], *arguments: object) -> None:
        try:
            work(*arguments)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - never more than a warning
            message, advice = told(error)
            if isinstance(error, KeyboardInterrupt):
                message, advice = "interrupted.", None
            with suppress(OSError):
                click.echo(plain(f"warning: {failed}: {message} {advice or ''}".rstrip()), err=True)


def _address(given: Mapping[str, Any]) -> str:
    """Say where the site of a command is, or its fleet's file, or the saved state."""
    from reconciler.connection import site_place

    file = given.get("fleet") or given.get("live")
    if file is not None:
        return str(file.resolve())
    return site_place(
        given.get("environment"),
        config=given.get("config"),
        environ=os.environ,
        directory=Path.cwd(),
    )


def _write(path: Path, measured: "list[Measured]", sites: "frozenset[str] | None") -> None:
    from reconciler.monitoring.textfile import write_textfile

    write_textfile(path, measured, sites)


def _push(to: "Push", measured: "list[Measured]") -> None:
    from reconciler.monitoring.pushing import push

    push(to, measured)


def _send(to: "Webhook", watch: _Watch, code: ExitCode, found: "Mapping[str, Findings]") -> None:
    from reconciler.monitoring.memory import Memory
    from reconciler.monitoring.webhook import tell
    from reconciler.workflows.recording import state_folder

    with Memory.held(state_folder(), to.url.reveal(), watch.job) as memory:
        tell(to, memory, found, job=watch.job, code=code, at=datetime.now(UTC))


def _is_textfile(path: Path) -> bool:
    from reconciler.monitoring.textfile import is_textfile

    return is_textfile(path)


def _code(error: BaseException) -> ExitCode:
    return ExitCode.WRONG_USE if isinstance(error, click.UsageError) else code_of(error)
