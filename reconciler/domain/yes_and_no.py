"""How somebody who fills in a table says yes or no, in the languages of the platform's schools."""

from typing import Final

YES: Final = frozenset({"x", "yes", "true", "1", "ja", "sann", "sant", "sandt", "wahr"})
"""Words for yes, in lower case."""

NO: Final = frozenset(
    {"", "no", "false", "0", "nei", "nej", "nein", "usann", "falskt", "falsk", "falsch"}
)
"""Words for no, in lower case; an empty cell is one."""
