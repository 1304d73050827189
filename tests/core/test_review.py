"""The review: each check with a case that finds and one that does not; and its formats."""

import csv
import io
import json
import re
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from sandboxes import validator
from small import plan, small_site, wanting
from strategies import AT, TODAY, cases, entry_of, ref

from reconciler.domain.assignments import Assignment, Assignments, Holder
from reconciler.domain.vocabulary import MembershipRole, Role, TargetKind, UnitKind
from reconciler.manifest.model import Item, Section
from reconciler.manifest.policies import Level, Policy, PolicyKey
from reconciler.reports import summary
from reconciler.reports.review import review_csv, review_document, review_html, review_text
from reconciler.review import CHECKS, Check
from reconciler.state import Relation, Unit
from reconciler.workflows.reading import StateOn, review_state

YESTERDAY = TODAY - timedelta(days=1)


def found(state, manifest=None, **more) -> dict[str, list[tuple[str, str]]]:
    """Per check what was found, and how bad it is."""
    review = review_state(StateOn(state, TODAY), manifest, **more)
    validator("review").validate(json.loads(json.dumps(review_document(review))))
    listed: dict[str, list[tuple[str, str]]] = {}
    for finding in review.findings:
        listed.setdefault(finding.check.value, []).append(
            (str(finding.found), finding.severity.value)
        )
    return listed


def covered(*more: Assignment, **changes):
    """A site on which nothing is amiss: both classes have mentors, the school a headteacher."""
    state = small_site(("10", "u2"), ("11", "u3"))
    head = Assignment(Role.HEADTEACHER, "12", TargetKind.SCHOOL, "u1")
    staff = replace(state.profiles[0], roles=frozenset(Role))
    own = Assignments.of((*state.assignments, head, *more))
    state = replace(
        state,
        profiles=(staff, *state.profiles[1:]),
        assignments=own,
        holders=frozenset(each.holder for each in own),
    )
    return replace(state, **changes)


def test_a_site_on_which_nothing_is_amiss_is_clean():
    assert found(covered()) == {}
    assert found(covered(), wanting(("t-0", "8a"), ("t-1", "8b"))) == {}


def test_an_empty_start_lists_all_that_is_missing():
    assert found(small_site()) == {
        "learner_without_mentor": [(f"s-{n}", "warning") for n in range(4)],
        "class_without_mentor": [("8a (2 learners)", "warning"), ("8b (2 learners)", "warning")],
        "school_without_headteacher": [("skole (4 learners)", "warning")],
    }


def test_what_a_mandatory_policy_demands_is_an_error():
    rule = PolicyKey.EVERY_CLASS_HAS_MENTOR
    for levels, severity in (({}, "error"), ({rule: Level.ADVISORY}, "warning")):
        policy = Policy(demands=frozenset({rule}), levels=levels)
        for given_as in ("manifest", "site_policy"):
            listed = found(small_site(), **{given_as: wanting(policy=policy, sections={})})
            assert {each[1] for each in listed["class_without_mentor"]} == {severity}
            assert {each[1] for each in listed["learner_without_mentor"]} == {"warning"}


def test_a_mentor_who_sees_nobody_is_found():
    extra = Holder(Role.MENTOR, "13")
    state = covered()
    state = replace(state, holders=state.holders | {extra})
    assert found(state) == {"mentor_without_learners": [("t-3", "warning")]}


def test_inactive_accounts_with_a_role_are_found():
    state = covered()
    people = tuple(replace(each, active=each.id != "12") for each in state.people)
    assert found(replace(state, people=people)) == {
        "inactive_holder": [("t-2 (headteacher)", "warning")]
    }


def test_holders_on_a_profile_without_their_role_are_found():
    state = covered()
    profiles = (replace(state.profiles[0], roles=frozenset({Role.MENTOR})), *state.profiles[1:])
    assert found(replace(state, profiles=profiles)) == {
        "school_without_headteacher": [("skole (4 learners)", "warning")],
        "profile_without_role": [("t-2 (headteacher, profile Staff)", "warning")],
    }


def limited(most: int, **more: object) -> Policy:
    return Policy(numbers={PolicyKey.MAX_LEARNERS_PER_MENTOR: most}, **more)  # type: ignore[arg-type]


def test_mentors_over_the_limit_are_found():
    both = Assignment(Role.MENTOR, "10", TargetKind.CLASS, "u3")
    manifest = wanting(policy=limited(3), sections={})
    assert found(covered(both), manifest) == {
        "mentor_over_limit": [("t-0 (4 learners, 3 allowed)", "error")]
    }
    assert found(covered(both), wanting(policy=limited(4), sections={})) == {}
    advised = limited(3, levels={PolicyKey.MAX_LEARNERS_PER_MENTOR: Level.ADVISORY})
    assert found(covered(both), wanting(policy=advised, sections={})) == {
        "mentor_over_limit": [("t-0 (4 learners, 3 allowed)", "warning")]
    }


def test_mentors_of_their_own_children_are_found():
    assert found(covered(relations=(Relation("10", "20", "guardian"),))) == {
        "own_mentor": [("t-0 (a child of theirs: s-0)", "warning")]
    }
    assert found(covered(relations=(Relation("10", "22", "guardian"),))) == {}


