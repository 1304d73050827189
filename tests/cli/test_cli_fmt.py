"""`fmt`: files, links, directories, pipes, and what it leaves alone."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from sandboxes import PROGRAM, ROOT, Desk, ended

RAGGED = """\
mentors:   # who
- classes: ['8a']
  person: "t-0401"
site: nordberg-kommune
version: 1
"""
NORMAL = """\
version: 1
site: nordberg-kommune
mentors:   # who
  - person: t-0401
    classes: [8a]
"""
BROKEN = RAGGED.replace("classes", "clases")


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def content(desk: Desk, name: str) -> str:
    return (desk.directory / name).read_bytes().decode()


def files(desk: Desk) -> dict[str, bytes]:
    found = (path for path in desk.directory.rglob("*") if path.is_file())
    return {path.name: path.read_bytes() for path in found}


def test_a_file_is_put_into_its_normal_form_once(desk):
    desk.write(RAGGED)
    done = desk.run("fmt", "roles.yaml")
    assert (done.out, done.err) == ("roles.yaml\n", "Changed: 1 of 1 file.\n")
    assert content(desk, "roles.yaml") == NORMAL
    before = (desk.directory / "roles.yaml").stat()
    done = desk.run("fmt", "roles.yaml")
    assert (done.out, done.err) == ("", "Changed: 0 of 1 file.\n")
    after = (desk.directory / "roles.yaml").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_check_names_what_would_change_and_changes_nothing(desk):
    desk.write(RAGGED, "a.yaml")
    desk.write(NORMAL, "b.yaml")
    before = files(desk)
    done = desk.run("fmt", "--check", "a.yaml", "b.yaml", expect=2)
    told = "Would change: 1 of 2 files. To do it: reconciler fmt a.yaml\n"
    assert (done.out, done.err) == ("a.yaml\n", told)
    assert files(desk) == before
    for name in ("-c.yaml", "d e.yaml"):
        desk.write(RAGGED, name)
    told = desk.run("fmt", "--check", "--", "-c.yaml", "d e.yaml", expect=2).err
    assert told.endswith("To do it: reconciler fmt -- -c.yaml 'd e.yaml'\n")
    desk.write(RAGGED, "f.yaml")
    told = desk.run("fmt", "--check", expect=2).err
    assert told == "Would change: 4 of 5 files. To do it: reconciler fmt\n"
    assert desk.run("fmt", "--check", "b.yaml").out == ""


def test_a_file_with_mistakes_is_left_alone_and_its_mistakes_named_as_validate_does(desk):
    desk.write(BROKEN, "a.yaml")
    desk.write(RAGGED, "b.yaml")
    told = desk.run("validate", "a.yaml", expect=1).err
    for options in (["--check"], []):
        done = desk.run("fmt", *options, "a.yaml", "b.yaml", expect=1)
        assert done.err.endswith(told)
        assert "RR101" in told
        assert done.out == "b.yaml\n"
    assert content(desk, "a.yaml") == BROKEN
    assert content(desk, "b.yaml") == NORMAL


def test_a_directory_stands_for_the_files_that_plan_reads(desk):
    for name in ("m/a.yaml", "m/B.YML", "m/below/c.yaml", "m/.hidden.yaml", "m/.git/d.yaml"):
        desk.write(RAGGED, name)
    desk.write("mine:   x\n", "m/note.txt")
    assert desk.run("fmt", "m").out == "m/B.YML\nm/a.yaml\nm/below/c.yaml\n"
    for name in ("m/.hidden.yaml", "m/.git/d.yaml"):
        assert content(desk, name) == RAGGED
    assert content(desk, "m/note.txt") == "mine:   x\n"


def test_without_a_path_it_is_the_current_directory(desk):
    desk.write(RAGGED)
    assert desk.run("fmt", "--check", expect=2).out == "roles.yaml\n"
    assert desk.run("fmt").out == "roles.yaml\n"
    assert content(desk, "roles.yaml") == NORMAL


def test_parts_of_a_manifest_have_a_normal_form_each(desk):
    desk.write(RAGGED.replace("site: nordberg-kommune\n", ""), "m/a.yaml")
    desk.write("site:   nordberg-kommune\nversion: 1\n", "m/b.yaml")
    desk.run("fmt", "m")
    assert desk.run("validate", "m").out == "Valid: m (2 files, checked offline).\n"
    assert content(desk, "m/b.yaml") == "version: 1\nsite: nordberg-kommune\n"


@pytest.mark.parametrize("mode", [0o640, 0o600, 0o755])
def test_the_mode_of_a_file_stays(desk, mode):
    desk.write(RAGGED)
    path = desk.directory / "roles.yaml"
    path.chmod(mode)
    desk.run("fmt")
    assert path.stat().st_mode & 0o777 == mode
    assert content(desk, "roles.yaml") == NORMAL
    assert [each.name for each in desk.directory.iterdir()] == ["roles.yaml"]


def test_a_link_stays_and_what_it_leads_to_is_written(desk):
    desk.write(RAGGED, "real/a.yaml")
    link = desk.directory / "link.yaml"
    link.symlink_to("real/a.yaml")
    assert desk.run("fmt", "link.yaml", "real").out == "link.yaml\n"
    assert link.readlink() == Path("real/a.yaml")
    assert content(desk, "real/a.yaml") == NORMAL


def test_a_link_to_nothing_is_a_file_that_is_not_there(desk):
    (desk.directory / "link.yaml").symlink_to("gone.yaml")
    assert "RR001" in desk.run("fmt", "link.yaml", expect=1).err


def test_a_read_only_file_stays_as_it_is_and_the_others_are_written(desk):
    desk.write(RAGGED, "a.yaml")
    desk.write(RAGGED, "b.yaml")
    path = desk.directory / "a.yaml"
    path.chmod(0o444)
    assert desk.run("fmt", "--check", expect=2).out == "a.yaml\nb.yaml\n"
    done = desk.run("fmt", expect=1)
    assert "a.yaml is read-only, so it is left as it is." in done.err
    assert done.out == "b.yaml\n"
    assert path.read_text() == RAGGED
    assert content(desk, "b.yaml") == NORMAL


def test_line_ends_and_the_byte_order_mark_of_windows_go(desk):
    path = desk.directory / "roles.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + RAGGED.replace("\n", "\r\n").encode())
    desk.run("fmt")
    assert content(desk, "roles.yaml") == NORMAL


# Standard input


def piped(desk: Desk, text: bytes, *options: str) -> "subprocess.CompletedProcess[bytes]":
    done = subprocess.run(
        [PROGRAM, "fmt", *options, "-"],
        input=text,
        cwd=desk.directory,
        env=desk.environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    desk.check_manners((done.stdout + done.stderr).decode())
    return done


def test_a_dash_reads_standard_input_and_writes_standard_output(desk):
    done = piped(desk, RAGGED.encode())
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, NORMAL, b"")
    done = piped(desk, NORMAL.encode())
    assert (done.returncode, done.stdout.decode()) == (0, NORMAL)
    checked = piped(desk, RAGGED.encode(), "--check")
    assert (checked.returncode, checked.stdout) == (2, b"")
    assert piped(desk, NORMAL.encode(), "--check").returncode == 0


def test_mistakes_in_standard_input_write_nothing(desk):
    done = piped(desk, BROKEN.encode())
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"-:2:3: error RR101" in done.stderr


def test_a_closed_standard_input_is_no_defect(desk):
    done = subprocess.run(
        ["bash", "-c", '"$0" fmt - <&-', PROGRAM],
        cwd=desk.directory,
        env=desk.environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.decode().startswith("Error: Standard input is closed.\n")


# Mistakes of the command line


def test_a_dash_beside_other_paths_is_wrong_use(desk):
    desk.write(RAGGED)
    assert "standard input" in desk.run("fmt", "-", "roles.yaml", expect=64).err
    assert content(desk, "roles.yaml") == RAGGED


def test_what_is_no_manifest_in_yaml_is_left_alone(desk):
    desk.write('{"version": 1, "site": "x"}', "roles.json")
    assert "roles.json is JSON" in desk.run("fmt", "roles.json", expect=1).err
    desk.write('{\n  "format": "reconciler.plan/1"}', "plan.yaml")
    assert "plan.yaml is a saved plan" in desk.run("fmt", "plan.yaml", expect=1).err
    desk.write('{"format": "reconciler.state/1"}', "live.yaml")
    assert "RR009" in desk.run("fmt", "live.yaml", expect=1).err
    assert "RR001" in desk.run("fmt", "gone.yaml", expect=1).err
    desk.write("", "empty.yaml")
    assert "RR004" in desk.run("fmt", "empty.yaml", expect=1).err
    (desk.directory / "bare").mkdir()
    assert "RR002" in desk.run("fmt", "bare", expect=1).err


def test_a_pipe_is_looked_at_and_not_replaced(desk):
    pipe = desk.directory / "pipe.yaml"
    os.mkfifo(pipe)
    started = desk.start("fmt", "pipe.yaml")
    with pipe.open("w") as end:
        end.write(RAGGED)
    done = ended(started)
    assert done.code == 1
    assert "is no regular file" in done.err
    assert pipe.is_fifo()


# Beside the other commands


def test_an_export_has_its_normal_form(settled_desk):
    settled_desk.run("export", "--out", "exported.yaml")
    assert settled_desk.run("fmt", "--check", "exported.yaml").out == ""
    settled_desk.run("export", "--out", "exported.yaml")  # and export knows it still


def test_the_examples_have_their_normal_form():
    Desk(ROOT).run("fmt", "--check", "examples")


def test_the_plan_is_the_same_before_and_after(first_desk):
    """What is declared stays: the digest that a plan keeps of its manifest."""
    path = first_desk.directory / "roles.yaml"
    text = path.read_text()
    ragged = text.replace("[Staff]", '[ "Staff"]').replace("  - ", "  -   ")
    ragged = re.sub(r"(?m)^    (?=\w)", "      ", ragged)
    first_desk.write(ragged.replace("\n", "\r\n"))
    plan = ("plan", "roles.yaml", "--format", "json", "--as-of", "2026-11-24")
    before = first_desk.run(*plan).json("plan")
    assert first_desk.run("fmt").out == "roles.yaml\n"
    after = first_desk.run(*plan).json("plan")
    assert after["manifest"] == before["manifest"]
    assert re.sub(" +#", " #", path.read_text()) == re.sub(" +#", " #", text)


def test_ten_thousand_mentors_take_seconds(desk):
    mentors = "".join(
        f"  - classes: [c-{mentor}]  # {mentor}\n    person: 't-{mentor:05}'\n    learners:\n"
        + "".join(f"      - s-{mentor:05}-{learner}\n" for learner in range(15))
        for mentor in range(10_000)
    )
    desk.write(f"version: 1\nsite: x\nmentors:\n{mentors}")
    with desk.start("fmt") as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    assert usage.ru_utime + usage.ru_stime < 20, "seconds of the processor"
    assert content(desk, "roles.yaml").count("#") == 10_000
