"""The generated sites as files, and how the program is called on them."""

from pathlib import Path
from typing import Final

from generated import AS_OF
from measure import PROGRAM, PYTHON, Command, once

SIZES: Final = (10_000, 100_000, 1_000_000)

NEXT_TO_NOTHING: Final = 400
"""Assignments of the smallest site that has everything; what it takes is the start-up."""

_GENERATE: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path; import generated; "
    "generated.write(Path(sys.argv[2]), generated.Size(int(sys.argv[3])), int(sys.argv[4]))"
)


def site(folder: Path, size: int, skipped: int = 0) -> Path:
    """Return the folder of a site of so many assignments, which is generated if it is not there.

    A process of its own does it, whose memory nobody else is to have. The manifest lacks an
    assignment of each of the first `skipped` mentors.
    """
    path = folder / f"{size}-{skipped}"
    if not path.exists():
        path.mkdir(parents=True)
        here = Path(__file__).parent
        once([PYTHON, "-c", _GENERATE, here, path, str(size), str(skipped)])
    return path


def plan(*more: str) -> Command:
    """Return the command that plans the site in the current folder."""
    return [PROGRAM, "plan", "roles.yaml", "--as-of", str(AS_OF), *more]


SAVED: Final = ("--live", "state.json")
"""The site is read from its saved state."""

BARE_YAML: Final = (
    PYTHON,
    "-c",
    "import yaml; yaml.load(open('roles.yaml', 'rb'), Loader=yaml.CSafeLoader)",
)
"""What it takes to load the manifest's YAML and do nothing with it."""

BARE_JSON: Final = (PYTHON, "-c", "import json; json.loads(open('state.json', 'rb').read())")
"""What it takes to load the saved state's JSON and do nothing with it."""
