"""What a shell starts in the place of a console script: it asks the warm interpreter for a fork.

The first time that a command is run, the script starts cold, as a user starts it, but for one that
has another clock. `warm.programs` makes the script that calls this, with few modules: it is started
hundreds of times.

Usage: warm_program.py SCRIPT STARTED CONTROL [ARGUMENT ...]

    SCRIPT   the console script itself
    STARTED  the folder in which stands which commands have started, and the last one's process
    CONTROL  the descriptor at which the warm interpreter takes orders
"""

import json
import os
import signal
import socket
import sys
from pathlib import Path

CLOCK = "TESTS_CLOCK"


def main() -> int:
    script, started, control, *arguments = sys.argv[1:]
    command = next((each for each in arguments if not each.startswith("-")), "none")
    mark = Path(started) / command.replace("/", "_")
    if not mark.exists() and CLOCK not in os.environ:
        mark.touch()
        os.execv(script, [script, *arguments])  # noqa: S606 - no shell is wanted
    report, theirs = socket.socketpair()
    with theirs, socket.socket(fileno=int(control)) as orders:
        socket.send_fds(orders, [b"+"], [0, 1, 2, theirs.fileno()])
    argv = [script, *arguments]
    order = {"argv": argv, "env": dict(os.environ), "cwd": str(Path.cwd()), "cold": False}
    report.sendall(json.dumps(order).encode() + b"\n")
    number = told(report)
    Path(started, "process").write_text(str(number))
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda got, _frame: os.kill(number, got))
    code = told(report)
    if code < 0:
        if code != -signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


def told(report: socket.socket) -> int:
    said = report.recv(4, socket.MSG_WAITALL)
    if len(said) < 4:
        sys.exit("the warm interpreter has ended")
    return int.from_bytes(said, sys.byteorder, signed=True)


if __name__ == "__main__":
    sys.exit(main())
