"""The errors of the reconciler, and the exit codes they carry (design, section 4).

    ReconcilerError                 1
    ├── InvalidInput                1   the manifest (or another file) has mistakes: diagnostics
    ├── ConfigurationError          1   no usable connection settings or credentials
    ├── SiteError                   1   the site, or a school system, cannot be read or refused
    │   ├── Unreachable                 no answer
    │   │   └── Undelivered             and what was asked cannot have had an effect
    │   ├── ContractViolation           an answer that is not what was agreed
    │   └── RequestRefused              a problem detail (RFC 9457) from the server
    ├── JournalError                1   the record of a run cannot be read or written
    │   ├── LeaseHeld                   another run is writing to the site
    │   └── LeaseLost                   another run may be: this one may not go on
    ├── Interrupted                 6   stopped at once, in the middle of an apply
    ├── WriteForbidden              1   a reading command tried to write: a defect of ours, stopped
    ├── GuardRefused                4   a guard or policy keeps the plan from being applied
    ├── PlanUnusable                5   stale, used, edited, or for another site
    └── WrongUse                   64   the command line cannot be understood

The command line turns each into one message; a traceback in front of a user is a defect.
"""

from collections.abc import Iterable, Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Final, Self

from reconciler import __version__
from reconciler.plain import count

if TYPE_CHECKING:
    from reconciler.diagnostics import Diagnostic


_PLACES = 4


class ExitCode(IntEnum):
    """What a command's exit status means (design, section 4)."""

    DONE = 0
    FAILED = 1
    CHANGES = 2
    PENDING = 3
    REFUSED = 4
    UNUSABLE = 5
    PARTIAL = 6
    WRONG_USE = 64


MEANINGS: Final[Mapping[ExitCode, str]] = MappingProxyType(
    {
        ExitCode.DONE: "done, or nothing to change",
        ExitCode.FAILED: "failed: invalid input, site unreachable, request refused, read "
        "incomplete, another apply at work",
        ExitCode.CHANGES: "there are changes (`plan --detailed-exitcode`, `fmt --check`), or the "
        "site drifted (`drift`)",
        ExitCode.PENDING: "`drift`: nothing drifted, but the manifest or roster has changes that "
        "are not applied yet",
        ExitCode.REFUSED: "refused by a guard or policy, the plan is printed all the same; or "
        "`review` found what it was to fail on",
        ExitCode.UNUSABLE: "the saved plan is stale, used, edited, or for another site or day",
        ExitCode.PARTIAL: "applied in part, or interrupted; the same `apply` again finishes it",
        ExitCode.WRONG_USE: "the command line is wrong",
    }
)
"""Each exit code in words, for people."""

WORST_FIRST: Final = (
    ExitCode.WRONG_USE,
    ExitCode.FAILED,
    ExitCode.PARTIAL,
    ExitCode.UNUSABLE,
    ExitCode.REFUSED,
    ExitCode.CHANGES,
    ExitCode.PENDING,
    ExitCode.DONE,
)
"""The order in which one exit code wins over others."""


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """Return the exit code that wins where several hold: 1, 6, 5, 4, 2, 3, 0."""
    present = set(codes)
    return next((code for code in WORST_FIRST if code in present), ExitCode.DONE)


