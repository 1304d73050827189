"""Tells machines apart: what lies in a file is seen by one of them alone."""

import socket
import uuid
from functools import cache
from pathlib import Path
from typing import Final

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


@cache
def this_machine() -> str:
    """Return what tells this machine from others, until it is started anew.

    Containers of one host have files of their own, and so what is mounted for them, whatever their
    name; machines that were given the same name differ in when they were started, or in their
    network's hardware.
    """
    try:
        started = _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        started = f"{uuid.getnode():x}"
    try:
        mounted = str(Path("/proc/self/ns/mnt").readlink())
    except OSError:
        mounted = ""
    return f"{socket.gethostname()}/{started}/{mounted}"
