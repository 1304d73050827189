"""Finds the files that ship with the package: published schemas and the example manifest.

They live at the top of the repository, where people and editors look for them, and inside the
package in a wheel.
"""

from pathlib import Path


def shipped(folder: str, name: str) -> Path:
    """Return the path of a shipped file, in a wheel as in a checkout.

    Args:
        folder: `schemas` or `examples`.
        name: the file's name, `manifest-v1.schema.json` say.

    Raises:
        FileNotFoundError: the installation is incomplete.
    """
    package = Path(__file__).parent
    for base in (package, package.parent):
        path = base / folder / name
        if path.is_file():
            return path
    raise FileNotFoundError(f"{folder}/{name} is missing from this installation of reconciler")
