"""Keeps the record of runs in files: one file of JSON lines per plan, private to the user.

Small on purpose: it makes a plan single-use on this machine and lets an unfinished run go on. A
record shared between machines takes the same Protocol's place (`reconciler.apply.journal`).
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from reconciler.apply.journal import Earlier
from reconciler.apply.outcome import ActionOutcome, Outcome
from reconciler.domain.address import Address
from reconciler.errors import JournalError
from reconciler.plan.model import Override, Plan


class FileJournal:
    """A journal in a directory of the user's.

    Args:
        directory: made when the first run begins, readable by its owner only.
        now: tells the time, for the record.
    """

    def __init__(self, directory: Path, now: Callable[[], datetime]) -> None:
        self._directory = directory
        self._now = now

    def earlier(self, plan: Plan) -> Earlier:
        """Return what earlier runs of this plan did; a line that was cut short counts as absent."""
        sent: Counter[Address] = Counter()
        outcomes: dict[Address, Outcome] = {}
        used = False
        try:
            for line in self._lines(plan):
                match line["event"]:
                    case "sending":
                        sent.update(Address.parse(address) for address in line["addresses"])
                    case "settled":
                        for address, outcome in line["outcomes"].items():
                            outcomes[Address.parse(address)] = Outcome(outcome)
                    case "finish":
                        used = True
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _unusable("read", self._path(plan), error) from error
        return Earlier(used, sent, frozenset(at for at, found in outcomes.items() if found.holds))

    def begin(self, plan: Plan, overrides: Sequence[Override]) -> None:
        """Record that a run of the plan begins."""
        lifted = [{"code": each.code, "reason": each.reason} for each in overrides]
        self._drop_half_line(plan)
        self._write(plan, "begin", run=plan.id, site=plan.site, overrides=lifted)

    def sending(self, plan: Plan, addresses: Sequence[Address]) -> None:
        """Record that changes are about to be sent."""
        self._write(plan, "sending", addresses=[str(address) for address in addresses])

    def settled(self, plan: Plan, outcomes: Iterable[ActionOutcome]) -> None:
        """Record what became of actions."""
        told = {str(each.action.address): each.outcome.value for each in outcomes}
        self._write(plan, "settled", outcomes=told)

    def finish(self, plan: Plan) -> None:
        """Record that the plan is used."""
        self._write(plan, "finish")

    def _path(self, plan: Plan) -> Path:
        # A plan's id is whatever its file says; its digest is a safe file name.
        name = hashlib.sha256(plan.id.encode()).hexdigest()
        return self._directory / f"{name}.jsonl"

    def _lines(self, plan: Plan) -> list[dict[str, Any]]:
        path = self._path(plan)
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        except (OSError, UnicodeError) as error:
            raise _unusable("read", path, error) from error
        return [json.loads(line) for line in text.split("\n")[:-1]]

    def _drop_half_line(self, plan: Plan) -> None:
        """Cut off a last line that a crash left unfinished, so that none is glued to it."""
        path = self._path(plan)
        try:
            content = path.read_bytes()
            if content and not content.endswith(b"\n"):
                os.truncate(path, content.rfind(b"\n") + 1)
        except FileNotFoundError:
            return
        except OSError as error:
            raise _unusable("written", path, error) from error

    def _write(self, plan: Plan, event: str, **facts: object) -> None:
        path = self._path(plan)
        line = json.dumps({"event": event, "at": self._now().isoformat(), **facts}) + "\n"
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "a", encoding="utf-8") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise _unusable("written", path, error) from error


def _unusable(what: str, path: Path, error: Exception) -> JournalError:
    reason = error.strerror if isinstance(error, OSError) else "it is damaged"
    return JournalError(
        f"The journal {path} cannot be {what}: {reason}.",
        "Check its permissions and free space, or name another directory in RECONCILER_STATE_DIR.",
    )
