"""How long commands take to start, beside the bare interpreter: processor time."""

import sys
from collections.abc import Iterator
from pathlib import Path

from figures import Figure, tell
from measure import BARE, PROGRAM, in_turn

EXAMPLE = Path(__file__).parents[1] / "examples" / "roles.yaml"
COMMANDS = {
    "--version": ("--version",),
    "--help": ("--help",),
    "plan --help": ("plan", "--help"),
    "validate examples/roles.yaml": ("validate", EXAMPLE),
}
TURNS = 4
"""So many times five rounds: they are short, and any of them may be disturbed."""


def figures() -> Iterator[Figure]:
    """Measure each command in turn with the interpreter."""
    commands = {"bare": BARE, **{name: (PROGRAM, *each) for name, each in COMMANDS.items()}}
    best = in_turn(commands, 30)
    for _ in range(TURNS - 1):
        again = in_turn(commands, 30)
        best = {name: used.least(again[name]) for name, used in best.items()}
    for name in COMMANDS:
        bare = best["bare"].processor
        yield Figure(f"start of {name}", best[name].processor, bare, "bare interpreter", "s")


if __name__ == "__main__":
    sys.exit(tell(figures()))
