"""`import reconciler`: what the commands do, a script of a few lines does too."""

import subprocess
import sys

SCRIPT = """
import os
from pathlib import Path
from reconciler import apply_plan, fetch_state, load_connection, load_manifest, make_plan

manifest = load_manifest(["roles.yaml"])
site = load_connection(None, config=None, environ=os.environ, directory=Path.cwd())
plan = make_plan(manifest, fetch_state(site))
result = apply_plan(plan, site)
print(len(plan.actions), result.verified, int(result.exit_code))
print(len(make_plan(manifest, fetch_state(site)).actions))
"""


def script(desk, text):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", text],
        cwd=desk.directory,
        env=desk.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_script_of_ten_lines_plans_and_applies(desk, sandbox):
    done = script(desk, SCRIPT)
    assert (done.stdout, done.stderr) == ("21 True 0\n0\n", "")
    assert sandbox.writes() == 21
    desk.run("plan", "roles.yaml", "--detailed-exitcode")


def test_the_library_says_what_it_has_and_raises_what_it_says(first_desk):
    first_desk.write("mentors:\n", "broken.yaml")
    done = script(
        first_desk,
        "import reconciler\n"
        "from reconciler.errors import InvalidInput\n"
        "for name in reconciler.__all__:\n"
        "    assert getattr(reconciler, name).__doc__\n"
        "try:\n"
        "    reconciler.load_manifest(['broken.yaml'])\n"
        "except InvalidInput as invalid:\n"
        "    print(sorted({each.code for each in invalid.diagnostics}))\n",
    )
    assert "RR106" in done.stdout, done.stderr
