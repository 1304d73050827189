"""How much memory a large IMS Enterprise file takes to be read.

250,000 people and 1,750,000 memberships in one XML file: under 1.5 GB (the project's target). The
reading runs in a process of its own.
"""

import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from figures import Figure, tell
from measure import PYTHON, once

from reconciler.rosters.ims_enterprise import read_enterprise

PEOPLE, CLASSES, SCHOOLS, PER_CLASS = 250_000, 10_000, 200, 125
MOST_MB = 1_500.0


def sourced(sourced_id: str) -> str:
    """Return an id with its source."""
    return f"<sourcedid><source>sas@nordberg.example</source><id>{sourced_id}</id></sourcedid>"


def lines() -> Iterator[str]:
    """Yield the file, a record a line."""
    yield "<enterprise><properties><type>full</type></properties>"
    for n in range(PEOPLE):
        yield (
            f'<person>{sourced(f"p{n}")}<userid useridtype="username">user{n}</userid>'
            f"<name><fn>Given Family</fn><n><family>Family{n}</family><given>Given{n}</given></n>"
            f"</name><demographics><bday>2012-01-01</bday></demographics>"
            f"<email>user{n}@nordberg.example</email><adr><street>Gata 1</street></adr></person>"
        )
    yield group("o", "pifu-ims-go-org", "skoleeier", "o")
    for n in range(SCHOOLS):
        yield group(f"s{n}", "pifu-ims-go-org", "skole", "o")
    for n in range(CLASSES):
        yield group(f"c{n}", "pifu-ims-go-grp", "basisgruppe", f"s{n % SCHOOLS}")
    yield membership("o", range(PEOPLE))
    for n in range(SCHOOLS):
        yield membership(f"s{n}", range(n, PEOPLE, SCHOOLS))
    for n in range(CLASSES):
        yield membership(f"c{n}", ((n * 25 + k * 7) % PEOPLE for k in range(PER_CLASS)))
    yield "</enterprise>"


def group(sourced_id: str, scheme: str, word: str, parent: str) -> str:
    """Return a group below another."""
    return (
        f"<group>{sourced(sourced_id)}<grouptype><scheme>{scheme}</scheme><typevalue>{word}"
        f"</typevalue></grouptype><description><short>{sourced_id}</short></description>"
        f'<relationship relation="1">{sourced(parent)}</relationship></group>'
    )


def membership(sourced_id: str, people: Iterable[int]) -> str:
    """Return who is in a group: one teacher for every ten."""
    members = (
        f'<member>{sourced(f"p{n}")}<idtype>1</idtype><role roletype="{"01" if n % 10 else "02"}">'
        "<status>1</status><timeframe><begin>2026-08-01</begin><end>2027-07-31</end></timeframe>"
        "</role></member>"
        for n in people
    )
    return f"<membership>{sourced(sourced_id)}{''.join(members)}</membership>"


def figures() -> Iterator[Figure]:
    """Measure the reading."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pifu.xml"
        with path.open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines())
        peak = once((PYTHON, __file__, path)).peak
    yield Figure("roster, IMS Enterprise, memory", peak / 1e6, MOST_MB, "bound", "MB")


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit(tell(figures()))
    read_enterprise(Path(sys.argv[1]))
