"""Diagnostics: what is wrong in a manifest, where, and what to do (design, section 3).

Every diagnostic has a stable code. The table `CODES` is the one place where codes are given out:

    RR0xx   reading a file: encoding, YAML
    RR1xx   the manifest by itself: schema, dates, duplicates
    RR2xx   the manifest against the site: references, scope
    RR3xx   rosters, whose places are files and rows of their own (`reconciler/rosters/problems.py`)
    RR4xx   rules, which look at a roster and at the site
    RR5xx   guards and policies, which judge a plan
    RR7xx   a fleet: many sites, and what each of them speaks for
    RR8xx   drift, and what became of a run, in the formats for pipelines
    RR9xx   the form of a snapshot, a folder of CSV files

The checks of a review have codes of their own, RR6xx (`reconciler/review.py`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from reconciler.plain import plain


class Severity(StrEnum):
    """How bad it is: an error ends the run with exit 1, a warning is only shown."""

    ERROR = "error"
    WARNING = "warning"


class Position(NamedTuple):
    """A place in a file; line and column count from 1, and 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return ":".join(str(part) for part in self if part)


class Code(NamedTuple):
    """A stable code: its usual severity and a title for the reference."""

    severity: Severity
    title: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: code, place, a sentence that says what is wrong, and what to do."""

    code: str
    message: str
    position: Position | None = None
    advice: str | None = None

    @property
    def severity(self) -> Severity:
        """The severity that the code carries."""
        return CODES[self.code].severity

    @property
    def is_error(self) -> bool:
        """Whether it ends the run."""
        return self.severity is Severity.ERROR

    def __str__(self) -> str:
        place = f"{self.position}: " if self.position else ""
        advice = f" {self.advice}" if self.advice else ""
        return f"{place}{self.severity.value} {self.code}: {self.message}{advice}"


def in_order(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Sort diagnostics by place, then code, so that every run lists them alike."""
    return tuple(
        sorted(found, key=lambda item: (item.position or Position(""), item.code, item.message))
    )


MOST_SHOWN: Final = 200
"""How many diagnostics a person is shown at once; the rest is counted."""


def listing(diagnostics: Sequence[Diagnostic], most: int = MOST_SHOWN) -> Iterator[str]:
    """Yield one line per diagnostic, and at the end how many more there are, if any."""
    for diagnostic in diagnostics[:most]:
        yield plain(str(diagnostic))
    hidden = len(diagnostics) - most
    if hidden > 0:
        yield f"… and {hidden:,} more, {len(diagnostics):,} in all."


_ERROR, _WARNING = Severity.ERROR, Severity.WARNING

