"""A roster as text for people and for programs: what is wrong with it, or what is in it.

Nobody is named: a roster is full of learners.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from reconciler.codes import CODES, Severity
from reconciler.diagnostics import Diagnostic, Position
from reconciler.domain.roster import Roster, RosterRemark
from reconciler.plain import count
from reconciler.reports.documents import Document, to_texts
from reconciler.reports.printing import Grid, one_line
from reconciler.rosters.problems import Problem
from reconciler.rosters.warnings import LOOK

CHECK_FORMAT: Final = "reconciler.roster-check/1"
SUMMARY_FORMAT: Final = "reconciler.roster/1"


@dataclass(frozen=True, slots=True)
class Summary:
    """How much of what there is in a roster.

    Attributes:
        source: where it was read from.
        counts: per heading how many there are of each kind, the most frequent first.
        first: the first day on which a membership begins, where one says so.
        last: the day before which the last one ends, where one says so.
    """

    source: str
    counts: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
    first: date | None
    last: date | None


def summarise(roster: Roster) -> Summary:
    """Count what there is in a roster."""
    counted: tuple[tuple[str, Iterable[str]], ...] = (
        ("people", (each.role for each in roster.people)),
        ("units", (each.kind for each in roster.units)),
        ("class types", (each.class_type for each in roster.units if each.class_type)),
        ("memberships", (each.role for each in roster.memberships)),
        ("duties", (each.role for each in roster.affiliations)),
        ("relations", (each.kind for each in roster.relations)),
    )
    days = (*roster.memberships, *roster.affiliations)
    return Summary(
        source=roster.source,
        counts=tuple((heading, _ranked(kinds)) for heading, kinds in counted),
        first=min((each.begin for each in days if each.begin), default=None),
        last=max((each.end for each in days if each.end), default=None),
    )


def _ranked(kinds: Iterable[str]) -> tuple[tuple[str, int], ...]:
    counts = Counter(map(str, kinds))
    return tuple(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


def summary_document(summary: Summary) -> Document:
    """Describe what is in a roster."""
    return {
        "format": SUMMARY_FORMAT,
        "source": summary.source,
        "counts": {heading.replace(" ", "_"): dict(kinds) for heading, kinds in summary.counts},
        "first": summary.first.isoformat() if summary.first else None,
        "last": summary.last.isoformat() if summary.last else None,
    }


def summary_text(summary: Summary) -> RenderableType:
    """Render what is in a roster."""
    table = Grid(2)
    for heading, kinds in summary.counts:
        told = ", ".join(f"{number:,} {kind}" for kind, number in kinds) or "none"
        table.add_row(one_line(f"  {heading}"), one_line(told))
    if summary.first or summary.last:
        days = f"{summary.first or 'open'} to {summary.last or 'open'}, the end not included"
        table.add_row(one_line("  dates"), one_line(days))
    return Group(one_line(f"Roster {summary.source}", "bold"), table)


@dataclass(frozen=True, slots=True)
class Check:
    """What a check of a roster found.

    Attributes:
        source: what the roster is called on the command line.
        problems: what is wrong with it, or worth knowing.
        remarks: which rows of it were left out, or read as less than they say.
        home: the file or folder that it is; None where it comes from a service.
        places: per name of a file in it where that file is, as far as a line of it can be shown.
    """

    source: str
    problems: Sequence[Problem]
    remarks: Sequence[RosterRemark] = ()
    home: str | None = None
    places: Mapping[str, str] = field(default_factory=dict)


def check_json(check: Check) -> Iterator[str]:
    """Render a check as its document."""
    return to_texts(check_document(check))


def check_diagnostics(check: Check) -> list[Diagnostic]:
    """Turn what a check found into diagnostics, each at its file and row where they can be shown.

    What lies in an archive is told at the archive, and in words says where in it.
    """
    return [*_problems(check), *_remarks(check)]


def _problems(check: Check) -> Iterator[Diagnostic]:
    for each in check.problems:
        shown = each.file in check.places
        message = each.told if shown else f"{each.place}: {each.told}"
        yield Diagnostic(each.code, f"{message}.", _position(check, each))


def _remarks(check: Check) -> Iterator[Diagnostic]:
    for each in check.remarks:
        yield Diagnostic("RR410", f"{each}.", _position(check, each), LOOK)


def _position(check: Check, found: Problem | RosterRemark) -> Position | None:
    if found.file in check.places:
        return Position(check.places[found.file], found.row)
    return Position(check.home) if check.home else None


def check_document(check: Check) -> Document:
    """Describe everything that is wrong with a roster."""
    problems = check.problems
    return {
        "format": CHECK_FORMAT,
        "source": check.source,
        "valid": _is_sound(problems),
        "counts": dict(sorted(Counter(each.code for each in problems).items())),
        "problems": [
            {
                "code": each.code,
                "severity": each.severity.value,
                "file": each.file,
                "row": each.row or None,
                "column": each.column or None,
                "value": each.value,
                "message": each.message,
            }
            for each in problems
        ],
        "remarks": [
            {"file": each.file, "row": each.row, "rows": each.rows, "message": str(each)}
            for each in check.remarks
        ],
    }


def _is_sound(problems: Iterable[Problem]) -> bool:
    return all(each.severity is not Severity.ERROR for each in problems)


def check_text(
    source: str, problems: Sequence[Problem], told: Iterable[str] = ()
) -> RenderableType:
    """Render everything that is wrong with a roster: counts per code, then each of it.

    Of a sound one, what there is to be told.
    """
    if _is_sound(problems):
        return Group(one_line(f"{source} is sound."), *(one_line(f"  {each}") for each in told))
    table = Grid(2)
    for code, number in sorted(Counter(each.code for each in problems).items()):
        table.add_row(one_line(f"  {number:,} {code}"), one_line(CODES[code].title))
    return Group(
        one_line(f"{source} has {count(len(problems), 'problem')}:", "bold red"),
        table,
        Text(),
        *(one_line(f"{each}") for each in problems),
    )
