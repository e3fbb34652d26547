"""scripts/bench from end to end, small: both servers are started, compared, and gone afterwards."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.benchmarks.command import SCRATCH
from scripts.benchmarks.deployment import started

ROOT = Path(__file__).parents[2]
START_SECONDS = 120


@pytest.fixture
def scratch() -> Iterator[Path]:
    """On a disk and open to PostgreSQL's user, as neither of pytest's temporary folders need be."""
    folder = Path(tempfile.mkdtemp(prefix="bench-test-", dir=SCRATCH))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


def bench(scratch: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-P", "-m", "scripts.bench", *arguments, "--scratch", str(scratch)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def report_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    report: dict[str, Any] = json.loads(output)
    return report


def processes_of(scratch: Path) -> list[str]:
    """Command lines that name the folder."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(scratch) in words:
            found.append(words)
    return found


def test_both_sides_are_measured_and_nothing_is_left(scratch: Path) -> None:
    options = ("--rounds", "1", "--seconds", "1", "--levels", "1,4", "--workers", "1", "--json")
    report = report_of(bench(scratch, "encrypt", *options))
    assert report["ratio"] > 0
    assert [level["connections"] for level in report["levels"]] == [1, 4]
    for level in report["levels"]:
        for side in (level["key_ledger"], level["openbao"]):
            assert side["rate"] > 0
            assert 0 < side["p50_ms"] <= side["p99_ms"]
        assert {"workers", "postgresql", "load generator"} <= level["key_ledger"]["cpu_seconds_per_second"].keys()
    assert report["conditions"]["workers"] == 1
    assert list(scratch.iterdir()) == []
    assert processes_of(scratch) == []


def test_a_deployment_that_runs_already_is_measured_and_its_bench_key_goes(scratch: Path) -> None:
    options = ("--data", str(scratch / "running"), "--alone", "--rounds", "1", "--seconds", "1", "--levels", "2")
    with started(scratch / "running", workers=1) as server:
        for operation in ("decrypt", "generate-data-key"):
            report = report_of(bench(scratch, operation, *options, "--signatures", "rpc", "--json"))
            assert report["ratio"] is None
            assert report["levels"][0]["key_ledger"]["rate"] > 0
        states = {
            server.ask("DescribeKey", KeyId=key["KeyId"])["KeyMetadata"]["KeyState"]
            for key in server.ask("ListKeys")["Keys"]["Key"]
        }
    assert states == {"PendingDeletion"}


def test_growth_is_measured_over_deployments_of_each_size(scratch: Path) -> None:
    options = ("--sizes", "10:500,50:1000", "--rounds", "1", "--seconds", "1", "--workers", "1", "--json")
    report = report_of(bench(scratch, "growth", *options))
    for rows in report["operations"].values():
        assert [row["cmks"] for row in rows] == [10, 50]
        assert [row["events_before"] for row in rows] == [500, 1_000]
        assert rows[0]["cost_ratio"] == 1.0
    assert list(scratch.iterdir()) == []


def test_a_ledger_of_mixed_events_is_made_and_its_trail_asked(scratch: Path) -> None:
    options = ("--events", "2000", "--keys", "10", "--asks", "20", "--workers", "1", "--json")
    report = report_of(bench(scratch, "ledger", *options))
    assert report["events"] >= 2_000
    assert all(0 < page["p50_ms"] <= page["p95_ms"] for page in report["pages"].values())
    assert {form: export["rows_per_second"] > 0 for form, export in report["exports"].items()} == {
        "ndjson": True,
        "csv": True,
    }
    assert report["rebuilt_per_second"] > 0
    assert list(scratch.iterdir()) == []


def test_the_same_load_is_measured_with_the_projector_and_without(scratch: Path) -> None:
    report = report_of(bench(scratch, "projector", "--rounds", "1", "--seconds", "1", "--workers", "1", "--json"))
    assert report["with"]["rate"] > 0
    assert report["without"]["rate"] > 0
    assert report["lag_seconds"] >= 0
    assert list(scratch.iterdir()) == []


def test_a_bench_that_is_terminated_takes_its_servers_with_it(scratch: Path) -> None:
    process = bench(scratch, "encrypt", "--rounds", "9", "--seconds", "9", "--workers", "1")
    deadline = time.monotonic() + START_SECONDS
    while not list(scratch.glob("*/openbao/audit.log")):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert processes_of(scratch)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=START_SECONDS)
    assert process.returncode == 143
    assert processes_of(scratch) == []
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("encrypt", "--levels", "few"), "--levels 'few': expected numbers of connections"),
        (("encrypt", "--signatures", "acs5"), "--signatures 'acs5': expected one of acs3, rpc"),
        (("encrypt", "--endpoint", "https://127.0.0.1:1"), "--endpoint needs --data"),
        (("growth", "--sizes", "10"), "--sizes '10': expected CMKs:events"),
        (("encrypt", "--data", "/nowhere"), "No credentials in /nowhere/credentials.json"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(scratch: Path, arguments: tuple[str, ...], said: str) -> None:
    process = bench(scratch, *arguments)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.startswith(f"bench: {said}")
    assert errors.count("\n") == 1
