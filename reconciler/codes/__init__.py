"""The codes of diagnostics, each with its cause and remedy: the one place where they are given out.

RR0xx   `reading.py`    RR4xx   `rules.py`      RR8xx   `runs.py`
RR1xx   `manifest.py`   RR5xx   `guards.py`     RR9xx   `forms.py`
RR2xx   `site.py`       RR6xx   `review.py`
RR3xx   `rosters.py`    RR7xx   `fleet.py`
"""

from collections.abc import Mapping
from itertools import chain
from types import MappingProxyType
from typing import Final

from reconciler.codes import (
    fleet,
    forms,
    guards,
    manifest,
    reading,
    review,
    rosters,
    rules,
    runs,
    site,
)
from reconciler.codes.code import Code, Severity

__all__ = ["CODES", "Code", "Severity"]

CODES: Final[Mapping[str, Code]] = MappingProxyType(
    {
        code.name: code
        for code in chain(
            reading.CODES,
            manifest.CODES,
            site.CODES,
            rosters.CODES,
            rules.CODES,
            guards.CODES,
            review.CODES,
            fleet.CODES,
            runs.CODES,
            forms.CODES,
        )
    }
)
