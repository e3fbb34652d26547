"""``key-ledger audit tail``: the newest events, and those that come, until somebody has seen enough."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Final

import pytest

from scripts.auditing import tail
from scripts.envelope.failure import KmsBusy
from scripts.envelope.interruption import Interrupted
from tests.fixtures.service import eventually
from tests.scripts.auditing.audit_stub import event
from tests.scripts.auditing.conftest import Audit
from tests.scripts.envelope.kms_stub import PreparedAnswer


@contextmanager
def following(audit: Audit, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    process = audit.command.start("audit", "tail", "-f", "--json", *words)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def position(process: subprocess.Popen[bytes]) -> int:
    assert process.stdout is not None
    return int(json.loads(process.stdout.readline())["position"])


def test_the_newest_come_last(audit: Audit) -> None:
    audit.stub.events = [event(number) for number in range(1, 31)]
    found = [json.loads(line) for line in audit("tail", "-n", "3", "--json").output.splitlines()]
    assert [each["position"] for each in found] == [28, 29, 30]
    assert len(audit("tail").output.splitlines()) == 21  # a header and twenty
    assert audit("tail", "-n", "0").output == b""


def test_what_happens_is_shown_when_it_happens_and_asked_for_once(audit: Audit) -> None:
    audit.stub.events = [event(1)]
    with following(audit) as process:
        assert position(process) == 1
        audit.stub.events += [event(2), event(3)]
        assert [position(process), position(process)] == [2, 3]
        time.sleep(2.5)
        audit.stub.events.append(event(4))
        assert position(process) == 4
    first, *polls = audit.asked("SearchEvents")
    assert first["order"] == "desc"
    assert {poll["order"] for poll in polls} == {"asc"}
    assert (polls[0]["from_position"], polls[-1]["from_position"]) == ("2", "4")
    assert all(poll["wait"] == "true" for poll in polls)


def test_its_own_questions_are_not_shown(audit: Audit) -> None:
    """Or each of them would be the next one's news, for ever."""
    audit.stub.records_questions = True
    with following(audit) as process:
        eventually(lambda: len(audit.stub.events) > 2, what="a second question of its own")
        audit.stub.events.append(event(1_000))
        assert position(process) == 1_000


@pytest.fixture
def pauses(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[float]]:
    """Those of a tail, between looks. :param happening: before the look of that number."""

    def taken(*words: str, looks: int, happening: Mapping[int, Mapping[str, Any]]) -> list[float]:
        slept: list[float] = []

        def sleep(seconds: float) -> None:
            if len(slept) == looks:
                raise Interrupted
            slept.append(seconds)
            if len(slept) in happening:
                audit.stub.events.append(event(len(audit.stub.events) + 1, **happening[len(slept)]))

        monkeypatch.setattr(tail, "sleep", sleep)
        audit.stub.records_questions = True
        assert audit("tail", "-f", *words).exit_code == 128
        return slept

    return taken


LOOK: Final = {"operation": "SearchEvents", "outcome": "read"}


def test_looks_become_rare_where_nothing_comes_and_its_own_are_nothing(pauses: Callable[..., list[float]]) -> None:
    assert pauses(looks=7, happening={}) == [1, 1.5, 2.25, 3.375, 5, 5, 5]


def test_looks_are_quick_again_once_something_came(pauses: Callable[..., list[float]]) -> None:
    assert pauses(looks=8, happening={6: {}}) == [1, 1.5, 2.25, 3.375, 5, 5, 1, 1.5]


def test_two_who_follow_do_not_keep_each_other_awake(pauses: Callable[..., list[float]]) -> None:
    assert pauses(looks=7, happening=dict.fromkeys(range(8), LOOK))[-1] == 5
    refused = {**LOOK, "outcome": "refused"}
    assert pauses(looks=7, happening=dict.fromkeys(range(8), refused))[-1] == 1, "whoever may not is news"


@pytest.mark.parametrize(("every", "shortest"), [(1, 1), (4, 1), (60, 12), (3_600, 720)])
def test_how_often_it_looks_is_chosen(every: int, shortest: float, pauses: Callable[..., list[float]]) -> None:
    slept = pauses("--every", str(every), looks=9, happening={})
    assert (slept[0], slept[-1]) == (shortest, every)


@pytest.mark.parametrize("every", ["0", "0.1", "3601", "often"])
def test_it_looks_neither_all_the_time_nor_hardly_ever(every: str, audit: Audit) -> None:
    assert audit("tail", "-f", "--every", every).exit_code == 2
    assert not audit.stub.requests


def test_filters_hold_for_what_comes_as_well(audit: Audit) -> None:
    with following(audit, "--outcome", "refused", "--from-position", "10") as process:
        time.sleep(2.5)
        audit.stub.events += [event(11, outcome="refused")]
        assert position(process) == 11
    assert {asked["outcome"] for asked in audit.asked("SearchEvents")} == {"refused"}
    assert {asked["from_position"] for asked in audit.asked("SearchEvents")} >= {"10"}


def test_what_came_on_a_page_before_one_that_fails_is_shown_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def pages(_: Any, query: Mapping[str, str], __: None) -> Iterator[dict[str, Any]]:
        asked.append(query["from_position"])
        standing = {"as_of": {"position": 12}, "ledger_head": {"position": 12}, "complete": True}
        if len(asked) == 1:
            yield {"events": [event(11)], **standing}
            raise KmsBusy("The service is busy.", "Later.")
        yield {"events": [event(12)], **standing}

    monkeypatch.setattr(tail, "pages", pages)
    monkeypatch.setattr(tail, "sleep", lambda _: None)
    coming = tail._coming(SimpleNamespace(request_ids=set()), {}, 10, tail.Pauses(5))  # type: ignore[arg-type]
    assert [each["position"] for _ in range(2) for each in next(coming)["events"]] == [11, 12]
    assert asked == ["11", "12"]


def test_a_service_that_restarts_is_waited_for(audit: Audit) -> None:
    audit.stub.events = [event(1)]
    with following(audit) as process:
        assert position(process) == 1
        audit.stub.answers += [
            PreparedAnswer(502, b"<html>starting</html>"),
            PreparedAnswer.refusal(503, "ServiceUnavailableTemporary", "Starting."),
        ]
        audit.stub.events.append(event(2))
        assert position(process) == 2
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=30)[1].decode()
    assert said.count("Trying again until it does.") == 1
    assert "The service answers again." in said


def test_a_service_that_refuses_is_not_asked_again(audit: Audit) -> None:
    audit.stub.events = [event(1)]
    with following(audit) as process:
        assert position(process) == 1
        audit.stub.answers.append(PreparedAnswer.refusal(403, "NoPermission", "You are not authorized."))
        assert process.wait(timeout=30) == 4


def test_ctrl_c_is_how_it_ends(audit: Audit) -> None:
    audit.stub.events = [event(1)]
    with following(audit) as process:
        assert position(process) == 1
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=30)[1].decode()
        assert process.returncode == 130
    assert said == "Up to position 1, 2026-11-24T09:00:00Z; ledger head 1.\n"
