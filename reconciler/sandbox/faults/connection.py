"""Closing a connection under a client.

ASGI has no message for it, and uvicorn answers 500 for an application that ends without an answer.
So the connection's transport is handed along in the scope's state, and closed there.
"""

import asyncio
import contextlib
import os
import socket
import struct
from typing import Final

from starlette.types import Receive, Scope

from reconciler.sandbox.connections import PromptConnection
from reconciler.sandbox.faults.model import Ending

_TRANSPORT: Final = "reconciler.transport"
_SECONDS_TO_FLUSH: Final = 2
_NO_LINGER: Final = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)


class ClosableProtocol(PromptConnection):
    """The server's HTTP/1.1, with a way for the application to its connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # a TCP one
        """Keep the transport where each request's scope gets its state from."""
        self.app_state = {**self.app_state, _TRANSPORT: transport}
        super().connection_made(transport)


async def end_connection(scope: Scope, receive: Receive, ending: Ending) -> None:
    """End a request's connection, whatever of its answer is still missing.

    What was sent before goes out first, unless the connection is reset. Returns once the server
    knows that the connection is gone, so that it does not miss an answer.
    """
    transport: asyncio.Transport = scope["state"][_TRANSPORT]
    if ending is Ending.RESET:
        # Without a time to linger, the system sends RST and not FIN.
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        transport.abort()
    else:
        transport.close()
    # A server that stops cancels what is still at work, and this is at its end anyway.
    with contextlib.suppress(asyncio.CancelledError):
        try:
            async with asyncio.timeout(_SECONDS_TO_FLUSH):
                await _gone(receive)
        except TimeoutError:  # a client that does not read what it is sent
            transport.abort()
            await _gone(receive)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
