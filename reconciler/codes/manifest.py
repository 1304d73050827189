"""The manifest by itself: schema, dates, duplicates (design, section 3)."""

from typing import Final

from reconciler.codes.code import error, warning

CODES: Final = (
    error(
        "RR101",
        "an unknown key",
        "A key is misspelt, or stands in the wrong place.",
        "Follow the advice; [manifest.md](manifest.md) has every key.",
    ),
    error(
        "RR102",
        "a missing key",
        "A key that has to be there is not.",
        "Add it.",
    ),
    error(
        "RR103",
        "a value of the wrong kind",
        "A list where a text should be, say.",
        "Write what the message asks for.",
    ),
    error(
        "RR104",
        "not one of the values allowed",
        "Only certain words are allowed here.",
        "Write one of those that the message names.",
    ),
    error(
        "RR105",
        "an id or a text that needs quotes",
        "YAML would read it as a number, a date or a boolean.",
        'Put it in quotes: `"0412"`.',
    ),
    error(
        "RR106",
        "a key without a value",
        "A key has nothing behind it: neither empty nor absent.",
        "Write `[]` for nobody, or leave the key out.",
    ),
    error(
        "RR107",
        "a text that is empty, too long or not plain",
        "A text is empty, too long, or has line breaks or white space at its ends.",
        "Shorten or clean it.",
    ),
    error(
        "RR108",
        "a kind that belongs to the other role",
        "Mentors take classes, groups and learners; headteachers take schools and organisations.",
        "Move it to an entry of the other role.",
    ),
    error(
        "RR109",
        "another version of the format",
        "`version` is not 1.",
        "Write `version: 1`, or use a newer program.",
    ),
    error(
        "RR110",
        "not a day of the calendar",
        "A date that does not exist, or is not written as year-month-day.",
        "Write it like `2026-08-17`.",
    ),
    error(
        "RR111",
        "`until` before `from`",
        "An item ends before it begins.",
        "Correct one of the two days.",
    ),
    error(
        "RR112",
        "the same person twice",
        "A person has two entries in one section, perhaps in two files.",
        "Join them: an entry says everything about its person.",
    ),
    error(
        "RR113",
        "the same assignment twice",
        "An item stands twice in an entry, on days that overlap.",
        "Take one out, or part their days.",
    ),
    error(
        "RR114",
        "two files that contradict each other",
        "Two files say different things about the same setting.",
        "State it in one file, or alike in all. Manifests with different scopes are planned one "
        "by one.",
    ),
    error(
        "RR115",
        "a site-wide section in a manifest with a scope",
        "`roles` or `labels` stands beside `scope`.",
        "Leave it to a manifest for the whole site.",
    ),
    error(
        "RR116",
        "an empty scope",
        "`scope.within` is an empty list.",
        "Name units, or leave `scope` out.",
    ),
    error(
        "RR117",
        "an unknown time zone",
        "The time zone is not an IANA name.",
        "Write one like `Europe/Oslo`.",
    ),
    error(
        "RR118",
        "no site stated",
        "No file says which site it is for.",
        "Add `site`.",
    ),
    warning(
        "RR119",
        "the same name twice in a list",
        "A profile, unit or person is listed twice. Nothing is wrong with the plan.",
        "Take one out.",
    ),
    error(
        "RR120",
        "a number or percentage out of range",
        "A number under `policy` is too small or too large, or `max_removals` is no percentage.",
        "Write a number or a percentage within the range.",
    ),
    error(
        "RR121",
        "not an address",
        "`accepted` names something that is no address. Addresses are `mentor/t-0412/class/8a`, "
        "`mentor/t-0412`, `profile/Staff/mentor` and `label/mentor/tool_name`.",
        "Copy the name from `drift`, or from `plan --format json`.",
    ),
    error(
        "RR122",
        "the same deviation accepted twice",
        "Two items under `accepted` have the same address.",
        "Keep one of the two.",
    ),
    error(
        "RR123",
        "a policy file that states more than policies",
        "The site-wide policy file has roles, labels, people, a scope or accepted deviations.",
        "Move them into a manifest.",
    ),
    warning(
        "RR124",
        "a reason that looks like health or family",
        "A `reason` has a word that often goes with somebody's health or family.",
        "Git cannot forget it: write only what has to be known.",
    ),
    warning(
        "RR125",
        "a level of a rule that is not stated",
        "`policy.levels` names a rule that `policy` does not state, so it does nothing.",
        "State the rule, or take the level out.",
    ),
    error(
        "RR126",
        "two rules that no plan can keep",
        "`policy.min_learners_per_mentor` is above `policy.max_learners_per_mentor`.",
        "Put the two right.",
    ),
    warning(
        "RR127",
        "a policy file that states no policy",
        "The site-wide policy file has no rules under `policy`.",
        "State them.",
    ),
    error(
        "RR128",
        "a rule for no role, or for two",
        "A rule has neither `mentor` nor `headteacher`, or both.",
        "Write one of the two; make two rules of it.",
    ),
    error(
        "RR129",
        "two rules of the same name",
        "Plans name rules, so each needs a name of its own.",
        "Rename one.",
    ),
    error(
        "RR130",
        "a rule without its roster",
        "The rule names a roster that is not declared, or does not say which of several.",
        "Declare it under `rosters`, or name it with `roster`.",
    ),
    error(
        "RR131",
        "a roster lacks what its type needs, or has what it does not take",
        "Files have a `path`; a plain one also needs to be told which columns are the unit and "
        "the person. What is fetched from a service has neither.",
        "Write what the message names, or take it out.",
    ),
    error(
        "RR132",
        "something that is moved twice",
        "Two lines under `moved` have the same `from`, perhaps in two files.",
        "Keep one of the two. A unit that was split is no move: each part is an addition.",
    ),
    error(
        "RR133",
        "something that is moved to itself",
        "A line under `moved` has the same key twice.",
        "Write the new key under `to`, or take the line out.",
    ),
    error(
        "RR134",
        "a rule that gives a role to somebody whom it excepts",
        "The same person stands under `none: {use: …}` and under `except` of a rule.",
        "Name somebody else under `use`, or take them out of `except`.",
    ),
)
