"""The command `demo`."""

import click

from reconciler.demo import run_demo
from reconciler.errors import ExitCode


@click.command("demo")
def command() -> int:
    """Run the whole story against a sandbox: validate, plan, apply, drift, repair.

    It takes under a minute, touches nothing outside a temporary directory, and needs the
    sandbox's packages: pip install 'reconciler[sandbox]'.
    """
    run_demo()
    return ExitCode.DONE
