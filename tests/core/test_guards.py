"""Each guard with a case that passes, one that fails, one at the boundary."""

from dataclasses import replace

import pytest
from small import PROFILES, plan, small_site, wanting
from strategies import AT, TODAY, entry_of, ref

from reconciler.access.effective import Learners
from reconciler.directory import Directory, Keys
from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.vocabulary import Role, TargetKind, UnitKind
from reconciler.manifest.model import ProfileSetting, Section, Unmanaged
from reconciler.manifest.naming import PersonKey, UnitKey
from reconciler.manifest.policies import Level, Limit, Policy, PolicyKey
from reconciler.policy.guards import emptied, judge, max_removals
from reconciler.policy.judged import NOTHING_SAID, Judged, Side
from reconciler.policy.model import InForce, Source
from reconciler.scope import Scope
from reconciler.state import Unit


def judged(before, after, *, effective=None, holders=((), ())):
    """What guards see of a site that had some mentor assignments, and has some in the end."""

    def side(found, in_effect, added):
        people = frozenset(Holder(Role.MENTOR, person) for person in added)
        return Side(
            Directory(small_site(holders=people)), Assignments.of(in_effect), Assignments.of(found)
        )

    effective = effective or (before, after)
    return Judged(
        before=side(before, effective[0], holders[0]),
        after=side(after, effective[1], holders[1]),
        scope=Scope(None, frozenset()),
        as_of=TODAY,
        learners=Learners(Directory(small_site()), TODAY),
        access=(),
        removed={},
        said=NOTHING_SAID,
        keys=Keys(Directory(small_site()), PersonKey.SYNC_KEY, UnitKey.SYNC_KEY),
    )


def of_mentors(number):
    return {Assignment(Role.MENTOR, f"t{n}", TargetKind.CLASS, "u2") for n in range(number)}


def in_force(limit="10%"):
    return [InForce(PolicyKey.MAX_REMOVALS, limit, Level.MANDATORY, Source.MANIFEST)]


@pytest.mark.parametrize(
    ("live", "lost", "limit", "allowed", "passed"),
    [
        (100, 10, "10%", 10, True),
        (100, 11, "10%", 10, False),
        (30, 3, "10%", 3, True),
        (31, 4, "10%", 4, True),
        (31, 5, "10%", 4, False),
        (1, 1, "10%", 1, True),
        (0, 0, "10%", 0, True),
        (1000, 25, "2.5%", 25, True),
        (1000, 26, "2.5%", 25, False),
        (5, 5, "100%", 5, True),
        (5, 1, "0%", 0, False),
        (5, 2, "2", 2, True),
        (5, 3, "2", 2, False),
        (5, 1, "0", 0, False),
    ],
)
def test_removals_are_capped_by_number_or_percentage_rounded_up(live, lost, limit, allowed, passed):
    before = of_mentors(live)
    after = of_mentors(live - lost)
    verdict, other = max_removals(judged(before, after), limit)
    assert (verdict.allowed, verdict.passed, verdict.counted) == (allowed, passed, lost)
    assert verdict.role is Role.MENTOR
    assert (other.role, other.counted) == (Role.HEADTEACHER, 0)


@pytest.mark.parametrize(
    ("amount", "percentage", "text"),
    [(10.0, True, "10%"), (2.5, True, "2.5%"), (1234567.0, False, "1234567"), (0.0, False, "0")],
)
def test_a_limit_is_written_out_in_full(amount, percentage, text):
    assert str(Limit(amount, percentage=percentage)) == text


@pytest.mark.parametrize(
    ("effective", "holders", "passed"),
    [
        ((3, 0), (2, 2), False),
        ((3, 1), (2, 1), True),
        ((0, 0), (1, 0), False),
        ((0, 0), (0, 0), True),
        ((0, 4), (0, 2), True),
    ],
)
def test_a_role_is_emptied_when_nobody_or_nothing_is_left_of_it(effective, holders, passed):
    live = of_mentors(4)
    case = judged(
        live,
        live,
        effective=(of_mentors(effective[0]), of_mentors(effective[1])),
        holders=(("10", "11")[: holders[0]], ("10", "11")[: holders[1]]),
    )
    assert next(emptied(case, None)).passed is passed


def test_an_override_lifts_what_failed_and_is_not_recorded_for_what_passed():
    failing = judged(of_mentors(10), of_mentors(1))
    lifted = judge(failing, in_force(), {"RR501": "term ends", "RR502": "unused"})
    assert [
        (each.code, each.refuses, each.override) for each in lifted if each.role == "mentor"
    ] == [
        ("RR501", False, "term ends"),
        ("RR502", False, None),
    ]
    assert judge(failing, in_force(), {"RR502": "the other one"})[0].refuses


