"""What overrides lift: which of them no guard needs, and which a refused plan would need."""

from collections.abc import Iterable, Iterator, Sequence

from reconciler.diagnostics import Diagnostic
from reconciler.policy.model import ROSTER_SHRINK, Verdict


def needless(verdicts: Iterable[Verdict], overrides: Iterable[str]) -> Iterator[Diagnostic]:
    """Warn of overrides that no guard needed: they may be meant for another plan."""
    needed = {verdict.code for verdict in verdicts if verdict.forbids}
    for code in overrides:
        if code not in needed:
            yield Diagnostic(
                "RR505",
                f"--override {code} lifts nothing, as that guard does not refuse.",
                None,
                "Leave it out, so that it cannot lift a refusal that nobody has seen.",
            )


def how_to_lift(verdicts: Sequence[Verdict], command: str) -> str | None:
    """Say with which options a command lifts what refuses, or None where nothing does.

    Overrides are those of one run, so that those of the verdicts are named once more. While a
    roster's loss holds something back, nothing else that refuses is named: with that in the plan,
    the guards judge another end state.

    Args:
        verdicts: what the guards say, without what needs no override in that run.
        command: what is to be run with the options, as words of a sentence.
    """
    refusing = {verdict.code for verdict in verdicts if verdict.refuses}
    if not refusing:
        return None
    lifted = {verdict.code for verdict in verdicts if verdict.forbids} - refusing
    held_back = any(verdict.holds_back for verdict in verdicts)
    codes = sorted(lifted | ({ROSTER_SHRINK} if held_back else refusing))
    options = " ".join(f"--override {code}" for code in codes)
    then = ", and look again: what was held back is judged then" if held_back else ""
    return f'If it is meant, run {command} with {options} --reason "why"{then}.'
