"""The console script `reconciler`, also `python -m reconciler`."""

import sys

from reconciler.cli.main import run
from reconciler.cli.streams import let_go


def main() -> None:
    """Run the command line and exit with its code."""
    code = run(sys.argv[1:])
    let_go()
    sys.exit(code)


if __name__ == "__main__":
    main()
