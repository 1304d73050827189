"""A plan where nothing changes beside octoDNS on as many records: YAML to YAML, nothing to change.

octoDNS is the nearest relative that is widely used: it compares what is declared with what is
live, shows a plan, and applies it. It is called as its users call it, with its YAML provider on
both sides.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from figures import Figure, tell
from measure import PYTHON, in_turn
from planning import SAVED_SERIES
from sites import SAVED, SIZES, plan, site

OCTODNS = "octoDNS"
SYNC = (Path(PYTHON).with_name("octodns-sync"), "--config-file", "octodns/config.yaml")
CONFIG = """
providers:
  source: {class: octodns.provider.yaml.YamlProvider, directory: octodns/source}
  target: {class: octodns.provider.yaml.YamlProvider, directory: octodns/target}
zones:
  bench.example.: {sources: [source], targets: [target]}
"""


def zone(size: int) -> Iterator[str]:
    """Yield a zone of so many records, in the order that octoDNS wants."""
    yield "---\n"
    for number in range(size):
        high, middle, low = number >> 16, number >> 8 & 255, number & 255
        yield f"s-{number:07}:\n  type: A\n  value: 10.{high}.{middle}.{low}\n"


def figures(folder: Path, sizes: Sequence[int], seconds: float) -> Iterator[Figure]:
    """Measure both in turn; octoDNS is not asked for a million, which would take it too long."""
    for size in sizes:
        if size > SIZES[1]:
            continue
        where = site(folder, size)
        for side in ("source", "target"):
            path = where / "octodns" / side / "bench.example.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w", encoding="utf-8") as file:
                file.writelines(zone(size))
        (where / "octodns" / "config.yaml").write_text(CONFIG, encoding="utf-8")
        used = in_turn({"plan": plan(*SAVED), OCTODNS: SYNC}, seconds, cwd=where)
        ours, theirs = used["plan"], used[OCTODNS]
        name = f"plan beside octoDNS, {size:,}"
        yield Figure(name, ours.processor, theirs.processor, OCTODNS, "s", SAVED_SERIES, size)
        yield Figure(f"{name}, memory", ours.peak / 1e6, theirs.peak / 1e6, OCTODNS, "MB")


if __name__ == "__main__":
    with TemporaryDirectory() as name:
        sys.exit(tell(figures(Path(name), SIZES, 60)))
