"""``key-ledger audit key``, ``principal`` and ``coverage``: several questions, one page, as of one position."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.scripts.auditing.audit_stub import ACCOUNT_ID, ALICE, HOSTILE, KEY_ID, event
from tests.scripts.auditing.conftest import Audit
from tests.scripts.auditing.terminals import check_fits, seen, written
from tests.scripts.envelope.kms_stub import Asked

USES = {"principal": ALICE, "operation": "Decrypt", "outcome": "used", "count": 1_200, "requests": 1_200}
CREATED = event(1, outcome="changed", operation="CreateKey", sentence=f"alice created key {KEY_ID} {HOSTILE}.")


@pytest.fixture
def known(audit: Audit) -> Audit:
    audit.stub.events = [event(9), event(10, outcome="refused", error_code="Forbidden.NoPermission")]
    days = [{"day": f"2026-11-{day:02}", "count": day, "requests": day} for day in (1, 2, 4, 24)]
    way = {"source_ip": "192.0.2.7", "user_agent": f"curl/8{HOSTILE}", "encryption_context": {HOSTILE: HOSTILE}}
    ways = [{**way, "outcome": "used", "count": count, "requests": count} for count in range(25, 0, -1)]
    groups = [{**USES, "key_id": KEY_ID, "error_code": "Rejected.Disabled"}]
    audit.stub.results |= {
        "GetKeyHistory": {"key_id": KEY_ID, "changes": [CREATED], "uses": [USES]},
        "CountEvents": {"groups": groups},
        "day": {"groups": days},
        "source_ip,user_agent,encryption_context,outcome": {"groups": ways},
        "GetCoverage": {
            "projections": [
                {
                    "name": "audit_trail",
                    "position": 10,
                    "recorded_at": "2026-11-24T09:00:00Z",
                    "complete": True,
                    "stopped": False,
                },
                {"name": "usage", "position": 4, "stopped": True, "stopped_at": 5},
            ],
            "stopped": ["usage"],
        },
    }
    return audit


def test_a_key_has_its_life_its_uses_and_its_refusals(known: Audit) -> None:
    text = known("key", f"acs:kms:cn-hangzhou:{ACCOUNT_ID}:key/{KEY_ID}", "--from", "2026-11").output.decode()
    assert f"key         {KEY_ID}\n" in text
    assert "uses        31, 2026-11-01 to 2026-11-24\n" in text
    assert "uses a day  ▁▁ ▂                   █\n" in text
    assert "alice created key" in text
    assert "user/alice  Decrypt    used" in text
    assert "Rejected.Disabled" in text
    assert "192.0.2.7  curl/8\\x1b[2J" in text
    assert "From where, with which client and context: 20 of 25 ways" in text


def test_its_questions_are_about_the_same_events(known: Audit) -> None:
    assert known("key", KEY_ID, "--from", "2026-11").exit_code == 0
    assert known.asked("GetKeyHistory") == [{"from": "2026-11-01T00:00:00Z", "wait": "true"}]
    per_day, refusals, how = known.asked("CountEvents")
    same = {"key_id": KEY_ID, "to_position": "10", "from": "2026-11-01T00:00:00Z", "limit": "1000"}
    assert per_day == {**same, "by": "day", "outcome": "used"}
    assert refusals == {**same, "by": "error_code,principal", "outcome": "refused"}
    by = "source_ip,user_agent,encryption_context,outcome"
    assert how == {**same, "by": by, "outcome": "used,read,refused"}


def test_what_a_role_did_is_what_its_sessions_did(known: Audit) -> None:
    text = known("principal", "role/backup").output.decode()
    assert f"principal    acs:ram::{ACCOUNT_ID}:role/backup\n" in text
    first, *further = [*known.asked("CountEvents"), *known.asked("SearchEvents")]
    assert further[-1]["outcome"] == "refused"
    assert {asked["principal"] for asked in (first, *further)} == {f"acs:ram::{ACCOUNT_ID}:role/backup/*"}
    assert {asked["to_position"] for asked in further} == {"10"}


ROLE_ID = "312345678901234567"


@pytest.mark.parametrize(
    ("identity", "everything"),
    [("216959339000654321", "216959339000654321"), (ROLE_ID, f"{ROLE_ID}:*"), (f"{ROLE_ID}:visit", f"{ROLE_ID}:visit")],
)
def test_what_an_identity_did_is_asked_by_its_id_whatever_its_names(
    identity: str, everything: str, known: Audit
) -> None:
    assert f"principal id  {identity}\n" in known("principal", identity).output.decode()
    for asked in (*known.asked("SearchEvents"), *known.asked("CountEvents")):
        assert asked["principal_id"] == everything
        assert "principal" not in asked


def named(*whom: tuple[str, str, int]) -> dict[str, list[dict[str, object]]]:
    """Groups of events: name, id, how many."""
    groups = []
    for position, (name, principal_id, count) in enumerate(whom, start=1):
        place = {"position": position, "recorded_at": f"2026-11-{position:02}T08:00:00Z"}
        arn = f"acs:ram::{ACCOUNT_ID}:{name}"
        groups.append(
            {"principal": arn, "principal_id": principal_id, "count": count, "requests": count}
            | {"first": place, "last": place}
        )
    return {"groups": groups}


NAMES = "principal,principal_id"


def test_a_page_says_under_which_names_and_ids_its_events_are(known: Audit) -> None:
    known.stub.results[NAMES] = named(("user/alice", "21", 4), ("user/anna", "21", 2))
    text = known("principal", "21").output.decode()
    assert "Under which names and ids\n" in text
    assert "user/alice  21                 4         4  2026-11-01T08:00:00Z" in text
    assert "user/anna   21                 2         2  2026-11-02T08:00:00Z" in text
    assert "identities" not in text
    told = known.json("principal", "21")
    assert [each["principal_id"] for each in told["identities"]] == ["21", "21"]
    assert told["remarks"] == []


def test_namesakes_are_told_from_each_other(known: Audit) -> None:
    known.stub.results[NAMES] = named(("user/alice", "21", 4), ("user/alice", "22", 2))
    text = known("principal", "user/alice").output.decode()
    note = "2 identities have been called user/alice: 21, 22. Give an id instead of the name to ask about one of them."
    assert f"{note}\n" in text
    assert len(known.asked("CountEvents")) == 4, "each of them would be a further question"
    assert known.json("principal", "user/alice")["remarks"] == [note]
    assert note in known("principal", "user/alice", "--csv").said


def test_sessions_are_the_role_that_they_are_of(known: Audit) -> None:
    sessions = [(f"role/backup/{n}", f"{'31' if n % 2 else '32'}:{n}", n) for n in range(1, 40)]
    known.stub.results[NAMES] = named(*sessions)
    text = known("principal", "role/backup").output.decode()
    assert "role/backup  31               400       400  2026-11-01T08:00:00Z  2026-11-39T08:00:00Z" in text
    assert "2 identities have been called role/backup: 31, 32." in text
    known.stub.results[NAMES] = named(*sessions[::2]) | {"more_groups": True}
    text = known("principal", "role/backup").output.decode()
    assert "identities have" not in text
    assert "Only the 10,000 most frequent names and sessions were looked at for ids." in text
    assert len(known.json("principal", "role/backup")["identities"]) == 20


def test_other_names_of_a_user_are_told(known: Audit) -> None:
    """By one question more: whatever is under the id, from the same events."""
    here, everywhere = named(("user/anna", "21", 2)), named(("user/alice", "21", 1), ("user/anna", "21", 2))
    known.stub.pages["CountEvents"] = [here, everywhere]
    text = known("principal", "user/anna", "--from", "2026-11").output.decode()
    assert "21 has also been called user/alice (1 event). Give this id to ask about all that it did.\n" in text
    first, further, *_ = known.asked("CountEvents")
    assert further == {
        "by": NAMES, "from": first["from"], "limit": "10000", "principal_id": "21", "to_position": "10",
    }  # fmt: skip


def test_nobody_but_users_is_asked_about_by_other_names(known: Audit) -> None:
    for who in ("root", "role/backup", "role/backup/nightly", "LTAI5tExampleExample", "21"):
        known.stub.requests.clear()
        known.stub.results[NAMES] = named((who, "21", 2))
        assert known("principal", who).exit_code == 0
        assert len(known.asked("CountEvents")) == 4, who


def test_who_failed_with_an_access_key_is_somebody(known: Audit) -> None:
    failed = {"principal": "acs:key-ledger::system", "principal_id": "", "count": 3, "requests": 30}
    known.stub.results[NAMES] = {"groups": [*named(("user/alice", "21", 4))["groups"], failed]}
    lines = known("principal", "LTAI5tExampleExample").output.decode().splitlines()
    assert ["somebody", "3", "30"] in [line.split() for line in lines]


@pytest.mark.parametrize("access_key", ["LTAI5tExampleExample", "STS.NUgYrLnoC37mZZCNnAbez"])
def test_what_was_done_with_an_access_key_is_asked_likewise(access_key: str, known: Audit) -> None:
    assert f"access key id  {access_key}\n" in known("principal", access_key).output.decode()
    for asked in (*known.asked("SearchEvents"), *known.asked("CountEvents")):
        assert asked["access_key_id"] == access_key
        assert "principal" not in asked


def test_a_program_gets_all_answers_in_one(known: Audit) -> None:
    assert known.json("key", KEY_ID).keys() >= {"changes", "uses", "uses_per_day", "refusals", "as_of", "complete"}
    assert known.json("principal", ALICE).keys() >= {"operations", "keys", "per_day", "refusals", "as_of", "complete"}


def test_a_spreadsheet_gets_the_main_table(known: Audit) -> None:
    for words in (("key", KEY_ID), ("principal", ALICE)):
        head, *rows = known(*words, "--csv").output.decode().splitlines()
        assert {"operation", "outcome", "events"} <= set(head.split(","))
        assert rows


def test_coverage_tells_what_has_stopped(known: Audit) -> None:
    text = known("coverage").output.decode()
    assert "audit_trail        10  2026-11-24T09:00:00Z  complete" in text
    assert "stopped before 5" in text
    assert "usage has STOPPED: the projector's log says why. Tell the operator." in text
    assert known("coverage", "--csv").output.decode().splitlines()[0] == "name,position,time,state"


@pytest.mark.parametrize("columns", [80, 160])
@pytest.mark.parametrize("words", [("key", KEY_ID), ("principal", ALICE), ("coverage",)])
def test_pages_fit_into_a_terminal_and_give_it_nothing_to_obey(
    words: tuple[str, ...], columns: int, known: Audit
) -> None:
    check_fits(seen(known.command, ["audit", *words], columns), columns)


@pytest.mark.parametrize("words", [("key", KEY_ID), ("principal", ALICE), ("search",), ("count",), ("coverage",)])
def test_a_terminal_that_knows_no_escapes_gets_none(words: tuple[str, ...], known: Audit) -> None:
    assert "\x1b" not in written(known.command, ["audit", *words], 100, "dumb")
    assert "\x1b[2m" in written(known.command, ["audit", *words], 100)
    assert "\x1b" not in written(known.command, ["audit", *words, "--from", "x"], 100, "dumb", exit_code=2)


def test_who_waits_in_front_of_a_terminal_sees_that(known: Audit) -> None:
    asked = Asked("GetCoverage", "/audit/coverage", {}, f"Credential={known.stub.access_key_id},")
    late = replace(known.stub.answer(asked), after_seconds=2.5)
    known.stub.answers += [late, late]
    assert "Waiting for the answer" in written(known.command, ["audit", "coverage"], 100)
    known.stub.answers += [late]
    assert "\x1b" not in written(known.command, ["audit", "coverage"], 100, "dumb")
    assert "Waiting" not in known.command("audit", "coverage").said, "nobody watches a pipe"
    assert "Waiting" not in written(known.command, ["audit", "coverage"], 100), "nor for a moment"
