"""scripts/bench authorisation, small: both sides answer alike, and a figure that means nothing is not told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from scripts.benchmarks import authorisation, permissions
from scripts.benchmarks.authorisation import CEDAR, OURS, Plan
from scripts.benchmarks.failure import BenchError

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def short_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authorisation, "SLICE_SECONDS", 0.001)


def test_every_question_is_put_to_both_sides_and_answered_alike() -> None:
    told: list[str] = []
    report = authorisation.measure(Plan(policies=3, rounds=2, alone=False), told.append)
    names = {question.name for question in permissions.questions(3)}
    assert {row["what"] for row in report["costs"] if row["side"] == CEDAR} == names
    assert {row["what"] for row in report["costs"] if "ratio" in row} == names
    assert all(row["us"] > 0 and len(row["us_of_each_round"]) == 2 for row in report["costs"])
    assert told == ["round 1", "round 2"]


def test_the_figure_is_the_dearest_question_s() -> None:
    report = authorisation.measure(Plan(policies=3, rounds=1, alone=True), lambda _: None)
    names = {question.name for question in permissions.questions(3)}
    dearest = max(row["us"] for row in report["costs"] if row["side"] == OURS and row["what"] in names)
    assert report["decision_us"] == dearest
    assert report["within_limit"] is (dearest <= report["limit_us"])


def test_a_wrong_decision_makes_the_measurement_invalid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permissions, "document", lambda _: permissions_of_nobody())
    with pytest.raises(BenchError, match="Key Ledger decided wrongly: the same key again"):
        authorisation.measure(Plan(policies=3, rounds=1, alone=True), lambda _: None)


def permissions_of_nobody() -> str:
    return json.dumps({"Version": "1", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}})


def test_a_wrong_decision_of_the_other_side_does_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permissions, "in_cedar", lambda _: "forbid (principal, action, resource);")
    with pytest.raises(BenchError, match="Cedar decided wrongly: the same key again"):
        authorisation.measure(Plan(policies=3, rounds=1, alone=False), lambda _: None)


def test_without_cedar_one_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cedarpy", None)
    with pytest.raises(BenchError, match=r"pip install 'key-ledger\[bench\]'"):
        authorisation.measure(Plan(policies=3, rounds=1, alone=False), lambda _: None)


def test_the_table_has_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    report = authorisation.measure(Plan(policies=3, rounds=1, alone=True), lambda _: None)
    authorisation.print_authorisation({**report, "within_limit": False}, Console(width=200))
    assert "ABOVE the limit of 30" in capsys.readouterr().out
    authorisation.print_authorisation({**report, "within_limit": True}, Console(width=200))
    assert "within the limit of 30" in capsys.readouterr().out


def test_the_command_prints_one_json_object() -> None:
    command = [
        sys.executable,
        "-P",
        "-m",
        "scripts.bench",
        "authorisation",
        "--policies",
        "2",
        "--rounds",
        "1",
        "--json",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["policies"] == 2
