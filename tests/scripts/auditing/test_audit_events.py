"""``key-ledger audit search`` and ``count``: what is asked of the service, and what is made of its answer."""

from __future__ import annotations

import csv
import io
import json

import pytest

from domain.account import SYSTEM
from projections.audit_trail import COLUMNS
from tests.scripts.auditing.audit_stub import ACCOUNT_ID, ALICE, HOSTILE, KEY_ID, event
from tests.scripts.auditing.conftest import Audit
from tests.scripts.auditing.terminals import seen, written

REFUSED = {"outcome": "refused", "error_code": "Forbidden.NoPermission"}


@pytest.fixture
def trail(audit: Audit) -> Audit:
    audit.stub.events = [
        event(1),
        event(2, **REFUSED, user_agent=HOSTILE, sentence=f"User {HOSTILE} was refused."),
        event(3, outcome="changed", operation="CreateUser", key_id=None, resource=f"acs:ram::{ACCOUNT_ID}:user/bob"),
    ]
    return audit


def lines(output: bytes) -> list[str]:
    return output.decode().splitlines()


# --- what is asked ----------------------------------------------------------------------------------------------------


def test_every_filter_reaches_the_service_under_its_name(audit: Audit) -> None:
    given = {
        "--principal": ALICE,
        "--user": "alice",
        "--principal-id": "2*",
        "--detail": "policy_name=x",
        "--called-from": "2026-11-01",
        "--called-to": "2026-11-30",
        "--access-key": "LTAI*",
        "--assumed-by": ALICE,
        "--principal-kind": "ram-user",
        "--operation": "Decrypt,Encrypt",
        "--outcome": "used,refused",
        "--error": "Rejected.Disabled",
        "--region": "cn-hangzhou",
        "--resource": "acs:kms:*",
        "--source": "10.0.0.0/8",
        "--agent": "curl/*",
        "--request": "b1a6a6f0-0000-4000-8000-000000000000",
        "--topic": "kms.key.*",
        "--account": ACCOUNT_ID,
        "--from-position": "2",
        "--to-position": "9",
    }
    words = [word for pair in given.items() for word in pair]
    more = ["--key", f"acs:kms:cn-hangzhou:1:key/{KEY_ID}", "--not-over-tls", "-c", "owner=anne", "-c", "a b=c=ü"]
    assert audit("search", *words, *more).exit_code == 0
    assert audit.asked("SearchEvents") == [
        {
            "principal": ALICE,
            "user_name": "alice",
            "access_key_id": "LTAI*",
            "assumed_by": ALICE,
            "principal_kind": "ram-user",
            "operation": "Decrypt,Encrypt",
            "outcome": "used,refused",
            "error_code": "Rejected.Disabled",
            "region_id": "cn-hangzhou",
            "resource": "acs:kms:*",
            "source_ip": "10.0.0.0/8",
            "user_agent": "curl/*",
            "request_id": "b1a6a6f0-0000-4000-8000-000000000000",
            "topic": "kms.key.*",
            "account_id": ACCOUNT_ID,
            "from_position": "2",
            "to_position": "9",
            "key_id": KEY_ID,
            "secure_transport": "false",
            "principal_id": "2*",
            "details.policy_name": "x",
            "called_from": "2026-11-01",
            "called_to": "2026-11-30",
            "context.owner": "anne",
            "context.a b": "c=ü",
            "order": "desc",
            "limit": "50",
            "wait": "true",
        }
    ]


@pytest.mark.parametrize(
    ("brief", "asked"),
    [
        ("user/alice", ALICE),
        ("role/backup", f"acs:ram::{ACCOUNT_ID}:role/backup/*"),
        ("role/backup/nightly", f"acs:ram::{ACCOUNT_ID}:role/backup/nightly"),
        ("root", f"acs:ram::{ACCOUNT_ID}:root"),
        (f"acs:ram::{ACCOUNT_ID}:role/backup", f"acs:ram::{ACCOUNT_ID}:role/backup/*"),
        (f"acs:ram::{ACCOUNT_ID}:user/*", f"acs:ram::{ACCOUNT_ID}:user/*"),
    ],
)
def test_a_principal_may_be_named_briefly_and_a_role_means_its_sessions(brief: str, asked: str, audit: Audit) -> None:
    assert audit("search", "--principal", brief).exit_code == 0
    assert audit.asked("SearchEvents")[0]["principal"] == asked


