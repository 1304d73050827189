"""Helpers for the tests of the manifest package."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from reconciler.diagnostics import Diagnostic
from reconciler.errors import InvalidInput
from reconciler.manifest.load import load_manifest
from reconciler.manifest.model import Manifest

Files = Mapping[str, str | bytes]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Files], list[Path]]:
    """Write files into an empty current directory and return their relative paths."""
    monkeypatch.chdir(tmp_path)

    def do(files: Files) -> list[Path]:
        for name, content in files.items():
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            raw = content.encode() if isinstance(content, str) else content
            path.write_bytes(raw)
        return [Path(name) for name in files]

    return do


@pytest.fixture
def load(write: Callable[[Files], list[Path]]) -> Callable[[Files], Manifest]:
    """Load files given by name and content."""
    return lambda files: load_manifest(write(files))


@pytest.fixture
def mistakes(load: Callable[[Files], Manifest]) -> Callable[[Files], tuple[Diagnostic, ...]]:
    """Load files that have mistakes and return all diagnostics."""

    def do(files: Files) -> tuple[Diagnostic, ...]:
        with pytest.raises(InvalidInput) as caught:
            load(files)
        return caught.value.diagnostics

    return do
