"""Gives out the sites of a fleet to workers, and goes on whatever becomes of one of them."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass, field
from types import MappingProxyType

from reconciler.errors import ExitCode, ReconcilerError
from reconciler.fleet.executors import Pool
from reconciler.fleet.model import SiteResult, Task, not_started
from reconciler.fleet.site import Work, failed
from reconciler.monitoring import facts
from reconciler.plain import count

LOOK_SECONDS = 1.0
"""How often a run that hears nothing asks whether anybody is left to work."""

UNKNOWN = "What was done until then is not known."
"""Told of a site whose worker was lost."""


@dataclass(frozen=True, slots=True)
class Guard:
    """What keeps a bad change from reaching every site.

    Attributes:
        canary: so many sites are done before any other begins.
        max_failed_sites: with more failed sites than these no other begins. None is any number,
            and none at all among the canary sites.
        failing: the exit codes of a site that has failed.
        lost: the exit code of a site whose worker was lost.
    """

    canary: int = 0
    max_failed_sites: int | None = None
    failing: frozenset[ExitCode] = frozenset({ExitCode.FAILED})
    lost: ExitCode = ExitCode.FAILED


NO_GUARD = Guard()


def run(  # noqa: PLR0913 - the parameters are what can be asked of a run
    tasks: Sequence[Task],
    work: Work,
    pool: Pool,
    *,
    max_parallel: int,
    guard: Guard = NO_GUARD,
    known: Mapping[str, SiteResult] = MappingProxyType({}),
    watch: Callable[[SiteResult], None] = lambda _result: None,
    stopping: Callable[[], bool] = lambda: False,
) -> tuple[tuple[SiteResult, ...], str]:
    """Have the same work done for many sites.

    A worker that dies is the failure of its site alone: the site is tried once more, by itself.

    Args:
        tasks: the sites; the canary sites are the first of them.
        work: is done for each.
        pool: who does it.
        max_parallel: how many sites are under way at once.
        guard: when no other site may begin.
        known: results that are there before, by name: these sites are not begun, and count as
            canary and as failed sites like any other.
        watch: told of every site as it ends.
        stopping: whether no other site shall begin, as somebody asked for it.

    Returns:
        A result for each of the tasks, in their order, and why the run stopped, or an empty text.
    """
    first, rest = tasks[: guard.canary], tasks[guard.canary :]
    counted = first if guard.max_failed_sites is None else tasks
    running = _Run(
        work,
        pool,
        max_parallel,
        guard,
        watch,
        stopping,
        frozenset(task.name for task in counted),
        dict(known),
    )
    others = any(task.name not in known for task in rest)
    none_before_others = 0 if others and guard.max_failed_sites is None else guard.max_failed_sites
    running.carry_out(first, none_before_others)
    running.carry_out(rest, guard.max_failed_sites)
    left = [task.name for task in tasks if task.name not in running.results]
    for name in left:
        running.results[name] = not_started(name, f"Not started: {running.stopped}")
    return tuple(running.results[task.name] for task in tasks), running.stopped if left else ""


@dataclass(slots=True)
class _Run:
    work: Work
    pool: Pool
    max_parallel: int
    guard: Guard
    watch: Callable[[SiteResult], None]
    stopping: Callable[[], bool]
    counted: Set[str]
    results: dict[str, SiteResult] = field(default_factory=dict)
    stopped: str = ""
    _under_way: dict[Future[SiteResult], Task] = field(default_factory=dict)

    def carry_out(self, tasks: Iterable[Task], limit: int | None) -> None:
        """Do some sites to their end, unless more of them fail than may."""
        waiting = deque(task for task in tasks if task.name not in self.results)
        while waiting or self._under_way:
            while waiting and len(self._under_way) < self.max_parallel and self._may_begin(limit):
                self._begin(waiting.popleft())
            if not self._under_way:
                break
            self._collect()
        self._may_begin(limit)

    def _may_begin(self, limit: int | None) -> bool:
        if not self.stopped:
            bad = [
                each
                for each in self.results.values()
                if each.code in self.guard.failing and each.name in self.counted
            ]
            if self.stopping():
                self.stopped = "the run was told to stop."
            elif limit is not None and len(bad) > limit:
                self.stopped = (
                    f"{count(len(bad), 'site has', 'sites have')} failed, "
                    f"and max_failed_sites is {limit}."
                )
        return not self.stopped

    def _begin(self, task: Task) -> None:
        try:
            self._under_way[self.pool.submit(self.work, task)] = task
        except BrokenExecutor:
            self._again([task])
        except (RuntimeError, OSError) as error:  # no thread or process can be started
            self._end(self._lost(task, error))

    def _collect(self) -> None:
        """Take the results that are there, or that nothing will come any more."""
        done = wait(self._under_way, LOOK_SECONDS, FIRST_COMPLETED).done
        if not done and (why := self.pool.lost()):
            self.stopped = self.stopped or why
            for future, task in self._under_way.items():
                future.cancel()
                self._end(self._unheard(task, f"Nothing came back: {why}"))
            self._under_way.clear()
        suspects = []
        for future in done:
            task = self._under_way.pop(future)
            result = self._outcome(task, future)
            if result is None:
                suspects.append(task)
            else:
                self._end(result)
        if suspects:
            # Whoever shared the pool has lost its workers, too; one of them may be the reason.
            suspects += self._under_way.values()
            self._under_way.clear()
            self._again(sorted(suspects, key=lambda task: task.name))

    def _again(self, tasks: Iterable[Task]) -> None:
        """Try sites whose worker died once more, each by itself, so that each fails for itself.

        Who is told to stop begins none of them again.
        """
        self.pool.renew()
        for task in tasks:
            if self.stopping():
                self._end(self._unheard(task, "The worker died while the run was stopping."))
                continue
            try:
                future = self._submitted_anew(task)
            except (RuntimeError, OSError) as error:
                self._end(self._lost(task, error))
                continue
            while not wait((future,), LOOK_SECONDS).done and not self.pool.lost():
                pass
            result = self._outcome(task, future) if future.done() else None
            if result is None:
                self.pool.renew()
                result = SiteResult(
                    task.name,
                    self.guard.lost,
                    "The worker died, and another one that tried again did, too.",
                    details=(
                        UNKNOWN,
                        "Run the command for this site alone, and see what it needs.",
                    ),
                    findings=facts.broke("The worker died twice"),
                )
            self._end(result)

    def _submitted_anew(self, task: Task) -> Future[SiteResult]:
        try:
            return self.pool.submit(self.work, task)
        except BrokenExecutor:  # the one before has ended well, and its worker died since
            self.pool.renew()
            return self.pool.submit(self.work, task)

    def _end(self, result: SiteResult) -> None:
        self.results[result.name] = result
        self.watch(result)

    def _outcome(self, task: Task, future: Future[SiteResult]) -> SiteResult | None:
        """Return what came of a site, or None where its pool broke."""
        try:
            return future.result()
        except BrokenExecutor:
            return None
        except ReconcilerError as error:
            return failed(task.name, error)
        except Exception as error:  # noqa: BLE001 - what a pool raises is the failure of one site
            return self._lost(task, error)

    def _lost(self, task: Task, error: Exception) -> SiteResult:
        """Return that a worker, or the way to it, was lost, but not the error's own words."""
        return self._unheard(task, f"The worker was lost ({type(error).__name__}).")

    def _unheard(self, task: Task, why: str) -> SiteResult:
        return SiteResult(
            task.name,
            self.guard.lost,
            why,
            details=(UNKNOWN, "Run the same command again; what is done is not repeated."),
            findings=facts.broke(why),
        )
