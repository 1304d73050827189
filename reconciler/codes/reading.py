"""Reading a file: its encoding, its YAML (design, section 3)."""

from typing import Final

from reconciler.codes.code import error, warning

CODES: Final = (
    error(
        "RR001",
        "a file or directory that cannot be read",
        "The path does not exist, or you may not read it.",
        "Check the path and its permissions.",
    ),
    error(
        "RR002",
        "no manifest found",
        "The folder has no `.yaml` or `.yml` file, in any case.",
        "Name the right folder, or a file.",
    ),
    error(
        "RR003",
        "a file that is too large",
        "The file is larger than 256 MiB.",
        "Split the manifest into several files.",
    ),
    error(
        "RR004",
        "an empty file",
        "There is nothing in the file, or only comments.",
        "Write a manifest, or leave the file out.",
    ),
    error(
        "RR005",
        "not UTF-8",
        "The file was saved in another encoding, Latin-1 say.",
        "Save it as UTF-8.",
    ),
    error(
        "RR006",
        "UTF-16 or UTF-32",
        'The file was saved as "Unicode" by a Windows program.',
        "Save it as UTF-8.",
    ),
    warning(
        "RR007",
        "a byte order mark",
        "The file begins with an invisible mark. It is read all the same.",
        "Save it as UTF-8 without a byte order mark.",
    ),
    error(
        "RR008",
        "a character that cannot stand in a manifest, or a binary file",
        "The file holds control characters, or is not a text at all.",
        "Take the character out, or name another file.",
    ),
    error(
        "RR009",
        "something else than a manifest",
        "The file is a list, a single text or a saved state.",
        "Name a manifest: a mapping with `version`. A saved state goes with `--live`.",
    ),
    error(
        "RR010",
        "not valid YAML",
        "The YAML cannot be read: a bracket or a quote is open, an indentation is wrong, a space "
        "is missing after a colon, or a no-break space (U+00A0) stands for a space.",
        "Correct the line that is named.",
    ),
    error(
        "RR011",
        "a tab",
        "YAML is not indented with tabs. After a key's colon, before a comment and in quotes "
        "they are fine.",
        "Use spaces.",
    ),
    error(
        "RR012",
        "a duplicate key",
        "The same key stands twice in one mapping.",
        "Join the two, or take one out.",
    ),
    error(
        "RR013",
        "several YAML documents in one file",
        "The file has a `---` line between two documents.",
        "Put each into a file of its own.",
    ),
    error(
        "RR014",
        "a YAML tag",
        "A `!` tag changes what a value is.",
        "Take the tag out; put text in quotes.",
    ),
    error(
        "RR015",
        "an alias that expands too far, has no end or has no anchor",
        "An alias (`*name`) has no anchor, contains itself, or expands to too much.",
        "Write out what is meant.",
    ),
    error(
        "RR016",
        "nested too deep",
        "Lists and mappings stand too deep in each other.",
        "Look for a wrong indentation; a manifest is shallow.",
    ),
    error(
        "RR017",
        "a key that is not text",
        "A key is a number, a list or something else that is not text.",
        "Put the key in quotes, or correct it.",
    ),
    error(
        "RR018",
        "a YAML directive",
        "A line begins with `%`.",
        "Take the line out.",
    ),
)
