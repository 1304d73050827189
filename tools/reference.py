"""Writes the tables of the documentation that are made from the code, between their marks.

`make reference` calls this, and tests compare what stands in the pages with what `written` returns.
In a page `<!-- made from NAME -->` begins such a table, and `<!-- until here -->` ends it; `TABLES`
has the names.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from reconciler.codes import CODES
from reconciler.errors import MEANINGS, WORST_FIRST, ExitCode
from reconciler.manifest.policies import LEVELLED, PolicyKey
from reconciler.manifest.shape import SCHEMA_NAME
from reconciler.policy.guards import GUARDS
from reconciler.resources import shipped

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = (
    ROOT / "README.md",
    ROOT / "docs" / "diagnostics.md",
    ROOT / "docs" / "exit-codes.md",
    ROOT / "docs" / "manifest.md",
)

_MADE: Final = re.compile(
    r"(<!-- made from ([^>]+) -->\n\n).*?(\n\n<!-- until here -->)", re.DOTALL
)


def _table(heading: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    names = tuple(heading)
    for cells in (names, ["-" * len(name) for name in names], *rows):
        yield "| " + " | ".join(cells) + " |"


def _exit_codes() -> Iterator[str]:
    return _table(("exit", "meaning"), ((str(int(code)), MEANINGS[code]) for code in ExitCode))


def _order_of_exit_codes() -> Iterator[str]:
    numbers = ", ".join(str(int(code)) for code in WORST_FIRST)
    yield f"Where several hold, the first of these wins: {numbers}."


def _codes(beginning: str) -> Iterator[str]:
    return _table(
        ("code", "severity", "what", "cause", "remedy"),
        (code for code in CODES.values() if code.name.startswith(beginning)),
    )


def _codes_of(beginning: str) -> Callable[[], Iterator[str]]:
    return lambda: _codes(beginning)


def _policies() -> Iterator[str]:
    """Tell each policy by what the schema says of its key, and the code of its guard."""
    schema = json.loads(shipped("schemas", SCHEMA_NAME).read_text("utf-8"))
    keys = schema["$defs"]["policy"]["properties"]
    codes = {guard.rule: guard.code for guard in GUARDS.values()}
    rows = [
        (
            f"`{rule}`",
            codes[rule],
            keys[rule]["description"],
            keys[rule].get("default", ""),
            "yes" if rule in LEVELLED else "no",
        )
        for rule in PolicyKey
    ]
    always = CODES[codes[None]]
    rows.append(("", always.name, f"Always in force: {always.title}.", "", "no"))
    return _table(("rule", "code", "what it demands", "by default", "can be advisory"), rows)


_FAMILIES: Final = ("RR0", "RR1", "RR2", "RR3", "RR4", "RR5", "RR6", "RR7", "RR80", "RR81", "RR9")

TABLES: Final[Mapping[str, Callable[[], Iterator[str]]]] = MappingProxyType(
    {
        "ExitCode": _exit_codes,
        "WORST_FIRST": _order_of_exit_codes,
        "PolicyKey, GUARDS": _policies,
        **{f"CODES, {family}": _codes_of(family) for family in _FAMILIES},
    }
)
"""What a mark names, and the lines that belong after it."""


def written(text: str) -> str:
    """Return a page with its tables as the code has them.

    Raises:
        KeyError: a mark names none of `TABLES`.
    """
    return _MADE.sub(lambda mark: mark[1] + "\n".join(TABLES[mark[2]]()) + mark[3], text)


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(written(page.read_text("utf-8")), "utf-8")
