"""Every check, in the order in which one depends on another, and how they are carried out."""

import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import reconciler
from reconciler.connection import cache_folder, journal_location
from reconciler.credentials import COMMAND_SECONDS
from reconciler.doctor import network
from reconciler.doctor.model import (
    SECONDS,
    Check,
    Found,
    Subject,
    Verdict,
    failed,
    fine,
    skipped,
    warning,
)
from reconciler.domain.vocabulary import Capability
from reconciler.errors import JournalError, ReconcilerError, told
from reconciler.http.in_time import OutOfTime, in_time
from reconciler.journal.look import Look, look_at
from reconciler.plain import count
from reconciler.providers.rest.cache import Cache
from reconciler.providers.rest.reader import RestReader
from reconciler.settings import CONFIG_NAME
from reconciler.workflows.reading import open_reader
from reconciler.workflows.recording import SHARED_NEEDED, is_file, is_throw_away, usual_journal


def examine(subject: Subject) -> Iterator[tuple[str, Found]]:
    """Carry out every check, one after the other; one that fails ends only what needs it."""
    without: dict[str, str] = {}
    said: dict[str, str] = {}
    for check in CHECKS:
        lacking = next((each for each in check.needs if each in without), None)
        if lacking is not None:
            root = without[lacking]
            without[check.name] = root
            yield check.name, skipped(f"not looked at, as {root} failed")
        elif check.networked and subject.endpoint.snapshot is not None:
            yield check.name, skipped("not needed: a snapshot is a file")
        elif check.networked and subject.endpoint.plugged is not None:
            yield check.name, skipped("not looked at: it is a matter of the provider")
        else:
            found = _found(check, subject)
            if found.verdict is Verdict.FAILED:
                root = without[check.name] = said.setdefault(found.text, check.name)
                if root != check.name:  # the same mistake is in the way of both
                    found = skipped(f"not looked at, as {root} failed")
            yield check.name, found


def _found(check: Check, subject: Subject) -> Found:
    """Carry out a check; give up on it when its time is over, whatever it waits for."""
    try:
        return in_time(lambda: check.look(subject), check.seconds, check.name)
    except (ReconcilerError, OSError) as error:
        shown = subject.redaction.error(error) if isinstance(error, ReconcilerError) else error
        message, advice = told(shown)
        return failed(message.removesuffix("."), advice)
    except OutOfTime:
        text = f"the {check.name} could not be seen within {check.seconds:g} seconds"
        return failed(text, "Try again later.")


def _version(_subject: Subject) -> Found:
    python = f"Python {platform.python_version()} ({sys.executable})"
    folder = Path(reconciler.__file__).parent
    return fine(f"reconciler {reconciler.__version__} in {folder}, {python}, {platform.system()}")


def _settings(subject: Subject) -> Found:
    endpoint = subject.endpoint
    source = subject.settings.source
    place = f"the snapshot {endpoint.snapshot}" if endpoint.snapshot else endpoint.url
    if endpoint.plugged is not None:
        place = f"the provider {endpoint.plugged.name}"
    if not subject.settings.where and (subject.directory / CONFIG_NAME).exists():
        return warning(
            f"{place}, by {source}; {CONFIG_NAME} is there and not used",
            "Unset RECONCILER_URL, or name an environment of the file with --environment.",
        )
    return fine(f"{place}, by {source}")


def _site(subject: Subject) -> Found:
    if subject.endpoint.snapshot is not None or subject.endpoint.plugged is not None:
        with open_reader(subject.endpoint) as reader:
            subject.site = site = reader.site()
    else:
        connection = network.impatient(subject.connection)
        with RestReader(connection, network.LIMITS) as reader:
            subject.site = site = reader.site()
    by = f", asked as {subject.redaction.actor(site.id, site.actor)}" if site.actor else ""
    return fine(f"{site.id}, at revision {site.revision}{by}")


def _capabilities(subject: Subject) -> Found:
    there = subject.site.capabilities if subject.site else frozenset()
    if subject.endpoint.snapshot is not None:
        return fine("none, as it is with a snapshot: apply makes a runbook")
    lacking = [each for each in Capability if each not in there]
    told_of = ", ".join(sorted(there)) or "none"
    if not lacking:
        return fine(told_of)
    advice = [
        "Without events, drift cannot tell who changed something."
        if each is Capability.EVENTS
        else f"Changes of {each} are left to be done by hand."
        for each in lacking
    ]
    return warning(f"{told_of}; not {', '.join(lacking)}", " ".join(advice))


