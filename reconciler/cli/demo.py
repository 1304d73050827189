"""The command `demo`."""

import signal

import click

from reconciler.errors import ExitCode


@click.command("demo")
def command() -> int:
    """Run the whole story against a sandbox: validate, plan, apply, drift, repair.

    It takes under a minute, touches nothing outside a temporary directory, and needs the
    sandbox's packages; in a checkout: pip install '.[sandbox]'.

    Example: reconciler demo
    """
    from reconciler.demo import run_demo

    # Asked to end, it ends as with Ctrl-C: its server stops and its files go.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run_demo()
    except KeyboardInterrupt:
        return ExitCode.FAILED  # the step that was running got the same Ctrl-C, and has said so
    return ExitCode.DONE
