"""What was read, kept on disk: used only at the site's word, and never a reason to fail."""

import hashlib
import json
import os
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scripted_site import ITEMS, LEARNER_NAME, TOKENS, ScriptedSite, edited, says

from reconciler.credentials import Secret
from reconciler.errors import ContractViolation, SiteError
from reconciler.http.call import Limits
from reconciler.providers.codec import COLLECTIONS
from reconciler.providers.rest.cache import FORMAT, UNUSED_SECONDS, Cache
from reconciler.providers.rest.reader import UNASKED, RestReader
from reconciler.state import LiveState

ASKED_AFTER = [f"/v1/{each.name}" for each in COLLECTIONS if each.name not in UNASKED]
ALL = [f"/v1/{each.name}" for each in COLLECTIONS]
Fetch = Callable[..., LiveState]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def fetch(site: ScriptedSite, folder: Path, limits: Limits) -> Fetch:
    """Read the site as a new command does; what it asked stands in `site.asked`."""

    def read(cache: Cache | None = None) -> LiveState:
        site.asked.clear()
        connection = site.connection(token=Secret(TOKENS[0]))
        with RestReader(connection, limits, cache or Cache(folder)) as reader:
            return reader.fetch()

    return read


@pytest.fixture
def plain(site: ScriptedSite, limits: Limits) -> Fetch:
    """Read the site without a cache."""

    def read() -> LiveState:
        with RestReader(site.connection(token=Secret(TOKENS[0])), limits) as reader:
            return reader.fetch()

    return read


def files(folder: Path) -> dict[str, Path]:
    """The files of the only site that is kept."""
    (kept,) = folder.iterdir()
    return {path.name: path for path in kept.iterdir()}


def change(site: ScriptedSite, name: str) -> None:
    """Take the last item of a collection away, as a write does."""
    site.items[name].pop()
    site.versions[name] += 1
    site.site["revision"] += 1


def bodies(site: ScriptedSite) -> list[str]:
    """What was asked for without an ETag, besides the site."""
    return [
        each.path
        for each in site.asked
        if each.path != "/v1/site" and "if-none-match" not in each.headers
    ]


class TestUse:
    def test_an_unmoved_site_is_only_asked_after(self, site: ScriptedSite, fetch: Fetch) -> None:
        first = fetch()
        assert fetch() == first
        assert site.paths() == ["/v1/site", *ASKED_AFTER]
        assert bodies(site) == []

    @pytest.mark.parametrize("name", ["assignments", "people", "labels", "memberships"])
    def test_only_what_changed_is_read_anew(
        self, site: ScriptedSite, fetch: Fetch, plain: Fetch, name: str
    ) -> None:
        fetch()
        if name == "labels":
            site.items["labels"][0]["tool_name"] = "Elever"
            site.versions["labels"] += 1
            site.site["revision"] += 1
        elif name == "people":
            site.items["people"].append({**ITEMS["people"][1], "id": "9", "sync_key": "s-9"})
            site.versions["people"] += 1
            site.site["revision"] += 1
        else:
            change(site, name)
        found = fetch()
        # The first page comes with the question.
        assert set(bodies(site)) <= {f"/v1/{name}"}
        assert found == plain()
        assert fetch() == found
        assert site.paths() == ["/v1/site", *ASKED_AFTER]

    def test_a_moved_revision_with_nothing_changed_is_learnt(
        self, site: ScriptedSite, fetch: Fetch
    ) -> None:
        fetch()
        site.site["ilp"]["published_templates"] = 5
        site.site["revision"] += 1
        assert fetch().site.ilp_published_templates == 5
        assert site.paths() == ["/v1/site", *ALL, "/v1/site"]
        assert bodies(site) == []
        assert fetch().site.ilp_published_templates == 5
        assert site.paths() == ["/v1/site", *ASKED_AFTER]

    def test_another_database_at_the_same_revision_is_read(
        self, site: ScriptedSite, fetch: Fetch, plain: Fetch
    ) -> None:
        fetch()
        for name in site.items:
            site.versions[name] += 1
        site.items["assignments"].pop()
        site.items["labels"][0]["role_name"] = "Rector"
        assert fetch() == plain()

    def test_an_etag_that_came_back_weak_is_the_same(
        self, site: ScriptedSite, fetch: Fetch
    ) -> None:
        first = fetch()
        site.script("/v1/units", says(304, ETag='W/"units-0"'))
        assert fetch() == first

    def test_a_304_for_another_etag_is_a_breach(self, site: ScriptedSite, fetch: Fetch) -> None:
        fetch()
        site.script("/v1/units", says(304, ETag='"units-17"'))
        with pytest.raises(ContractViolation, match="GET /v1/units"):
            fetch()

    def test_a_304_without_a_question_is_a_breach(self, site: ScriptedSite, fetch: Fetch) -> None:
        site.script("/v1/units", says(304, ETag='"units-0"'))
        with pytest.raises(ContractViolation, match="GET /v1/units"):
            fetch()

    def test_another_client_gets_no_copy(self, site: ScriptedSite, fetch: Fetch) -> None:
        fetch()
        site.site["actor"] = "another"
        fetch()
        assert set(bodies(site)) == set(ALL)

    def test_whose_copy_it_would_be_has_to_be_known(
        self, site: ScriptedSite, fetch: Fetch, folder: Path
    ) -> None:
        site.site["actor"] = None
        fetch()
        assert not folder.exists()

    def test_what_was_not_read_whole_is_not_kept(
        self, site: ScriptedSite, fetch: Fetch, folder: Path
    ) -> None:
        site.script("/v1/assignments", says(403))
        with pytest.raises(SiteError):
            fetch()
        assert not folder.exists()
        site.items["holders"].clear()  # what has assignments then is no holder
        with pytest.raises(ContractViolation, match="hold together"):
            fetch()
        assert not folder.exists()

    def test_what_a_failing_command_read_is_not_kept(
        self, site: ScriptedSite, folder: Path, limits: Limits
    ) -> None:
        def interrupted() -> None:
            connection = site.connection(token=Secret(TOKENS[0]))
            with RestReader(connection, limits, Cache(folder)) as reader:
                reader.fetch()
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert not folder.exists()

    def test_a_site_that_moves_meanwhile_is_kept_at_its_last_revision(
        self, site: ScriptedSite, fetch: Fetch, plain: Fetch
    ) -> None:
        fetch()
        change(site, "memberships")
        site.script("/v1/site", edited(lambda page: page.update(revision=7)))
        assert fetch() == plain()
        assert fetch() == plain()


