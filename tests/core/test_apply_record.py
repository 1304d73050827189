"""What an apply records, reports and counts."""

import io
from dataclasses import replace

import pytest
from applying import CLASS, HOLDER, MADE, STATE, answering, outcomes, recorded, without
from doubles import MemoryJournal, MemorySite, apply_to
from rich.console import Console
from small import plan, small_site, wanting
from strategies import TODAY

from reconciler.apply.courier import Report
from reconciler.apply.journal import RunEnd
from reconciler.apply.outcome import ActionOutcome, ApplyResult, Outcome
from reconciler.domain.vocabulary import Capability
from reconciler.errors import ExitCode, JournalError, Undelivered, Unreachable
from reconciler.provider import ChangeResult
from reconciler.reports.text import result_text


class WatchedJournal(MemoryJournal):
    """Tells whose earlier runs it was asked for, and which actions a run began with."""

    def earlier(self, plan):
        self.events.append(("earlier", plan.id))
        return super().earlier(plan)

    def begin(self, plan, selected, overrides):
        self.events.append(("selected", [str(each.address) for each in selected]))
        return super().begin(plan, selected, overrides)

    def end(self, end, note, *, used):
        super().end(end, note, used=used)
        self.events.append(("used", used))


def test_a_run_is_recorded_with_what_was_chosen_and_how_it_ended():
    state = small_site()
    made = plan(state, wanting(("t-0", "8a"), ("t-1", "8b")))
    site, journal = MemorySite(state), WatchedJournal()
    seen: list[Report] = []
    result = apply_to(made, site, journal, only=["mentor/t-0*"], watcher=seen.append)
    assert recorded(journal, "earlier") == ["plan-1"]
    assert recorded(journal, "selected") == [["mentor/10", "mentor/10/class/u2"]]
    assert recorded(journal, "end") == [(RunEnd.DONE, "")]
    assert recorded(journal, "used") == [True]
    assert recorded(journal, "cleared") == []
    assert (result.run, result.plan, result.site) == ("run-1", "plan-1", "nord")
    assert {verdict.code for verdict in result.verdicts} == {"RR501", "RR502"}
    assert (result.interrupted, result.note) == (False, "")
    assert {report.run for report in seen} == {"run-1"}
    assert [report.settled for report in seen] == [0, 1, 2, 2]
    assert seen[-1].counts == {Outcome.SUCCEEDED: 2}


@pytest.mark.parametrize(("failing", "end"), [
    ([HOLDER], RunEnd.FAILED),
    ([CLASS], RunEnd.PARTIAL),
])  # fmt: skip
def test_a_run_that_failed_is_told_from_one_that_did_a_part(failing, end):
    site, journal = MemorySite(STATE), WatchedJournal()
    answering(site, dict.fromkeys(failing, ChangeResult(500, changed=False)))
    apply_to(MADE, site, journal)
    assert recorded(journal, "end") == [(end, "")]
    assert recorded(journal, "used") == [False]


def test_why_a_run_stopped_is_recorded_with_its_end():
    site, journal = MemorySite(STATE), MemoryJournal()

    def refuse(_changes):
        raise Undelivered("Connection refused.")

    site.send = refuse
    apply_to(MADE, site, journal)
    assert recorded(journal, "end") == [(RunEnd.FAILED, "Connection refused.")]


def test_an_outcome_that_is_corrected_is_counted_once():
    made = plan(STATE, wanting(("t-0", "8a"), ("t-1", "8b")), only=["mentor/t-0", "mentor/t-1"])
    site, told = MemorySite(STATE), []
    plain = site.send

    def lost(changes):
        plain(changes[:1])
        raise Unreachable("The connection broke.")

    site.send = lost
    apply_to(made, site, watcher=lambda report: told.append(dict(report.counts)))
    assert told[0] == {}
    assert {Outcome.UNKNOWN: 2} in told
    assert told[-1] == {Outcome.SUCCEEDED: 1, Outcome.UNKNOWN: 1}


def test_an_outcome_is_recorded_once_and_again_when_it_changes():
    site, journal = MemorySite(STATE), MemoryJournal()
    apply_to(MADE, site, journal)
    told = [[str(each.action.name) for each in batch] for batch in recorded(journal, "settled")]
    assert told == [["mentor/t-0"], ["mentor/t-0/class/8a"]]


def test_a_plan_with_nothing_to_do_is_done_without_a_run():
    state = small_site()
    made = plan(state, wanting())
    journal = MemoryJournal()
    result = apply_to(made, MemorySite(state), journal)
    assert result == ApplyResult(
        "", "plan-1", "nord", (), verified=True, note="", verdicts=made.verdicts
    )
    assert journal.events == []


