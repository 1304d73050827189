"""When a request is tried again after an attempt at it failed, and when no more.

Apart from the transport, which loads it at the first failure: most commands see none.
"""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    wait_exponential,
    wait_random,
)

from reconciler.http.call import Limits
from reconciler.http.failures import Again

Answered = TypeVar("Answered")


def repeat(
    first: Again,
    attempt: Callable[[], Answered],
    began: float,
    limits: Limits,
    ask: Callable[[float], None],
) -> Answered:
    """Try again what failed, until it is answered or the limits are reached.

    Args:
        first: what the first attempt came to.
        attempt: makes another.
        began: when the first attempt did, on the monotonic clock.
        limits: how long and how much.
        ask: lets all requests wait so many seconds, where the server asks for it.

    Raises:
        Again: the last attempt failed, too.
        SiteError: an attempt failed so that no other can help.
    """
    failed: Again | None = first

    def attempts() -> Answered:
        nonlocal failed
        if failed is not None:
            told, failed = failed, None
            raise told
        return attempt()

    def heed(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, Again) and error.after is not None:
            ask(error.after)

    def gives_up(state: RetryCallState) -> bool:
        return (
            limits.stopping()
            or state.attempt_number >= limits.attempts
            or state.idle_for + state.upcoming_sleep > limits.retry_seconds
            or time.monotonic() - began + state.upcoming_sleep > limits.total_seconds
        )

    def sleep(seconds: float) -> None:
        limits.sleep(seconds)

    retrying = Retrying(
        stop=gives_up,
        wait=_wait,
        retry=retry_if_exception_type(Again),
        before_sleep=heed,
        sleep=sleep,
        reraise=True,
    )
    return retrying(attempts)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, Again) and error.after is not None:
        return error.after
    return _BACKOFF(state)


_BACKOFF: Final = wait_exponential(multiplier=0.2, max=10) + wait_random(0, 0.2)