class TestFiles:
    def test_only_their_owner_may_read_them(self, fetch: Fetch, folder: Path) -> None:
        before = os.umask(0)
        try:
            fetch()
        finally:
            os.umask(before)
        kept = files(folder)
        assert set(kept) == {
            *("index.json", "CACHEDIR.TAG"), *(f"{shape.name}.json" for shape in COLLECTIONS)
        }  # fmt: skip
        assert {stat.S_IMODE(path.stat().st_mode) for path in kept.values()} == {0o600}
        assert stat.S_IMODE(kept["index.json"].parent.stat().st_mode) == 0o700

    def test_no_name_says_what_it_is_of_and_no_secret_is_kept(
        self, site: ScriptedSite, fetch: Fetch, folder: Path
    ) -> None:
        fetch()
        names = [path.name for path in folder.rglob("*")]
        assert not any(word in name for name in names for word in ("nordberg", "pipeline"))
        content = b"".join(path.read_bytes() for path in files(folder).values())
        assert LEARNER_NAME.encode() in content
        assert not any(token.encode() in content for token in TOKENS)

    def test_damage_of_any_kind_changes_nothing(
        self, site: ScriptedSite, fetch: Fetch, folder: Path
    ) -> None:
        expected = fetch()
        whole = {name: path.read_bytes() for name, path in files(folder).items()}
        names = sorted(whole)

        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(data=st.data())
        def damaged(data: st.DataObject) -> None:
            kept = next(folder.iterdir())
            for name, content in whole.items():
                (kept / name).write_bytes(content)
            name = data.draw(st.sampled_from(names))
            content = bytearray(whole[name])
            at = data.draw(st.integers(0, len(content) - 1))
            match data.draw(st.sampled_from(["cut", "flip", "grow", "remove", "of another"])):
                case "cut":
                    del content[at:]
                case "flip":
                    content[at] ^= 1 << data.draw(st.integers(0, 7))
                case "grow":
                    content[at:at] = data.draw(st.binary(min_size=1, max_size=9))
                case "of another":
                    content[:] = whole[data.draw(st.sampled_from(names))]
                case "remove":
                    (kept / name).unlink()
                    content.clear()
            if content:
                (kept / name).write_bytes(content)
            assert fetch() == expected
            assert fetch() == expected
            # It was written again, so that the next command has it.
            assert bodies(site) == []

        damaged()

    @pytest.mark.parametrize("what", ["folder", "pipe", "loop", "unreadable"])
    @pytest.mark.parametrize("name", ["index.json", "people.json"])
    def test_what_is_no_file_changes_nothing(
        self, fetch: Fetch, folder: Path, name: str, what: str
    ) -> None:
        expected = fetch()
        path = files(folder)[name]
        if what == "unreadable":
            path.chmod(0)
        else:
            path.unlink()
            if what == "folder":
                path.mkdir()
            elif what == "pipe":
                os.mkfifo(path)
            else:
                path.symlink_to(path.name)
        assert fetch() == expected
        assert fetch() == expected

    def test_a_sound_file_of_what_cannot_be_is_not_used(
        self, site: ScriptedSite, fetch: Fetch, folder: Path
    ) -> None:
        expected = fetch()
        kept = files(folder)
        content = kept["profiles.json"].read_bytes().replace(b"mentor", b"mentos")
        kept["profiles.json"].write_bytes(content)
        rewrite(
            kept["index.json"],
            lambda index: index["collections"]["profiles"].update(
                sha256=hashlib.sha256(content).hexdigest()
            ),
        )
        assert fetch() == expected
        assert "/v1/profiles" in bodies(site)

    def test_another_version_is_not_read(
        self, site: ScriptedSite, fetch: Fetch, folder: Path
    ) -> None:
        expected = fetch()
        rewrite(files(folder)["index.json"], lambda index: index.update(format=f"{FORMAT}0"))
        assert fetch() == expected
        assert set(bodies(site)) == set(ALL)

    @pytest.mark.parametrize("mode", [0o755, 0o770])
    def test_a_folder_that_others_may_look_into_is_not_used(
        self, site: ScriptedSite, fetch: Fetch, folder: Path, mode: int
    ) -> None:
        expected = fetch()
        index = files(folder)["index.json"]
        before = index.stat().st_mtime_ns
        index.parent.chmod(mode)
        assert fetch() == expected
        assert set(bodies(site)) == set(ALL)
        assert index.stat().st_mtime_ns == before

    def test_a_link_in_the_place_of_a_folder_is_not_followed(
        self, site: ScriptedSite, fetch: Fetch, folder: Path, tmp_path: Path
    ) -> None:
        expected = fetch()
        (kept,) = folder.iterdir()
        shutil.move(kept, tmp_path / "elsewhere")
        kept.symlink_to(tmp_path / "elsewhere")
        assert fetch() == expected
        assert set(bodies(site)) == set(ALL)

    def test_where_nothing_can_be_written_nothing_is_kept(
        self, fetch: Fetch, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder.write_text("a file in the place of the folder")
        expected = fetch()
        folder.unlink()

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("reconciler.providers.rest.cache.write_private", full)
        assert fetch() == expected
        assert not any(path.is_file() for path in folder.rglob("*"))


def rewrite(index: Path, edit: Callable[[dict[str, object]], object]) -> None:
    """Change an index, and make its checksum fit."""
    document = json.loads(index.read_bytes().partition(b"\n")[2])
    edit(document)
    content = json.dumps(document).encode()
    index.write_bytes(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)


class TestBounds:
    def test_a_state_beyond_the_limit_is_not_kept(
        self, site: ScriptedSite, fetch: Fetch, folder: Path
    ) -> None:
        expected = fetch()
        change(site, "memberships")
        small = Cache(folder, limit=100)
        assert fetch(small) != expected
        assert list(folder.iterdir()) == []

    def test_the_sites_unused_for_longest_go_first(
        self, site: ScriptedSite, fetch: Fetch, folder: Path
    ) -> None:
        now = time.time()
        size = 0
        for hours, actor in ((5, "a"), (9, "b"), (7, "c")):
            before = set(folder.iterdir()) if folder.exists() else set()
            site.site["actor"] = actor
            fetch()
            (made,) = set(folder.iterdir()) - before
            size = sum(path.stat().st_size for path in made.iterdir())
            for path in made.iterdir():
                os.utime(path, (now - hours * 3600,) * 2)
        site.site["actor"] = "d"
        fetch(Cache(folder, limit=round(3.5 * size)))
        assert len(list(folder.iterdir())) == 3
        for actor, kept in (("a", True), ("c", True), ("d", True), ("b", False)):
            site.site["actor"] = actor
            fetch()
            assert (bodies(site) == []) == kept

    def test_what_nobody_asked_for_long_is_dropped(
        self, site: ScriptedSite, fetch: Fetch, folder: Path
    ) -> None:
        fetch()
        for path in files(folder).values():
            os.utime(path, (time.time() - UNUSED_SECONDS - 60,) * 2)
        site.site["actor"] = "another"
        fetch()
        assert len(list(folder.iterdir())) == 1
        for path in files(folder).values():
            os.utime(path, (time.time() - UNUSED_SECONDS + 3600,) * 2)
        site.site["actor"] = "a third"
        fetch()
        assert len(list(folder.iterdir())) == 2

    def test_what_is_not_the_caches_is_left_alone(
        self, site: ScriptedSite, fetch: Fetch, folder: Path
    ) -> None:
        mine = [folder / "mine" / "file.json", folder / ("0" * 32) / "file.json"]
        for path in mine:
            path.parent.mkdir(parents=True)
            path.write_text("mine")
            os.utime(path, (0, 0))
        fetch(Cache(folder, limit=10_000))
        assert [path.read_text() for path in mine] == ["mine", "mine"]

    def test_what_a_killed_command_left_is_removed_later(
        self, site: ScriptedSite, fetch: Fetch, folder: Path
    ) -> None:
        fetch()
        kept = files(folder)["index.json"].parent
        fresh, old = kept / ".people.json.abc", kept / ".people.json.def"
        for path in (fresh, old):
            path.write_text("half")
        os.utime(old, (time.time() - 7200,) * 2)
        change(site, "memberships")
        fetch()
        assert fresh.exists()
        assert not old.exists()
