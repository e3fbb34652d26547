"""``key-ledger audit export``: a stream from the service to a file that appears whole or not at all."""

from __future__ import annotations

import json
import shlex
import stat

import pytest

from tests.scripts.auditing.audit_stub import KEY_ID, event
from tests.scripts.auditing.conftest import Audit
from tests.scripts.envelope.conftest import COMMAND, peak_mib
from tests.scripts.envelope.kms_stub import PreparedAnswer


@pytest.fixture
def trail(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> Audit:
    monkeypatch.chdir(audit.command.folder)
    audit.stub.events = [event(position) for position in range(1, 4)]
    return audit


def names(audit: Audit) -> list[str]:
    return [path.name for path in audit.command.folder.iterdir()]


def test_every_event_that_fits_becomes_a_line_that_only_its_owner_reads(trail: Audit) -> None:
    outcome = trail("export", "--output", "trail.ndjson", "--key", KEY_ID, "--from", "2026-11", "--to", "2026-11-24")
    assert outcome.exit_code == 0
    assert outcome.said.startswith("Exported 3 events, ")
    assert outcome.said.endswith("Up to position 3, 2026-11-24T09:00:00Z; ledger head 3.")
    file = trail.command.folder / "trail.ndjson"
    assert [json.loads(line) for line in file.read_text().splitlines()] == trail.stub.events
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert trail.asked("ExportEvents") == [
        {
            "key_id": KEY_ID,
            "from": "2026-11-01T00:00:00Z",
            "to": "2026-11-25T00:00:00Z",
            "format": "ndjson",
            "order": "asc",
            "wait": "true",
        }
    ]


def test_an_export_that_is_not_complete_says_so_to_people_and_programs(trail: Audit) -> None:
    trail.stub.missing = 2
    outcome = trail("export", "-o", "trail", "--json")
    told = json.loads(outcome.output)
    assert (told["as_of"]["position"], told["ledger_head"]["position"], told["complete"]) == (3, 5, False)
    assert "NOT COMPLETE: the ledger's last 2 events may be missing." in outcome.said


def test_the_header_of_csv_is_no_event(trail: Audit) -> None:
    trail.stub.answers.append(PreparedAnswer(200, b"position,operation\n1,Decrypt\n2,Encrypt\n"))
    words = ("export", "-o", "trail.csv", "--format", "csv", "--newest-first", "--json")
    assert json.loads(trail(*words).output)["events"] == 2
    assert trail.asked("ExportEvents")[0].items() >= {"format": "csv", "order": "desc"}.items()


def test_a_file_that_exists_is_replaced_only_by_force(trail: Audit) -> None:
    (trail.command.folder / "trail").write_text("precious")
    outcome = trail("export", "-o", "trail")
    assert outcome.exit_code == 3
    assert "trail exists already." in outcome.said
    assert trail.asked("ExportEvents") == []
    assert (trail.command.folder / "trail").read_text() == "precious"
    assert trail("export", "-o", "trail", "--force").exit_code == 0


@pytest.mark.parametrize(
    ("answer", "exit_code", "sentence"),
    [
        (PreparedAnswer(200, b'{"position":1}\n', promised=1_000), 5, "stopped in the middle of its answer."),
        (PreparedAnswer.refusal(403, "NoPermission"), 4, "or to allow the action audit:ExportEvents"),
        (PreparedAnswer.refusal(429, "Rejected.Throttling", "Too many exports."), 4, "Wait a little"),
    ],
)
def test_what_is_not_whole_leaves_no_file(answer: PreparedAnswer, exit_code: int, sentence: str, trail: Audit) -> None:
    trail.stub.answers.append(answer)
    outcome = trail("export", "-o", "trail")
    assert (outcome.exit_code, names(trail)) == (exit_code, [])
    assert sentence in outcome.said


def test_a_pipe_gets_the_events_and_nothing_else(trail: Audit) -> None:
    outcome = trail.command("audit", "export", "-o", "-")
    assert [json.loads(line)["position"] for line in outcome.output.splitlines()] == [1, 2, 3]
    assert "to standard output. Up to position 3, " in outcome.said


def test_a_summary_and_the_events_cannot_share_standard_output(trail: Audit) -> None:
    outcome = trail("export", "-o", "-", "--json")
    assert outcome.exit_code == 2
    assert "--json needs standard output for the summary." in outcome.said


def test_memory_does_not_grow_with_the_export(trail: Audit) -> None:
    export = f"{shlex.join(COMMAND)} audit export -o"
    small = peak_mib(trail.command, f"{export} small")
    line = json.dumps(event(1)).encode() + b"\n"
    trail.stub.answers.append(PreparedAnswer(200, line * (192 * 1024 * 1024 // len(line))))
    assert peak_mib(trail.command, f"{export} large") < small + 16
    assert (trail.command.folder / "large").stat().st_size > 180 << 20
