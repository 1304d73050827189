"""The form of a snapshot, a folder of CSV files."""

from typing import Final

from reconciler.codes.code import error

CODES: Final = (
    error(
        "RR901",
        "a file of a form that cannot be read",
        "It is not there, is not UTF-8, or is no sound CSV.",
        "Save it from the spreadsheet as “CSV UTF-8”, under its name.",
    ),
    error(
        "RR902",
        "a column of a form is missing or stands there twice",
        "The first row is not the one that the form came with.",
        "Restore the first row.",
    ),
    error(
        "RR903",
        "a value in a form that is missing or cannot be meant",
        "A cell is empty that must not be, has a word that is not known, stands below no "
        "heading, or is a key that the spreadsheet made a date or a number of.",
        "Correct it; give columns of keys the format Text.",
    ),
    error(
        "RR904",
        "a key in a form that refers to nothing, or to itself",
        "The person, unit or profile has no row of its own, the spreadsheet has dropped zeros in "
        "front, or a school lies below a school.",
        "Correct the key, or add the row.",
    ),
    error(
        "RR905",
        "a key in a form that is used twice",
        "Two rows have the same key, name or role, or a person and a unit have the key that "
        "somebody has a role over.",
        "Take one out, or give one another key.",
    ),
)
