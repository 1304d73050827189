"""What came of a fleet: a table for people, a document for programs."""

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from reconciler.errors import ExitCode
from reconciler.fleet.model import Ended, FleetResult, SiteResult
from reconciler.plain import count
from reconciler.reports.documents import Document
from reconciler.reports.printing import Grid, one_line

FORMAT: Final = "reconciler.fleet/1"

_WORDS: Final[Mapping[ExitCode | None, str]] = MappingProxyType(
    {
        ExitCode.DONE: "done",
        ExitCode.PENDING: "not yet applied",
        ExitCode.CHANGES: "with changes",
        ExitCode.REFUSED: "refused",
        ExitCode.UNUSABLE: "moved",
        ExitCode.PARTIAL: "in part",
        ExitCode.FAILED: "failed",
        None: "not started",
    }
)
_SPECIAL: Final[Mapping[tuple[str, ExitCode], str]] = MappingProxyType(
    {("drift", ExitCode.CHANGES): "drifted", ("review", ExitCode.REFUSED): "with findings"}
)
_STYLES: Final[Mapping[ExitCode | None, str]] = MappingProxyType(
    {ExitCode.DONE: "green", ExitCode.FAILED: "red", ExitCode.PARTIAL: "red"}
)


def word(command: str, result: SiteResult) -> str:
    """Say in a word or two what came of a site."""
    if result.ended is Ended.SKIPPED:
        return "done before"
    if result.code is None:
        return _WORDS[None]
    return _SPECIAL.get((command, result.code)) or _WORDS.get(result.code, "failed")


def line(command: str, result: SiteResult) -> str:
    """Say in a line what came of a site."""
    return f"{result.name}: {word(command, result)}: {result.summary}"


def fleet_text(result: FleetResult) -> RenderableType:
    """Render a table of all sites by name, why some of them failed, and what they come to."""
    table = Grid(3)
    for each in result.results:
        row = each.name, word(result.command, each), each.summary
        table.add_row(one_line(row[0]), one_line(row[1], _STYLES.get(each.code, "yellow")), row[2])
    parts: list[RenderableType] = [table]
    for each in result.results:
        if each.details:
            parts += [Text(), one_line(each.name, "bold"), _details(each)]
    counts = Counter(word(result.command, each) for each in result.results)
    known = [*_WORDS.values(), *_SPECIAL.values(), "done before"]
    told = ", ".join(f"{counts[each]} {each}" for each in dict.fromkeys(known) if counts[each])
    parts += [Text(), one_line(f"{count(len(result.results), 'site')}: {told}.", "bold")]
    if result.stopped:
        parts.append(one_line(f"Stopped early: {result.stopped}", "yellow"))
    return Group(*parts)


def _details(result: SiteResult) -> RenderableType:
    table = Grid(1)
    for each in result.details:
        table.add_row(one_line(f"  {each}"))
    return table


def fleet_document(result: FleetResult) -> Document:
    """Describe what came of every site."""
    codes = Counter(each.code for each in result.results if each.code is not None)
    return {
        "format": FORMAT,
        "command": result.command,
        "exit_code": int(result.code),
        "stopped": result.stopped or None,
        "counts": {how.value: result.ended(how) for how in Ended},
        "exit_codes": {str(int(code)): codes[code] for code in sorted(codes)},
        "sites": [_site(each) for each in result.results],
    }


def _site(result: SiteResult) -> Document:
    return {
        "name": result.name,
        "site": result.site or None,
        "state": result.ended.value,
        "exit_code": None if result.code is None else int(result.code),
        "summary": result.summary,
        "details": list(result.details),
        "counts": dict(result.counts),
        "manifest": result.digest or None,
        "as_of": result.as_of or None,
        "result": None if result.document is None else dict(result.document),
    }