def outcome(*found: Outcome, **more: object) -> ApplyResult:
    made = plan(small_site(), wanting(("t-0", "8a"))).actions[0]
    outcomes = tuple(ActionOutcome(made, each) for each in found)
    return replace(ApplyResult("r", "p", "s", outcomes, verified=True, note=""), **more)


OK, NO, NOT_SENT, OPEN = Outcome.SUCCEEDED, Outcome.FAILED, Outcome.SKIPPED, Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (outcome(), ExitCode.DONE),
        (outcome(OK, Outcome.ALREADY), ExitCode.DONE),
        (outcome(OK, note="The disk is full."), ExitCode.PARTIAL),
        (outcome(OK, verified=False), ExitCode.PARTIAL),
        (outcome(OK, NO), ExitCode.PARTIAL),
        (outcome(NO, NOT_SENT), ExitCode.FAILED),
        (outcome(NO, NOT_SENT, note="The token may not write."), ExitCode.FAILED),
        (outcome(NO, verified=False), ExitCode.PARTIAL),
        (outcome(NOT_SENT, interrupted=True), ExitCode.PARTIAL),
        (outcome(OPEN), ExitCode.PARTIAL),
        (outcome(Outcome.MANUAL, NOT_SENT), ExitCode.PARTIAL),
    ],
)
def test_the_exit_code_says_all_part_or_nothing(result, code):
    assert result.exit_code is code


def test_outcomes_are_counted_and_those_that_none_had_left_out():
    assert outcome(OK, NO, OK).counts == {OK: 2, NO: 1}


def test_why_many_failed_is_told_with_how_often():
    made = plan(small_site(), wanting(("t-0", "8a")))
    refused = ActionOutcome(made.actions[0], NO, "422 role_not_allowed: not for this profile")
    gone = ActionOutcome(made.actions[0], NO, "404: no such person")
    result = replace(outcome(), outcomes=(*[refused] * 1_200, *[gone] * 7))
    lines = [each.rstrip() for each in printed(result_text(result, made)).splitlines()]
    assert "  1,200 times  422 role_not_allowed: not for this profile" in lines
    assert "  7 times      404: no such person" in lines


def printed(parts) -> str:
    out = io.StringIO()
    console = Console(file=out, width=200)
    for part in parts:
        console.print(part)
    return out.getvalue()


def test_a_journal_that_cannot_be_written_stops_the_run_before_the_first_request():
    state = small_site()
    made = plan(state, wanting(("t-0", "8a")))
    site, journal = MemorySite(state), MemoryJournal()

    def full(*_args, **_more):
        raise JournalError("The disk is full.")

    journal.begin = full
    with pytest.raises(JournalError):
        apply_to(made, site, journal, today=TODAY)
    assert site.sent == []


def test_a_journal_that_fails_on_the_way_stops_the_run_and_loses_no_outcome():
    state = small_site()
    made = plan(state, wanting(("t-0", "8a")))
    site, journal = MemorySite(state), MemoryJournal()
    plain, calls = journal.sending, []

    def full_at_second(changes):
        calls.append(changes)
        if len(calls) == 2:
            raise JournalError("The disk is full.")
        plain(changes)

    journal.sending = full_at_second
    result = apply_to(made, site, journal, today=TODAY)
    assert outcomes(result) == {"mentor/t-0": "succeeded", "mentor/t-0/class/8a": "skipped"}
    assert "disk is full" in result.note
    assert len(site.sent) == 1


@pytest.mark.parametrize("method", ["settled", "end"])
def test_a_run_that_could_not_be_recorded_is_not_called_done(method):
    state = small_site()
    made = plan(state, wanting(("t-0", "8a")))
    journal = MemoryJournal()

    def full(*_args, **_more):
        raise JournalError("The disk is full.")

    setattr(journal, method, full)
    result = apply_to(made, MemorySite(state), journal, today=TODAY)
    assert result.exit_code is ExitCode.PARTIAL
    assert "disk is full" in result.note


def test_every_outcome_is_recorded_also_of_what_was_not_sent():
    state = without(small_site(), Capability.HOLDERS)
    made = plan(state, wanting(("t-0", "8a")))
    journal = MemoryJournal()
    result = apply_to(made, MemorySite(state), journal, today=TODAY)
    told = [found for event, found in journal.events if event == "settled"]
    assert [found for batch in told for found in batch] == list(result.outcomes)
