"""What becomes of an output that cannot be written any more."""

import os
import sys


def let_go() -> None:
    """Drop what cannot be written any more.

    Python would try once more as it ends, complain with a traceback, and exit with another code.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is None or stream.closed:
            continue
        try:
            stream.flush()
        except OSError:  # the disk is full, or whoever read it has left
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
