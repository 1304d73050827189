"""A fleet: many sites, and what each of them speaks for."""

from typing import Final

from reconciler.codes.code import error

CODES: Final = (
    error(
        "RR701",
        "a fleet without sites, or a site without a manifest",
        "`sites`, or the list under a site's `manifest`, has nothing in it.",
        "Name the sites, and the files of each.",
    ),
    error(
        "RR702",
        "two sites of a fleet that speak for the same part of a site",
        "Two entries are about the same site, and their scopes have a unit in common, or one of "
        "them has no scope. Each would undo what the other does.",
        "Give each manifest a [scope](manifest.md#scope) of its own, or take one out.",
    ),
)