class ReconcilerError(Exception):
    """Anything that ends a run with one message.

    Attributes:
        advice: what to do about it, one sentence, or None.
        site: the id of the site whose people the message names.
        people: these people, each by id and by the key that the message may have instead.
        impersonal: what may be told to whoever may not read the message: a sentence that names
            nobody and repeats nobody's words. Empty where nothing may.
        diagnostics: each mistake that it is about, where it is about mistakes in files.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED

    def __init__(self, message: str, advice: str | None = None) -> None:
        super().__init__(message)
        self.advice = advice
        self.site = ""
        self.people: tuple[tuple[str, str], ...] = ()
        self.impersonal = ""
        self.diagnostics: tuple[Diagnostic, ...] = ()

    def naming(self, site: str, people: Iterable[tuple[str, str]]) -> Self:
        """Note whom the message names, so that they can be hidden."""
        self.site, self.people = site, tuple(people)
        return self

    def naming_nobody(self, said: str | None = None) -> Self:
        """Note what may be told to everybody; by default the message, as it names nobody."""
        self.impersonal = str(self) if said is None else said
        return self


def actor_id(actor: str) -> str:
    """Return what stands for the id of somebody who works with the program or the site.

    They are no person of the site, though they may be called like one.
    """
    return f"actor:{actor}"


def code_of(error: BaseException) -> ExitCode:
    """Return the exit code that an error leads to; what is no error of ours has failed."""
    return error.exit_code if isinstance(error, ReconcilerError) else ExitCode.FAILED


def told(error: BaseException) -> tuple[str, str | None]:
    """Put any error into words: a sentence, and what to do about it.

    What is no error of ours, nor of the system's, is a defect; its values may be names or secrets
    and are not told.
    """
    if isinstance(error, ReconcilerError):
        return str(error), error.advice
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}.", None
    return (
        f"reconciler {__version__} has met a defect of its own: {type(error).__name__}.",
        f"Please report it with the command you ran and where it was: {_places(error)}",
    )


def _places(error: BaseException) -> str:
    """Return where in our own code an error came up, the innermost place first.

    Not every command has -v, and not every defect comes twice.
    """
    import traceback  # noqa: PLC0415 - of a defect alone

    frames = [
        (frame.f_globals.get("__name__", ""), line)
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    ours = [f"{name}:{line}" for name, line in frames if name.startswith("reconciler.")]
    return " < ".join(ours[: -_PLACES - 1 : -1])


class InvalidInput(ReconcilerError):
    """A file has mistakes; all of them are in `diagnostics`, none is lost."""

    def __init__(self, diagnostics: "Iterable[Diagnostic]") -> None:
        found = tuple(diagnostics)
        errors = sum(1 for each in found if each.is_error)
        super().__init__(f"{count(errors, 'error')} found")
        self.diagnostics = found
        self.naming_nobody()


class ConfigurationError(ReconcilerError):
    """There are no usable connection settings or credentials; settings name nobody."""

    def __init__(self, message: str, advice: str | None = None) -> None:
        super().__init__(message, advice)
        self.naming_nobody()


class SiteError(ReconcilerError):
    """The site, or a school system, cannot be read, or did not do what was asked.

    Attributes:
        retry_after: how many seconds the site asks to be left alone, where it does.
    """

    retry_after: float | None = None


class Unreachable(SiteError):
    """There was no answer within the time and tries allowed."""


class Undelivered(Unreachable):
    """The site never took the request in, so that it cannot have had an effect."""


class ContractViolation(SiteError):
    """The answer is not what the contract or standard says: unreadable, which is never empty."""


class RequestRefused(SiteError):
    """The server answered with a problem detail.

    Attributes:
        status: the HTTP status.
        code: the machine-readable code of the problem, or an empty text.
    """

    def __init__(self, message: str, *, status: int, code: str = "", advice: str | None = None):
        super().__init__(message, advice)
        self.status = status
        self.code = code


class JournalError(ReconcilerError):
    """The record of a run cannot be read or written."""


class LeaseHeld(JournalError):
    """Another run is writing to the site; one at a time may."""


class LeaseLost(JournalError):
    """This run's lease has run out, and another run may write to the site by now."""


class Interrupted(ReconcilerError):
    """An apply was stopped at once, in the middle: what was in flight is not known yet."""

    exit_code = ExitCode.PARTIAL


class WriteForbidden(ReconcilerError):
    """A reading command tried to write; the client stopped it (design, promise 1)."""


class GuardRefused(ReconcilerError):
    """A guard or policy keeps the plan from being applied.

    Attributes:
        reasons: each guard that does, by its code and in a sentence that names nobody.
    """

    exit_code = ExitCode.REFUSED

    def __init__(
        self, message: str, advice: str | None = None, reasons: Iterable[tuple[str, str]] = ()
    ) -> None:
        super().__init__(message, advice)
        self.reasons = tuple(reasons)


class PlanUnusable(ReconcilerError):
    """A saved plan is stale, was used before, was edited, or is for another site."""

    exit_code = ExitCode.UNUSABLE


class WrongUse(ReconcilerError):
    """The command line cannot be understood or is incomplete."""

    exit_code = ExitCode.WRONG_USE
