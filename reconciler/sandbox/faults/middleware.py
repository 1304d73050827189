"""Lays the faults that a request meets around the application."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from random import Random
from types import MappingProxyType
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reconciler.sandbox.faults import layers
from reconciler.sandbox.faults.batches import fail_items
from reconciler.sandbox.faults.connection import end_connection
from reconciler.sandbox.faults.layers import Layer
from reconciler.sandbox.faults.model import (
    KINDS,
    Cut,
    Effect,
    Failure,
    Fault,
    Faults,
    Items,
    Latency,
    Limit,
    Slow,
    Span,
    Stale,
    Staleness,
    Truncation,
)
from reconciler.sandbox.faults.reading import HEADER, Mistaken, read_header
from reconciler.sandbox.faults.streams import Stream, Streams
from reconciler.sandbox.problems import Problem

_LOG = logging.getLogger(__name__)


class FaultsOnDemand:
    """Decides, before a request is handled, which faults it meets.

    Every fault that a request matches counts it, also where another fault keeps it from being
    handled, so that what one fault does changes nothing for the next. Only the changes of a batch
    are counted when they arrive.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        faults: Faults,
        whose: Callable[[str | None], str | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Lay faults around an application.

        Args:
            app: what is within.
            faults: which faults there are.
            whose: tells a client's id from its Authorization header, or that nobody is known by it.
            clock: tells the seconds of limits.
        """
        self._app = app
        self._faults = faults
        self._whose = whose
        self._clock = clock
        self._streams = Streams(faults.seed)
        self._by_header: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            met = [*self._met(scope)]
        except Mistaken as mistaken:
            problem = Problem("invalid_parameter", f"{HEADER}: {mistaken}")
            await problem.response()(scope, receive, send)
            return
        app = self._app
        for layer in reversed(met):
            app = partial(layer, app)

        async def sending(message: Message) -> None:
            if message["type"] == layers.ENDING:
                await end_connection(scope, receive, message["ending"])
            else:
                await send(message)

        await app(scope, receive, sending)

    def _met(self, scope: Scope) -> Iterator[Layer]:
        headers = Headers(scope=scope)
        client = self._whose(headers.get("authorization")) or ""
        brought = self._brought(headers, client, scope)
        if brought is not None:
            yield brought
        path = scope["raw_path"].decode("ascii")
        for fault in self._faults.listed:
            if not fault.matcher.matches(scope["method"], path, client):
                continue
            if fault.effect == _UNCHANGED and "if-none-match" not in headers:
                continue
            layer = self._layer(fault, self._streams.of(fault.name, client))
            if layer is not None:
                _tell(fault, client, scope)
                yield layer

    def _brought(self, headers: Headers, client: str, scope: Scope) -> Layer | None:
        """Return the layer of the fault that a request brings with it, where that is allowed."""
        text = headers.get(HEADER)
        if text is None or not self._faults.by_header:
            return None
        fault = read_header(text)
        self._by_header[client] += 1
        # A stream for this request alone: counts of changes begin with it.
        stream = Stream(self._faults.seed, fault.name, client, self._by_header[client])
        _tell(fault, client, scope)
        return self._layer(fault, stream)

    def _layer(self, fault: Fault, stream: Stream) -> Layer | None:
        """Return what a fault does to the next request of a stream, or None."""
        match fault.effect:
            case Limit() as limit:
                wait = stream.wait(limit, self._clock())
                return partial(layers.refuse, wait) if wait else None
            case Items() as items:
                return partial(fail_items, items, fault.occurrence, stream)
        chance = stream.meet(fault.occurrence)
        return None if chance is None else _LAYERS[type(fault.effect)](fault.effect, chance)


def _tell(fault: Fault, client: str, scope: Scope) -> None:
    """Log which fault a request meets; of its path only what holds no ids of people."""
    if isinstance(fault.effect, Items | Latency):  # told when a change fails; felt by whoever waits
        return
    path = "/".join(scope["path"].split("/")[:3])
    whose = client or "nobody who is known"
    name = f"faults[{fault.name}]" if fault.name.isdigit() else fault.name
    kind = _KIND_OF[type(fault.effect)]
    _LOG.warning("%s %s of %s meets the fault %s, %s", scope["method"], path, whose, name, kind)


def _seconds(span: Span, chance: Random) -> float:
    return chance.uniform(span.least, span.most)


_KIND_OF: Final = {effect: kind for kind, effect in KINDS.items()}
_UNCHANGED: Final = Stale(Staleness.NOT_MODIFIED)

_LAYERS: Final[Mapping[type[Effect], Callable[[Any, Random], Layer]]] = MappingProxyType(
    {
        Latency: lambda wait, chance: partial(layers.delay, _seconds(wait.seconds, chance)),
        Failure: lambda failure, _: partial(layers.fail, failure),
        Cut: lambda cutting, _: partial(layers.cut, cutting),
        Truncation: lambda truncation, _: partial(layers.truncate, truncation),
        Stale: lambda claim, _: partial(layers.stale, claim),
        Slow: lambda slow, chance: partial(
            layers.slow_down, _seconds(slow.seconds, chance), slow.pieces
        ),
    }
)
"""Per effect of a single request what it does."""
