"""What a run stops for, and how it treats a site that is slow, down or in doubt."""

import pytest
from applying import CLASS, MADE, STATE, answering, losing, reasons, recorded
from doubles import MemoryJournal, MemorySite, OneByOne, apply_to
from small import plan, small_site, wanting
from strategies import TODAY

from reconciler.apply.engine import Order, apply_plan
from reconciler.apply.journal import RunEnd
from reconciler.errors import ExitCode, JournalError, Undelivered, Unreachable
from reconciler.provider import ChangeResult


def test_a_run_that_is_asked_to_stop_sends_no_more_and_says_so():
    site, journal = MemorySite(STATE), MemoryJournal()
    result = apply_to(MADE, site, journal, stopping=lambda: bool(site.sent))
    assert reasons(result) == [("succeeded", ""), ("skipped", "the run stopped before it")]
    assert (result.interrupted, result.verified) == (True, False)
    assert result.note == "It was asked to stop."
    assert result.exit_code is ExitCode.PARTIAL
    assert recorded(journal, "end") == [(RunEnd.INTERRUPTED, "It was asked to stop.")]


def test_a_run_that_is_asked_to_stop_when_all_is_sent_and_settled_ends_like_any_other():
    site, journal = MemorySite(STATE), MemoryJournal()
    result = apply_to(MADE, site, journal, stopping=lambda: len(site.sent) == 2)
    assert reasons(result) == [("succeeded", ""), ("succeeded", "")]
    assert (result.interrupted, result.verified, result.note) == (False, True, "")
    assert result.exit_code is ExitCode.DONE
    assert recorded(journal, "end") == [(RunEnd.DONE, "")]


def test_a_stop_that_keeps_a_doubt_from_being_cleared_is_said():
    site, journal = MemorySite(STATE), MemoryJournal()
    answering(site, {CLASS: ChangeResult(412, changed=False)})
    result = apply_to(MADE, site, journal, stopping=lambda: len(site.sent) == 2)
    assert [each.outcome.value for each in result.outcomes] == ["succeeded", "failed"]
    assert (result.interrupted, result.note) == (True, "It was asked to stop.")


def test_a_stop_does_not_hide_what_stopped_the_run_before():
    site = MemorySite(STATE)

    def refuse(changes):
        site.sent.append(list(changes))
        raise Undelivered("Connection refused.")

    site.send = refuse
    result = apply_to(MADE, site, stopping=lambda: bool(site.sent))
    assert result.note == "It was asked to stop. Connection refused."


def test_nothing_is_repeated_to_a_site_that_is_down():
    site = MemorySite(STATE)
    up, sent = site.site, []

    def down():
        if sent:
            raise Unreachable("Nobody answers.")
        return up()

    def lost(changes):
        sent.append(changes)
        raise Unreachable("The connection broke.")

    site.site, site.send = down, lost
    result = apply_to(MADE, site)
    assert len(sent) == 1
    assert result.note == "Nobody answers."
    assert reasons(result)[1] == ("skipped", "it must wait for mentor/t-0")


@pytest.mark.parametrize("before", ["", "Connection refused."])
def test_a_site_that_asks_for_a_longer_wait_than_anybody_has_stops_the_run(before):
    state = small_site()
    site, sent = MemorySite(state), []
    answers = [Undelivered(before)] if before else []
    answers.append(Unreachable("Try again in an hour."))
    answers[-1].retry_after = 3600

    def busy(changes):
        sent.append(changes)
        raise answers[len(sent) - 1]

    site.send = busy
    courier = OneByOne(site, capacity=len(answers), batch_limit=1)
    made = plan(state, wanting(("t-0", "8a"), ("t-1", "8b")))
    result = apply_plan(made, site, courier, MemoryJournal(), Order(TODAY))
    assert len(sent) == len(answers)
    assert result.note == (before or "Try again in an hour.")


