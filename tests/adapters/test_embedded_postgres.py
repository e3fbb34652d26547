"""The embedded PostgreSQL: made once, shut to others, back after a kill, and nothing of anybody else's changed."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from adapters.cannot_start import CannotStart
from adapters.embedded import EmbeddedPostgres, Tuning, discard, find_place
from adapters.embedded.place import Place
from tests.fixtures.clusters import SMALL, fork, modes


def test_it_keeps_what_was_written_from_one_run_to_the_next(reachable: Path) -> None:
    with EmbeddedPostgres(find_place(reachable), SMALL) as server:
        server.ensure_database("ledger")
        server.ensure_database("ledger")
        with psycopg.connect(server.url("ledger")) as connection:
            connection.execute("create table kept as select 7 as number")
    with EmbeddedPostgres(find_place(reachable), SMALL) as server, psycopg.connect(server.url("ledger")) as connection:
        assert connection.execute("select number from kept").fetchone() == (7,)


def test_it_is_durable_checksummed_and_deaf_to_the_network(reachable: Path) -> None:
    wanted = {
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "data_checksums": "on",
        "listen_addresses": "",
        "password_encryption": "scram-sha-256",
        "unix_socket_permissions": "0700",
        "log_min_error_statement": "panic",
    }
    with (
        EmbeddedPostgres(find_place(reachable), Tuning(shared_buffers=32)) as server,
        psycopg.connect(server.url()) as connection,
    ):
        rows = connection.execute("select name, setting from pg_settings where name = any(%s)", (list(wanted),))
        assert dict(rows.fetchall()) == wanted


def test_a_wrong_password_does_not_come_in_not_even_as_root(reachable: Path) -> None:
    with EmbeddedPostgres(find_place(reachable), SMALL) as server:
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(server.url(password="guessed"))
        with psycopg.connect(server.url()) as connection:
            methods = connection.execute("select distinct auth_method, type from pg_hba_file_rules").fetchall()
        assert methods == [("scram-sha-256", "local")]


def test_only_its_own_folders_are_touched_and_they_are_shut(reachable: Path) -> None:
    before = modes(reachable)
    with EmbeddedPostgres(find_place(reachable), SMALL) as server:
        place = server.place
        assert modes(reachable) == before
        assert stat.S_IMODE(place.data.stat().st_mode) == 0o700
        assert stat.S_IMODE(place.sockets.stat().st_mode) == 0o700
        assert stat.S_IMODE((place.folder / "superuser-password").stat().st_mode) == 0o600
        assert reachable.stat().st_mode & 0o067 == 0
        assert not list(place.folder.rglob("*.handed"))


@pytest.mark.parametrize("victim", ["postmaster", "everything"])
def test_it_comes_back_after_a_kill(reachable: Path, victim: str) -> None:
    killed = EmbeddedPostgres(find_place(reachable), SMALL)
    killed.start()
    assert killed._process is not None
    with psycopg.connect(killed.url(), autocommit=True) as connection:
        connection.execute("create table kept as select 7 as number")
        if victim == "everything":
            _kill_children(killed._process.pid)
        os.kill(killed._process.pid, signal.SIGKILL)
        killed._process.wait()
    with EmbeddedPostgres(find_place(reachable), SMALL) as server, psycopg.connect(server.url()) as connection:
        assert connection.execute("select number from kept").fetchone() == (7,)


def test_an_orphan_of_an_earlier_run_is_ended_before_a_new_one_starts(reachable: Path) -> None:
    orphan = EmbeddedPostgres(find_place(reachable), SMALL)
    orphan.start()
    assert orphan._process is not None
    busy = psycopg.connect(orphan.url())
    with EmbeddedPostgres(find_place(reachable), SMALL) as server:
        assert orphan._process.wait(10) == 0, "it was asked to shut down, and did"
        assert server.answers()
    busy.close()


def test_a_stale_process_id_file_that_names_a_stranger_stops_nobody(reachable: Path) -> None:
    with EmbeddedPostgres(find_place(reachable), SMALL) as server:
        pid_file = server.place.data / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
    stranger = subprocess.Popen(["/bin/sleep", "60"])
    try:
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        with EmbeddedPostgres(find_place(reachable), SMALL) as server:
            assert server.answers()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_half_made_cluster_is_made_again(reachable: Path) -> None:
    place = find_place(reachable)
    (place.folder / "data.new" / "base").mkdir(parents=True)
    (place.folder / "data.new" / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(place, SMALL) as server:
        assert server.answers()
    assert not (place.folder / "data.new").exists()


def test_it_ends_with_the_process_that_started_it(reachable: Path) -> None:
    """The starter is killed with SIGKILL: the kernel tells PostgreSQL."""
    place = find_place(reachable)
    server = EmbeddedPostgres(place, SMALL)

    def start_and_wait() -> None:
        server.start()
        time.sleep(60)

    starter = fork(start_and_wait)
    _until(server.answers)
    os.kill(starter, signal.SIGKILL)
    os.waitpid(starter, 0)
    _until(lambda: not (place.data / "postmaster.pid").exists())


def test_a_long_path_gets_a_short_socket_folder_with_checked_ownership(reachable: Path) -> None:
    deep = reachable / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    for folder in (reachable, deep.parent):
        folder.chmod(0o711)
    place = find_place(deep)
    try:
        with EmbeddedPostgres(place, SMALL) as server:
            assert server.answers()
            assert not place.sockets.is_relative_to(deep)
            assert stat.S_IMODE(place.sockets.stat().st_mode) == 0o700
        assert find_place(deep).sockets == place.sockets
        shutil.rmtree(place.sockets)
        place.sockets.symlink_to("/tmp")
        with pytest.raises(CannotStart, match="belongs to somebody else"):
            find_place(deep)
    finally:
        place.sockets.unlink(missing_ok=True)
        discard(place)


def test_a_path_with_spaces_and_quotes_works(reachable: Path) -> None:
    odd = reachable / "it's, a folder"
    odd.mkdir()
    reachable.chmod(0o711)
    place = find_place(odd)
    with EmbeddedPostgres(place, SMALL) as server:
        assert server.answers()
    discard(place)


def test_a_start_that_fails_says_what_postgresql_says(reachable: Path) -> None:
    place = find_place(reachable)
    server = EmbeddedPostgres(place, SMALL)
    (place.folder / "operator.conf").write_text("shared_buffers = 'plenty'\n")
    (place.folder / "operator.conf").chmod(0o644)
    with pytest.raises(CannotStart, match="shared_buffers"):
        server.start()


def _kill_children(postmaster: int) -> None:
    for child in Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split():
        # A worker that ended by itself in between is as dead as is wanted.
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(child), signal.SIGKILL)


def _until(done: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def test_a_place_shows_no_password() -> None:
    assert "password" not in repr(Place(Path("/a"), Path("/b"), Path("/c"), None))
