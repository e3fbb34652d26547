"""scripts/bench ram-scale, small: the account is one that RAM could have made, and every kind of call is measured."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from rich.console import Console

from adapters.ledger.reader import LedgerReader
from adapters.ledger.writer import LedgerWriter
from domain.account import account_stream
from domain.ram import authority as authorities
from domain.ram.entities import TargetKind
from scripts.benchmarks import ram_account, ram_report, ram_scale
from scripts.benchmarks.command import SCRATCH
from scripts.benchmarks.deployment import KeyLedger
from scripts.benchmarks.ram_account import Size
from scripts.benchmarks.signing import Credentials
from scripts.benchmarks.web import Site
from tests.fixtures.ledger import ACCOUNT, InMemoryLedger
from tests.fixtures.postgres import LedgerDatabase
from tests.fixtures.ram import Ram, facts

ROOT = Path(__file__).parents[2]


@pytest.fixture
def scratch() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="bench-test-", dir=SCRATCH))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


async def test_the_account_is_as_large_as_was_wanted_and_everybody_may_use_keys(
    ledger_database: LedgerDatabase,
) -> None:
    ram, size, told = Ram(InMemoryLedger()), Size(users=205, policies=7), list[int]()
    writer, reader = LedgerWriter(ledger_database.service_url), LedgerReader(ledger_database.service_url)
    await writer.start()
    for submission in facts(ram.ledger.stream(ram.stream)):
        await writer.append(submission)
    await writer.close()
    credentials = Credentials(f"LTAI{ACCOUNT}", "secret", "cn-hangzhou")
    server = KeyLedger(Site("https://127.0.0.1:1"), credentials, ACCOUNT, ledger_database.service_url)
    events = await ram_account._make(server, size, told.append)
    assert events == 2 + sum(told) == 2 + ram_account.changes(size)
    await reader.start()
    authority = authorities.replay(await reader.stream(account_stream(ACCOUNT)))
    await reader.close()
    assert authority is not None
    assert (len(authority.users), len(authority.policies), len(authority.groups)) == (205, 7, 3)
    for name in (ram_account.user(0), ram_account.user(204)):
        assert f"Custom/{ram_account.USES_KEYS}" in {one.name for one in authority.policies_of_user(name)}
    assert authority.attached(TargetKind.ROLE, ram_account.ROLE)


def test_every_kind_of_call_is_measured_over_the_wire_and_workers_come_back(scratch: Path) -> None:
    options = ("--users", "30", "--policies", "4", "--calls", "5", "--restarts", "1", "--workers", "1", "--json")
    command = [sys.executable, "-P", "-m", "scripts.bench", "ram-scale", *options, "--scratch", str(scratch)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    report = orjson.loads(done.stdout)
    assert report["calls"].keys() == ram_scale._KINDS.keys()
    for row in report["calls"].values():
        assert row["calls"] == 5
        assert 0 < row["p50_ms"] <= row["p95_ms"] <= row["max_ms"]
        assert row["ratio"] == pytest.approx(row["max_ms"] / 50, abs=0.001)
    assert len(report["seconds_without_worker"]) == len(report["first_call_of_worker_ms"]) == 1
    assert list(scratch.iterdir()) == []


def test_more_callers_than_users_are_refused_in_one_sentence(scratch: Path) -> None:
    command = [sys.executable, "-P", "-m", "scripts.bench", "ram-scale", "--users", "5", "--scratch", str(scratch)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, "bench: 300 new callers need more than 5 users.\n")


def test_the_table_has_the_limit_and_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    row = {"calls": 1, "p50_ms": 60.0, "p95_ms": 60.0, "max_ms": 60.0, "ratio": 1.2}
    report = {
        "users": 10_000,
        "policies": 1_000,
        "events": 26_304,
        "limit_ms": 50.0,
        "within_limit": False,
        "disturbance": "Not quiet: other programs kept 1.50 of 2 processors busy. Repeat when they are done.",
        "calls": {"AssumeRole": row},
        "look_from_nothing_ms": [400.0],
        "seconds_without_worker": [1.5],
        "first_call_of_worker_ms": [20.0],
        "worker_megabytes": [100],
    }
    ram_report.print_ram_scale(report, Console(width=200))
    out = capsys.readouterr().out
    assert "An account of 10,000 users and 1,000 policies (26,304 events)" in out
    assert "NOT every call stayed below 50 ms." in out
    assert "its first call took 20.0 ms" in out
    assert "Not quiet: other programs" in out
    ram_report.print_ram_scale({**report, "within_limit": True}, Console(width=200))
    assert "No call took longer than 50 ms." in capsys.readouterr().out
