"""``key-ledger audit at``, ``unused``, ``least-policy``, ``what-if`` and ``authority``: what the service works out."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any, cast

import pytest

from tests.scripts.auditing.audit_stub import ACCOUNT_ID, ALICE, HOSTILE, KEY_ID
from tests.scripts.auditing.conftest import Audit
from tests.scripts.auditing.terminals import check_fits, seen

ARN = f"acs:kms:cn-hangzhou:{ACCOUNT_ID}:key/{KEY_ID}"
DOCUMENT = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": [ARN]}]}
ROOT = f"acs:ram::{ACCOUNT_ID}:root"
AT = "2026-11-24T08:30:00.000000Z"

KEY_AT: dict[str, Any] = {
    "at": {"position": 1_234, "recorded_at": AT},
    "action": "kms:Decrypt",
    "refused_by_state": "Rejected.Disabled",
    "key": {
        "key_id": KEY_ID,
        "region_id": "cn-hangzhou",
        "description": HOSTILE,
        "state": "Disabled",
        "created_at": AT,
        "created_by": ROOT,
        "in_state_since": AT,
        "in_state_by": ALICE,
        "delete_at": None,
    },
    "principals": [
        {
            "principal": ROOT,
            "may": "yes",
            "sentence": "may: root of an account needs no policy of it",
            "can_call": True,
        },
        {
            "principal": ALICE,
            "may": "under conditions",
            "sentence": "may, where acs:SourceIp is in 10.0.0.0/8: allowed by Statement[0] of Custom/web",
            "has_active_access_key": True,
            "can_call": True,
        },
        {
            "principal": f"acs:ram::{ACCOUNT_ID}:role/backup",
            "may": "yes",
            "sentence": "may: allowed by Statement[0] of Custom/web",
            "can_call": True,
            "assumers": [{"principal": "acs:ram::9999999999999999:root", "may": "yes", "sentence": "may: trusted"}],
        },
        {
            "principal": f"acs:ram::{ACCOUNT_ID}:user/bob",
            "may": "no",
            "sentence": "may not: no policy of the caller allows it",
            "has_active_access_key": False,
            "can_call": False,
        },
    ],
}
UNUSED = {
    "unused": [
        {
            "kind": "statement", "name": "Custom/web", "holder": "user alice", "names": ["kms:Encrypt"],
            "sentence": "Statement[0] of Custom/web, attached to user alice, allows kms:Encrypt, which nobody used.",
        },
        {"kind": "user", "name": "bob", "younger": False, "sentence": "User bob made no call."},
    ],
}  # fmt: skip
FINDINGS = {"findings": [{"kind": "never used", "key_id": KEY_ID, "sentence": f"Key {KEY_ID} was never used."}]}
WHAT_IF: dict[str, Any] = {
    "totals": {
        "events": 1_500, "same": 1_490, "would_be_refused": 1, "would_be_allowed": 0,
        "not_judged": {"its session began before": 9},
    },
    "findings": [
        {
            "position": 7,
            "at": AT,
            "principal": ALICE,
            "action": "kms:Decrypt",
            "supposed": "would have been refused",
            "sentence": "alice asked for kms:Decrypt, which was answered and would have been refused: no.",
        }
    ],
}  # fmt: skip
GRANTS = [
    {
        "kind": "attachment", "subject": "user/alice", "object": "Custom/web", "from": AT, "by": ROOT,
        "until": "2026-11-24T09:00:00Z", "ended_by": ALICE,
        "sentence": "user alice has policy Custom/web, granted by …",
    },
    {
        "kind": "membership", "subject": "user/bob", "object": "group/dev", "from": AT, "by": ROOT,
        "sentence": "user bob is in group/dev, granted by root.",
    },
]  # fmt: skip


@pytest.fixture
def known(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> Audit:
    monkeypatch.chdir(audit.command.folder)
    (audit.command.folder / "policy.json").write_text(json.dumps(DOCUMENT))
    (audit.command.folder / "broken.json").write_text("{")
    (audit.command.folder / "list.json").write_text("[]")
    audit.stub.results |= {
        "GetKeyAt": KEY_AT,
        "ListKeyFindings": FINDINGS,
        "ListUnusedPermissions": UNUSED,
        "GetLeastPolicy": {"documents": [json.dumps(DOCUMENT)], "calls": 1_200, "permissions": 1, "remark": "Look."},
        "EvaluatePolicy": WHAT_IF,
        "ListAuthorityChanges": {"grants": GRANTS},
    }
    return audit


# --- at ---------------------------------------------------------------------------------------------------------------


def test_who_could_use_a_key_then_is_told_with_reasons(known: Audit) -> None:
    text = known("at", ARN, "--time", "2026-11-24", "--action", "kms:Decrypt").output.decode()
    assert "at                 position 1,234, 2026-11-24T08:30:00Z\n" in text
    assert "state              Disabled\n" in text
    assert "since              2026-11-24T08:30:00Z by user/alice\n" in text
    assert "so that everybody  is refused with Rejected.Disabled\n" in text
    assert "May, where acs:SourceIp is in 10.0.0.0/8: allowed by Statement[0] of Custom/web." in text
    assert "└ 9999999999999999:root" in text
    assert "user/bob" not in text
    assert "1 further principals could not: --everybody tells why." in text
    assert known.asked("GetKeyAt") == [{"action": "kms:Decrypt", "time": "2026-11-25T00:00:00Z", "wait": "true"}]


def test_who_could_not_is_told_on_request(known: Audit) -> None:
    text = known("at", KEY_ID, "--position", "1234", "--everybody").output.decode()
    assert "May not: no policy of the caller allows it. There is no active access key to call with." in text
    assert known.asked("GetKeyAt")[0]["position"] == "1234"
    rows = list(csv.reader(io.StringIO(known("at", KEY_ID, "--csv").output.decode())))
    assert [row[1] for row in rows] == ["may", "yes", "under conditions", "yes", "yes", "no"]


# --- unused -----------------------------------------------------------------------------------------------------------


def test_what_nobody_used_is_told_in_sentences(known: Audit) -> None:
    text = known("unused", "--days", "30", "--cryptoperiod", "365", "--recent", "7").output.decode()
    assert f"Key {KEY_ID} was never used." in text
    assert "attached to user alice, allows kms:Encrypt, which nobody used." in text
    assert "User bob made no call.\n" in text
    asked = {"unused_days": "30", "cryptoperiod_days": "365", "recent_days": "7", "wait": "true"}
    assert known.asked("ListKeyFindings") == [asked]
    assert known.asked("ListUnusedPermissions") == [{"days": "30"}]
    assert len(known("unused", "--csv").output.splitlines()) == 1 + 1 + 2
    assert known.json("unused")["unused_permissions"] == UNUSED


# --- least-policy -----------------------------------------------------------------------------------------------------


def test_the_least_policy_is_ready_for_create_policy(known: Audit) -> None:
    outcome = known("least-policy", "user/alice", "--days", "30")
    assert json.loads(outcome.output) == DOCUMENT
    assert "From 1,200 answered calls, with 1 permission. Look. Nothing is recorded yet." in outcome.said
    assert known.asked("GetLeastPolicy") == [{"principal": ALICE, "days": "30", "wait": "true"}]


def test_a_spreadsheet_gets_a_row_for_each_action_on_each_resource(known: Audit) -> None:
    (statement,) = cast(list[dict[str, list[str]]], DOCUMENT["Statement"])
    pairs = [(action, resource) for action in statement["Action"] for resource in statement["Resource"]]
    ((*names,), *found) = csv.reader(io.StringIO(known("least-policy", ALICE, "--csv").output.decode()))
    assert names == ["document", "action", "resource"]
    assert found == [["1", action, resource] for action, resource in pairs]
    refused = known("least-policy", ALICE, "--csv", "--output", "web.json")
    assert refused.exit_code == 2
    assert "--csv prints the documents, and --output writes them." in refused.said


def test_a_policy_of_several_documents_becomes_several_files(known: Audit) -> None:
    known.stub.results["GetLeastPolicy"]["documents"] = ["{}", "[]"]
    outcome = known("least-policy", ALICE, "--output", "web.json")
    assert "Wrote web-1.json. Wrote web-2.json." in outcome.said
    assert [Path(name).read_text() for name in ("web-1.json", "web-2.json")] == ["{}\n", "[]\n"]
    known.stub.results["GetLeastPolicy"]["documents"] = ["{}"]
    assert known("least-policy", ALICE, "--output", "policy.json").exit_code == 3
    assert json.loads(Path("policy.json").read_text()) == DOCUMENT


def test_nothing_done_needs_no_policy(known: Audit) -> None:
    known.stub.results["GetLeastPolicy"] = {"documents": [], "calls": 0}
    outcome = known("least-policy", ALICE)
    assert outcome.output == b""
    assert "Nothing was answered in this time, so there is nothing to allow." in outcome.said


# --- what-if ----------------------------------------------------------------------------------------------------------

HYPOTHESES = [
    (("--policy-name", "web", "--document", "policy.json"), {"policy_name": "web", "document": DOCUMENT}),
    (("--attach", "policy.json", "--to", "user/x"), {"attach": {"document": DOCUMENT, "to": "user/x"}}),
    (
        ("--detach", "Custom/web", "--from-target", "group/dev"),
        {"detach": {"policy_type": "Custom", "policy_name": "web", "from": "group/dev"}},
    ),
    (("--role", "backup", "--trust", "policy.json"), {"role_name": "backup", "trust_policy": DOCUMENT}),
]


@pytest.mark.parametrize(("words", "content"), HYPOTHESES)
def test_exactly_what_is_supposed_is_asked(words: tuple[str, ...], content: dict[str, Any], known: Audit) -> None:
    outcome = known("what-if", *words, "--days", "7")
    assert outcome.exit_code == 0
    assert known.stub.requests[-1].content == {"days": 7, "wait": True, **content}
    text = outcome.output.decode()
    assert "would have been refused  1\n" in text
    assert "alice asked for kms:Decrypt, which was answered and would have been refused" in text
    assert "9 events could not be decided again: its session began before." in text


def test_the_same_difference_is_told_once_to_people(known: Audit) -> None:
    again = {**WHAT_IF["findings"][0], "position": 9, "at": "2026-11-24T08:31:00Z"}
    known.stub.results["EvaluatePolicy"] = {**WHAT_IF, "findings": [*WHAT_IF["findings"], again]}
    words = ("what-if", *HYPOTHESES[0][0])
    text = known(*words).output.decode()
    assert text.count("alice asked for kms:Decrypt") == 1
    assert "2026-11-24T08:31:00Z  would have been refused  2 times  user/alice  kms:Decrypt" in text
    assert len(known(*words, "--csv").output.splitlines()) == 3
    assert len(known.json(*words)["findings"]) == 2


@pytest.mark.parametrize(
    ("answer", "exit_code"),
    [
        (WHAT_IF, 1),
        ({"totals": {"events": 3, "would_be_refused": 0, "would_be_allowed": 3}, "findings": []}, 0),
        (
            {
                "totals": {"events": 3, "would_be_refused": 0},
                "findings": [],
                "remarks": ["About nothing that was there."],
            },
            1,
        ),
    ],
)
def test_a_pipeline_stops_at_what_would_break_and_at_what_checks_nothing(
    answer: dict[str, Any], exit_code: int, known: Audit
) -> None:
    known.stub.results["EvaluatePolicy"] = answer
    words = ("what-if", *HYPOTHESES[0][0])
    assert known(*words).exit_code == 0
    for form in ((), ("--json",), ("--csv",)):
        assert known(*words, *form, "--check").exit_code == exit_code
    assert (b"About nothing" in known(*words).output) is ("remarks" in answer)


@pytest.mark.parametrize(
    ("words", "exit_code", "sentence"),
    [
        ((), 2, "One thing is supposed at a time, and one must be."),
        (("--policy-name", "web"), 2, "Half of what is supposed is missing."),
        (("--policy-name", "web", "--document", "policy.json", "--role", "r"), 2, "One thing is supposed at a time"),
        (("--attach", "policy.json", "--to", "alice"), 2, "--to 'alice' is nobody."),
        (("--detach", "web", "--from-target", "user/x"), 2, "--detach 'web' names no policy."),
        (("--role", "r", "--trust", "broken.json"), 2, "broken.json is not JSON"),
        (("--role", "r", "--trust", "list.json"), 2, "list.json is no policy document."),
        (("--role", "r", "--trust", "absent.json"), 3, "Cannot read absent.json"),
    ],
)
def test_what_cannot_be_supposed_is_told(words: tuple[str, ...], exit_code: int, sentence: str, known: Audit) -> None:
    outcome = known("what-if", *words)
    assert outcome.exit_code == exit_code
    assert sentence in outcome.said
    assert known.stub.requests == []


# --- authority --------------------------------------------------------------------------------------------------------


def test_who_granted_what_is_told_with_its_time(known: Audit) -> None:
    text = known("authority", "--subject", "user/alice", "--object", "Custom/web", "--at", "17").output.decode()
    assert "user alice has policy Custom/web, granted by" in text
    assert "2026-11-24T08:30:00Z  in force              user/bob    membership  group/dev   root" in text
    assert known.asked("ListAuthorityChanges") == [
        {"at": "17", "subject": "user/alice", "object": "Custom/web", "wait": "true"}
    ]
    assert known("authority", "--at", "2026-11").exit_code == 0
    assert known.asked("ListAuthorityChanges")[-1]["at"] == "2026-12-01T00:00:00Z"


def test_every_page_of_grants_is_asked_for(known: Audit) -> None:
    known.stub.pages["ListAuthorityChanges"] = [{"grants": GRANTS[:1], "next_cursor": "c"}, {"grants": GRANTS[1:]}]
    assert known.json("authority")["grants"] == GRANTS
    assert [asked.get("cursor") for asked in known.asked("ListAuthorityChanges")] == [None, "c"]


# --- terminals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [80, 160])
@pytest.mark.parametrize(
    "words", [("at", KEY_ID, "--everybody"), ("unused",), ("what-if", *HYPOTHESES[2][0]), ("authority",)]
)
def test_pages_fit_into_a_terminal_and_give_it_nothing_to_obey(
    words: tuple[str, ...], columns: int, known: Audit
) -> None:
    check_fits(seen(known.command, ["audit", *words], columns), columns)
