"""Accepted deviations, protected and dated things: what a plan and a drift report make of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from doubles import MemorySite, apply_to
from small import PROFILES, plan, small_site, wanting
from strategies import AT, TODAY, ref

from reconciler.directory import Directory
from reconciler.domain.vocabulary import LabelField, Role, TargetKind
from reconciler.drift import DriftKind, classify
from reconciler.ending import ending
from reconciler.errors import ExitCode
from reconciler.manifest.model import Accepted, Entry, Item, LabelSetting, ProfileSetting, Section
from reconciler.plan.document import from_document, to_document
from reconciler.provider import Event

YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)


def accepting(manifest, *addresses: str, until=TODAY):
    return replace(
        manifest,
        accepted=tuple(Accepted(ref(each), "owner", "reason", until) for each in addresses),
    )


def actions(made) -> list[str]:
    assert from_document(to_document(made)) == made
    return [f"{each.verb} {each.name}" for each in made.actions]


def accepted(made) -> list[str]:
    return [f"{each.verb} {each.name}" for each in made.accepted]


def test_an_accepted_surplus_stays_with_its_holder_and_the_rest_goes():
    state = small_site(("10", "u2"), ("10", "u3"))
    made = plan(state, accepting(wanting(), "mentor/t-0/class/8a"))
    assert actions(made) == ["remove mentor/t-0/class/8b"]
    assert accepted(made) == ["remove mentor/t-0", "remove mentor/t-0/class/8a"]
    assert made.holds_until == TODAY


def test_an_accepted_gap_is_not_filled():
    made = plan(small_site(), accepting(wanting(("t-0", "8a")), "mentor/t-0/class/8a"))
    assert actions(made) == ["add mentor/t-0"]
    whole = plan(small_site(), accepting(wanting(("t-0", "8a")), "mentor/t-0"))
    assert actions(whole) == []
    assert accepted(whole) == ["add mentor/t-0", "add mentor/t-0/class/8a"]


def test_where_a_role_may_be_missing_from_a_profile_nobody_is_added():
    bare = (replace(PROFILES[0], roles=frozenset()), PROFILES[1])
    enabling = {Role.MENTOR: ProfileSetting((ref("Staff"),), AT)}
    manifest = wanting(("t-0", "8a"), profiles=enabling)
    made = plan(small_site(profiles=bare), accepting(manifest, "profile/Staff/mentor"))
    assert actions(made) == []
    assert accepted(made) == [
        "add mentor/t-0",
        "add mentor/t-0/class/8a",
        "add profile/Staff/mentor",
    ]


def test_an_accepted_label_or_profile_role_is_left_alone():
    labels = {(Role.MENTOR, LabelField.TOOL_NAME): LabelSetting("Mine", AT)}
    manifest = wanting(sections={}, labels=labels)
    assert actions(plan(small_site(), manifest)) == ["change label/mentor/tool_name"]
    assert actions(plan(small_site(), accepting(manifest, "label/mentor/tool_name"))) == []


def test_it_comes_back_when_its_last_day_has_passed():
    state = small_site(("10", "u2"))
    made = plan(state, accepting(wanting(), "mentor/t-0/class/8a", until=YESTERDAY))
    assert actions(made) == ["remove mentor/t-0/class/8a", "remove mentor/t-0"]
    assert made.warnings == ()


@pytest.mark.parametrize(
    "address",
    ["mentor/t-0/class/8a", "mentor/t-9/class/8a", "mentor/t-0/class/9z", "profile/X/mentor"],
)
def test_what_does_not_deviate_is_a_warning(address):
    made = plan(small_site(), accepting(wanting(), address, until=TOMORROW))
    assert [each.code for each in made.warnings] == ["RR213"]


def test_the_plan_of_an_accepted_deviation_can_be_applied():
    site = MemorySite(small_site(("10", "u2"), ("11", "u3")))
    made = plan(site.state, accepting(wanting(("t-2", "8b")), "mentor/t-0/class/8a"))
    assert apply_to(made, site).verified
    assert actions(plan(site.state, accepting(wanting(("t-2", "8b")), "mentor/t-0/class/8a"))) == []


def with_item(item: Item, person: str = "t-0"):
    return wanting(sections={Role.MENTOR: Section((Entry(Role.MENTOR, ref(person), (item,)),), AT)})


def by(actor: str, made) -> dict:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return {
        each.address: Event(at, actor, "api", str(each.address), "add", 3) for each in made.actions
    }


def test_what_is_live_past_its_last_day_is_drift_of_its_own_kind():
    state = small_site(("10", "u2"))
    manifest = with_item(Item(TargetKind.CLASS, ref("8a"), ends=YESTERDAY))
    made = plan(state, manifest)
    for events in (by("pipeline", made), {}, None):
        report = classify(made, events, {"pipeline"})
        assert [found.kind for found in report.drifted] == [DriftKind.EXPIRED]
        assert report.pending == ()
        assert report.exit_code is ExitCode.CHANGES


def test_what_a_date_begins_is_pending():
    manifest = with_item(Item(TargetKind.CLASS, ref("8a"), begins=TODAY))
    report = classify(plan(small_site(), manifest), {}, {"pipeline"})
    assert report.drifted == ()
    assert report.exit_code is ExitCode.PENDING


@pytest.mark.parametrize(
    ("days", "within", "named"), [(0, 0, True), (14, 14, True), (15, 14, False)]
)
def test_what_ends_soon_is_named_up_to_the_day_asked_for(days, within, named):
    last = TODAY + timedelta(days=days)
    manifest = with_item(Item(TargetKind.CLASS, ref("8a"), ends=last))
    found = ending(manifest, Directory(small_site()), TODAY, within)
    assert [(str(each.name), each.until) for each in found] == (
        [("mentor/t-0/class/8a", last)] if named else []
    )


def test_what_does_not_hold_yet_or_any_more_or_is_unknown_does_not_end():
    directory = Directory(small_site())
    for item in (
        Item(TargetKind.CLASS, ref("8a"), ends=YESTERDAY),
        Item(TargetKind.CLASS, ref("8a"), begins=TOMORROW, ends=TOMORROW),
        Item(TargetKind.CLASS, ref("9z"), ends=TODAY),
        Item(TargetKind.CLASS, ref("8a")),
    ):
        assert ending(with_item(item), directory, TODAY, 30) == ()


def test_an_accepted_deviation_ends_too():
    manifest = accepting(wanting(), "mentor/t-0/class/8a", until=TOMORROW)
    (found,) = ending(manifest, Directory(small_site()), TODAY, 1)
    assert (found.accepted, found.until) == (True, TOMORROW)
    assert ending(manifest, Directory(small_site()), TODAY, 0) == ()


def test_a_plan_names_what_begins_later_and_what_its_grants_say():
    later = Item(TargetKind.CLASS, ref("8b"), begins=TOMORROW, ends=TOMORROW, reason="covers")
    made = plan(small_site(), with_item(later))
    assert [(str(each.name), each.begins) for each in made.upcoming] == [
        ("mentor/t-0/class/8b", TOMORROW)
    ]
    assert actions(made) == ["add mentor/t-0"]
    now = plan(small_site(), with_item(replace(later, begins=None)))
    grant = now.actions[-1].grant
    assert grant is not None
    assert (grant.begins, grant.ends, grant.reason) == (None, TOMORROW, "covers")
    live = plan(small_site(("10", "u3")), with_item(later))
    assert live.upcoming == ()
    assert [str(each.cause) for each in live.actions] == [f"starts on {TOMORROW}"]
