"""JSON decoded straight into typed values, from any thread.

msgspec 0.22 notes on a type what it knows of it before it knows all. A thread that decodes into the
same type in that moment reads what is not there yet, and the process is gone. So whatever is
decoded into types goes through here, where decoders are made one at a time and are kept.
"""

from functools import cache
from threading import Lock
from typing import Any, Final

import msgspec

_MAKING: Final = Lock()


def decode(raw: bytes | msgspec.Raw, kind: Any) -> Any:
    """Decode a JSON text into a type that msgspec knows, strictly.

    Args:
        raw: the text.
        kind: the type, list[Person] say.

    Returns:
        The typed value; None where the text is no JSON or is not of the type.
    """
    with _MAKING:
        decoder = _decoder(kind)
    try:
        return decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)
