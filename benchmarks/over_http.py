"""The same plan over HTTP: the client's own processor time, and what is asked the second time."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from figures import Figure, tell
from measure import in_turn, once
from planning import YAML, beside_yaml
from served import Counted, counting, sandbox
from sites import BARE_YAML, SIZES, plan, site

SEEDING = 900
PAGE = 1000
MOST_REQUESTS, MOST_BODIES = 10, 10_000


def figures(folder: Path, sizes: Sequence[int], seconds: float) -> Iterator[Figure]:
    """Measure each size on a sandbox of its own."""
    for size in sizes:
        where = site(folder, size)
        with sandbox(folder, where / "state.json", seconds=SEEDING) as ready:
            # Without a cache, or only the first round would read the site.
            direct = {**variables(ready, where, ready["url"]), "RECONCILER_NO_CACHE": "1"}
            commands = {"plan": plan(), YAML: BARE_YAML}
            used = in_turn(commands, seconds, cwd=where, variables=direct)
            yield from beside_yaml(f"plan over HTTP, {size:,}", used, "plan over HTTP", size)
            counted = Counted()
            with counting(ready["url"], counted) as url:
                counted_too = variables(ready, where, url)
                once(plan(), cwd=where, variables=counted_too)
                yield from whole_read(counted, where / "state.json", size)
                counted.reset()
                once(plan(), cwd=where, variables=counted_too)
            copied = variables(ready, where, ready["url"])
            once(plan(), cwd=where, variables=copied)  # another address has another copy
            used = in_turn(commands, seconds, cwd=where, variables=copied)
        name = f"unchanged over HTTP, {size:,}"
        yield from beside_yaml(name, used)
        yield Figure(f"{name}, requests", counted.requests, MOST_REQUESTS, "bound", "requests")
        yield Figure(f"{name}, bodies", counted.bytes / 1e3, MOST_BODIES / 1e3, "bound", "kB")


def whole_read(counted: Counted, saved: Path, size: int) -> Iterator[Figure]:
    """Tell what was asked of a site that no copy was kept of."""
    state = json.loads(saved.read_bytes())
    items = sum(len(each) for each in state.values() if isinstance(each, list))
    name = f"whole read over HTTP, {size:,}"
    yield Figure(f"{name}, requests", counted.requests, items / PAGE, "full pages", "requests")
    length = saved.stat().st_size
    yield Figure(f"{name}, bodies", counted.bytes / 1e6, length / 1e6, "saved state", "MB")


def variables(ready: dict[str, str], home: Path, url: str) -> dict[str, str]:
    """Return what names the site, and a home of its own for what a client may keep."""
    return {
        "HOME": str(home),
        "RECONCILER_CACHE_DIR": str(home / "cache"),
        "RECONCILER_URL": url,
        "RECONCILER_TOKEN_URL": ready["token_url"].replace(ready["url"], url),
        "RECONCILER_CLIENT_ID": ready["client_id"],
        "RECONCILER_CLIENT_SECRET": ready["client_secret"],
    }


if __name__ == "__main__":
    with TemporaryDirectory() as name:
        sys.exit(tell(figures(Path(name), SIZES, 60)))
