"""Opens a bundle of files, a folder or a zip archive, without trusting it.

Nothing is ever unpacked to disk. An archive is judged by its directory before any of it is read:
how much it says it holds binds the reader, because the standard library stops at the declared size
and checks the sum.
"""

import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, Final, Protocol

from reconciler.domain.roster_formats import FOLDER, FORMATS, ONEROSTER_CSV, ZIP
from reconciler.rosters.problems import InvalidRoster, Problem

MAX_ENTRIES: Final = 500
"""The most entries an archive may have; a OneRoster bundle has about twenty."""

MAX_BYTES: Final = 2 * 1024**3
"""The most bytes an archive may unpack to: a million enrolments are some 200 MB."""

MAX_RATIO: Final = 200
"""The most an entry may shrink; repetitive CSV reaches about 40."""

_SMALL = 1024 * 1024
_ARCHIVE: Final = b"PK\x03\x04"
READ_ERRORS: Final = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError)
"""What reading an opened file of a bundle can raise when the bundle is damaged."""


class Bundle(Protocol):
    """Files by name, without the folder they stand in."""

    def __contains__(self, name: object, /) -> bool:
        """Say whether there is a file of that name."""
        ...

    def open(self, name: str) -> IO[bytes]:
        """Open a file of the bundle for reading; the caller closes it."""
        ...


class OneFile:
    """A bundle of a single file, whatever it is called."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __contains__(self, name: object) -> bool:
        """Say whether it is the file's name."""
        return name == self._path.name

    def open(self, _name: str) -> IO[bytes]:
        """Open the file for reading; the caller closes it."""
        return self._path.open("rb")


class _Folder:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (self._path / name).is_file()

    def open(self, name: str) -> IO[bytes]:
        return (self._path / name).open("rb")


class _Archive:
    def __init__(self, archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo]) -> None:
        self._archive = archive
        self._members = members

    def __contains__(self, name: object) -> bool:
        return name in self._members

    def open(self, name: str) -> IO[bytes]:
        return self._archive.open(self._members[name])


def check_place(path: Path, wanted: str) -> None:
    """Check that something stands at a path, and that it does not look like another type.

    Raises:
        InvalidRoster: there is nothing, or what is there is read as another type.
    """
    if not (path.is_dir() or path.is_file()):
        what = (
            "it is neither a file nor a folder"
            if path.exists()
            else "there is no such file or folder"
        )
        raise _misplaced(path, what)
    found = FOLDER if path.is_dir() else f"a {path.suffix.lower()} file"
    with suppress(OSError):  # told when it is opened
        if path.is_file() and _is_archive(path):
            found = ZIP
    types = tuple(name for name, each in FORMATS.items() if found in each.found_as)
    if types and wanted not in types:
        others = " or ".join(types)
        message = f"{found} is no roster of the type {wanted}; its type may be {others}"
        raise _misplaced(path, message)


def _misplaced(path: Path, message: str) -> InvalidRoster:
    return InvalidRoster([Problem(str(path), 0, "", None, "RR316", message)])


@contextmanager
def open_single(path: Path, suffix: str, wanted: str) -> Iterator[tuple[str, IO[bytes]]]:
    """Open a file, or the one file with that suffix in a zip archive; yield its name with it.

    Args:
        path: where it is.
        suffix: how the name of a file in an archive ends.
        wanted: the type of roster that it is read as.

    Raises:
        InvalidRoster: there is nothing of that type, it is too large, or the archive is damaged,
            unsafe or holds several.
    """
    check_place(path, wanted)
    if not _is_archive(path):
        if path.stat().st_size > MAX_BYTES:
            raise _unreadable(path, f"the file is larger than {MAX_BYTES // 1024**2} MiB")
        with path.open("rb") as file:
            yield path.name, file
        return
    try:
        archive = zipfile.ZipFile(path)
    except READ_ERRORS:
        raise _unreadable(path, "the zip archive is damaged") from None
    with archive:
        members = _members(path, archive.infolist())
        names = [name for name in members if name.lower().endswith(suffix)]
        # One that lies deeper counts, too: nothing says which of the two is meant.
        number = sum(
            _is_content(each)
            for each in archive.infolist()
            if each.filename.lower().endswith(suffix)
        )
        if len(names) != 1 or number != 1:
            message = f"the archive holds {number} {suffix} files, and has to hold one"
            raise InvalidRoster([Problem(str(path), 0, "", None, "RR303", message)])
        try:
            content = archive.open(members[names[0]])
        except READ_ERRORS:
            raise _unreadable(path, "the zip archive is damaged") from None
        with content:
            yield names[0], content


def _is_archive(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_ARCHIVE)) == _ARCHIVE


@contextmanager
def open_bundle(path: Path) -> Iterator[Bundle]:
    """Open a OneRoster bundle, a folder or a zip archive that may hold it in one top folder.

    Raises:
        InvalidRoster: there is nothing of that type, or the archive is damaged or unsafe.
    """
    check_place(path, ONEROSTER_CSV)
    if path.is_dir():
        yield _Folder(path)
        return
    try:
        archive = zipfile.ZipFile(path)
    except READ_ERRORS:
        raise _unreadable(path, "neither a folder nor a readable zip archive") from None
    with archive:
        yield _Archive(archive, _members(path, archive.infolist()))


def _members(path: Path, entries: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """Return the files of an archive by name, once the archive is known to be safe."""
    if len(entries) > MAX_ENTRIES:
        raise _unreadable(path, f"the archive has more than {MAX_ENTRIES} entries")
    if sum(entry.file_size for entry in entries) > MAX_BYTES:
        raise _unreadable(path, f"the archive unpacks to more than {MAX_BYTES // 1024**2} MiB")
    files = []
    for entry in entries:
        if reason := _unsafe(entry):
            raise _unreadable(path, reason)
        if _is_content(entry):
            files.append((PurePosixPath(entry.filename), entry))
    tops = {name.parts[0] if len(name.parts) > 1 else "" for name, _ in files}
    depth = 2 if len(tops) == 1 and "" not in tops else 1
    members: dict[str, zipfile.ZipInfo] = {}
    for name, entry in files:
        if len(name.parts) != depth:
            continue
        if name.name in members:
            raise _unreadable(path, f"the archive holds {name.name} twice")
        members[name.name] = entry
    return members


def _is_content(entry: zipfile.ZipInfo) -> bool:
    return not entry.is_dir() and not entry.filename.startswith("__MACOSX/")


def _unsafe(entry: zipfile.ZipInfo) -> str | None:
    """Say why an entry is not to be read, or None."""
    name = entry.orig_filename
    if name.startswith("/") or "\\" in name or ":" in name or "\0" in name:
        return "an entry's name is not a plain relative path"
    if ".." in PurePosixPath(name).parts:
        return "an entry's name leads out of the archive"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "an entry is a symbolic link"
    plain = entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    if entry.flag_bits & 0x1 or not plain:
        return "an entry is encrypted, or packed in a way that is not read here"
    if entry.file_size > _SMALL and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
        return f"an entry is packed more than {MAX_RATIO} to 1"
    return None


def _unreadable(path: Path, message: str) -> InvalidRoster:
    return InvalidRoster([Problem(str(path), 0, "", None, "RR301", message)])
