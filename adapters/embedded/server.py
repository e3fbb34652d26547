"""The running server: what to start, when it answers, how it ends, and the URLs by which it is reached."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from adapters.cannot_start import CannotStart, explained, is_about_a_full_disk
from adapters.embedded.cluster import SUPERUSER, Tuning, ensure_cluster, kept_password
from adapters.embedded.leftovers import end_leftovers
from adapters.embedded.place import Place, find_place, has_place
from adapters.processes import Command

START_SECONDS: Final = 60.0
"""Recovery of the write-ahead log after a crash included: ``max_wal_size`` bounds it."""
STOP_SECONDS: Final = 30.0


class EmbeddedPostgres:
    """One cluster: a supervisor runs :meth:`command` after :meth:`recover`, or :meth:`start` and :meth:`stop` do.

    As a context manager it is running inside. The caller holds the data folder's lock.
    """

    def __init__(self, place: Place, tuning: Tuning | None = None) -> None:
        """:raises CannotStart: the cluster cannot be made."""
        self.place = place
        self._password = ensure_cluster(place, tuning or Tuning())
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def command(self) -> Command:
        """SIGINT is PostgreSQL's fast shutdown: clients are disconnected and everything is written."""
        settings = [f"{name}={self.place.folder}/{file}" for name, file in _FILES.items()]
        return Command(
            argv=(
                str(self.place.binaries / "postgres"),
                "-D",
                str(self.place.data),
                *(word for setting in settings for word in ("-c", setting)),
            ),
            environment={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            account=self.place.account,
            stop_signal=signal.SIGINT,
            urgent_signal=signal.SIGQUIT,
            orphan_signal=signal.SIGINT,
        )

    def recover(self) -> int:
        """End what an earlier, killed run left; the number of processes ended. Call before every start."""
        return end_leftovers(self.place)

    def url(self, database: str = "postgres", user: str = SUPERUSER, password: str | None = None) -> str:
        """A libpq URL through the socket; of the superuser, where not told otherwise."""
        return _url(self.place, database, user, self._password if password is None else password)

    def answers(self) -> bool:
        """Whether it accepts connections now."""
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.Error:
            return False
        return True

    def ensure_database(self, name: str) -> None:
        """Make the database if it is not there. Two at once: one makes it."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            if connection.execute("select from pg_database where datname = %s", (name,)).fetchone() is None:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))

    @property
    def log(self) -> Path:
        """What it said when :meth:`start` started it."""
        return self.place.folder / "start.log"

    def start(self) -> None:
        """Recover, start, and wait until it answers.

        :raises CannotStart: it ended or did not answer in time; the message has what it said last.
        """
        self.recover()
        with explained(f"start PostgreSQL in {self.place.folder}"), self.log.open("wb") as output:
            self._process = self.command.start(output)
        end = time.monotonic() + START_SECONDS
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise CannotStart(why_it_ended(self.place, self.log))
            time.sleep(0.05)

    def stop(self) -> None:
        """Fast shutdown, then immediate, then kill: whichever ends it. Nothing committed is lost by any of them."""
        process, self._process = self._process, None
        if process is None:
            return
        for signal_number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            process.send_signal(signal_number)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            return


def administrator_url(data_folder: Path, database: str) -> str | None:
    """The superuser's URL of the cluster in ``data_folder``, which another process runs; None where there is none."""
    if not has_place(data_folder):
        return None
    place = find_place(data_folder)
    password = kept_password(place)
    return None if password is None else _url(place, database, SUPERUSER, password)


def _url(place: Place, database: str, user: str, password: str) -> str:
    host = quote(str(place.sockets), safe="")
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return f"postgresql://{login}@/{quote(database, safe='')}?host={host}&port=5432"


_FILES: Final = {"config_file": "postgresql.conf", "hba_file": "pg_hba.conf"}


def why_it_ended(place: Place, log: Path) -> str:
    """A sentence made from the last lines of ``log``, which hold no statement and no secret (see the configuration)."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    if is_about_a_full_disk(text):
        return f"PostgreSQL in {place.folder} does not start: the disk is full. Free some space, then run again."
    if "database files are incompatible" in text:
        return (
            f"The database in {place.folder} was made by another version of PostgreSQL. Run the version that made it."
        )
    lines = [line for line in text.splitlines() if line.strip()]
    return f"PostgreSQL in {place.folder} does not start. It says: {' '.join(lines[-3:]) or 'nothing'}"
