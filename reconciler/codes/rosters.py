"""Rosters, whose places are files and rows of their own (`rosters/problems.py`)."""

from typing import Final

from reconciler.codes.code import error, warning

CODES: Final = (
    error(
        "RR301",
        "the bundle cannot be read safely",
        "The file or zip is damaged or too large, the zip has unsafe paths, or the XML has a "
        "document type or entities.",
        "Export it again; XML without a document type, or with its `<!DOCTYPE …>` taken out by "
        "hand: nothing in it is needed.",
    ),
    error(
        "RR302",
        "no manifest, or of a version that is not supported",
        "`manifest.csv` is missing, or says another version than 1.1 or 1.2; an XML file is no "
        "IMS Enterprise, or does not say in `properties/type` that it is whole.",
        "Export OneRoster CSV 1.1 or 1.2, or PIFU-IMS of the type `full`.",
    ),
    error(
        "RR303",
        "a file that is needed is missing, or is a delta",
        "A file is missing, or holds only changes; an XML file has no people, groups or "
        "memberships, or a zip not one XML file.",
        "Export the whole (bulk, `full`), or name the bundle that changes in OneRoster go with "
        "as `base`.",
    ),
    error(
        "RR304",
        "not UTF-8, or an encoding that is not known",
        "A file was saved in another encoding; XML declares one that is not known.",
        "Export it as UTF-8.",
    ),
    error(
        "RR305",
        "malformed CSV or XML",
        "A quote is open, or the file is no CSV; XML is not well-formed, or was cut off.",
        "Correct the row, or export it again.",
    ),
    error(
        "RR306",
        "wrong number of columns in a row",
        "A row has more or fewer values than the heading.",
        "Look for a comma without quotes.",
    ),
    error(
        "RR307",
        "a column is missing or stands there twice",
        "The heading lacks a column that is needed, or that the manifest names, or has one "
        "twice; or other marks than commas part the columns of OneRoster.",
        "Correct the heading, or export it with commas.",
    ),
    error(
        "RR308",
        "a required value is missing",
        "A cell or element that must have a value is empty or missing, or nobody has a role.",
        "Fill it in.",
    ),
    error(
        "RR309",
        "an id that is used twice",
        "Two rows or records have the same id, even if given by different sources; rows of a "
        "plain file give one unit two kinds, class types or grades.",
        "Take one out, or make the rows agree.",
    ),
    error(
        "RR310",
        "a reference to something that is not in the bundle",
        "A row points at something that has no row; a class or organisation lies below one that "
        "is marked as deleted; in an XML file, also at a former id, or at one that another "
        "source gave, and a group names as what it lies below neither a school nor an "
        "organisation.",
        "Add what is missing, or take the row out.",
    ),
    error(
        "RR311",
        "an organisation lies below itself, or below two",
        "The parents of an organisation go in a circle, or a group has several.",
        "Correct a parent.",
    ),
    error(
        "RR312",
        "not a date, or an end before its beginning",
        "A date is not year-month-day, or a period ends before it begins.",
        "Correct it.",
    ),
    error(
        "RR313",
        "a word that the format does not know",
        "A status, type, role or kind of group is not one that the format has; the message lists "
        "those that it has.",
        "Correct the word.",
    ),
    error(
        "RR314",
        "a file or an answer with nothing in it",
        "A file of a table has a heading and no rows, or a school system answered that all is "
        "well, and sent no row of something that every school has.",
        "Export it again, or see what the client may read; nothing is planned from an empty "
        "school.",
    ),
    warning(
        "RR315",
        "primary teachers in classes of other types than homeroom only",
        "Homerooms have no primary teacher, classes of another type have, and no format says "
        "which of the two belong together: a file by PIFU-IMS before version 1.3, say, has "
        "contact teachers in a `kontaktlærergruppe`.",
        "Write a rule over the type that the message names, if its teachers are to be mentors.",
    ),
    error(
        "RR316",
        "nothing at the path, or a roster of another type",
        "There is no such file or folder, or what is there is neither of the two, a pipe say, or "
        "is read as another type: a table as OneRoster.",
        "Correct the path, or the type: `type` in a manifest, `--type` of a command.",
    ),
)
