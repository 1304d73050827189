"""Findings as annotations of GitHub Actions: workflow commands, one in a line.

GitHub shows ten errors and ten warnings of a step, and passes over further ones without a word. So
those are lines of the log here, and the last line counts them.

The runner also obeys an older form of commands, `##[…]` anywhere in a line: no text from elsewhere
keeps it here. Text for people does, where keys and titles are shown as they are.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from reconciler.codes import Severity
from reconciler.plain import count
from reconciler.reports.findings import Reported

SHOWN: Final = 10
"""So many annotations of a severity GitHub takes from one step."""


def render(found: Iterable[Reported]) -> Iterator[str]:
    """Render findings as commands, as many as are shown, and the others as lines of the log."""
    counts: Counter[Severity] = Counter()
    left = []
    for each in found:
        counts[each.severity] += 1
        if counts[each.severity] > SHOWN:
            left.append(each)
        else:
            yield _command(each)
    for each in left:
        yield _obeyed_by_nobody(
            f"{each.severity.value} {each.code} in {each.position}: {each.text}\n"
        )
    if left:
        yield (
            f"{count(len(left), 'more finding')} without an annotation: of each severity GitHub "
            f"shows {SHOWN} in a step.\n"
        )


def _command(found: Reported) -> str:
    place = found.position
    named = {
        "file": place.file,
        "line": str(place.line) if place.line else None,
        "col": str(place.column) if place.column else None,
        "title": f"{found.code}: {found.title}",
    }
    said = ",".join(f"{name}={_property(value)}" for name, value in named.items() if value)
    return _obeyed_by_nobody(f"::{found.severity.value} {said}::{_data(found.text)}\n")


def _obeyed_by_nobody(line: str) -> str:
    return line.replace("##[", "##\\[")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
