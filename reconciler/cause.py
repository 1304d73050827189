"""Why an action is planned, and what a manifest says of an assignment beyond its target."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from reconciler.diagnostics import Position
from reconciler.domain.days import ALWAYS, Days

SHORT_ID = 8
"""So many characters of a run's id are shown, and usually enough to name it."""


class CauseKind(StrEnum):
    """Why something is, or is not, desired."""

    DECLARED = "declared"
    DERIVED = "derived"
    STEPS_IN = "steps_in"
    UNDECLARED = "undeclared"
    NOT_IN_ENTRY = "not_in_entry"
    EXPIRED = "expired"
    NOT_STARTED = "not_started"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why an action is planned.

    Attributes:
        position: the place in the manifest, or the row of the roster.
        rule: the rule that derives it, or derived its holder; of what is in no entry, one of those
            that could have given it.
        day: the one that decides, where one does.
        days: when an assignment was declared to hold, where its item says so.
        run: the id of the run that is rolled back.
        accepted_until: the last day on which it was accepted; that is over.
    """

    kind: CauseKind
    position: Position | None = None
    day: date | None = None
    run: str | None = None
    rule: str | None = None
    days: Days = ALWAYS
    accepted_until: date | None = None

    def __str__(self) -> str:
        until = f"; accepted until {self.accepted_until}" if self.accepted_until else ""
        return f"{self._text()}{until}"

    def _text(self) -> str:
        place = f" at {self.position}" if self.position else ""
        match self.kind:
            case CauseKind.DECLARED:
                text = f"declared{place}"
            case CauseKind.DERIVED:
                text = f"rule {self.rule}{_row(self.position)}"
            case CauseKind.STEPS_IN:
                text = f"steps in where the rule {self.rule} finds nobody,{place}"
            case CauseKind.UNDECLARED:
                text = "not declared"
            case CauseKind.NOT_IN_ENTRY:
                text = "given by no rule" if self.rule else f"not in the entry{place}"
                if self.rule and self.position:
                    text = f"{text}, and not in the entry{place}"
            case CauseKind.EXPIRED:
                text = f"expired {self.day}"
            case CauseKind.NOT_STARTED:
                text = f"starts on {self.day}"
            case _:
                text = f"rolls back run {self.run[:SHORT_ID]}" if self.run else "taken back"
        return text


def _row(position: Position | None) -> str:
    return f", {position.file} row {position.line}" if position else ""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a manifest says of an assignment beyond its target; both days are included."""

    begins: date | None = None
    ends: date | None = None
    reason: str | None = None

    @property
    def days(self) -> Days:
        """The days on which it holds."""
        return Days(self.begins, self.ends)
