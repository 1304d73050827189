"""Runs the sandbox by itself: `python -m reconciler.sandbox`."""

import os
import signal
import sys
from typing import Final

_FAILED: Final = 1
_WRONG_USE: Final = 64


def main() -> int:
    """Run the command line and return its exit code; no exception leaves it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # until the command knows better
    try:
        import click  # noqa: PLC0415 - takes long enough to be interrupted

        from reconciler.sandbox.command import sandbox  # noqa: PLC0415 - as above

        try:
            sandbox.main(prog_name="reconciler sandbox", standalone_mode=False)
        except click.exceptions.Exit as left:
            return left.exit_code
        except click.ClickException as wrong:
            wrong.show()
            return _WRONG_USE if isinstance(wrong, click.UsageError) else _FAILED
        except click.Abort:
            return _failed("Interrupted.")
    except KeyboardInterrupt:
        return _failed("Interrupted.")
    except Exception as error:  # noqa: BLE001 - no traceback for a user
        # Its words may be names or secrets.
        return _failed(f"The sandbox has met a defect of its own: {type(error).__name__}.")
    return 0


def _failed(why: str) -> int:
    if sys.stderr is not None:
        sys.stderr.write(f"Error: {why}\n")
    return _FAILED


if __name__ == "__main__":
    code = main()
    try:
        sys.stdout.flush()
    except (OSError, AttributeError):  # there is none, or it is full; Python would complain, too
        os._exit(code or _FAILED)
    sys.exit(code)
