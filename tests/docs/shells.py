"""What a page shows, played: files are written, commands run, and what they print is compared.

What is printed must be what is shown. Six things may differ:

    a line that is just …        stands for any lines
    a line that ends in ` …`     stands for any line that begins like it
    a time (2026-11-24 09:30:00+00:00, or with ` UTC`)    stands for any time
    the id of a run, at the beginning of a line or after `run` or `rollback of`    stands for any
    the id of a commit, in a column of its own    stands for any
    who ran it, and where (anna@office)    stands for anybody
"""

import os
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pages import Part, Step, parts, steps
from sandboxes import Site, clean_environment

from reconciler.demo import Administrator

MARK = "=== end of step"
STEP_SECONDS = 60
DIFFERS = {
    "TIME": re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?=\+00:00| UTC)"),
    "RUN": re.compile(r"(?:^|(?<=\brun )|(?<=\brollback of ))[0-9a-f]{8}\b"),
    "COMMIT": re.compile(r"(?<=  )[0-9a-f]{8}(?=  )"),
    "WHO": re.compile(r"(?<=  )\S+@\S+(?: +|$)"),
}
"""What is another every time, as it stands in a line."""


class Shell:
    """A shell for one page, in a directory of its own.

    Args:
        directory: where it is.
        variables: what is set in it, beside what keeps it away from whoever runs the tests.
        programs: the folders whose programs it finds first.
        kept: the descriptors that its programs need.
    """

    def __init__(
        self,
        directory: Path,
        variables: Mapping[str, str],
        programs: Sequence[Path],
        kept: Sequence[int] = (),
    ) -> None:
        self.directory = directory
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=directory,
            env={
                **clean_environment(),
                "RECONCILER_STATE_DIR": str(directory / "state"),
                "RECONCILER_CACHE_DIR": str(directory / "cache"),
                "PATH": os.pathsep.join([*map(str, programs), os.environ["PATH"]]),
                **variables,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            pass_fds=kept,
        )
        self._status = 0

    def run(self, command: str) -> list[str]:
        """Run a command and return the lines it printed, on both streams."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(
            f'(exit {self._status})\n{{ {command}\n}} </dev/null\nprintf "\\n{MARK} %s\\n" $?\n'
        )
        self._process.stdin.flush()
        printed: list[str] = []
        for line in self._process.stdout:
            if line.startswith(MARK):
                self._status = int(line.removeprefix(MARK))
                break
            printed.append(line.rstrip("\n"))
        else:
            raise AssertionError(f"the shell ended in: {command}")
        if printed and not printed[-1]:
            printed.pop()
        return printed

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(timeout=STEP_SECONDS)
        self._process.stdout.close()


def by_hand(site: Site, doing: str) -> None:
    """Do in the console what a remark says, one thing after another.

    `enable mentor Staff`, `appoint mentor t-0407`, `add mentor t-0407 class 8a`, `remove …`; `; `
    stands between two of them.
    """
    administrator = Administrator(site.ready["console"])
    people, units = site.ids("people"), site.ids("units")
    for each in doing.split("; "):
        match each.split():
            case ["enable", role, profile]:
                profiles = {found["name"]: found["id"] for found in site.items("profiles")}
                administrator.post("profiles/add", profile=profiles[profile], role=role)
            case ["appoint", role, person]:
                administrator.post("holders/add", role=role, person=people[person])
            case ["add" | "remove" as verb, role, person, kind, target]:
                edit = administrator.add if verb == "add" else administrator.remove
                edit(role, people[person], kind, (people if kind == "learner" else units)[target])
            case other:
                raise AssertionError(f"nobody can do that by hand: {other}")


def changed(text: str, change: str) -> str:
    """Make a change that a page shows: ` ` is what stands around it, `-` goes and `+` comes.

    A line that is just …  parts two places.
    """
    for place in change.split("…\n"):
        lines = place.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if line[0] in " -")
        assert text.count(before) == 1, f"{text.count(before)} places are like\n{before}"
        text = text.replace(before, "".join(line[1:] for line in lines if line[0] in " +"))
    return text


def settled(line: str) -> str:
    """Put words in the place of what is another every time."""
    for word, pattern in DIFFERS.items():
        line = pattern.sub(word, line)
    return line


def matches(shown: Sequence[str], printed: Sequence[str]) -> bool:
    """Whether what was printed is what is shown, elisions considered."""
    if not shown:
        return not printed
    if shown[0] == "…":
        return any(matches(shown[1:], printed[start:]) for start in range(len(printed) + 1))
    if not printed:
        return False
    head, line = settled(shown[0]), settled(printed[0])
    same = line.startswith(head[:-1]) if head.endswith(" …") else line == head
    return same and matches(shown[1:], printed[1:])


Doing = Mapping[str, Callable[[str], Sequence[str]]]
"""Per kind of remark what it has somebody do; what they see of it is the next block of the page."""


def run_page(page: Path, shell: Shell, site: Site) -> Iterator[str]:
    """Do everything that a page shows; yield what came out differently."""
    all_parts = parts(page.read_text(encoding="utf-8"))
    yield from run_parts(page, all_parts, shell, {"<by hand>": hand_at(site)})


def hand_at(site: Site) -> Callable[[str], Sequence[str]]:
    """Who does by hand on a site what remarks say, and shows nothing of it."""

    def does(doing: str) -> Sequence[str]:
        by_hand(site, doing)
        return ()

    return does


def run_parts(page: Path, some: Iterable[Part], shell: Shell, doing: Doing) -> Iterator[str]:
    """Do what some parts of a page show; yield what came out differently.

    What is seen and ends in another exit code than 0 has to be shown.

    Args:
        page: whose parts they are.
        some: the parts, in order.
        shell: where commands are run, and files written.
        doing: what is done where a remark says so.
    """
    waiting: Part | None = None
    seen: Sequence[str] = ()
    for part in some:
        if part.kind in doing:
            if seen and seen[-1].startswith("exit "):
                yield difference(page, Step("what is seen", (), part.line), seen)
            seen = doing[part.kind](part.text)
            continue
        if part.kind in ("<file>", "<change>"):
            waiting = part
        elif waiting:
            path = shell.directory / waiting.text
            path.parent.mkdir(parents=True, exist_ok=True)
            new = part.text
            if waiting.kind == "<change>":
                new = changed(path.read_text(encoding="utf-8"), part.text)
            path.write_text(new, encoding="utf-8")
            waiting = None
        elif part.kind == "console":
            yield from run_block(page, part, shell)
        elif seen:
            shown = part.text.splitlines()
            if not matches(shown, seen):
                yield difference(page, Step("what is seen", tuple(shown), part.line), seen)
            seen = ()


def run_block(page: Path, part: Part, shell: Shell) -> Iterator[str]:
    for step in steps(part):
        printed = shell.run(step.command)
        if not matches(step.shown, printed):
            yield difference(page, step, printed)


def difference(page: Path, step: Step, printed: Sequence[str]) -> str:
    shown = "\n".join(step.shown)
    came = "\n".join(printed)
    return f"{page.name}:{step.line}: {step.command}\n--- shown\n{shown}\n--- printed\n{came}\n"
