"""Drift, and what became of a run, in the formats for pipelines."""

from typing import Final

from reconciler.codes.code import error

CODES: Final = (
    error(
        "RR801",
        "changed on the site by somebody else",
        "Somebody wrote it on the site's own pages or by another client, or may have, where the "
        "site keeps no events.",
        "Declare it, or `apply` the manifest to take it back.",
    ),
    error(
        "RR802",
        "live and not declared",
        "It is on the site, and the manifest reports what it does not declare.",
        "Declare it, or remove it on the site.",
    ),
    error(
        "RR803",
        "live past its last day",
        "Its last day has passed, and no `apply` has run since.",
        "Run `apply`, or give it a later `until`.",
    ),
    error(
        "RR804",
        "accepted until a day that has passed",
        "`accepted` let it stand until that day.",
        "Look after it, or accept it for longer.",
    ),
    error(
        "RR811",
        "an action of a run that failed",
        "The site refused it, or something else undid it.",
        "The message has the reason; run the same `apply` again when it is gone.",
    ),
    error(
        "RR812",
        "an action of which nobody knows what became of it",
        "It was sent, and no answer came; nor could the site be read afterwards.",
        "Run the same `apply` again: it looks first.",
    ),
    error(
        "RR813",
        "a run that did not come to its end, or was not read back",
        "It was interrupted, or the site or the journal could not be reached any more.",
        "Run the same `apply` again; what is done is not repeated.",
    ),
)