@pytest.mark.parametrize(("again", "note"), [
    ("Nobody answers.", "Nobody answers. The result could not be read back."),
    ("It is down.", "Nobody answers. The result could not be read back. It is down."),
])  # fmt: skip
def test_a_site_that_cannot_be_read_in_doubt_stops_the_run_and_says_each_reason_once(again, note):
    site = MemorySite(STATE)
    losing(site, arrives=True)
    why = ["Nobody answers.", again]

    def broken():
        if site.sent:
            raise Unreachable(why.pop(0))

    site.before_fetch = broken
    assert apply_to(MADE, site).note == note


@pytest.mark.parametrize(("again", "note"), [
    ("The disk is full.", "The disk is full."),
    ("The disk is gone.", "The disk is full. The disk is gone."),
])  # fmt: skip
def test_a_journal_that_fails_more_than_once_says_each_reason_once(again, note):
    journal = MemoryJournal()
    why = ["The disk is full.", *[again] * 9]

    def broken(*_args, **_more):
        raise JournalError(why.pop(0))

    journal.settled = journal.end = broken
    assert apply_to(MADE, MemorySite(STATE), journal).note == note


def test_no_request_goes_out_while_as_many_as_there_may_be_are_on_their_way():
    state = small_site()
    made = plan(state, wanting(*((f"t-{n}", "8a") for n in range(4))))
    site = MemorySite(state)

    class Counting(OneByOne):
        most = flying = 0

        def post(self, number, changes):
            self.flying += 1
            self.most = max(self.most, self.flying)
            super().post(number, changes)

        def collect(self):
            self.flying -= 1
            return super().collect()

    courier = Counting(site, capacity=2, batch_limit=1)
    apply_plan(made, site, courier, MemoryJournal(), Order(TODAY))
    assert courier.most == 2


def test_after_a_lost_answer_the_site_is_asked_before_anything_new_is_sent():
    state = small_site()
    made = plan(state, wanting(*((f"t-{n}", "8a") for n in range(3))))
    site, told = MemorySite(state), []
    plain_site, plain_send = site.site, site.send

    def seen():
        told.append("is it up?")
        return plain_site()

    def send(changes):
        told.extend(change.address.parts[1] for change in changes)
        if told.count("10") == 1 and told[-1] == "10":
            raise Unreachable("The connection broke.")
        return plain_send(changes)

    site.site, site.send = seen, send
    apply_plan(made, site, OneByOne(site, batch_limit=1), MemoryJournal(), Order(TODAY))
    assert told[:5] == ["is it up?", "10", "is it up?", "10", "11"]


def test_two_answers_lost_at_once_are_both_asked_for_again():
    state = small_site()
    made = plan(state, wanting(("t-0", "8a"), ("t-1", "8b")), only=["mentor/t-0", "mentor/t-1"])
    site, sent = MemorySite(state), []
    plain = site.send

    def lost_at_first(changes):
        sent.extend(change.address.parts[1] for change in changes)
        if len(sent) <= 2:
            raise Unreachable("The connection broke.")
        return plain(changes)

    site.send = lost_at_first
    courier = OneByOne(site, capacity=2, batch_limit=1)
    result = apply_plan(made, site, courier, MemoryJournal(), Order(TODAY))
    assert sent == ["10", "11", "10", "11"]
    assert reasons(result) == [("succeeded", "")] * 2


@pytest.mark.parametrize("refused", [False, True])
def test_a_run_without_a_doubt_reads_the_site_twice_and_its_events_never(refused):
    site, reads = MemorySite(STATE), []
    site.before_fetch = lambda: reads.append(len(site.sent))
    site.events_since = lambda _revision: reads.append("events") or []
    if refused:
        answering(site, {CLASS: ChangeResult(500, changed=False)})
    apply_to(MADE, site)
    assert reads == [0, 2]


def test_an_answer_that_leaves_out_a_change_is_never_taken_for_a_whole_one():
    state = small_site()
    site = MemorySite(state)
    plain = site.send
    site.send = lambda changes: plain(changes)[:-1]
    with pytest.raises(ValueError, match="zip"):
        apply_to(plan(state, wanting(("t-0", "8a"), ("t-1", "8b"))), site)
