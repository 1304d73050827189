"""How a command asks whether to go on."""

import sys

import click

from reconciler.errors import ReconcilerError, WrongUse


class Declined(ReconcilerError):
    """Somebody was asked, and said no: nothing has failed."""


def ask(question: str, *, refused: str, advice: str) -> None:
    """Ask on the terminal, and go on only after a yes.

    Args:
        question: what is asked.
        refused: what is said after a no, as the beginning of a sentence: "Not applied".
        advice: what to do where there is no terminal.

    Raises:
        WrongUse: there is no terminal to ask on.
        Declined: the answer was no.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise WrongUse("There is no terminal to ask on.", advice)
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        agreed = False
    if not agreed:
        raise Declined(f"{refused}: the answer was no. Nothing was changed.")
