"""By which policies an apply judges a saved plan, and that it takes none that is for reading."""

from dataclasses import replace

import pytest
from doubles import MemorySite, apply_to
from small import plan, small_site, wanting
from strategies import AT, ref

from reconciler.desired import Cause, CauseKind
from reconciler.domain.vocabulary import Role, TargetKind
from reconciler.errors import GuardRefused, InvalidInput, PlanUnusable
from reconciler.manifest.model import Entry, Item, Limit, Manifest, Policy, ReasonFor, Rule, Section


def site_policy(**rules: object) -> Manifest:
    return wanting(policy=Policy(**rules), sections={})  # type: ignore[arg-type]


def refusal(made, site: MemorySite, policy: Manifest | None = None) -> str:
    before = site.state
    with pytest.raises(GuardRefused) as caught:
        apply_to(made, site, site_policy=policy)
    assert site.state == before
    return str(caught.value)


def test_a_saved_plan_is_judged_by_the_policy_that_the_site_has_now():
    """It may have been made where the file was not at hand, or before it became stricter."""
    site = MemorySite(small_site(("10", "u2")))
    made = plan(site.state, wanting(("t-1", "8a"), ("t-1", "8b")))
    limit = site_policy(numbers={Rule.MAX_LEARNERS_PER_MENTOR: 3})
    assert refusal(made, site, limit) == (
        "Refused by a guard: RR511: a mentor would see more than 3 learners, against the site's "
        "policy max_learners_per_mentor: t-1 (4 learners)."
    )
    kept = site_policy(protected_people=(ref("t-0"),))
    assert "RR508: protected things would go" in refusal(made, site, kept)
    removals = site_policy(max_removals=Limit(0, percentage=False))
    assert "RR501: 1 mentor assignment would go" in refusal(made, site, removals)
    lifted = {"RR511": "for a week"}
    assert apply_to(made, site, site_policy=limit, overrides=lifted).verified


def test_what_breaks_a_policy_is_named_as_the_manifest_names_it():
    site = MemorySite(small_site())
    made = plan(site.state, wanting(("t-0", "8a")))
    demand = site_policy(demands=frozenset({Rule.EVERY_CLASS_HAS_MENTOR}))
    assert refusal(made, site, demand).endswith("policy every_class_has_mentor: 8b.")


def test_a_policy_file_that_does_not_fit_the_site_is_refused():
    site = MemorySite(small_site())
    made = plan(site.state, wanting(("t-0", "8a")))
    with pytest.raises(InvalidInput) as caught:
        apply_to(made, site, site_policy=site_policy(protected_people=(ref("t-99"),)))
    assert [each.code for each in caught.value.diagnostics] == ["RR202"]
    assert site.state == small_site()


def test_a_plan_that_knew_the_policy_of_the_site_keeps_to_it_where_the_file_is_missing():
    site = MemorySite(small_site())
    strict, loose = (site_policy(numbers={Rule.MAX_LEARNERS_PER_MENTOR: most}) for most in (1, 2))
    made = plan(site.state, wanting(("t-0", "8a")), site_policy=strict)
    assert "RR511" in refusal(made, site)
    assert apply_to(made, site, site_policy=loose).verified, "the file says it, not the plan"


def test_the_policies_of_the_manifest_hold_beside_those_of_the_site():
    site = MemorySite(small_site())
    own = Policy(numbers={Rule.MAX_LEARNERS_PER_MENTOR: 1})
    made = plan(site.state, wanting(("t-0", "8a"), policy=own))
    loose = site_policy(numbers={Rule.MAX_LEARNERS_PER_MENTOR: 30})
    assert "against policy.max_learners_per_mentor" in refusal(made, site, loose)


def with_learner(reason: str | None) -> Manifest:
    item = Item(TargetKind.LEARNER, ref("s-0"), reason=reason)
    return wanting(sections={Role.MENTOR: Section((Entry(Role.MENTOR, ref("t-0"), (item,)),), AT)})


REASONS = site_policy(require_reason_for=(ReasonFor.INDIVIDUAL_LEARNERS,))


def test_reasons_are_asked_for_what_the_plan_grants():
    site = MemorySite(small_site())
    without = plan(site.state, with_learner(None))
    assert "RR517: a reason is missing" in refusal(without, site, REASONS)
    assert apply_to(plan(site.state, with_learner("covers")), site, site_policy=REASONS).verified


def test_no_reason_is_asked_for_what_goes_or_is_given_back():
    site = MemorySite(small_site())
    apply_to(plan(site.state, with_learner(None)), site)
    empty = {"RR502": "over"}
    gone = plan(site.state, wanting())
    assert apply_to(gone, site, site_policy=REASONS, overrides=empty).verified
    made = plan(site.state, with_learner(None))
    back = Cause(CauseKind.ROLLED_BACK, run="run-1")
    made = replace(made, actions=tuple(replace(each, cause=back) for each in made.actions))
    assert apply_to(made, site, site_policy=REASONS).verified


def test_a_redacted_plan_is_for_reading_only():
    site = MemorySite(small_site())
    made = replace(plan(site.state, wanting(("t-0", "8a"))), redacted=True)
    with pytest.raises(PlanUnusable) as caught:
        apply_to(made, site)
    assert str(caught.value) == (
        "The plan is redacted: pseudonyms stand for people, and it is for reading only."
    )
    assert caught.value.advice == "Apply the plan as it was made, without --redact."