def test_assigned_units_that_nobody_is_in_any_more_are_found():
    state = covered()
    left = tuple(
        each._replace(end=YESTERDAY if each.person == "22" else TODAY)
        if each.unit == "u3"
        else each
        for each in state.memberships
    )
    listed = found(replace(state, memberships=left))
    assert listed == {
        "mentor_without_learners": [("t-1", "warning")],
        "unit_emptied": [(f"8b (since {TODAY})", "warning")],
    }
    never = tuple(each for each in state.memberships if each.unit != "u3")
    assert found(replace(state, memberships=never))["unit_emptied"] == [
        ("8b (has never had any)", "warning")
    ]
    teachers = tuple(
        each._replace(role=MembershipRole.TEACHER) if each.unit == "u3" else each
        for each in state.memberships
    )
    assert "unit_emptied" in found(replace(state, memberships=teachers))


def dated(**days):
    items = (Item(TargetKind.CLASS, ref("8a"), **days),)
    section = Section((entry_of(Role.MENTOR, ref("t-0"), items),), AT)
    return wanting(sections={Role.MENTOR: section}, policy=Policy())


def test_what_ends_soon_and_what_is_past_its_end_are_found():
    last = TODAY + timedelta(days=30)
    name = "mentor/t-0/class/8a"
    assert found(covered(), dated(ends=last)) == {
        "ends_soon": [(f"{name} (holds until {last})", "warning")]
    }
    assert found(covered(), dated(ends=last), within_days=29) == {}
    assert found(covered(), dated(ends=YESTERDAY)) == {
        "expired_and_live": [(f"{name} (expired {YESTERDAY})", "error")]
    }


def test_only_what_lies_in_the_scope_is_looked_at():
    manifest = wanting(within=(ref("8a"),), sections={})
    assert found(small_site(), manifest) == {
        "learner_without_mentor": [("s-0", "warning"), ("s-1", "warning")],
        "class_without_mentor": [("8a (2 learners)", "warning")],
    }


@given(cases())
@settings(max_examples=60, deadline=None)
def test_the_review_and_the_policies_find_the_same(case):
    """What a policy would refuse of a plan, the review finds on the site that the plan leads to."""
    state, manifest = case
    demands = {
        PolicyKey.EVERY_LEARNER_HAS_MENTOR: (Check.LEARNER_WITHOUT_MENTOR, "RR513"),
        PolicyKey.EVERY_CLASS_HAS_MENTOR: (Check.CLASS_WITHOUT_MENTOR, "RR514"),
        PolicyKey.EVERY_SCHOOL_HAS_HEADTEACHER: (Check.SCHOOL_WITHOUT_HEADTEACHER, "RR515"),
        PolicyKey.NO_SELF_MENTORING: (Check.OWN_MENTOR, "RR516"),
    }
    nothing = replace(
        manifest, profiles={}, labels={}, sections={}, policy=Policy(demands=frozenset(demands))
    )
    made = plan(state, nothing)
    review = review_state(StateOn(state, TODAY), nothing)
    for check, code in demands.values():
        (verdict,) = [each for each in made.verdicts if each.code == code]
        listed = [finding.found.id for finding in review.findings if finding.check is check]
        assert sorted(each.id for each in verdict.found) == sorted(listed)
        assert verdict.counted == len(listed)


@given(st.text(alphabet="=+-@ \t\"',;\nａ＝＋8", max_size=8))  # noqa: RUF001 - full width is meant
def test_no_cell_is_a_formula_and_nothing_else_is_lost(key):
    state = small_site()
    units = tuple(
        replace(unit, sync_key=key or None) if unit.id == "u2" else unit for unit in state.units
    )
    state = replace(state, units=units)
    rows = list(
        csv.DictReader(io.StringIO("".join(review_csv(review_state(StateOn(state, TODAY))))))
    )
    document = review_document(review_state(StateOn(state, TODAY)))
    assert len(rows) == len(document["findings"])
    for row, finding in zip(rows, document["findings"], strict=True):
        for name, cell in row.items():
            assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝", "＋"))  # noqa: RUF001 - full width is meant
            assert not re.search(r';[\s"]*[=+@-]', cell)
            if cell == (finding[name] or ""):
                continue
            guarded = cell.startswith("'") or ";'" in cell
            assert guarded or "\\" in cell or not (finding[name] or "").isprintable()


def test_a_page_escapes_what_comes_from_elsewhere():
    state = small_site()
    units = tuple(
        replace(unit, sync_key="<script>alert(1)</script>") if unit.id == "u2" else unit
        for unit in state.units
    )
    page = "".join(review_html(review_state(StateOn(replace(state, units=units), TODAY))))
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_every_check_has_a_line_in_the_table():
    assert list(CHECKS) == list(Check)
    assert len({check.code for check in CHECKS.values()}) == len(Check)


def test_a_long_list_is_counted_by_unit_unless_all_is_asked_for(monkeypatch):
    monkeypatch.setattr(summary, "LONG", 1)
    units = tuple(Unit(f"x{n}", f"9{n}", UnitKind.CLASS, f"9{n}", "u1") for n in range(12))
    site = small_site()
    found = review_state(StateOn(replace(site, units=(*site.units, *units)), TODAY))

    def told(**how) -> list[str]:
        stream = Console(width=200, file=io.StringIO())
        stream.print(*review_text(found, **how), sep="\n")
        return stream.file.getvalue().splitlines()

    counted, listed = told(), told(full=True)
    assert any("of them" in line for line in counted)
    assert "--full" in counted[-1]
    assert len(listed) > len(counted)
    assert not any("of them" in line for line in listed)
