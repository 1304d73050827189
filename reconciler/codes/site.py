"""The manifest against the site: references, scope (design, section 3)."""

from typing import Final

from reconciler.codes.code import error, warning

CODES: Final = (
    error(
        "RR201",
        "the manifest is for another site",
        "The site reports another id than the manifest's `site`.",
        "Check the environment, or the manifest. Nothing else is looked up.",
    ),
    error(
        "RR202",
        "unknown person",
        "Nobody on the site has this key.",
        "Check the spelling, and `settings.people`.",
    ),
    error(
        "RR203",
        "unknown unit",
        "No unit on the site has this key.",
        "Check the spelling, and `settings.units`.",
    ),
    error(
        "RR204",
        "unknown profile",
        "The site has no profile of this name.",
        "Write the name as the site shows it.",
    ),
    error(
        "RR205",
        "a key that several share",
        "Several people or units on the site have the same key.",
        "Use a kind of key that tells them apart, such as `id`.",
    ),
    error(
        "RR206",
        "a unit of another kind",
        "A class is listed under `groups`, or the like.",
        "Move it to the list of its kind.",
    ),
    error(
        "RR207",
        "not a learner",
        "The person is not a learner in any unit.",
        "Check the key; only learners can be followed.",
    ),
    error(
        "RR208",
        "outside the manifest's scope",
        "The unit, or the learner's primary unit, lies elsewhere.",
        "Declare it in the manifest of its school, or widen the scope.",
    ),
    error(
        "RR209",
        "two entries or items are the same one on the site",
        "Two different keys lead to the same person or unit.",
        "Keep one of the two.",
    ),
    error(
        "RR210",
        "the role is not enabled on the person's profile",
        "The person's profile does not have the role, so they cannot be added.",
        "Add the profile under `roles`, or change the person's profile.",
    ),
    warning(
        "RR211",
        "the role is not enabled on a holder's profile",
        "The person holds the role, but their profile does not have it, so it has no effect.",
        "Add the profile under `roles`, or remove the entry.",
    ),
    warning(
        "RR212",
        "the person's account is inactive",
        "The account cannot sign in. The assignments are kept.",
        "Activate the account, or remove the entry.",
    ),
    warning(
        "RR213",
        "an accepted deviation that is none",
        "The site is as the manifest declares at an address under `accepted`, or nothing has "
        "that address.",
        "Take it out, or look whether the address is right.",
    ),
    warning(
        "RR214",
        "an accepted deviation whose last day was declared",
        "An address under `accepted` is that of an item whose `until` has passed: it ends all "
        "the same.",
        "If it is to go on, give the item a later `until`; take it out of `accepted`.",
    ),
    error(
        "RR215",
        "a moved key that a unit and a person share",
        "Both a unit and a person of the site have the key under `to` in a line of `moved`.",
        "Add `kind: unit` or `kind: person` to the line.",
    ),
    warning(
        "RR216",
        "lines under moved that match nothing",
        "No live assignment of the old key stands in the way of a declared one of the new key: "
        "it is done, or still to come. Or nothing on the site has the key under `from` (told "
        "apart): what had it is gone, or the key is mistyped. Or only a roster has the key under "
        "`to` (told apart, too).",
        "Look at the keys; take the lines out once all is done.",
    ),
    warning(
        "RR217",
        "a day on which the site has no learners in its units",
        "`--as-of` names a day for which no memberships have come yet.",
        "Who gains and loses sight of whom then is not known: look again once next year's "
        "memberships are on the site.",
    ),
)
