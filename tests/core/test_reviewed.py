"""A plan may do what was reviewed, or less."""

from dataclasses import replace

import pytest
from small import plan, small_site, wanting

from reconciler.errors import PlanUnusable
from reconciler.plan.reviewed import check_reviewed

NOBODY = small_site()
BOTH = wanting(("t-0", "8a"), ("t-1", "8b"))


def test_the_same_plan_made_again_is_what_was_reviewed():
    assert check_reviewed(plan(NOBODY, BOTH), plan(NOBODY, BOTH)) == 0


def test_less_than_was_reviewed_is_counted():
    fewer = plan(small_site(("10", "u2")), BOTH)
    reviewed = plan(NOBODY, BOTH)
    assert fewer.actions
    left = check_reviewed(fewer, reviewed)
    assert left == len(reviewed.actions) - len(fewer.actions) > 0


def test_more_than_was_reviewed_is_refused_and_named():
    with pytest.raises(PlanUnusable) as refused:
        check_reviewed(plan(NOBODY, BOTH), plan(NOBODY, wanting(("t-0", "8a"))))
    assert "2 changes would be made that nobody reviewed" in str(refused.value)
    assert "add mentor/t-1/class/8b" in str(refused.value)
    assert ("11", "t-1") in refused.value.people
    assert refused.value.site == "nord"


def test_the_other_way_round_is_another_change():
    live = small_site(("10", "u2"))
    removal = plan(live, wanting(("t-1", "8b")))
    with pytest.raises(PlanUnusable, match="remove mentor/t-0/class/8a"):
        check_reviewed(removal, plan(NOBODY, BOTH))


def test_many_are_counted():
    wanted = wanting(*((f"t-{n}", unit) for n in range(4) for unit in ("8a", "8b")))
    with pytest.raises(PlanUnusable, match=r" and \d+ more\. "):
        check_reviewed(plan(NOBODY, wanted), plan(NOBODY, wanting(("t-0", "8a"))))


def test_a_plan_for_another_site_was_not_reviewed():
    with pytest.raises(PlanUnusable, match="is for sør, and this one for nord"):
        check_reviewed(plan(NOBODY, BOTH), replace(plan(NOBODY, BOTH), site="sør"))
