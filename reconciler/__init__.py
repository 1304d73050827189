"""Config-as-code for the mentor and headteacher roles of a learning platform.

Five functions are the library, and the command line calls the same five:

    load_manifest   files and directories to a checked `Manifest`
    load_policy     a site-wide policy file, for `make_plan`; `apply_plan` reads it by itself
    fetch_state     a site, or a saved state, to a `LiveState`
    make_plan       a manifest and a live state to a `Plan`; pure but for the day and a random id
    apply_plan      a plan to a site; returns what became of every action

They are loaded when they are first used, so that importing the package costs nothing. What else is
public is told in `docs/public.md`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.apply.outcome import ApplyResult
    from reconciler.connection import Connection, load_connection
    from reconciler.errors import ExitCode, ReconcilerError
    from reconciler.manifest.model import Manifest
    from reconciler.plan.model import Plan
    from reconciler.state import LiveState
    from reconciler.workflows.applying import apply_plan
    from reconciler.workflows.loading import load_manifest, load_policy
    from reconciler.workflows.reading import fetch_state, make_plan

__version__ = "1.0.0rc1"

__all__ = [
    "ApplyResult",
    "Connection",
    "ExitCode",
    "LiveState",
    "Manifest",
    "Plan",
    "ReconcilerError",
    "apply_plan",
    "fetch_state",
    "load_connection",
    "load_manifest",
    "load_policy",
    "make_plan",
]

_HOMES = {
    "ApplyResult": "reconciler.apply.outcome",
    "Connection": "reconciler.connection",
    "ExitCode": "reconciler.errors",
    "LiveState": "reconciler.state",
    "Manifest": "reconciler.manifest.model",
    "Plan": "reconciler.plan.model",
    "ReconcilerError": "reconciler.errors",
    "apply_plan": "reconciler.workflows.applying",
    "fetch_state": "reconciler.workflows.reading",
    "load_connection": "reconciler.connection",
    "load_manifest": "reconciler.workflows.loading",
    "load_policy": "reconciler.workflows.loading",
    "make_plan": "reconciler.workflows.reading",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