def test_a_page_is_no_larger_than_what_is_still_wanted(audit: Audit) -> None:
    audit.stub.events = [event(position) for position in range(1, 11)]
    audit.stub.page = 4
    assert [each["position"] for each in audit.json("search", "--limit", "6")["events"]] == [10, 9, 8, 7, 6, 5]
    assert [each["limit"] for each in audit.asked("SearchEvents")] == ["6", "2"]


def test_all_of_them_come_page_after_page(audit: Audit) -> None:
    audit.stub.events = [event(position) for position in range(1, 11)]
    audit.stub.page = 4
    answer = audit.json("search", "--all", "--oldest-first", "--total")
    assert [each["position"] for each in answer["events"]] == list(range(1, 11))
    assert answer["total"] == 10
    assert [each.get("total") for each in audit.asked("SearchEvents")] == ["true", None, None]


# --- what is shown ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "end"),
    [
        ("2026-11-24", "2026-11-25T00:00:00Z"),
        ("20261124", "2026-11-25T00:00:00Z"),
        ("2026-W48-2", "2026-11-25T00:00:00Z"),
        ("2026-W48", "2026-11-30T00:00:00Z"),
        ("2026-11", "2026-12-01T00:00:00Z"),
        ("2026-11-24T08:30:00+08:00", "2026-11-24T00:30:00Z"),
    ],
)
def test_a_day_a_week_and_a_month_are_included_as_a_whole(last: str, end: str, audit: Audit) -> None:
    audit("search", "--to", last)
    assert [asked["to"] for asked in audit.asked("SearchEvents")] == [end]


def test_a_pipe_is_given_columns_and_told_how_complete_they_are(trail: Audit) -> None:
    outcome = trail("search", "--total")
    head, newest, *_ = lines(outcome.output)
    assert head.split("  ")[0] == "Time"
    assert newest.split()[:4] == ["2026-11-24T08:00:03Z", "changed", "user/alice", "CreateUser"]
    assert outcome.said == "3 of 3 events. Up to position 3, 2026-11-24T09:00:00Z; ledger head 3."


def test_with_which_client_and_context_is_told_beside_the_sentence(audit: Audit) -> None:
    context = {"purpose": "tls", "owner": "anne"}
    audit.stub.events = [
        event(1, user_agent="curl/8.9.1", encryption_context=context),
        event(2, user_agent=HOSTILE * 20, encryption_context={HOSTILE: HOSTILE}),
    ]
    hostile, plain = lines(audit("search").output)[1:]
    assert plain.endswith(" Client curl/8.9.1; context purpose=tls, owner=anne.")
    assert hostile.isprintable()
    assert "Client \\x1b[2J" in hostile


def test_what_is_missing_is_warned_of_in_every_form(trail: Audit) -> None:
    trail.stub.missing = 7
    for form in ((), ("--csv",), ("--json",)):
        assert "NOT COMPLETE: the ledger's last 7 events may be missing." in trail("search", *form).said


def test_a_trail_that_was_stopped_is_not_waited_for(trail: Audit) -> None:
    trail.stub.missing, trail.stub.stopped_at = 7, 1_005
    for form in ((), ("--csv",), ("--json",)):
        said = trail("search", *form).said
        assert "The trail has STOPPED before the event at position 1,005: tell an operator." in said
        assert "Ask again" not in said


def test_nothing_found_is_said(audit: Audit) -> None:
    outcome = audit("search")
    assert outcome.output == b""
    assert outcome.said == "No event fits. Nothing is recorded yet."
    assert audit.json("search")["events"] == []


