"""The console script `reconciler`, also `python -m reconciler`."""

import sys

from reconciler.cli.main import run


def main() -> None:
    """Run the command line and exit with its code."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
