"""How long a plan from a saved state takes, and how much memory, beside loading the YAML alone.

Sites of 10,000 to 1,000,000 assignments: where nothing changes, where ten mentors lose
a learner, and where every mentor does and the plan is saved. From the first, the growth.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from figures import Figure, tell
from generated import Size
from growth import exponent
from measure import Used, in_turn
from sites import BARE_JSON, BARE_YAML, NEXT_TO_NOTHING, SAVED, SIZES, plan, site

YAML, JSON = "yaml.load (CSafeLoader)", "json.loads"
SAVED_SERIES = "plan, saved state"
APPLIED, REFUSED = 0, 4
FEW = 10


def figures(folder: Path, sizes: Sequence[int], seconds: float) -> Iterator[Figure]:
    """Measure each size, for so many seconds each or once."""
    times = {}
    for size in sizes:
        commands = {"plan": plan(*SAVED), YAML: BARE_YAML, JSON: BARE_JSON}
        used = in_turn(commands, seconds, cwd=site(folder, size))
        times[size] = used["plan"].processor
        yield from beside_yaml(f"plan, {size:,}", used, SAVED_SERIES, size)
        bare = used[JSON].processor
        yield Figure(f"plan, {size:,}, beside its JSON", used["plan"].processor, bare, JSON, "s")
        for change, skipped in (("few", FEW), ("many", Size(size).mentors)):
            saving = ("--out", "plan.json") if change == "many" else ()
            commands = {"plan": plan(*SAVED, *saving), YAML: BARE_YAML}
            folder_of_it = site(folder, size, skipped)
            used = in_turn(commands, seconds, cwd=folder_of_it, codes=(APPLIED, REFUSED))
            yield from beside_yaml(f"plan, {size:,}, {change} changes", used)
    if len(sizes) > 1:
        yield growth(times)
    if len(sizes) > 2:  # below, what a plan takes is mostly its start-up
        small = in_turn({"plan": plan(*SAVED)}, seconds, cwd=site(folder, NEXT_TO_NOTHING))
        started = small["plan"].processor
        largest = {size: times[size] - started for size in sorted(times)[-2:]}
        yield growth(largest, ", without start-up")


def growth(times: Mapping[int, float], what: str = "") -> Figure:
    """Return how fast the time grows from the least to the largest size."""
    name = f"growth of plan, {min(times):,} to {max(times):,}{what}"
    return Figure(name, exponent(times), 1, "linear growth", "exponent")


def beside_yaml(
    name: str, used: dict[str, Used], series: str = "", size: int = 0
) -> Iterator[Figure]:
    """Yield time and memory of `plan` beside those of the bare load."""
    ours, bare = used["plan"], used[YAML]
    yield Figure(name, ours.processor, bare.processor, YAML, "s", series, size)
    yield Figure(f"{name}, memory", ours.peak / 1e6, bare.peak / 1e6, YAML, "MB")


if __name__ == "__main__":
    with TemporaryDirectory() as name:
        sys.exit(tell(figures(Path(name), SIZES, 60)))