def test_who_failed_to_be_somebody_is_not_the_service(audit: Audit) -> None:
    system = {"principal": SYSTEM.principal, "count": 1, "requests": 9}
    audit.stub.results["CountEvents"] = {
        "groups": [{**system, "operation": "Unknown"}, {**system, "operation": "SetUp"}, {**system, "principal": ALICE,
                   "operation": "Unknown"}]
    }  # fmt: skip
    shown = lines(audit("count").output)[1:]
    assert [line.split("  ")[0] for line in shown] == ["somebody", "the service", "user/alice"]
    audit.stub.events = [event(1, principal=SYSTEM.principal, outcome="unauthenticated", operation="Unknown")]
    assert "unauthenticated  somebody  Unknown" in lines(audit("search").output)[1]


def test_lines_that_are_not_there_are_told_of(audit: Audit) -> None:
    group = {"operation": "Decrypt", "count": 1, "requests": 1}
    audit.stub.results["CountEvents"] = {"groups": 3 * [group], "more_groups": True}
    for form in ((), ("--csv",), ("--json",)):
        assert "There are more than these 3 lines: see --limit." in audit("count", *form).said
    assert audit.json("count")["more_groups"] is True
    audit.stub.results["CountEvents"] = {"groups": 3 * [group], "more_groups": False}
    assert "--limit" not in audit("count").said


def test_json_is_what_the_service_said(trail: Audit) -> None:
    answer = trail.json("search")
    assert answer["events"] == trail.stub.events[::-1]
    assert answer["as_of"]["position"] == 3
    assert answer["complete"] is True


def test_csv_has_every_column_and_no_formula(trail: Audit) -> None:
    trail.stub.events = [event(1, user_agent="=1+1")]
    ((*names,), row) = list(csv.reader(io.StringIO(trail("search", "--csv").output.decode(), newline="")))
    assert tuple(names) == COLUMNS
    cells = dict(zip(names, row, strict=True))
    assert cells["user_agent"] == "'=1+1"
    assert json.loads(cells["encryption_context"]) == {"server": "www.example.com"}
    assert cells["error_code"] == ""


@pytest.mark.parametrize("columns", [40, 80, 160])
@pytest.mark.parametrize("form", [(), ("--wide",), ("--json",), ("--csv",)])
def test_a_terminal_is_given_nothing_to_obey(form: tuple[str, ...], columns: int, trail: Audit) -> None:
    text = seen(trail.command, ["audit", "search", *form], columns)
    assert all(character.isprintable() or character == "\n" for character in text), text
    assert "gpj" in text


@pytest.mark.parametrize("columns", [60, 80, 160])
def test_no_line_is_wider_than_the_terminal_and_ids_are_whole(columns: int, trail: Audit) -> None:
    shown = seen(trail.command, ["audit", "search"], columns).splitlines()
    assert max(map(len, shown)) <= columns
    assert any(KEY_ID in line for line in shown)
    assert any("www" not in line and "2026-11-24T08:00:01Z  used" in line for line in shown)


def test_outcomes_have_colours_at_a_terminal_unless_nobody_wants_them(trail: Audit) -> None:
    assert "\x1b[1;31mrefused" in written(trail.command, ["audit", "search"], 80)
    plain = trail.command.using(NO_COLOR="1")
    assert "\x1b[1;31m" not in written(plain, ["audit", "search"], 80)
    assert "\x1b[31m" not in written(plain, ["audit", "search", "--from", "x"], 80, exit_code=2)


def test_wide_tells_all_that_is_known(trail: Audit) -> None:
    shown = seen(trail.command, ["audit", "search", "--wide", "-n", "1"], 80)
    assert "resource           acs:ram::1234567890123456:user/bob\n" in shown
    assert trail("search", "--wide").output.decode().splitlines()[0].startswith("Position  Recorded at")


def test_whoever_reads_only_the_beginning_may_go(audit: Audit) -> None:
    audit.stub.events = [event(position) for position in range(1, 2_000)]
    process = audit.command.start("audit", "search", "--all")
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"Time")
    process.stdout.close()
    process.stdout = None
    assert process.communicate(timeout=60)[1] == b""
    assert process.returncode == 141


