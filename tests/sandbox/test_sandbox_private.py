"""A sandbox's database may be a copy of a school's register."""

import stat

from sandboxes import running


def test_a_database_is_readable_by_its_owner_only(tmp_path):
    with running(tmp_path, "--database", str(tmp_path / "site.db")):
        mode = (tmp_path / "site.db").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
