"""How a command asks whether to go on."""

import sys

import click

from reconciler.errors import ReconcilerError, WrongUse


class Declined(ReconcilerError):
    """Somebody was asked, and said no: nothing has failed."""


def can_ask() -> bool:
    """Whether somebody sits at a terminal, who can read a question and answer it."""
    streams = sys.stdin, sys.stderr
    return all(stream is not None and stream.isatty() for stream in streams)


def refuse_without_terminal(advice: str) -> None:
    """Refuse to go on where nobody can be asked.

    Raises:
        WrongUse: there is no terminal to ask on; with what to do instead.
    """
    if not can_ask():
        raise WrongUse("There is no terminal to ask on.", advice)


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
    refuse_without_terminal(advice)
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        agreed = False
    if not agreed:
        raise Declined(f"{refused}: the answer was no. Nothing was changed.")
