"""The checks of a review, by their codes (`reconciler/review.py` has how they look).

How bad a finding is depends on the policies in force: what a mandatory one demands is an error.
"""

from typing import Final

from reconciler.codes.code import error, warning

CODES: Final = (
    warning(
        "RR601",
        "learners without a mentor",
        "Nobody's assignments as a mentor reach them: neither over them, nor over a class or group "
        "of theirs. Those without effect do not count.",
        "Declare a mentor of their class, or of them.",
    ),
    warning(
        "RR602",
        "classes without a mentor",
        "Nobody is assigned to the class, and not each of its learners has a mentor in some other "
        "way.",
        "Declare a mentor of it.",
    ),
    warning(
        "RR603",
        "schools without a headteacher",
        "Nobody is assigned to the school, nor to anything above it.",
        "Declare a headteacher of it.",
    ),
    warning(
        "RR604",
        "mentors without learners",
        "They have no assignments with effect, or nobody is in what they are assigned to.",
        "Assign learners, or take the entry out.",
    ),
    warning(
        "RR605",
        "inactive accounts that hold a role",
        "The account was switched off, and the role was not taken back.",
        "Take the entry out, and declare who comes after.",
    ),
    warning(
        "RR606",
        "holders whose profile does not have the role",
        "The role is not enabled on their profile, so what they are assigned to has no effect.",
        "Enable it under `roles`, or take the entry out.",
    ),
    warning(
        "RR607",
        "mentors with more learners than the policy allows",
        "More than `policy.max_learners_per_mentor`, over all their assignments as a mentor.",
        "Share the learners out.",
    ),
    warning(
        "RR608",
        "mentors of themselves or of a child of theirs",
        "They, or a child of theirs by the guardians in the site's directory, are among their "
        "learners.",
        "Give the learner another mentor.",
    ),
    warning(
        "RR609",
        "assigned units without learners",
        "The learners have moved on, as those of a class that has left, or there never were any.",
        "Take the assignment out; declare the unit that came after it, if there is one.",
    ),
    warning(
        "RR610",
        "ending soon",
        "The last day, of an assignment or of an accepted deviation, is within `--within`.",
        "Give it a later `until`, or declare who comes after.",
    ),
    error(
        "RR611",
        "past their last day and still live",
        "The last day has passed, and no `apply` has run since.",
        "Run `apply`, or give it a later `until`.",
    ),
    warning(
        "RR612",
        "mentors with fewer learners than the policy asks for",
        "Fewer than `policy.min_learners_per_mentor`, over all their assignments as a mentor.",
        "Assign learners, or take the mentor out.",
    ),
    warning(
        "RR613",
        "roles on profiles that the policy does not allow",
        "The role is enabled on a profile, or held by somebody of one, that "
        "`policy.allowed_profiles` does not name.",
        "Take the role off, or allow the profile.",
    ),
    warning(
        "RR614",
        "accepted until a day that has passed, and still so",
        "`accepted` let it stand until that day.",
        "Look after it, or accept it for longer.",
    ),
)
