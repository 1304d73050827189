"""Does things in threads, so that several requests are on their way to a site at once."""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

from reconciler.domain.vocabulary import BATCH_LIMIT
from reconciler.errors import SiteError

CONCURRENCY: Final = 4
"""How many requests are on their way at once, unless told otherwise."""

Task = TypeVar("Task")
Answer = TypeVar("Answer")


class Threads(Generic[Task, Answer]):
    """A fixed few threads that take what is posted, and give back answers as they come.

    The threads do not keep the program alive: who is told to stop at once does not wait for an
    answer. With a writer's `send` as its work, it is the courier of an apply.

    Args:
        work: does one thing; called from several threads.
        capacity: how many of them there are.
    """

    batch_limit = BATCH_LIMIT

    def __init__(self, work: Callable[[Task], Answer], capacity: int = CONCURRENCY) -> None:
        self.capacity = capacity
        self._work = work
        self._posted: SimpleQueue[tuple[int, Task] | None] = SimpleQueue()
        self._answers: SimpleQueue[tuple[int, Answer | BaseException]] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for _ in self._threads:
            self._posted.put(None)

    def post(self, number: int, task: Task) -> None:
        """Have something done, and do not wait for it; the number comes back with the answer."""
        if len(self._threads) < self.capacity and self.capacity > 1:
            thread = threading.Thread(target=self._run, name="reconciler-threads", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._posted.put((number, task))

    def collect(self) -> tuple[int, Answer | SiteError]:
        """Wait for the next answer to anything posted; give its number beside it.

        An error of the site's is an answer too; whatever else went wrong is raised.
        """
        if self.capacity == 1 and (posted := self._posted.get()):
            self._do(*posted)  # one thing at a time needs no thread
        number, answer = self._answers.get()
        if isinstance(answer, BaseException) and not isinstance(answer, SiteError):
            raise answer
        return number, answer

    def _run(self) -> None:
        while (posted := self._posted.get()) is not None:
            self._do(*posted)

    def _do(self, number: int, task: Task) -> None:
        try:
            self._answers.put((number, self._work(task)))
        except BaseException as error:  # noqa: BLE001 - it is raised where it is collected
            self._answers.put((number, error))
