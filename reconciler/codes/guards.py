"""Guards and policies, which judge a plan (design, section 6)."""

from typing import Final

from reconciler.codes.code import error, warning

CODES: Final = (
    error(
        "RR501",
        "more removals than the limit allows",
        "More live assignments would go than `policy.max_removals`, the site's policy or the "
        "built-in limit allows.",
        "Look at the plan. If it is meant, override it: [plans.md](plans.md#guards).",
    ),
    error(
        "RR502",
        "a role would be emptied",
        "Nobody would hold the role, or nothing with effect would be left of it.",
        "Look at the plan. If it is meant, override it.",
    ),
    warning(
        "RR503",
        "something protected is not declared and stays",
        "Somebody under `policy.protected` has no entry, or an assignment over a protected unit "
        "is not declared.",
        "Declare it again, or take it out of `policy.protected`.",
    ),
    warning(
        "RR504",
        "a pattern of --only or --except matches nothing that would change",
        "The pattern is wrong, or what it names is as the manifest wants it already.",
        "Compare it with what the message says there is, and with the addresses in `plan "
        "--format json` without `--only`.",
    ),
    warning(
        "RR505",
        "an override that no guard needs",
        "`--override` names a guard that does not refuse.",
        "Leave it out: left in, it would lift a refusal that nobody has seen.",
    ),
    warning(
        "RR506",
        "an effect of a run is not rolled back",
        "Somebody changed it since, it is not on the site any more, the site would refuse it, "
        "the run ended it because of its dates, or the person has been forgotten.",
        "Look at it; change it by hand if it is meant.",
    ),
    warning(
        "RR507",
        "a rollback on a site that keeps no events",
        "Without events, a change that was made and taken back since leaves no trace.",
        "Read the plan with care before you agree.",
    ),
    error(
        "RR508",
        "something protected would go",
        "A plan that was made without the site's policy file takes away what `policy.protected` "
        "keeps.",
        "Make a new plan, or override it.",
    ),
    warning(
        "RR509",
        "a rollback takes away something protected",
        "The run gave something to somebody, or over a unit, under `policy.protected`.",
        "Leave it out with `--except`, if it is to stay.",
    ),
    error(
        "RR510",
        "somebody would gain sight of too many learners",
        "One person gains more learners in one run than `policy.max_access_gain` allows.",
        "Look whether that is meant. If it is, override it.",
    ),
    error(
        "RR511",
        "a mentor would have too many learners",
        "More than `policy.max_learners_per_mentor`, over all their assignments as a mentor.",
        "Share the learners out, or override it.",
    ),
    error(
        "RR512",
        "a mentor would have too few learners",
        "Fewer than `policy.min_learners_per_mentor`.",
        "Assign learners, take the mentor out, or override it.",
    ),
    error(
        "RR513",
        "a learner would have no mentor",
        "`policy.every_learner_has_mentor` is set.",
        "Give them one, or override it.",
    ),
    error(
        "RR514",
        "a class would have no mentor",
        "`policy.every_class_has_mentor` is set; the class has no mentor, and not each of its "
        "learners has one.",
        "Give it one, or override it.",
    ),
    error(
        "RR515",
        "a school would have no headteacher",
        "`policy.every_school_has_headteacher` is set.",
        "Give it one, or override it.",
    ),
    error(
        "RR516",
        "a mentor would mentor themselves or a child of theirs",
        "`policy.no_self_mentoring` is set; the site's directory names the guardians.",
        "Give the learner another mentor, or override it.",
    ),
    error(
        "RR517",
        "a reason is missing",
        "`policy.require_reason_for` asks for one.",
        "Write `reason` beside the `id`.",
    ),
    error(
        "RR518",
        "a grant would last too long",
        "More days than `policy.max_grant_days`, both included; without `from`, counted from "
        "today. Items that follow each other without a day between count as one; what is "
        "accepted, until that ends.",
        "Choose an earlier `until`, or override it.",
    ),
    error(
        "RR519",
        "a role would be on a profile that is not allowed",
        "The role is enabled on a profile, or held by somebody of one, that "
        "`policy.allowed_profiles` does not name.",
        "Take the role off, or override it.",
    ),
    warning(
        "RR520",
        "learners lose their last mentor",
        "Nobody would mentor them any more. Not told where RR513 names them, nor of who is a "
        "learner nowhere on the plan's day.",
        "If it is not meant, give them a mentor in the same plan.",
    ),
    error(
        "RR521",
        "a roster has shrunk too much",
        "It has lost more people, units, learners, teachers or duties than "
        "`policy.max_roster_shrink` allows since it was last applied, and its rules ask for "
        "removals, or for somebody who steps in.",
        "Look whether the export is whole. If it is meant, override it.",
    ),
)