def _cache(subject: Subject) -> Found:
    folder = cache_folder(subject.environ) if subject.caches else None
    if folder is None:
        by = "RECONCILER_NO_CACHE" if subject.caches else "--no-cache"
        return fine(f"none is kept, by {by}")
    slow = "Until then, every command reads the whole site."
    try:
        survey = Cache(folder).survey()
        _try_to_write(folder)
    except OSError as error:
        what = f"{folder} cannot be used: {error.strerror or 'it cannot be written'}"
        advice = f"Name another folder in RECONCILER_CACHE_DIR. {slow}"
        return warning(what, advice)
    holds = f"{count(survey.sites, 'site')}, {survey.size / 1_000_000:.1f} MB"
    told_of = f"{folder}, {holds if survey.sites else 'nothing in it yet'}"
    if survey.refused:
        return warning(
            f"{told_of}; others may look into {', '.join(each.name for each in survey.refused)}, "
            "which is not used",
            "Delete it: it holds people's names.",
        )
    return fine(told_of)


def _journal(subject: Subject) -> Found:
    location = journal_location(
        subject.environment,
        config=subject.config,
        environ=subject.environ,
        directory=subject.directory,
    )
    where = location.reveal() if location else str(usual_journal())
    there = os.path.exists(where)  # noqa: PTH110 - Path.exists raises for what can be no name
    remarks: list[tuple[str, str]] = []
    if is_throw_away(location):
        remarks.append(("it is a file, and CI is set", SHARED_NEEDED))
    if is_file(location) and not there:
        text = _journal_to_be(Path(where))
    else:
        look = look_at(where, lambda: datetime.now(UTC))
        text = _told(look)
        remarks += _remarks(look, subject)
    if not remarks:
        return fine(text)
    return warning(
        "; ".join([text, *(what for what, _ in remarks)]), " ".join(advice for _, advice in remarks)
    )


def _remarks(look: Look, subject: Subject) -> Iterator[tuple[str, str]]:
    """Say what may surprise somebody about a journal, and what to do about it."""
    if look.open_to_others:
        yield (
            "others on this machine may read it",
            f"Take the right from them: chmod 600 {look.shown}",
        )
    for held in look.held:
        if subject.site is None or held.site == subject.site.id:
            yield (
                str(subject.redaction.error(held.error())).removesuffix("."),
                "Wait for it, or let an apply wait: --wait SECONDS.",
            )


def _journal_to_be(path: Path) -> str:
    try:
        _try_to_write(path.parent)
    except OSError as error:
        raise JournalError(
            f"The journal {path} cannot be made: {error.strerror or 'its folder is read-only'}.",
            "Name another place in RECONCILER_JOURNAL.",
        ) from None
    return f"{path}, which the first apply makes"


def _told(look: Look) -> str:
    tables = "" if look.upgraded else ", whose tables the next command brings up to date"
    if look.revision is None:
        tables = ", whose tables the next command makes"
    revision = f", revision {look.revision}" if look.revision else ""
    return f"{look.shown}, {look.kind}{revision}{tables}"


def _try_to_write(folder: Path) -> None:
    """Write a file without a name where a folder is, or will be.

    Raises:
        OSError: nothing can be written there.
    """
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    with tempfile.TemporaryFile(dir=there) as file:
        file.write(b" ")


CHECKS: Final = (
    Check("version", _version),
    Check("settings", _settings),
    Check("proxy", network.proxy, ("settings",), networked=True),
    Check("connection", network.connection, ("settings",), networked=True),
    Check("tls", network.tls, ("connection",), networked=True),
    Check("clock", network.clock, ("tls",), networked=True),
    Check(
        "credentials",
        network.credentials,
        ("settings",),
        networked=True,
        seconds=2 * COMMAND_SECONDS + SECONDS,
    ),
    Check("sign-in", network.sign_in, ("tls", "credentials"), networked=True),
    Check("site", _site, ("settings", "sign-in")),
    Check("scopes", network.scopes, ("site",), networked=True),
    Check("capabilities", _capabilities, ("site",)),
    Check("cache", _cache),
    Check("journal", _journal, seconds=COMMAND_SECONDS + SECONDS),
)
"""Every check; what one needs stands before it."""
