"""The command `sqlite-site FILE`: makes a small site to try the example with."""

import sys
from pathlib import Path

from reconciler.testing import SAMPLE
from sqlite_site import create


def main() -> None:
    """Make the file of a site: two teachers, t-1 and t-2, three learners, the classes 8a and 8b."""
    if len(sys.argv) != 2:
        sys.exit("Usage: sqlite-site FILE")
    path = Path(sys.argv[1])
    if path.exists():
        sys.exit(f"There is a {path} already; remove it first.")
    create(path, SAMPLE)
