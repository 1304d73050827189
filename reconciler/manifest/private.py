"""Notices a reason that says more about somebody than a repository should keep.

Git cannot forget, so health and family do not belong into it. What stands here are the beginnings
of words in the languages of the schools that use the platform; it finds the usual slips, no more.
"""

import re
from typing import Final

_STEMS: Final = (
    # health
    *("adhd", "allerg", "asperger", "autis", "cancer", "clinic", "depress", "diagnos", "disab"),
    *("disease", "doctor", "epilep", "hospital", "illness", "medic", "mental", "overdos"),
    *("patient", "pregnan", "psych", "psyk", "suicid", "therap", "terapi", "trauma"),
    *("barnehabilitering", "funksjonsned", "gravid", "kreft", "lege", "medisin", "selvmord"),
    *("sjuk", "syg", "syk", "sykehus", "behinder", "krank", "schwanger"),
    *("anxiet", "bereave", "burnout", "dyslek", "dyslex", "handicap", "injur", "sick", "surger"),
    *("angst", "utbrent", "wheelchair", "rullestol"),
    # family
    *("abuse", "adopt", "asylum", "custody", "divorc", "domestic", "foster", "violence"),
    *("barnefordeling", "barnevern", "fosterhjem", "kode 6", "kode 7", "omsorg", "skilsm"),
    *("skils", "social services", "socialtj", "sosial", "vold", "pflegefamilie", "scheidung"),
)

_PRIVATE: Final = re.compile(rf"\b(?:{'|'.join(map(re.escape, _STEMS))})\w*", re.IGNORECASE)


def private_word(text: str) -> str | None:
    """Return the first word of a text that looks like health or family, if there is one."""
    found = _PRIVATE.search(text)
    return found[0] if found else None
