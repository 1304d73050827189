"""Measures everything, each figure beside its reference: `make bench`, `make bench-check`.

Each part runs in a process of its own, so that none has the memory of another. All figures go to
`build/bench.json`. With `--write` they become the table and the plot of `docs/performance.md`, and
their ratios are recorded in `targets.toml`.
"""

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from functools import partial
from importlib import import_module
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from figures import Figure, judge, line, load_targets, markdown, record, to_json
from growth import curves, svg
from sites import SIZES

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs" / "performance.md"
PLOT: Final = ROOT / "docs" / "images" / "growth.svg"
DOCUMENT: Final = ROOT / "build" / "bench.json"
BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"


class Level(IntEnum):
    """How much is measured: in under a minute, in under ten, or all of it."""

    QUICK = 0
    CHECK = 1
    FULL = 2


SECONDS: Final = {Level.QUICK: 2.0, Level.CHECK: 20.0, Level.FULL: 120.0}
"""How long the rounds of one measurement may take together, unless one alone takes longer."""


@dataclass(frozen=True, slots=True)
class Part:
    """A module of benchmarks.

    Attributes:
        module: its name; it has `figures`.
        level: from which level on it is measured.
        sized: whether it takes the folder of the generated sites, the sizes and the seconds.
    """

    module: str
    level: Level
    sized: bool = False


PARTS: Final = (
    Part("starting", Level.QUICK),
    Part("planning", Level.QUICK, sized=True),
    Part("beside_octodns", Level.CHECK, sized=True),
    Part("over_http", Level.CHECK, sized=True),
    Part("apply_bound", Level.CHECK),
    Part("access_ratio", Level.CHECK),
    Part("roster_ratio", Level.FULL),
    Part("ims_memory", Level.FULL),
    Part("sandbox_scale", Level.FULL),
)


def measured(part: Part, level: Level, sites: Path, sizes: Sequence[int]) -> list[Figure]:
    """Measure a part, in the process that calls this, and tell each figure as it comes."""
    make: Callable[[], Iterable[Figure]] = import_module(part.module).figures
    if part.sized:
        make = partial(make, sites, sizes, SECONDS[level])
    targets, found = load_targets(), []
    for each in make():
        found.append(each)
        print(*map(line, judge([each], targets)), flush=True)
    return found


def facts() -> dict[str, str]:
    """Return the machine, the versions and the day."""
    cpus = Path("/proc/cpuinfo")
    lines = cpus.read_text(encoding="utf-8").splitlines() if cpus.exists() else []
    names = [each.partition(":")[2].strip() for each in lines if each.startswith("model name")]
    processor = names[0] if names else platform.processor()
    return {
        "day": str(datetime.now(UTC).date()),
        "machine": f"{os.cpu_count()} processors ({processor}), {platform.system()}",
        "versions": ", ".join(
            [
                f"Python {platform.python_version()}",
                *(f"{each} {version(each)}" for each in ("reconciler", "PyYAML", "octoDNS")),
            ]
        ),
    }


def write(found: Sequence[Figure], told: dict[str, str]) -> None:
    """Put the figures into the page, and draw the plot."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    said = "\n".join(f"- {name}: {value}" for name, value in told.items())
    table = markdown(judge(found, load_targets()))
    PAGE.write_text(f"{before}{BEGIN}\n{said}\n\n{table}\n{END}{after}", encoding="utf-8")
    PLOT.write_text(svg(curves(found)), encoding="utf-8")


def main() -> int:
    """Measure, tell, and fail where a ratio has slipped, unless all of it is to be written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--level", choices=[each.name.lower() for each in Level], default="full")
    parser.add_argument("--part", action="append", choices=[each.module for each in PARTS])
    parser.add_argument("--sizes", type=int, nargs="+", help="assignments; by default the level's")
    parser.add_argument(
        "--write", action="store_true", help="also write docs/performance.md, and record the ratios"
    )
    asked = parser.parse_args()
    level = Level[asked.level.upper()]
    sizes = asked.sizes or SIZES[: level + 1]
    chosen = [
        each for each in PARTS if (each.module in asked.part if asked.part else each.level <= level)
    ]
    found: list[Figure] = []
    began = time.monotonic()
    context = get_context("spawn")
    with TemporaryDirectory() as folder:
        for part in chosen:
            with ProcessPoolExecutor(1, context) as pool:
                found += pool.submit(measured, part, level, Path(folder), sizes).result()
    told = facts()
    judged = judge(found, load_targets())
    DOCUMENT.parent.mkdir(exist_ok=True)
    DOCUMENT.write_text(to_json(judged, told), encoding="utf-8")
    if asked.write:
        record(found)
        write(found, told)
    slipped = [each.figure.name for each in judged if each.slipped]
    missed = [each.figure.name for each in judged if each.met is False and not each.slipped]
    print(f"{len(found)} figures in {time.monotonic() - began:.0f} s, in {DOCUMENT.name}")
    for what, names in (("not met yet", missed), ("SLIPPED", slipped)):
        print(f"{what}: {', '.join(names) or 'nothing'}")
    return 1 if slipped and not asked.write else 0


if __name__ == "__main__":
    sys.exit(main())