def test_what_breaks_an_advisory_rule_is_told_and_refuses_nothing():
    failing = judged(of_mentors(10), of_mentors(1))
    advised = [replace(in_force()[0], level=Level.ADVISORY)]
    verdict = judge(failing, advised, {"RR501": "no need"})[0]
    assert not verdict.passed
    assert not verdict.refuses
    assert verdict.override is None


def test_an_empty_section_empties_the_role_whatever_the_cap():
    state = small_site(("10", "u2"))
    manifest = wanting(sections={Role.MENTOR: Section((), AT)})
    made = plan(state, manifest)
    assert [each.code for each in made.verdicts if each.refuses] == ["RR502"]
    assert made.refused
    assert not plan(state, manifest, overrides={"RR502": "a new start"}).refused
    assert not plan(small_site(), manifest).refused


def test_taking_the_role_off_a_profile_counts_every_assignment_that_loses_its_effect():
    state = small_site(("10", "u2"), ("10", "u3"), ("11", "u3"))
    manifest = wanting(
        profiles={Role.MENTOR: ProfileSetting((ref("Student"),), AT)},
        sections={},
        policy=Policy(max_removals=Limit(2, percentage=False)),
    )
    verdicts = {each.code: each for each in plan(state, manifest).verdicts if each.role == "mentor"}
    assert verdicts["RR501"].counted == 3
    assert verdicts["RR501"].refuses
    assert verdicts["RR502"].refuses


def test_only_what_is_in_scope_counts():
    state = small_site(("10", "u2"), ("11", "u3"), ("12", "u3"), ("13", "u3"))
    manifest = wanting(
        ("t-1", "8b"), within=(ref("8b"),), policy=Policy(max_removals=Limit(34, percentage=True))
    )
    verdict = next(each for each in plan(state, manifest).verdicts if each.code == "RR501")
    assert (verdict.counted, verdict.allowed) == (2, 2)
    empty = wanting(within=(ref("8b"),))
    assert [each.code for each in plan(state, empty).verdicts if each.refuses] == ["RR502"]


def test_guards_judge_the_end_state_and_not_the_way_there():
    """Replacing the only mentor empties nothing, though the old one goes."""
    made = plan(small_site(("10", "u2")), wanting(("t-1", "8a")))
    assert not made.refused
    assert len(made.actions) == 4


def test_unmanaged_and_untouched_roles_are_never_refused():
    state = small_site(("10", "u2"))
    settings = replace(wanting().settings, unmanaged=Unmanaged.REPORT)
    assert not plan(state, wanting(settings=settings)).refused
    assert not plan(state, wanting(sections={})).refused


def test_narrowing_is_judged_on_what_is_left():
    state = small_site(("10", "u2"), ("11", "u3"))
    state = replace(state, units=(*state.units, Unit("u7", "9a", UnitKind.CLASS, "9A", "u1")))
    manifest = wanting(("t-2", "9a"))
    whole = plan(state, manifest)
    assert not whole.refused
    narrowed = plan(state, manifest, only=["mentor/t-0*", "mentor/t-1*"])
    assert [each.code for each in narrowed.verdicts if each.refuses] == ["RR502"]
    assert {each.name.parts[1] for each in narrowed.actions} == {"t-0", "t-1"}


def test_a_role_without_effect_has_nothing_to_lose():
    found = Assignment(Role.HEADTEACHER, "10", TargetKind.SCHOOL, "u1")
    state = small_site(
        holders=frozenset({Holder(Role.HEADTEACHER, "10")}), assignments=Assignments.of({found})
    )
    manifest = wanting(sections={}, profiles={Role.HEADTEACHER: ProfileSetting((), AT)})
    assert plan(state, manifest).actions == ()


def test_emptying_a_role_that_has_no_effect_needs_an_override_too():
    disabled = (replace(PROFILES[0], roles=frozenset()), PROFILES[1])
    state = small_site(("10", "u2"), profiles=disabled)
    entry = entry_of(Role.MENTOR, ref("t-0"), ())
    for within in (None, (ref("8a"),)):
        manifest = wanting(sections={Role.MENTOR: Section((entry,), AT)}, within=within)
        assert [each.code for each in plan(state, manifest).verdicts if each.refuses] == ["RR502"]


def test_a_removal_that_takes_nothing_from_sight_says_so_while_the_role_is_being_enabled():
    disabled = (replace(PROFILES[0], roles=frozenset()), PROFILES[1])
    redundant = Assignment(Role.MENTOR, "10", TargetKind.LEARNER, "20")
    state = small_site(("10", "u2"), profiles=disabled)
    state = replace(state, assignments=state.assignments | {redundant})
    setting = ProfileSetting((ref("Staff"),), AT)
    made = plan(state, wanting(("t-0", "8a"), profiles={Role.MENTOR: setting}))
    assert [(str(each.name), each.sees_change) for each in made.actions] == [
        ("profile/Staff/mentor", None),
        ("mentor/t-0/learner/s-0", False),
    ]
    assert [(change.gained, change.lost) for change in made.access] == [(("20", "21"), ())]
