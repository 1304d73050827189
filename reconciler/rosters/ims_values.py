"""Reads the values of IMS Enterprise elements, and notes each that is not what it has to be."""

import re
from datetime import date
from functools import partial
from sys import intern
from typing import Final, NamedTuple

from reconciler.rosters.days import DayReader, check_order, day_after, overlap
from reconciler.rosters.ims_xml import Element
from reconciler.rosters.problems import Problem

_ZONE: Final = re.compile(r"(?<=\d)(?:Z|[+-]\d{2}:\d{2})$", re.ASCII)
"""What XML Schema lets follow a day; a time zone says nothing of a day at a school."""

_NATIONAL: Final = re.compile(r"\d{11}", re.ASCII)
_PARTING: Final = re.compile(r"[\s.-]+")
"""What may be a Norwegian national identity number, which some systems take for an id."""

_NOT_CURRENT: Final = frozenset({"old", "duplicate"})

DELETED: Final = "3"
_RECORD_STATES: Final = frozenset({"", "1", "2", DELETED})


class Ref(NamedTuple):
    """An id, and the source that gave it."""

    source: str
    id: str


class Period(NamedTuple):
    """From `begin` (inclusive) to `end` (exclusive); None is unbounded."""

    begin: date | None = None
    end: date | None = None

    def within(self, other: "Period") -> "Period | None":
        """Return the days that are also in another period; None where there are none."""
        begin, end = overlap(self, other)
        return None if begin and end and begin >= end else Period(begin, end)


ALWAYS: Final = Period()


def shown(sourced_id: str) -> str | None:
    """Return an id as a message may show it: not one in which a national number may stand."""
    return None if _NATIONAL.search(_PARTING.sub("", sourced_id)) else sourced_id


class Values:
    """Reads values out of the elements of one file.

    Args:
        file: its name, for messages.

    Attributes:
        problems: everything found wrong, in the order of reading.
    """

    def __init__(self, file: str) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._days = DayReader()
        # Ids and periods come back many times over; one of each is kept.
        self._refs: dict[Ref, Ref] = {}
        self._periods: dict[Period, Period] = {}

    def problem(
        self, line: int, column: str, code: str, message: str, value: str | None = None
    ) -> None:
        """Note a problem; `value` is given for ids only."""
        told = None if value is None else shown(value)
        self.problems.append(Problem(self._file, line, column, told, code, message))

    def is_deleted(self, element: Element, path: str) -> bool:
        """Say whether a record is one of something that is no more."""
        state = element.attributes.get("recstatus", "").strip()
        if state not in _RECORD_STATES:
            message = "a recstatus is 1, 2 or 3"
            self.problem(element.line, f"{path}/@recstatus", "RR313", message)
        return state == DELETED

    def ref(self, element: Element, path: str) -> Ref | None:
        """Read the id in an element that has one."""
        found = element.find("sourcedid")
        if found is None:
            self._missing(element.line, f"{path}/sourcedid")
            return None
        return self._ref(found, f"{path}/sourcedid")

    def own_refs(self, element: Element, path: str) -> tuple[list[Ref], list[Ref]]:
        """Read the ids of a record: those that it has now, and those that it had before."""
        now: list[Ref] = []
        before: list[Ref] = []
        path = f"{path}/sourcedid"
        for each in element.all("sourcedid"):
            kind = each.attributes.get("sourcedidtype", "").strip().lower()
            if kind not in _NOT_CURRENT | {"", "new"}:
                message = "a sourcedidtype is New, Old or Duplicate"
                self.problem(each.line, f"{path}/@sourcedidtype", "RR313", message)
            if ref := self._ref(each, path):
                (before if kind in _NOT_CURRENT else now).append(ref)
        if not element.find("sourcedid"):
            self._missing(element.line, path)
        return now, before

    def _ref(self, element: Element, path: str) -> Ref | None:
        source, sourced_id = element.value("source"), element.value("id")
        for name, value in (("source", source), ("id", sourced_id)):
            if not value:
                self._missing(element.line, f"{path}/{name}")
        if not source or not sourced_id:
            return None
        ref = Ref(source, sourced_id)
        return self._refs.get(ref) or self._refs.setdefault(
            ref, Ref(intern(source), intern(sourced_id))
        )

    def needed(self, element: Element, path: str, *names: str) -> str:
        """Return the text of what the names lead to, which must not be empty."""
        value = element.value(*names)
        if not value:
            self._missing(element.line, "/".join((path, *names)))
        return value

    def needed_element(self, element: Element, path: str, name: str) -> None:
        """Note where an element that must be there is not."""
        if element.find(name) is None:
            self._missing(element.line, f"{path}/{name}")

    def flag(self, element: Element | None, path: str) -> bool:
        """Read 0 or 1; what is not there is 0."""
        if element is None or element.text in ("0", "1"):
            return element is not None and element.text == "1"
        self.problem(element.line, path, "RR313", "the value is neither 0 nor 1")
        return False

    def period(self, element: Element, path: str) -> Period:
        """Read the timeframe in an element: its last day is included in the file.

        `restrict` says whether learners are kept out on other days. The days bind in any case: more
        days would give sight of a learner that nobody has confirmed.
        """
        frame = element.find("timeframe")
        if frame is None:
            return ALWAYS
        path = f"{path}/timeframe"
        begin, last = (self._day(frame, path, name) for name in ("begin", "end"))
        check_order(begin, last, partial(self.problem, frame.line, f"{path}/end"))
        period = Period(begin, day_after(last))
        return self._periods.setdefault(period, period)

    def _day(self, frame: Element, path: str, name: str) -> date | None:
        element = frame.find(name)
        if element is None:
            return None
        path = f"{path}/{name}"
        if element.attributes.get("restrict", "0").strip() not in ("0", "1"):
            self.problem(element.line, f"{path}/@restrict", "RR313", "the value is neither 0 nor 1")
        return self._days.read(
            _ZONE.sub("", element.text), partial(self.problem, element.line, path)
        )

    def _missing(self, line: int, path: str) -> None:
        self.problem(line, path, "RR308", "a value is missing")
