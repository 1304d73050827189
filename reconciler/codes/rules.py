"""Rules, which look at a roster and at the site."""

from typing import Final

from reconciler.codes.code import error, warning

CODES: Final = (
    error(
        "RR401",
        "a rule that matches nothing",
        "No unit of the roster is what the rule is of, all that it looks at has ended or begins "
        "later, nobody in it is what the rule asks for on that day, or nobody is found in any "
        "unit.",
        "Where the message does not say why, see `rules test`; take the roster of the year that "
        "is meant; take out a rule that is not needed.",
    ),
    warning(
        "RR402",
        "a rule's units that the site does not have",
        "No unit of the site has the roster's key, or there is none in the roster.",
        "Check by which key both are named. What the school system has renamed first loses its "
        "mentor: let the rule say `unknown: refuse` until the site has the new key, and "
        "[`moved`](school-year.md#units-and-people-with-another-key) what it was.",
    ),
    warning(
        "RR403",
        "a rule's people whom the site does not have",
        "Nobody on the site has the roster's key, or there is none in the roster; or a guardian "
        "or learner of the roster has it, too.",
        "Check by which key both are named; new people may not have been synchronised yet. Where "
        "others have the key, match by another, or declare them.",
    ),
    error(
        "RR404",
        "a rule's key that several share",
        "The site has the key more than once, or several units, or people who teach or head "
        "something, have it in the roster.",
        "Give them keys of their own, or match by another key.",
    ),
    warning(
        "RR405",
        "units in which a rule finds nobody",
        "Nobody of the kind that the rule takes is in them on the day, or those who are in them "
        "are not on the site, or excepted.",
        "Mend the roster, declare somebody, or say under `none` what is to be done.",
    ),
    error(
        "RR406",
        "units in which a rule may not find nobody",
        "As RR405, and the rule says `none: refuse`.",
        "Mend the roster, or declare somebody with `none: {use: …}`.",
    ),
    error(
        "RR407",
        "units in which a rule may not find several",
        "The rule says `several: refuse`.",
        "Mend the roster, or take one of them out with `except`.",
    ),
    error(
        "RR408",
        "a rule's units that are of another kind on the site",
        "Over a unit of that kind nobody can have the role.",
        "Match by another key, or take the units out with `except`.",
    ),
    error(
        "RR409",
        "what a rule may not lack on the site",
        "As RR402 or RR403, and the rule says `unknown: refuse`.",
        "Check by which key both are named, wait until the site has them, or name them under "
        "`except`. `drift` and `review` tell it as RR402 or RR403, and go on.",
    ),
    warning(
        "RR410",
        "rows of a roster that were left out, or read as less",
        "They name somebody marked as deleted, say less than the format asks for, or stand under "
        "a heading that lacks a column ([rules.md](rules.md#what-is-no-mistake)).",
        "See whether anybody is missing, or stays too long; mend the source if so.",
    ),
    warning(
        "RR411",
        "somebody whom a rule may mean keeps the role",
        "They are live, not declared, and their key is one that a teacher shares with others in "
        "the roster (RR403): nobody can say whether they are that teacher.",
        "Give each a key of their own; or take the key out with `except`, and declare the teacher.",
    ),
    warning(
        "RR412",
        "what a rule may mean, and cannot tell",
        "No class of the roster has one of the grades that a rule names, or classes say no type "
        "or grade where the rule asks for one. With `unknown: refuse` the first is RR409.",
        "Write the grade as the roster does; fill in what is blank at the source.",
    ),
)
