"""Making a cluster and its configuration. Both files of configuration are ours, written anew at every start.

What the ledger stands on is not negotiable: ``fsync``, ``full_page_writes``, checksums, ``synchronous_commit``. Local
connections only, with SCRAM passwords; no TCP. ``operator.conf`` beside them is read last, for what an operator tunes.
"""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adapters.cannot_start import CannotStart, explained, is_about_a_full_disk
from adapters.embedded.place import Place
from adapters.processes import Command

SUPERUSER: Final = "ledger_admin"
_PASSWORD: Final = "superuser-password"  # noqa: S105  a file's name
_ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class Tuning:
    """What may differ between a deployment and a test. Megabytes.

    :param durable: False only for tests' throw-away clusters.
    """

    shared_buffers: int = 256
    connections: int = 100
    durable: bool = True


def ensure_cluster(place: Place, tuning: Tuning) -> str:
    """Make the cluster if it is not there, write its configuration, and hand back the superuser's password.

    :raises CannotStart: initdb failed; what it said is in the message.
    """
    with explained(f"make the database in {place.folder}"):
        password = _password(place)
        if not place.data.exists():
            _initialise(place, password, tuning)
        _write(place, "postgresql.conf", _configuration(place, tuning))
        _write(place, "pg_hba.conf", _AUTHENTICATION)
        return password


def kept_password(place: Place) -> str | None:
    """The superuser's; None where no cluster was begun here."""
    file = place.folder / _PASSWORD
    return file.read_text(encoding="ascii").strip() if file.exists() else None


def _password(place: Place) -> str:
    """Kept before the cluster is made: if we die in between, the next start makes the cluster with the same one."""
    kept = kept_password(place)
    if kept is None:
        file, kept = place.folder / _PASSWORD, secrets.token_urlsafe(32)
        fresh = file.with_suffix(".new")
        _private(fresh, kept)
        fresh.replace(file)
    return kept


def _initialise(place: Place, password: str, tuning: Tuning) -> None:
    """If we die before the rename, the half-made cluster is removed by the next start."""
    fresh, handed = place.folder / "data.new", place.folder / "run" / "superuser-password.handed"
    shutil.rmtree(fresh, ignore_errors=True)
    handed.unlink(missing_ok=True)
    fresh.mkdir(mode=0o700)
    _private(handed, password)
    if place.account is not None:
        os.chown(fresh, place.account.uid, place.account.gid)
        os.chown(handed, place.account.uid, place.account.gid)
    try:
        made = _initdb(place, fresh, handed, tuning).run()
    finally:
        handed.unlink(missing_ok=True)
    if made.returncode != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        raise CannotStart(_why(place, made.stdout))
    fresh.rename(place.data)


def _initdb(place: Place, fresh: Path, password_file: Path, tuning: Tuning) -> Command:
    """The built-in locale: the order of text does not change with the machine's C library."""
    arguments = ["--pgdata", str(fresh), "--username", SUPERUSER, "--pwfile", str(password_file)]
    arguments += ["--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"]
    arguments += ["--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--data-checksums"]
    arguments += ["--no-instructions"] if tuning.durable else ["--no-instructions", "--no-sync"]
    program = str(place.binaries / "initdb")
    return Command(argv=(program, *arguments), environment=_ENVIRONMENT, account=place.account)


def _why(place: Place, printed: str) -> str:
    if is_about_a_full_disk(printed):
        return f"Cannot make the database in {place.folder}: the disk is full. Free some space, then run again."
    said = " ".join(line.strip() for line in printed.splitlines() if "error" in line or "FATAL" in line)
    return f"Cannot make the database in {place.folder}: initdb says: {said or printed.strip()[-300:]}"


def _configuration(place: Place, tuning: Tuning) -> str:
    durable = "on" if tuning.durable else "off"
    return f"""\
# Written by Key Ledger at every start: change operator.conf beside this file instead.
listen_addresses = ''
unix_socket_directories = '{place.sockets}'
unix_socket_permissions = 0700
password_encryption = scram-sha-256
cluster_name = '{cluster_name(place)}'
max_connections = {tuning.connections}
shared_buffers = {tuning.shared_buffers}MB
work_mem = 8MB
maintenance_work_mem = 64MB
huge_pages = off
jit = off
fsync = {durable}
full_page_writes = {durable}
synchronous_commit = on
wal_compression = on
min_wal_size = 128MB
max_wal_size = 1GB
checkpoint_timeout = 15min
# A ledger that is filled fast outgrows what questions about it are planned by.
autovacuum_naptime = 15s
timezone = UTC
lc_messages = C
# A statement may hold a password (ALTER ROLE), so no statement is ever logged.
log_destination = stderr
logging_collector = off
log_timezone = UTC
log_line_prefix = '%m [%p] '
log_min_messages = warning
log_min_error_statement = panic
log_checkpoints = off
include_if_exists = 'operator.conf'
"""


def cluster_name(place: Place) -> str:
    """Stands in the title of every process of the cluster, by which a killed run's leftovers are recognised."""
    return f"key-ledger-{place.data.stat().st_ino}"


_AUTHENTICATION: Final = f"""\
# Written by Key Ledger at every start: the socket only, with passwords only.
local all all scram-sha-256
local replication {SUPERUSER} scram-sha-256
"""


def _write(place: Place, name: str, text: str) -> None:
    """Readable, not writable, by the user that runs PostgreSQL. If we die half-way, the old file stands."""
    file, fresh = place.folder / name, place.folder / f"{name}.new"
    fresh.unlink(missing_ok=True)
    fresh.write_text(text, encoding="utf-8")
    if place.account is not None:
        os.chown(fresh, -1, place.account.gid)
    fresh.chmod(0o640)
    fresh.replace(file)


def _private(file: Path, text: str) -> None:
    """Never readable by others, not even for a moment."""
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as opened:
        opened.write(text + "\n")
        opened.flush()
        os.fsync(opened.fileno())
