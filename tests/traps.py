"""A checkout in which somebody put files that Python would run in the place of its own modules."""

from pathlib import Path

NAMES = ("venv", "pip", "logging", "secrets", "sitecustomize", "ensurepip")
_SPRUNG = "sprung-"


def lay_traps(folder: Path) -> None:
    """Write modules that leave a mark beside them when they are run."""
    for name in NAMES:
        mark = str(folder / f"{_SPRUNG}{name}")
        (folder / f"{name}.py").write_text(f"open({mark!r}, 'w').close()\n", encoding="utf-8")


def sprung(folder: Path) -> list[str]:
    """Return what was run."""
    return sorted(path.name for path in folder.glob(f"{_SPRUNG}*"))
