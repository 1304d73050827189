"""How `init` keeps a roster, which holds people's data, out of Git."""

import os
import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from reconciler.cli.places import relative, repository_of
from reconciler.commits import Keeping, keeping
from reconciler.plain import as_typed
from reconciler.starter import IGNORED, IGNORED_NAME

_TABLES = "*.[cC][sS][vV]"
"""What of a folder is a roster."""


def lines_to_ignore(rosters: Iterable[str], folder: Path) -> tuple[str, ...]:
    """Return the lines that a new folder's .gitignore needs for rosters that lie in the folder."""
    there = Path(os.path.realpath(folder))
    files = (Path(os.path.realpath(each)) for each in rosters)
    return tuple(
        _line(file, there)
        for file in files
        if file.is_relative_to(there)
        and file.is_file()
        and not any(fnmatchcase(file.name, pattern) for pattern in IGNORED)
    )


def warnings_about(rosters: Iterable[str], folder: Path) -> Iterator[str]:
    """Say which rosters Git would keep, and what is to be done, once the folder is written."""
    there = Path(os.path.realpath(folder))
    for named in rosters:
        roster = Path(os.path.realpath(named))
        above = roster if roster.is_dir() else roster.parent
        top = repository_of(above)
        if top is None:
            continue
        kept = keeping(
            above, f":(glob){_TABLES}" if roster.is_dir() else f":(literal){roster.name}"
        )
        line = f"Add to {relative(top / IGNORED_NAME)}: {_line(roster, top)}"
        if kept is Keeping.KEPT:
            yield (
                f"Git has {named} already, and it holds people's data. Take it out with "
                f"`{as_typed(['git', 'rm', '-r', '--cached', named])}`. {line}"
            )
        elif kept is Keeping.NOT_IGNORED and not roster.is_relative_to(there):
            yield f"Git does not ignore {named}, and it holds people's data. {line}"


def _line(roster: Path, top: Path) -> str:
    """Return the line of a .gitignore for a roster below it, of a folder for the tables in it."""
    seen = roster.relative_to(top).as_posix()
    path = re.sub(r"([\\*?\[ ])", r"\\\1", "" if seen == "." else f"/{seen}")
    return f"{path}/{_TABLES}" if roster.is_dir() else path
