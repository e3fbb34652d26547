"""``scripts/replay``: every event once, in order, verified, and a digest that two people can compare."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from domain.audit.facts import accounts_of, key_named
from domain.audit.sentences import sentence
from domain.events import Event
from scripts.replay import application
from tests.fixtures.months import BANK
from tests.scripts.auditing.terminals import at_terminal
from tests.scripts.operating.conftest import ROOT, Operate, Operated, Outcome, ended, started
from tests.scripts.operating.ledgers import digest, forge, history, ran, with_months

PROGRAM = (sys.executable, "-m", "scripts.replay")


@pytest.fixture
def replay(operate: Operate, operated: Operated) -> Any:
    """In the environment of ``operate``."""

    def run(*words: object) -> Outcome:
        return ran(application, operated, *words)

    return run


def lines(outcome: Outcome) -> list[dict[str, Any]]:
    assert outcome.exit_code == 0, outcome.said
    return [json.loads(line) for line in outcome.output.splitlines()]


def test_every_event_is_one_line_and_the_last_line_says_what_was_read(operated: Operated, replay: Any) -> None:
    with_months(operated)
    events = history(operated)
    *told, last = lines(replay("--json"))
    assert [line["position"] for line in told] == list(range(1, len(events) + 1))
    assert [line["sentence"] for line in told] == [sentence(event) for event in events]
    assert last["read"]["sha256"] == digest(operated, 1, len(events))
    assert (last["read"]["events"], last["read"]["shown"]) == (len(events), len(events))
    table = replay().output.splitlines()
    assert len(table) == len(events) + 2
    assert table[-1].endswith(f"SHA-256 {digest(operated, 1, len(events))}.")


def test_a_range_has_a_digest_of_its_own_and_filters_do_not_change_it(operated: Operated, replay: Any) -> None:
    with_months(operated)
    *_, last = lines(replay("--json", "--from", 50, "--to", 90, "--topic", "kms.key.used"))
    assert last["read"]["sha256"] == digest(operated, 50, 90)
    assert last["read"]["events"] == 41
    assert last["read"]["shown"] < 41


def test_filters_choose_what_a_naive_reader_would(operated: Operated, replay: Any) -> None:
    with_months(operated)
    events = history(operated)
    key_id = next(key_named(event) for event in events if event.TOPIC == "kms.key.used")
    questions: dict[tuple[str, str], Callable[[Event], bool]] = {
        ("--account", BANK): lambda event: BANK in accounts_of(event),
        ("--region", "eu-central-1"): lambda event: event.call.region_id == "eu-central-1",
        ("--key", str(key_id)): lambda event: key_named(event) == key_id,
        ("--topic", "kms.key"): lambda event: event.TOPIC.startswith("kms.key."),
        ("--topic", "kms.key.*"): lambda event: event.TOPIC.startswith("kms.key."),
        ("--topic", "ram.user.created.*"): lambda event: event.TOPIC == "ram.user.created",
    }
    for words, wanted in questions.items():
        *told, _ = lines(replay("--json", *words))
        expected = [number for number, event in enumerate(events, start=1) if wanted(event)]
        assert [line["position"] for line in told] == expected
        assert 0 < len(expected) < len(events)


def test_no_terminal_obeys_what_somebody_chose(operated: Operated, replay: Any) -> None:
    """Descriptions hold escape sequences, marks that turn text around, and formulas."""
    with_months(operated, calls=50)
    for words in ((), ("--csv",), ("--json",)):
        told = replay(*words)
        assert all(line.isprintable() for line in told.output.splitlines()), words
    rows = list(csv.DictReader(io.StringIO(replay("--csv").output)))
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


@pytest.mark.parametrize(
    ("forgery", "said"),
    [
        ("delete from ledger.events where position = 20", "an event is missing"),
        ("update ledger.events set topic = 'os.system' where position = 20", "position 20 cannot be read"),
        ("update ledger.events set state = '{}' where position = 20", "position 20 cannot be read"),
        (
            "update ledger.events set recorded_at = recorded_at - interval '1 day' where position = 20",
            "before the one before it",
        ),
        (
            "update ledger.events set originator_version = 90 where topic = 'kms.key.destroyed'",
            "does not follow version",
        ),
        (
            "update ledger.events set originator_version = 2 where topic = 'kms.key.used'",
            "does not stand alone",
        ),
        ("update ledger.ledger_head set next_position = next_position + 5", "before its own head"),
    ],
)
def test_what_was_forged_ends_a_replay_with_a_sentence(
    operated: Operated, replay: Any, forgery: str, said: str
) -> None:
    with_months(operated, calls=50)
    forge(operated, forgery)
    told = replay()
    assert told.exit_code == 1
    assert said in told.said


def test_what_cannot_be_meant_is_refused(operated: Operated, replay: Any) -> None:
    with_months(operated, calls=20)
    for words, said in (
        (("--to", 10**9), "lies beyond the ledger"),
        (("--from", 10, "--to", 9), "there is none"),
        (("--topic", "kms.ke"), "--topic kms.ke is none"),
        (("--topic", "kms.ke.*"), "--topic kms.ke is none"),
        (("--key", "x"), "is no key's id"),
        (("--account", "x"), "account"),
        (("--account", "1999999999999999"), "There is no account"),
        (("--region", "nope"), "There is no region nope"),
        (("--csv", "--json"), "two forms"),
    ):
        told = replay(*words)
        assert told.exit_code == 2, words
        assert said in told.said


def test_an_empty_ledger_is_replayed(replay: Any) -> None:
    (last,) = lines(replay("--json"))
    assert last["read"]["events"] == 0
    assert replay().exit_code == 0


def test_who_has_seen_enough_is_not_told_of_a_broken_pipe(operated: Operated) -> None:
    with_months(operated, calls=3_000)
    replaying = started(operated, "--data", operated.data, program=PROGRAM)
    assert replaying.stdout is not None
    assert replaying.stdout.readline().startswith("Position")
    replaying.stdout.close()
    assert replaying.wait(60) == 3
    assert replaying.stderr is not None
    assert replaying.stderr.read() == ""
    replaying.stderr.close()


def test_an_interrupted_replay_says_so(operated: Operated) -> None:
    with_months(operated, calls=3_000)
    replaying = started(operated, "--data", operated.data, program=PROGRAM, stdout=subprocess.PIPE)
    assert replaying.stdout is not None
    replaying.stdout.readline()
    replaying.send_signal(signal.SIGINT)
    told = ended(replaying)
    assert told.exit_code == 130
    assert "Interrupted" in told.said


def test_a_terminal_that_lacks_characters_gets_their_numbers(operated: Operated) -> None:
    with_months(operated, calls=20)
    environment = {"PYTHONIOENCODING": "ascii"}
    told = ended(started(operated, "--data", operated.data, program=PROGRAM, environment=environment))
    assert told.exit_code == 0, told.said
    assert "\\u652f\\u4ed8" in told.output


def test_a_bar_gives_way_to_the_rows_on_the_same_terminal(operated: Operated) -> None:
    with_months(operated, calls=20)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    argv = [*PROGRAM, "--data", str(operated.data)]
    shown = at_terminal(argv, environment, operated.folder, 100)
    before, _, rows = shown.partition(sentence(history(operated)[0])[:30])
    assert "Replaying" in before
    assert "Replaying" not in rows
    assert "\x1b" not in rows, "nothing is drawn between them"
