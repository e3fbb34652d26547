"""The audit trail over the wire: searched, counted, exported, by whoever may, of their own account alone."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import secrets
from typing import Any, Final

import httpx
import pytest

from domain.audit.filters import FILTERS
from tests.fixtures import signed
from tests.fixtures.accounts import Account, another_account
from tests.fixtures.cast import allowing, ask, fresh, user_with
from tests.fixtures.service import Service
from tests.fixtures.signed import Credentials

AUDIT: Final = "2026-11-25"


def asked(service: Service, path: str, who: Credentials | None = None, **given: Any) -> httpx.Response:
    headers = signed.basic(who) if who else {}
    return service.rest("GET", f"/audit/{path}", params=given, headers=headers)


def told(service: Service, path: str, who: Credentials | None = None, **given: Any) -> dict[str, Any]:
    answer = asked(service, path, who, **given)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture(scope="module")
def auditor(service: Service) -> Credentials:
    """Who has the system policy for auditors, and nothing else."""
    name, who = user_with(service)
    given = {"PolicyType": "System", "PolicyName": "KeyLedgerAuditReadOnlyAccess", "UserName": name}
    ask(service, "AttachPolicyToUser", **given)
    return who


@pytest.fixture
def key_id(service: Service) -> str:
    return service.create_key()


def use(service: Service, key_id: str, times: int = 1) -> list[str]:
    """RequestIds."""
    with service.http() as client:
        raws = [signed.rpc(service.root, "Encrypt", {"KeyId": key_id, "Plaintext": "x"}) for _ in range(times)]
        return [str(service.send(raw, client).json()["RequestId"]) for raw in raws]


# --- searching -------------------------------------------------------------------------------------------------------


def test_what_was_just_done_is_found_by_who_waits(service: Service, auditor: Credentials, key_id: str) -> None:
    (request_id,) = use(service, key_id)
    found = told(service, "events", auditor, request_id=request_id, wait="true")
    (event,) = found["events"]
    assert (event["operation"], event["key_id"], event["outcome"]) == ("Encrypt", key_id, "used")
    assert event["sentence"].startswith(f"root of {service.account_id} encrypted with key {key_id}")
    assert found["complete"] is True
    assert found["as_of"]["position"] >= event["position"]
    assert "error_code" not in event


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_are_the_list_whatever_arrives_between_them(
    service: Service, auditor: Credentials, key_id: str, order: str
) -> None:
    requests = use(service, key_id, 7)
    given = {"key_id": key_id, "operation": "Encrypt", "order": order, "limit": 3}
    page = told(service, "events", auditor, **given, wait="true", total="true")
    first = page["as_of"]
    assert page["total"] == 7
    found = list(page["events"])
    while "next_cursor" in page:
        use(service, key_id, 2)
        page = told(service, "events", auditor, **given, cursor=page["next_cursor"], wait="true")
        assert page["as_of"] == first
        found += page["events"]
    expected = requests if order == "asc" else requests[::-1]
    assert [event["request_id"] for event in found] == expected


def test_a_cursor_is_good_for_its_own_question_alone(service: Service, auditor: Credentials, key_id: str) -> None:
    use(service, key_id, 3)
    given = {"key_id": key_id, "limit": 1}
    cursor = told(service, "events", auditor, **given, wait="true")["next_cursor"]
    assert told(service, "events", auditor, key_id=key_id, limit=2, cursor=cursor)["events"]
    for changed in ({"limit": 1}, {**given, "operation": "Encrypt"}, {**given, "order": "asc"}):
        assert asked(service, "events", auditor, **changed, cursor=cursor).json()["Code"] == "InvalidParameter"
    other = "A" if cursor[5] != "A" else "B"
    for spoilt in (cursor[:5] + other + cursor[6:], cursor[:-1], cursor + "A", "' or 1=1", "é" * 43, "=" * 43):
        answer = asked(service, "events", auditor, **given, cursor=spoilt)
        assert answer.json()["Code"] == "InvalidParameter", spoilt


def test_a_misspelt_filter_is_refused_and_the_right_ones_are_named(service: Service, auditor: Credentials) -> None:
    for path in ("events", "counts", "export", "coverage"):
        answer = asked(service, path, auditor, pricipal="x")
        assert answer.json()["Code"] == "InvalidParameter"
        assert "pricipal" in answer.json()["Message"]
    assert "principal" in asked(service, "events", auditor, pricipal="x").json()["Message"]


HOSTILE: Final = ("' or '1'='1", "'; drop table projections.audit_trail; --", "%s%(x)s{}", "\\", "*", "a*b*", "\x1b[2J",
                  "𝕊" * 50, "\u202e", "null", "[]", "$1", "1" * 400)  # fmt: skip


@pytest.mark.parametrize("path", ["events", "counts", "export"])
def test_hostile_values_find_nothing_or_are_refused(service: Service, auditor: Credentials, path: str) -> None:
    names = [*FILTERS, "context.a", "limit", "cursor", "order", "by", "format", "total", "wait"]
    with service.http() as client:
        for name in names:
            for value in HOSTILE:
                given = {"from_position": "999999999", "to_position": "9999999999", name: value}
                answer = client.get(f"/audit/{path}", params=given, headers=signed.basic(auditor))
                assert answer.status_code in {200, 400, 404}, (name, value, answer.text)
                if answer.status_code == 200 and path == "events":
                    assert not answer.json()["events"], (name, value)
    assert told(service, "events", auditor, limit=1)["events"]


@pytest.mark.parametrize("form", ["ndjson", "csv"])
def test_an_export_says_how_current_it_is_before_its_first_row(
    service: Service, auditor: Credentials, key_id: str, form: str
) -> None:
    (request_id,) = use(service, key_id)
    answer = asked(service, "export", auditor, wait="true", format=form)
    currency = json.loads(answer.headers["x-key-ledger-currency"])
    assert currency.keys() == {"as_of", "ledger_head", "complete"}
    assert currency["complete"] is True
    assert 0 < currency["as_of"]["position"] == currency["ledger_head"]["position"]
    assert request_id in answer.text


# --- who sees what ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def other(service: Service) -> Account:
    return another_account(service)


def test_an_account_sees_what_concerns_it_and_nothing_else(service: Service, other: Account, key_id: str) -> None:
    use(service, key_id)
    service.send(signed.rpc(other.root, "DescribeKey", {"KeyId": key_id}))
    for path, limit in (("events", {"limit": 1000}), ("export", {})):
        answer = asked(service, path, other.root, wait="true", **limit)
        rows = answer.json()["events"] if path == "events" else [json.loads(line) for line in answer.text.splitlines()]
        assert rows
        assert all(other.account_id in (row["account_id"], row.get("other_account_id")) for row in rows)
    for given in ({"account_id": service.account_id}, {"principal": f"acs:ram::{service.account_id}:root"}):
        assert told(service, "events", other.root, **given)["events"] == []
        assert told(service, "counts", other.root, **given, by="principal")["groups"] == []
    assert asked(service, f"keys/{key_id}/history", other.root).json()["Code"] == "Forbidden.KeyNotFound"
    cursor = told(service, "events", None, limit=1)["next_cursor"]
    assert asked(service, "events", other.root, limit=1, cursor=cursor).json()["Code"] == "InvalidParameter"


def test_a_role_that_another_account_assumed_is_in_both_trails(service: Service, other: Account) -> None:
    trust = json.dumps({"Version": "1", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"RAM": [f"acs:ram::{other.account_id}:root"]},
    }]})  # fmt: skip
    name = fresh("role")
    role = ask(service, "CreateRole", RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
    given = {"RoleArn": role["Arn"], "RoleSessionName": "visit"}
    user = user_of(service, other)
    answer = service.send(signed.rpc(user, "AssumeRole", given, version="2015-04-01"))
    assert answer.status_code == 200, answer.text
    request_id = answer.json()["RequestId"]
    for who, party in ((None, other.account_id), (other.root, service.account_id)):
        (event,) = told(service, "events", who, request_id=request_id, account_id=party, wait="true")["events"]
        assert (event["account_id"], event["other_account_id"]) == (service.account_id, other.account_id)


def user_of(service: Service, other: Account) -> Credentials:
    """Roles are assumed by users."""
    name = fresh("user")

    def ram(action: str, **given: str) -> Any:
        answer = service.send(signed.rpc(other.root, action, given, version="2015-05-01"))
        assert answer.status_code == 200, answer.text
        return answer.json()

    ram("CreateUser", UserName=name)
    ram("AttachPolicyToUser", UserName=name, PolicyType="System", PolicyName="AliyunSTSAssumeRoleAccess")
    made = ram("CreateAccessKey", UserName=name)["AccessKey"]
    return Credentials(made["AccessKeyId"], made["AccessKeySecret"])


def test_an_auditor_asks_everything_and_uses_no_key(service: Service, auditor: Credentials, key_id: str) -> None:
    for path in ("events", "counts", "export", "coverage", f"keys/{key_id}/history"):
        assert asked(service, path, auditor).status_code == 200
    answer = service.send(signed.rpc(auditor, "Encrypt", {"KeyId": key_id, "Plaintext": "x"}))
    assert answer.json()["Code"] == "Forbidden.NoPermission"


def test_who_may_not_read_the_trail_learns_nothing_and_is_recorded(service: Service, key_id: str) -> None:
    _, who = user_with(service, allowing("kms:*"), allowing("audit:SearchEvents", resource="acs:audit:*:1:trail"))
    for path, action in (("events", "SearchEvents"), ("counts", "CountEvents"), ("export", "ExportEvents"),
                         ("coverage", "GetCoverage"), (f"keys/{key_id}/history", "GetKeyHistory")):  # fmt: skip
        answer = asked(service, path, who, pricipal="x")
        assert (answer.status_code, answer.json()["Code"]) == (403, "NoPermission")
        assert f"audit:{action} on acs:audit:*:{service.account_id}:trail" in answer.json()["Message"]
        (event,) = service.events_of(answer.json()["RequestId"])
        assert (event.topic, event.call["operation"]) == ("kms.call.refused", action)


# --- who asked what --------------------------------------------------------------------------------------------------


def test_whose_deeds_somebody_read_about_is_in_the_trail(service: Service, auditor: Credentials, key_id: str) -> None:
    told(service, f"keys/{key_id}/history", auditor)
    told(service, "counts", auditor, by="operation", key_id=key_id, **{"context.purpose": "tls"})
    about_it = told(service, "events", auditor, **{"details.key_id": key_id}, wait="true")["events"]
    assert [(event["operation"], event["details"]) for event in about_it] == [
        ("CountEvents", {"by": "operation", "context.purpose": "tls", "key_id": key_id}),
        ("GetKeyHistory", {"key_id": key_id}),
    ]
    assert f'looked at the history of a key (key_id "{key_id}") from' in about_it[1]["sentence"]
    assert "key_id" not in about_it[0], "the key was not used, looked at or changed"


def test_a_key_is_asked_about_by_its_arn_as_by_its_id(service: Service, auditor: Credentials, key_id: str) -> None:
    use(service, key_id)
    whole = f"acs:kms:cn-hangzhou:{service.account_id}:key/{key_id}"
    for path in ("events", "counts", "export", f"keys/{whole}/history", f"keys/{whole}/at"):
        given = {} if path.startswith("keys") else {"key_id": whole}
        assert asked(service, path, auditor, **given).status_code == 200
    assert len(told(service, "events", auditor, key_id=whole, wait="true")["events"]) == 2
    readers = told(service, "events", auditor, **{"details.key_id": key_id}, wait="true")["events"]
    assert [event["operation"] for event in readers] == [
        "SearchEvents", "GetKeyAt", "GetKeyHistory", "ExportEvents", "CountEvents", "SearchEvents",
    ]  # fmt: skip


def test_an_arn_of_another_account_or_region_is_no_key_of_this_trail(
    service: Service, auditor: Credentials, key_id: str
) -> None:
    use(service, key_id)
    elsewhere = f"acs:kms:me-east-1:{service.account_id}:key/{key_id}"
    of_others = f"acs:kms:cn-hangzhou:9999999999999999:key/{key_id}"
    assert told(service, "events", auditor, key_id=elsewhere, wait="true")["events"] == []
    refused = asked(service, "events", auditor, key_id=of_others).json()
    assert (refused["Code"], "Ask by the key's id" in refused["Message"]) == ("InvalidParameter", True)
    for arn in (elsewhere, of_others):
        for path in (f"keys/{arn}/history", f"keys/{arn}/at"):
            answer = asked(service, path, auditor)
            assert answer.json()["Code"] in {"Forbidden.KeyNotFound", "InvalidParameter"}, answer.text


def test_what_somebody_may_not_ask_is_in_the_trail_as_well(service: Service, auditor: Credentials) -> None:
    name, who = user_with(service)
    assert asked(service, "events", who, user_name="alice").status_code == 403
    (event,) = told(service, "events", auditor, user_name=name, outcome="refused", wait="true")["events"]
    assert event["details"] == {"user_name": "alice"}
    assert ':trail (user_name "alice") from' in event["sentence"]


def test_neither_pages_nor_strange_parameters_are_kept(service: Service, auditor: Credentials, key_id: str) -> None:
    use(service, key_id, 2)
    page = told(service, "events", auditor, key_id=key_id, limit=1, wait="true")
    told(service, "events", auditor, key_id=key_id, limit=1, cursor=page["next_cursor"])
    refused = asked(service, "events", auditor, key_id=key_id, Plaintext="c2VjcmV0").json()
    found = told(service, "events", auditor, **{"details.key_id": key_id}, wait="true")["events"]
    assert [event["details"] for event in found] == 3 * [{"key_id": key_id}]
    (event,) = service.events_of(refused["RequestId"])
    assert "c2VjcmV0" not in repr(event)


def test_a_supposed_policy_is_told_by_its_hash_where_it_is_long(service: Service, auditor: Credentials) -> None:
    statement = {"Effect": "Allow", "Action": "kms:Encrypt", "Resource": [f"acs:kms:*:*:key/{n}" for n in range(99)]}
    document = json.dumps({"Version": "1", "Statement": [statement]})
    given = {"role_name": "nobody", "trust_policy": document}
    answer = service.rest("POST", "/audit/what-if", given, headers=signed.basic(auditor))
    found = told(service, "events", auditor, request_id=answer.headers["x-acs-request-id"], wait="true")["events"]
    digest = hashlib.sha256(document.encode()).hexdigest()
    assert [event["details"] for event in found] == [
        {"role_name": "nobody", "trust_policy": f"{len(document)} characters, SHA-256 {digest}"}
    ]


def test_one_operation_on_the_trail_can_be_allowed_alone(service: Service) -> None:
    trail = f"acs:audit:*:{service.account_id}:trail"
    _, who = user_with(service, allowing("audit:CountEvents", resource=trail))
    assert asked(service, "counts", who).status_code == 200
    assert asked(service, "events", who).json()["Code"] == "NoPermission"


# --- counting and keys -----------------------------------------------------------------------------------------------


def test_counts_say_how_often_by_whom_and_when_first_and_last(
    service: Service, auditor: Credentials, key_id: str
) -> None:
    use(service, key_id, 3)
    given = {"key_id": key_id, "by": "principal,operation,outcome", "wait": "true"}
    groups = told(service, "counts", auditor, **given)["groups"]
    assert [(group["operation"], group["count"], group["requests"]) for group in groups] == [
        ("Encrypt", 3, 3),
        ("CreateKey", 1, 1),
    ]
    assert groups[0]["principal"] == f"acs:ram::{service.account_id}:root"
    assert groups[0]["last"]["position"] - groups[0]["first"]["position"] >= 2
    assert groups[0]["first"]["recorded_at"] < groups[0]["last"]["recorded_at"]
    limited = told(service, "counts", auditor, **given, limit=1)
    assert (len(limited["groups"]), limited["more_groups"]) == (1, True)
    (one,) = told(service, "counts", auditor, key_id=key_id)["groups"]
    assert one["count"] == 4


def test_a_name_that_was_given_again_is_counted_by_the_ids_of_those_who_had_it(
    service: Service, auditor: Credentials
) -> None:
    """And an id that had two names, under both."""
    name, renamed = fresh("user"), fresh("user")
    for new_name in (renamed, name):
        _, who = user_with(service, name=name)
        service.send(signed.rpc(who, "ListKeys"))
        if new_name != name:
            ask(service, "UpdateUser", UserName=name, NewUserName=new_name)
            service.send(signed.rpc(who, "ListKeys"))
    arn = f"acs:ram::{service.account_id}:user"
    given = {"by": "principal,principal_id", "operation": "ListKeys", "wait": "true"}
    first, second = told(service, "counts", auditor, **given, principal=f"{arn}/{name}")["groups"]
    assert first["principal"] == second["principal"] == f"{arn}/{name}"
    ids = {first["principal_id"], second["principal_id"]}
    assert len(ids) == 2
    (later,) = told(service, "counts", auditor, **given, principal=f"{arn}/{renamed}")["groups"]
    assert later["principal_id"] in ids
    both = told(service, "counts", auditor, **given, principal_id=later["principal_id"])["groups"]
    assert {group["principal"] for group in both} == {f"{arn}/{name}", f"{arn}/{renamed}"}


def test_counts_say_how_often_with_which_encryption_context(
    service: Service, auditor: Credentials, key_id: str
) -> None:
    contexts: list[dict[str, str]] = [{"server": "a"}, {"server": "b", "\u7528": "\u202e"}, {"server": "a"}, {}]
    for context in contexts:
        given = {"KeyId": key_id, "Plaintext": "x", "EncryptionContext": json.dumps(context)}
        assert service.rpc("Encrypt", given).status_code == 200
    given = {"key_id": key_id, "operation": "Encrypt", "by": "encryption_context", "wait": "true"}
    groups = told(service, "counts", auditor, **given)["groups"]
    assert [(group["encryption_context"], group["count"]) for group in groups[:1]] == [({"server": "a"}, 2)]
    assert sorted(json.dumps(group["encryption_context"], sort_keys=True) for group in groups[1:]) == sorted(
        json.dumps(context, sort_keys=True) for context in (contexts[1], None)
    )


def test_failed_authentications_count_as_many_requests(service: Service, auditor: Credentials) -> None:
    """Told when a minute is over: what is counted here is whatever other tests have failed so far."""
    groups = told(service, "counts", auditor, by="outcome", wait="true")["groups"]
    assert all(group["requests"] >= group["count"] for group in groups)


def test_a_keys_history_is_its_life_and_its_users(service: Service, auditor: Credentials, key_id: str) -> None:
    use(service, key_id, 2)
    service.rpc("DisableKey", {"KeyId": key_id})
    use_refused = service.rpc("Encrypt", {"KeyId": key_id, "Plaintext": "x"})
    assert use_refused.json()["Code"] == "Rejected.Disabled"
    found = told(service, f"keys/{key_id}/history", auditor, wait="true")
    assert [event["operation"] for event in found["changes"]] == ["CreateKey", "DisableKey"]
    assert {(use["operation"], use["outcome"]): use["count"] for use in found["uses"]} == {
        ("Encrypt", "used"): 2,
        ("Encrypt", "refused"): 1,
    }
    arn = f"acs:kms:cn-hangzhou:{service.account_id}:key/{key_id}"
    by_arn = service.rpc("GetKeyHistory", {"key_id": arn}, version=AUDIT).json()
    assert by_arn["changes"] == found["changes"]


# --- exports ---------------------------------------------------------------------------------------------------------


def test_an_export_is_all_of_it_in_both_forms(service: Service, auditor: Credentials, key_id: str) -> None:
    requests = use(service, key_id, 5)
    given = {"key_id": key_id, "outcome": "used", "wait": "true"}
    answer = asked(service, "export", auditor, **given)
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line)["request_id"] for line in answer.text.splitlines()] == requests
    text = asked(service, "export", auditor, **given, format="csv", order="desc").text
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["request_id"] for row in rows] == requests[::-1]
    assert json.loads(rows[0]["details"])["key_version_id"]


@pytest.mark.parametrize("door", ["RPC", "ACS3"])
def test_an_export_comes_through_the_rpc_endpoint_as_well(service: Service, key_id: str, door: str) -> None:
    requests = use(service, key_id, 3)
    given = {"key_id": key_id, "outcome": "used", "wait": "true"}
    answer = (service.rpc if door == "RPC" else service.acs)("ExportEvents", given, version=AUDIT)
    assert answer.headers["transfer-encoding"] == "chunked"
    assert [json.loads(line)["request_id"] for line in answer.text.splitlines()] == requests
    with service.http() as client:  # the connection goes on
        for _ in range(2):
            raw = signed.rpc(service.root, "ExportEvents", given, version=AUDIT)
            assert len(service.send(raw, client).text.splitlines()) == 3


def test_what_callers_chose_is_nothing_to_a_terminal_or_a_spreadsheet(service: Service, auditor: Credentials) -> None:
    region = f"=cmd|{secrets.token_hex(4)}\x1b[2J\n"
    assert service.rpc("ListKeys", {"RegionId": region}).status_code == 400
    text = asked(service, "export", auditor, region_id=region, format="csv", wait="true").text
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["region_id"] == "'" + region.replace("\x1b", "\\x1b").replace("\n", "\\n")
    lines = asked(service, "export", auditor, region_id=region).text
    assert all(line.isprintable() for line in lines.splitlines())
    assert json.loads(lines)["region_id"] == region
