"""What is sent, what became of each action, and why."""

import hashlib
from dataclasses import replace

import pytest
from applying import (
    CLASS,
    DOUBT,
    FOUND,
    HOLDER,
    LATER,
    MADE,
    ONE,
    STATE,
    TAKEN_BACK,
    answering,
    losing,
    reasons,
    recorded,
    without,
    without_events,
)
from doubles import MemoryJournal, MemorySite, apply_to
from small import plan, small_site, wanting
from strategies import AT

from reconciler.apply.outcome import Outcome
from reconciler.domain.address import Address
from reconciler.domain.vocabulary import Capability, LabelField, Role
from reconciler.errors import RequestRefused, Undelivered, Unreachable
from reconciler.manifest.model import LabelSetting
from reconciler.provider import ChangeResult, Verb


def test_the_key_of_a_change_is_the_same_in_every_version():
    """A run may be finished by a newer release than the one that began it."""
    site = MemorySite(STATE)
    apply_to(MADE, site)
    (change,) = site.sent[0]
    assert change.key == hashlib.sha256(b"plan-1\nadd\nmentor/10\n0").hexdigest()


def test_only_a_label_has_a_text_before_and_after():
    state = small_site()
    manifest = wanting(
        ("t-0", "8a"),
        labels={(Role.MENTOR, LabelField.TOOL_NAME): LabelSetting("Elever", AT)},
    )
    site = MemorySite(state)
    apply_to(plan(state, manifest), site)
    sent = {str(each.address): (each.before, each.after) for batch in site.sent for each in batch}
    assert sent == {
        "label/mentor/tool_name": (None, "Elever"),
        "mentor/10": (None, None),
        "mentor/10/class/u2": (None, None),
    }


@pytest.mark.parametrize(
    ("state", "arrives", "meanwhile", "reason"),
    [
        (small_site(), True, None, ("succeeded", FOUND)),
        (without_events(small_site()), True, None, ("succeeded", "confirmed by reading it back")),
        (small_site(), True, Verb.REMOVE, ("failed", TAKEN_BACK)),
        (small_site(), False, Verb.ADD, ("already", "somebody else made it so")),
        (small_site(), False, None, ("unknown", DOUBT)),
    ],
    ids=["arrived", "no-events", "undone", "by-others", "open"],
)  # fmt: skip
def test_a_lost_answer_is_settled_by_what_the_site_tells(state, arrives, meanwhile, reason):
    made = plan(state, wanting(("t-0", "8a")), only=["mentor/t-0"])
    site = MemorySite(state)

    def somebody_else():
        if meanwhile and not any(event.actor == "admin" for event in site.events):
            site.write(HOLDER, meanwhile, after=meanwhile is Verb.ADD)

    losing(site, arrives=arrives, then=somebody_else)
    result = apply_to(made, site)
    assert reasons(result) == [reason]
    assert result.outcomes[0].revision == (6 if arrives and Capability.EVENTS in
                                           state.site.capabilities else None)  # fmt: skip


@pytest.mark.parametrize(("state", "told"), [
    (small_site(), f"it was so, but rektor (console) has changed it since, at {LATER}"),
    (without_events(small_site()), "the site said yes, but the read-back shows otherwise"),
])  # fmt: skip
def test_what_somebody_took_back_during_the_run_has_failed_and_says_who(state, told):
    made = plan(state, wanting(("t-0", "8a")))
    site = MemorySite(state)
    site.write(CLASS, Verb.ADD, after=True)
    site.write(CLASS, Verb.REMOVE, after=False)
    made = replace(made, revision=site.state.site.revision)

    def take_back():
        if len(site.sent) == 2:
            site.write(CLASS, Verb.REMOVE, after=False, actor="pipeline", kind="api")
            site.write(CLASS, Verb.ADD, after=True)
            site.write(CLASS, Verb.REMOVE, after=False, actor="rektor")
            site.write(Address.holder("mentor", "12"), Verb.ADD, after=True)
            site.before_fetch = lambda: None

    site.before_fetch = take_back
    result = apply_to(made, site)
    assert reasons(result) == [("succeeded", ""), ("failed", told)]
    assert [each.revision for each in result.outcomes] == [8, 9]


def test_a_site_that_did_not_do_what_it_said_is_told_apart_from_who_took_it_back():
    site = MemorySite(STATE)
    answering(site, {HOLDER: ChangeResult(200, changed=True, revision=9)})
    result = apply_to(ONE, site)
    assert reasons(result) == [("failed", "the site said yes, but the read-back shows otherwise")]