# --- wrong use --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--key", "x"), "'x' is no key's id."),
        (("--outcome", "done"), "There is no outcome 'done'. An event's outcome is one of changed, used, read,"),
        (("--context", "owner"), "--context 'owner' has no name or no equals sign."),
        (("--detail", "="), "--detail '=' has no name or no equals sign. Write it like --detail policy_name="),
        (("--detail", "a=1", "--detail", "a=2"), "--detail names 'a' twice."),
        (("--principal", "alice"), "'alice' names no principal."),
        (("--principal", "user/"), "'user/' names no principal."),
        (("--from", "yesterday"), "--from 'yesterday' is no time. Write it like 2026-11-24,"),
        (("--from", "0001-01-01T00:00:00+14:00"), "is no time. Write it like 2026-11-24,"),
        (("--to", "9999-12-31T23:59:59-14:00"), "is no time. Write it like 2026-11-24,"),
        (("--to", "9999-12-31"), "is no time. Write it like 2026-11-24,"),
        (("--from", "2026-11-24", "--to", "2026-11-23"), "has no time in it. Turn --from and --to around."),
        (("--all", "--limit", "3"), "--all and --limit contradict each other."),
        (("--csv", "--json"), "--csv and --json are two forms of one output."),
    ],
)
def test_what_cannot_be_meant_is_told_and_not_asked(words: tuple[str, ...], sentence: str, audit: Audit) -> None:
    outcome = audit("search", *words)
    assert outcome.exit_code == 2
    assert sentence in outcome.said
    assert audit.asked("SearchEvents") == []


# --- counting ---------------------------------------------------------------------------------------------------------

GROUPS = [
    {"principal": ALICE, "operation": "Decrypt", "count": 1200, "requests": 1200},
    {
        "principal": f"acs:ram::{ACCOUNT_ID}:role/backup/nightly",
        "operation": "GenerateDataKey",
        "count": 300,
        "requests": 301,
    },
]


def test_counts_are_asked_by_what_is_wanted(audit: Audit) -> None:
    audit.stub.results["CountEvents"] = {"groups": []}
    assert audit("count", "--by", "day, outcome", "--key", KEY_ID, "-n", "5").exit_code == 0
    assert audit.asked("CountEvents") == [{"by": "day,outcome", "key_id": KEY_ID, "limit": "5", "wait": "true"}]


def test_counts_stand_in_columns_and_a_program_gets_whole_arns(audit: Audit) -> None:
    audit.stub.results["CountEvents"] = {"groups": GROUPS}
    head, alice, backup = lines(audit("count").output)
    assert head.split() == ["Principal", "Operation", "Events", "Requests", "First", "Last"]
    assert alice.split() == ["user/alice", "Decrypt", "1,200", "1,200"]
    assert backup.split() == ["role/backup/nightly", "GenerateDataKey", "300", "301"]
    assert audit.json("count")["rows"][0] == {
        "principal": ALICE, "operation": "Decrypt", "events": 1200, "requests": 1200, "first": "", "last": "",
    }  # fmt: skip


@pytest.mark.parametrize("columns", [80, 160])
def test_a_terminal_shows_a_bar_for_each_count(columns: int, audit: Audit) -> None:
    audit.stub.results["CountEvents"] = {"groups": GROUPS}
    shown = seen(audit.command, ["audit", "count"], columns).splitlines()
    assert max(map(len, shown)) <= columns
    assert any(line.rstrip().endswith("█" * 20) and "1,200" in line for line in shown)
    assert any("█" * 5 + "░" * 15 in line and "300" in line for line in shown)


def test_what_cannot_be_counted_by_is_told(audit: Audit) -> None:
    outcome = audit("count", "--by", "principal,colour")
    assert outcome.exit_code == 2
    assert "--by 'colour' cannot be. It takes principal, principal_id, access_key_id," in outcome.said
