"""Whether a plan does no more than another one that somebody reviewed.

A pipeline plans on a pull request, and again when it is merged: from what was merged, where nobody
else can write to. The plan that was reviewed comes from where many can, so it is never applied
itself. Forged with less in it, it keeps changes from being made; with more in it, it switches the
check off, and the plan of what was merged is applied, which is all that it can bring about. The
gate against whoever can push is the review of the manifest, and who has to approve the apply.
"""

from collections.abc import Hashable, Sequence
from itertools import chain
from typing import Final

from reconciler.errors import PlanUnusable
from reconciler.plain import count
from reconciler.plan.model import Action, Plan

_NAMED: Final = 5


def check_reviewed(plan: Plan, reviewed: Plan) -> int:
    """Check that a plan does what was reviewed, or less.

    Args:
        plan: what is to be applied.
        reviewed: what somebody agreed to.

    Returns:
        How many changes were reviewed that there is no need for any more.

    Raises:
        PlanUnusable: it was reviewed for another site, or something would be done beyond it.
    """
    if plan.site != reviewed.site:
        raise PlanUnusable(
            f"The plan that was reviewed is for {reviewed.site}, and this one for {plan.site}.",
            "Name the plan that was made for this site.",
        )
    allowed = {_change(action) for action in reviewed.actions}
    beyond = [action for action in plan.actions if _change(action) not in allowed]
    if beyond:
        raise PlanUnusable(
            f"{count(len(beyond), 'change')} would be made that nobody reviewed: {_named(beyond)}. "
            "The manifest, a roster or the site has moved since.",
            "Have a new plan reviewed, and apply that one.",
        ).naming(
            plan.site,
            chain.from_iterable(each.address.people_as(each.name) for each in beyond),
        )
    return len(allowed) - len(plan.actions)


def _change(action: Action) -> Hashable:
    """Return what a change is, whatever the reason for it."""
    return action.verb, action.address, action.before, action.after


def _named(actions: Sequence[Action]) -> str:
    named = ", ".join(f"{action.verb.value} {action.name}" for action in actions[:_NAMED])
    left = len(actions) - _NAMED
    return f"{named} and {left:,} more" if left > 0 else named
