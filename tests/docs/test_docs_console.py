"""Everything that the pages show is run again, in order, against one real sandbox."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import warm
from pages import DOCS, PAGES, ROOT, blocks, parts, steps
from sandboxes import PROGRAM, running
from shells import Shell, matches, run_page

from reconciler.cli.main import COMMANDS


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        (["a"], ["a"], True),
        (["a"], ["b"], False),
        (["a"], ["a", "b"], False),
        ([], ["a"], False),
        (["a"], [], False),
        (["a", "…", "d"], ["a", "b", "c", "d"], True),
        (["…", "c"], ["a", "b"], False),
        (["a b …"], ["a b c d"], True),
        (["a b …"], ["a c"], False),
        (["at 2026-11-24 09:30:00+00:00"], ["at 2031-01-02 03:04:05+00:00"], True),
        (["at 2026-11-24 09:30:00+00:00"], ["at noon"], False),
        (
            ["3f2a91bc  2026-11-24 09:30:00 UTC  x  anna@office  done"],
            ["00c0ffee  2031-01-02 03:04:05 UTC  x  root@vm  done"],
            True,
        ),
        (["rolls back run 3f2a91bc"], ["rolls back run 00c0ffee"], True),
        (["3f2a91bc  done"], ["00c0ffee  failed"], False),
        (["anna@office  0a1b2c3d  done"], ["anna@office  99887766  done"], True),
        (["anna@office  0a1b2c3d  done"], ["anna@office  rollback  done"], False),
        (["rollback of 3f2a91bc  done"], ["rollback of 00c0ffee  done"], True),
        (["By  anna@office"], ["By  nobody"], False),
    ],
)
def test_what_may_differ(shown: list[str], printed: list[str], same: bool):
    assert matches(shown, printed) is same


def keys(value: Any) -> Any:
    """Reduce a JSON value to its keys."""
    return {key: keys(below) for key, below in value.items()} if isinstance(value, dict) else ...


@pytest.mark.timeout(1200)  # some three hundred commands; in `make soak` each of them starts cold
def test_what_the_pages_show_is_what_happens(tmp_path: Path):
    differences: list[str] = []
    programs = warm.programs(PROGRAM)
    with running(tmp_path) as site:
        (ready,) = blocks(DOCS / "sandbox.md", "json")
        assert keys(json.loads(ready.text)) == keys(site.ready)
        for page in PAGES:
            directory = tmp_path / f"{page.parent.name}-{page.stem}"
            for name in ("examples", "schemas"):
                shutil.copytree(ROOT / name, directory / name)
            shell = Shell(
                directory, site.variables(), [programs.folder, PROGRAM.parent], programs.kept
            )
            try:
                differences += run_page(page, shell, site)
            finally:
                shell.close()
    assert not differences, "\n" + "\n".join(differences)


STARTED_ELSEWHERE = {
    "demo": "tests/cli/test_cli_demo.py",
    "sandbox": "tests/sandbox/test_sandbox_process.py",
    "schema": "tests/cli/test_cli_cold.py",
}
"""Where the commands start cold that no page runs (see `tests/warm.py`)."""


def test_the_plan_on_the_first_screen_is_one_that_is_made_below():
    (front,) = [
        part.text for part in blocks(ROOT / "README.md", "text") if part.text.startswith("Plan for")
    ]
    made = [
        "\n".join(step.shown)
        for part in blocks(ROOT / "README.md", "console")
        for step in steps(part)
    ]
    assert [text for text in made if text.startswith(front.rstrip("\n"))]


def test_every_command_is_run_here_as_a_user_runs_it():
    run = {
        command
        for page in PAGES
        for part in blocks(page, "console")
        for step in steps(part)
        for command in re.findall(r"\breconciler ([a-z]+)", step.command)
    }
    assert run | set(STARTED_ELSEWHERE) == set(COMMANDS)


NOT_RUN = {
    "make demo": "sets up a virtual environment and packages of its own",
    "make test": "is what runs this test",
    "make help": "needs make; the project's own tests run it",
    "make fmt": "changes the files",
    ".venv/bin/pytest -q tests/rosters": "would run tests within a test",
    "git clone URL reconciler": "the address is the reader's",
    "cd reconciler": "belongs to the line above",
    'pipx install ".[sandbox]"': "installs packages",
    "pip install '.[postgresql]'": "installs packages",
    "pip install '.[dask]'": "installs packages",
    "dask scheduler --port 8786": "runs until it is stopped",
    "export DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED=False": "is for the line below it",
    "dask worker HOST:8786 --nthreads 8": "runs until it is stopped",
    'export RECONCILER_JOURNAL="postgresql://reconciler:$JOURNAL_PASSWORD@db.example/journal"': (
        "the database is the reader's"
    ),
    "SIMULATION_SEED=17 .venv/bin/pytest tests/simulation": "would run tests within a test",
    "KILL_SEED=17 .venv/bin/pytest tests/cli/test_cli_killed.py": "would run tests within a test",
    "make soak": "takes too long",
    "make bench": "takes too long",
    "make bench-check": "takes too long",
    "make bench-check QUICK=1": "takes too long",
    'export PATH="$PWD/.venv/bin:$PATH"': "the test has the program on its path",
    "reconciler sandbox --port 8321 --ready-file ready.json": "runs until it is stopped",
    "reconciler sandbox --database site.db --ready-file ready.json": "runs until it is stopped",
    "reconciler sandbox --database postgresql://reconciler@db.example/sandbox "
    "--ready-file ready.json": "the database is the reader's",
    "reconciler sandbox export --database site.db --out live.json": "run by tests/sandbox",
    "reconciler sandbox reset --database site.db --seed live.json --yes": "run by tests/sandbox",
    "reconciler sandbox update --database site.db --seed district.zip": "run by tests/sandbox",
    "reconciler sandbox --seed district.zip --ready-file ready.json": "runs until it is stopped",
    "reconciler sandbox --seed live.json --without events": "runs until it is stopped",
    "reconciler sandbox --faults faults.yaml --ready-file ready.json": "runs until it is stopped",
    "export RECONCILER_URL=http://127.0.0.1:8321": "the test has its own sandbox",
    "export RECONCILER_CLIENT_ID=reconciler": "the test has its own sandbox",
    "export RECONCILER_CLIENT_SECRET=\"$(python3 -c 'import json; "
    'print(json.load(open("ready.json"))["client_secret"])\')"': "the test has its own sandbox",
    "docker build --tag reconciler .": "tests/pipelines runs what is in the image",
    "docker run --rm --read-only --cap-drop ALL --security-opt no-new-privileges "
    '--volume "$PWD:/roles:ro" reconciler validate roles.yaml': "belongs to the line above",
    "kubectl create configmap reconciler-roles --from-file=roles.yaml "
    "--from-file=reconciler.toml": "the cluster is the reader's",
    "kubectl create secret generic reconciler-drift --from-file=client_id "
    "--from-file=client_secret --from-file=journal": "the cluster is the reader's",
    "kubectl apply -f deploy/kubernetes/cronjob.yaml": "the cluster is the reader's",
    **dict.fromkeys(
        (
            "python -m build --wheel --outdir . examples/plugins/sqlite-site",
            "pipx inject --include-apps reconciler ./sqlite_site-1.0.0-py3-none-any.whl",
            "sqlite-site site.db",
            "reconciler roster check classes.txt --type example.list",
            "reconciler rules test roles.yaml",
            "reconciler plan roles.yaml --out plan.json",
            "reconciler apply plan.json",
            "reconciler drift roles.yaml",
        ),
        "run by tests/plugins, where the example is installed",
    ),
    'RECONCILER_JOURNAL="postgresql://roles_writer:$JOURNAL_PASSWORD@db.example/journal" '
    "reconciler history": "run by tests/cli/test_cli_journal.py",
    "chgrp reconciler /var/lib/prometheus/node-exporter": "changes the machine",
    "chmod g+w /var/lib/prometheus/node-exporter": "changes the machine",
    "install -D --mode 644 deploy/systemd/monitoring.conf "
    "/etc/systemd/system/reconciler-drift.service.d/monitoring.conf": "changes the machine",
    "groupadd --system reconciler": "changes the machine",
    "install --mode 644 deploy/systemd/reconciler-drift.service "
    "deploy/systemd/reconciler-drift.timer /etc/systemd/system": "changes the machine",
    "systemctl daemon-reload": "changes the machine",
    "systemctl enable --now reconciler-drift.timer": "changes the machine",
}
"""Every command that is shown without being run, and why."""


def test_every_command_that_is_not_run_is_known_with_its_reason():
    shown = set()
    for page in (*PAGES, ROOT / "CONTRIBUTING.md"):
        for part in parts(page.read_text(encoding="utf-8")):
            if part.kind == "sh":
                shown |= {line.split("  #")[0].strip() for line in part.text.splitlines()}
            assert part.kind not in ("bash", "shell", ""), f"{page.name}:{part.line}: which kind?"
    assert shown - {""} == set(NOT_RUN)
