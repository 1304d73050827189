"""From the paths that a user names to the files of a manifest."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from typing import Final, NamedTuple

from reconciler.diagnostics import Diagnostic, Position

SIZE_LIMIT: Final = 256 * 1024 * 1024
"""How many bytes one file may have; a million assignments take about a tenth of it."""

_SUFFIXES: Final = (".yaml", ".yml")


class Source(NamedTuple):
    """One file of a manifest, read.

    Attributes:
        file: its path as the user gave it, joined for the files of a directory.
        raw: its bytes, or None where it cannot be used.
        problem: why it cannot be used, or None.
    """

    file: str
    raw: bytes | None
    problem: Diagnostic | None = None


def sources(paths: Iterable[Path]) -> Iterator[Source]:
    """Yield every file that the paths name, in their order, each file once.

    A directory stands for the *.yaml and *.yml files (or *.YAML) in it and below it, sorted; hidden
    files and directories are skipped, and links to directories are not followed.
    """
    seen: set[str] = set()
    named = False
    for path in paths:
        named = True
        # Path.is_dir would raise where a directory above may not be entered.
        is_directory = os.path.isdir(path)  # noqa: PTH112 - see above
        for source in _below(path) if is_directory else (path,):
            if isinstance(source, Diagnostic):
                yield Source(str(path), None, source)
            elif (real := os.path.realpath(source)) not in seen:
                seen.add(real)
                yield _read(source)
    if not named:
        problem = Diagnostic(
            "RR002", "no manifest was named.", None, "Name a file or a directory of YAML files."
        )
        yield Source("", None, problem)


def first_file(path: Path) -> Path:
    """Return the first file that a path names, as `sources` reads them; the path where none is."""
    if not os.path.isdir(path):  # noqa: PTH112 - as above
        return path
    return next((each for each in _below(path) if isinstance(each, Path)), path)


def is_part(name: str) -> bool:
    """Whether a file is read for a directory that was named, by its path below that directory."""
    hidden = any(part.startswith(".") for part in PurePath(name).parts)
    return name.casefold().endswith(_SUFFIXES) and not hidden


def _below(directory: Path) -> Iterator[Path | Diagnostic]:
    problems: list[Diagnostic] = []

    def note(error: OSError) -> None:
        problems.append(_unreadable(str(error.filename), error))

    found: list[Path] = []
    for folder, folders, names in os.walk(directory, onerror=note):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found.extend(Path(folder, name) for name in names if is_part(name))
    yield from problems
    yield from sorted(found, key=lambda path: path.parts)
    if not found and not problems:
        yield Diagnostic(
            "RR002",
            "this directory holds no manifest.",
            Position(str(directory)),
            "Manifests are files that end in .yaml or .yml and are not hidden.",
        )


def _read(path: Path) -> Source:
    file = str(path)
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            # One byte more than allowed tells a pipe or a growing file that is too large.
            raw = b"" if size > SIZE_LIMIT else stream.read(SIZE_LIMIT + 1)
    except OSError as error:
        return Source(file, None, _unreadable(file, error))
    if max(size, len(raw)) > SIZE_LIMIT:
        problem = Diagnostic(
            "RR003",
            f"the file is larger than {SIZE_LIMIT // 1024 // 1024} MiB.",
            Position(file),
            "Split the manifest into several files.",
        )
        return Source(file, None, problem)
    return Source(file, raw)


def _unreadable(file: str, error: OSError) -> Diagnostic:
    reason = (error.strerror or "it cannot be read").lower()
    return Diagnostic(
        "RR001", f"cannot be read: {reason}.", Position(file), "Check the path and its permissions."
    )
