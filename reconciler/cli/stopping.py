"""What Ctrl-C and SIGTERM do to an apply: first it stops in good order, then at once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import click

from reconciler.apply.courier import Report
from reconciler.errors import Interrupted


class Stopping:
    """Turns signals into a request to stop.

    Attributes:
        event: set once the run was asked to stop.
        begun: whether the run has begun; before that, a signal ends the command there and then.
    """

    def __init__(self) -> None:
        self.event = threading.Event()
        self.begun = False

    def watch(self, report: Report) -> None:
        """Notice that the run has begun: a watcher."""
        del report
        self.begun = True

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen to signals for as long as the block lasts.

        Raises:
            Interrupted: it was stopped at once, in the middle.
        """
        signals = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self._handle) for number in signals}
        try:
            yield
        except KeyboardInterrupt:
            if not self.begun:
                raise
            raise Interrupted(
                "Stopped at once, in the middle of the apply.",
                "What was on its way may or may not have taken effect. "
                "The same apply again finds out, and finishes it.",
            ) from None
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        at_once = not self.begun or self.event.is_set()
        if not self.event.is_set():  # a second signal within the first may not wait for its lock
            self.event.set()  # also at once: Python may lose an exception, in a finaliser say
        if at_once:
            raise KeyboardInterrupt
        with suppress(OSError, RuntimeError):  # who read it may be gone; the run ends in good order
            click.echo(
                "Stopping: what is on its way is finished and recorded; once more stops at once.",
                err=True,
            )
