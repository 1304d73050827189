"""Connections that do not wait for ever: a client that is too slow is let go.

uvicorn bounds only the time between two requests. Who opens connections and says nothing, lets a
request trickle in, or does not read the answer would otherwise keep them for good.
"""

import asyncio
from enum import Enum, auto
from typing import Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE: Final = 10.0
"""Seconds in which a client has sent a request, and in which it takes what was waiting for it."""

_ALL_SENT: Final = frozenset({h11.DONE, h11.MUST_CLOSE, h11.CLOSED, h11.ERROR})


class _Wait(Enum):
    TO_SEND = auto()
    TO_TAKE = auto()


class PromptConnection(H11Protocol):
    """uvicorn's HTTP/1.1, ended when its client lets it wait for longer than `PATIENCE`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # a TCP one
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._waits: dict[_Wait, asyncio.TimerHandle] = {}
        self._begin(_Wait.TO_SEND)

    def data_received(self, data: bytes) -> None:
        """Wait on while the request is not complete; the time counts from its first byte."""
        super().data_received(data)
        if self.conn.their_state in _ALL_SENT:
            self._end(_Wait.TO_SEND)
        else:
            self._begin(_Wait.TO_SEND)

    def pause_writing(self) -> None:
        """Begin to wait for a client that does not take its answer."""
        super().pause_writing()
        self._begin(_Wait.TO_TAKE)

    def resume_writing(self) -> None:
        """Wait no more: the client took what was there."""
        super().resume_writing()
        self._end(_Wait.TO_TAKE)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        for wait in _Wait:
            self._end(wait)
        super().connection_lost(exc)

    def _begin(self, wait: _Wait) -> None:
        if wait not in self._waits:
            self._waits[wait] = self.loop.call_later(PATIENCE, self._let_go, wait)

    def _let_go(self, wait: _Wait) -> None:
        if wait is _Wait.TO_SEND and self.flow.read_paused:
            # What is missing was not taken from the client: the server itself is busy.
            del self._waits[wait]
            self._begin(wait)
            return
        # Not `close`, which itself waits until the client has taken everything.
        self.transport.abort()

    def _end(self, wait: _Wait) -> None:
        if wait in self._waits:
            self._waits.pop(wait).cancel()