def test_what_waits_for_a_change_that_somebody_took_back_at_once_is_not_sent():
    site = MemorySite(STATE)

    def take_back():
        if site.state.holders:
            site.write(HOLDER, Verb.REMOVE, after=False)

    losing(site, arrives=True, then=take_back)
    result = apply_to(MADE, site)
    assert reasons(result) == [
        ("failed", TAKEN_BACK),
        ("skipped", "it must wait for mentor/t-0"),
    ]  # fmt: skip


@pytest.mark.parametrize(("answer", "told"), [
    (ChangeResult(409, changed=False, code="no", detail="Never."), ("failed", "409 no: Never.")),
    (ChangeResult(500, changed=False, detail="Down."), ("failed", "500 Down.")),
    (ChangeResult(500, changed=False), ("failed", "500")),
])  # fmt: skip
def test_a_refusal_is_told_in_the_words_of_the_site(answer, told):
    site = MemorySite(STATE)
    answering(site, {HOLDER: answer})
    result = apply_to(MADE, site)
    assert reasons(result) == [told, ("skipped", "it must wait for mentor/t-0")]


def test_a_refusal_after_an_attempt_without_an_answer_leaves_it_open():
    site = MemorySite(STATE)
    answering(site, {HOLDER: ChangeResult(503, changed=False, repeated=True)})
    result = apply_to(ONE, site)
    assert [each.outcome for each in result.outcomes] == [Outcome.UNKNOWN]


@pytest.mark.parametrize("refusal", [
    RequestRefused("The token may not write.", status=403),
    Undelivered("Connection refused."),
])  # fmt: skip
def test_a_refused_request_after_a_lost_one_leaves_its_actions_open(refusal):
    site = MemorySite(STATE)
    answers = [Unreachable("The connection broke."), refusal]

    def refuse(_changes):
        raise answers.pop(0)

    site.send = refuse
    result = apply_to(MADE, site)
    assert [each.outcome for each in result.outcomes] == [Outcome.UNKNOWN, Outcome.SKIPPED]
    assert result.note == str(refusal)


def test_a_request_that_is_refused_as_a_whole_says_why_at_each_action():
    state = small_site()
    site = MemorySite(state)

    def refuse(_changes):
        raise RequestRefused("The token may not write.", status=403)

    site.send = refuse
    result = apply_to(plan(state, wanting(("t-0", "8a"), ("t-1", "8b"))), site)
    assert reasons(result)[:2] == [("failed", "The token may not write.")] * 2


def test_an_answer_that_is_lost_says_how_until_the_site_is_read():
    site, journal = MemorySite(STATE), MemoryJournal()
    losing(site, arrives=False)
    apply_to(ONE, site, journal)
    first = recorded(journal, "settled")[0]
    assert [(each.outcome.value, each.detail) for each in first] == [
        ("unknown", "The connection broke.")
    ]


def test_what_stood_already_is_no_success_of_ours():
    site = MemorySite(STATE)

    def no_change(change):
        site.state = replace(STATE, holders=STATE.holders | {("mentor", "10")})
        return ChangeResult(200, changed=False)

    site._answer = no_change
    result = apply_to(ONE, site)
    assert reasons(result) == [("already", "it was so already")]


def test_what_was_refused_but_stands_when_read_back_is_there_already():
    site = MemorySite(STATE)
    answering(site, {CLASS: ChangeResult(500, changed=False)})
    site.before_fetch = lambda: len(site.sent) == 2 and site.write(CLASS, Verb.ADD, after=True)
    result = apply_to(MADE, site)
    assert reasons(result) == [("succeeded", ""), ("already", "it was so when read back")]


def test_one_action_that_needs_nothing_does_not_hide_the_next_of_its_stage():
    state = without(small_site(), Capability.HOLDERS)
    made = plan(state, wanting(("t-0", "8a"), ("t-1", "8b")))
    site = MemorySite(state)
    assert reasons(apply_to(made, site)) == [
        *[("manual", "the site's API cannot do this")] * 2,
        ("skipped", "it must wait for mentor/t-0"),
        ("skipped", "it must wait for mentor/t-1"),
    ]
    site.write(HOLDER, Verb.ADD, after=True)
    assert reasons(apply_to(made, site)) == [
        ("already", "it was so already"),
        ("manual", "the site's API cannot do this"),
        ("succeeded", ""),
        ("skipped", "it must wait for mentor/t-1"),
    ]
