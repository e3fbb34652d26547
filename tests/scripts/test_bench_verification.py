"""scripts/bench verification, small: what it makes is a ledger that the service could have written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from rich.console import Console

from scripts.benchmarks import verification
from scripts.benchmarks.command import SCRATCH

ROOT = Path(__file__).parents[2]


def test_a_mixed_ledger_is_verified_after_each_part() -> None:
    scratch = Path(tempfile.mkdtemp(prefix="bench-test-", dir=SCRATCH))
    scratch.chmod(0o711)
    options = ("--users", "30", "--policies", "3", "--events", "2400", "--parts", "2", "--json")
    command = [sys.executable, "-P", "-m", "scripts.bench", "verification", *options, "--scratch", str(scratch)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        assert list(scratch.iterdir()) == []
    finally:
        shutil.rmtree(scratch)
    report = json.loads(done.stdout)
    first, second = report["parts"]
    assert second["events"] - first["events"] == 1_202  # and a change for each thousand that was begun
    assert min(first["events_per_second"], first["events_per_cpu_second"], first["megabytes"]) > 0


def test_the_table_says_whether_memory_is_flat(capsys: pytest.CaptureFixture[str]) -> None:
    part = {"events": 1_000, "events_per_second": 9_000, "events_per_cpu_second": 15_000, "megabytes": 90}
    report = {"users": 2_000, "policies": 200, "parts": [part], "flat": False}
    verification.print_verification(report, Console(width=200))
    assert "memory GROWS with the number of events" in capsys.readouterr().out
    verification.print_verification({**report, "flat": True}, Console(width=200))
    assert "memory is flat" in capsys.readouterr().out