CODES: Final[Mapping[str, Code]] = MappingProxyType(
    {
        "RR001": Code(_ERROR, "a file or directory that cannot be read"),
        "RR002": Code(_ERROR, "no manifest found"),
        "RR003": Code(_ERROR, "a file that is too large"),
        "RR004": Code(_ERROR, "an empty file"),
        "RR005": Code(_ERROR, "not UTF-8"),
        "RR006": Code(_ERROR, "UTF-16 or UTF-32"),
        "RR007": Code(_WARNING, "a byte order mark"),
        "RR008": Code(_ERROR, "a character that cannot stand in a manifest, or a binary file"),
        "RR009": Code(_ERROR, "something else than a manifest"),
        "RR010": Code(_ERROR, "not valid YAML"),
        "RR011": Code(_ERROR, "a tab"),
        "RR012": Code(_ERROR, "a duplicate key"),
        "RR013": Code(_ERROR, "several YAML documents in one file"),
        "RR014": Code(_ERROR, "a YAML tag"),
        "RR015": Code(_ERROR, "an alias that expands too far, has no end or has no anchor"),
        "RR016": Code(_ERROR, "nested too deep"),
        "RR017": Code(_ERROR, "a key that is not text"),
        "RR018": Code(_ERROR, "a YAML directive"),
        "RR101": Code(_ERROR, "an unknown key"),
        "RR102": Code(_ERROR, "a missing key"),
        "RR103": Code(_ERROR, "a value of the wrong kind"),
        "RR104": Code(_ERROR, "not one of the values allowed"),
        "RR105": Code(_ERROR, "an id or a text that needs quotes"),
        "RR106": Code(_ERROR, "a key without a value"),
        "RR107": Code(_ERROR, "a text that is empty, too long or not plain"),
        "RR108": Code(_ERROR, "a kind that belongs to the other role"),
        "RR109": Code(_ERROR, "another version of the format"),
        "RR110": Code(_ERROR, "not a day of the calendar"),
        "RR111": Code(_ERROR, "`until` before `from`"),
        "RR112": Code(_ERROR, "the same person twice"),
        "RR113": Code(_ERROR, "the same assignment twice"),
        "RR114": Code(_ERROR, "two files that contradict each other"),
        "RR115": Code(_ERROR, "a site-wide section in a manifest with a scope"),
        "RR116": Code(_ERROR, "an empty scope"),
        "RR117": Code(_ERROR, "an unknown time zone"),
        "RR118": Code(_ERROR, "no site stated"),
        "RR119": Code(_WARNING, "the same name twice in a list"),
        "RR120": Code(_ERROR, "a number or percentage out of range"),
        "RR121": Code(_ERROR, "not an address"),
        "RR122": Code(_ERROR, "the same deviation accepted twice"),
        "RR123": Code(_ERROR, "a policy file that states more than policies"),
        "RR124": Code(_WARNING, "a reason that looks like health or family"),
        "RR125": Code(_WARNING, "a level of a rule that is not stated"),
        "RR126": Code(_ERROR, "two rules that no plan can keep"),
        "RR127": Code(_WARNING, "a policy file that states no policy"),
        "RR128": Code(_ERROR, "a rule for no role, or for two"),
        "RR129": Code(_ERROR, "two rules of the same name"),
        "RR130": Code(_ERROR, "a rule without its roster"),
        "RR131": Code(_ERROR, "a roster lacks what its type needs, or has what it does not take"),
        "RR132": Code(_ERROR, "something that is moved twice"),
        "RR133": Code(_ERROR, "something that is moved to itself"),
        "RR134": Code(_ERROR, "a rule that gives a role to somebody whom it excepts"),
        "RR201": Code(_ERROR, "the manifest is for another site"),
        "RR202": Code(_ERROR, "unknown person"),
        "RR203": Code(_ERROR, "unknown unit"),
        "RR204": Code(_ERROR, "unknown profile"),
        "RR205": Code(_ERROR, "a key that several share"),
        "RR206": Code(_ERROR, "a unit of another kind"),
        "RR207": Code(_ERROR, "not a learner"),
        "RR208": Code(_ERROR, "outside the manifest's scope"),
        "RR209": Code(_ERROR, "two entries or items are the same one on the site"),
        "RR210": Code(_ERROR, "the role is not enabled on the person's profile"),
        "RR211": Code(_WARNING, "the role is not enabled on a holder's profile"),
        "RR212": Code(_WARNING, "the person's account is inactive"),
        "RR213": Code(_WARNING, "an accepted deviation that is none"),
        "RR214": Code(_WARNING, "an accepted deviation whose last day was declared"),
        "RR215": Code(_ERROR, "a moved key that a unit and a person share"),
        "RR216": Code(_WARNING, "lines under moved that match nothing"),
        "RR301": Code(_ERROR, "the bundle cannot be read safely"),
        "RR302": Code(_ERROR, "no manifest, or of a version that is not supported"),
        "RR303": Code(_ERROR, "a file that is needed is missing, or is a delta"),
        "RR304": Code(_ERROR, "not UTF-8, or an encoding that is not known"),
        "RR305": Code(_ERROR, "malformed CSV or XML"),
        "RR306": Code(_ERROR, "wrong number of columns in a row"),
        "RR307": Code(_ERROR, "a column is missing or stands there twice"),
        "RR308": Code(_ERROR, "a required value is missing"),
        "RR309": Code(_ERROR, "an id that is used twice"),
        "RR310": Code(_ERROR, "a reference to something that is not in the bundle"),
        "RR311": Code(_ERROR, "an organisation lies below itself, or below two"),
        "RR312": Code(_ERROR, "not a date, or an end before its beginning"),
        "RR313": Code(_ERROR, "a word that the format does not know"),
        "RR314": Code(_ERROR, "a file or an answer with nothing in it"),
        "RR315": Code(_WARNING, "primary teachers in classes of other types than homeroom only"),
        "RR316": Code(_ERROR, "nothing at the path, or a roster of another type"),
        "RR217": Code(_WARNING, "a day on which the site has no learners in its units"),
        "RR401": Code(_ERROR, "a rule that matches nothing"),
        "RR402": Code(_WARNING, "a rule's units that the site does not have"),
        "RR403": Code(_WARNING, "a rule's people whom the site does not have"),
        "RR404": Code(_ERROR, "a rule's key that several share"),
        "RR405": Code(_WARNING, "units in which a rule finds nobody"),
        "RR406": Code(_ERROR, "units in which a rule may not find nobody"),
        "RR407": Code(_ERROR, "units in which a rule may not find several"),
        "RR408": Code(_ERROR, "a rule's units that are of another kind on the site"),
        "RR409": Code(_ERROR, "what a rule may not lack on the site"),
        "RR410": Code(_WARNING, "rows of a roster that were left out, or read as less"),
        "RR411": Code(_WARNING, "somebody whom a rule may mean keeps the role"),
        "RR412": Code(_WARNING, "what a rule may mean, and cannot tell"),
        "RR501": Code(_ERROR, "more removals than the limit allows"),
        "RR502": Code(_ERROR, "a role would be emptied"),
        "RR503": Code(_WARNING, "something protected is not declared and stays"),
        "RR504": Code(
            _WARNING, "a pattern of --only or --except matches nothing that would change"
        ),
        "RR505": Code(_WARNING, "an override that no guard needs"),
        "RR506": Code(_WARNING, "an effect of a run is not rolled back"),
        "RR507": Code(_WARNING, "a rollback on a site that keeps no events"),
        "RR508": Code(_ERROR, "something protected would go"),
        "RR509": Code(_WARNING, "a rollback takes away something protected"),
        "RR510": Code(_ERROR, "somebody would gain sight of too many learners"),
        "RR511": Code(_ERROR, "a mentor would have too many learners"),
        "RR512": Code(_ERROR, "a mentor would have too few learners"),
        "RR513": Code(_ERROR, "a learner would have no mentor"),
        "RR514": Code(_ERROR, "a class would have no mentor"),
        "RR515": Code(_ERROR, "a school would have no headteacher"),
        "RR516": Code(_ERROR, "a mentor would mentor themselves or a child of theirs"),
        "RR517": Code(_ERROR, "a reason is missing"),
        "RR518": Code(_ERROR, "a grant would last too long"),
        "RR519": Code(_ERROR, "a role would be on a profile that is not allowed"),
        "RR520": Code(_WARNING, "learners lose their last mentor"),
        "RR521": Code(_ERROR, "a roster has shrunk too much"),
        "RR701": Code(_ERROR, "a fleet without sites, or a site without a manifest"),
        "RR702": Code(_ERROR, "two sites of a fleet that speak for the same part of a site"),
        "RR801": Code(_ERROR, "changed on the site by somebody else"),
        "RR802": Code(_ERROR, "live and not declared"),
        "RR803": Code(_ERROR, "live past its last day"),
        "RR804": Code(_ERROR, "accepted until a day that has passed"),
        "RR811": Code(_ERROR, "an action of a run that failed"),
        "RR812": Code(_ERROR, "an action of which nobody knows what became of it"),
        "RR813": Code(_ERROR, "a run that did not come to its end, or was not read back"),
        "RR901": Code(_ERROR, "a file of a form that cannot be read"),
        "RR902": Code(_ERROR, "a column of a form is missing or stands there twice"),
        "RR903": Code(_ERROR, "a value in a form that is missing or cannot be meant"),
        "RR904": Code(_ERROR, "a key in a form that refers to nothing, or to itself"),
        "RR905": Code(_ERROR, "a key in a form that is used twice"),
    }
)
