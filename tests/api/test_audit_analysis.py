"""Questions that replay events, over the wire: who could, what nobody used, the least policy, what if, who granted."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any, Final

import psutil
import pytest

from tests.fixtures import signed
from tests.fixtures.accounts import another_account
from tests.fixtures.cast import RAM, allowing, ask, fresh, trusting, user_with
from tests.fixtures.service import Service, eventually, running
from tests.fixtures.signed import Credentials

AUDIT: Final = "2026-11-25"


def asked(service: Service, path: str, who: Credentials | None = None, **given: Any) -> dict[str, Any]:
    answer = service.rest("GET", f"/audit/{path}", params={"wait": "true", **given})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    assert told["complete"] is True
    return told


def what_if(service: Service, **content: Any) -> dict[str, Any]:
    answer = service.rest("POST", "/audit/what-if", {"wait": True, **content})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def arn(service: Service, named: str) -> str:
    return f"acs:ram::{service.account_id}:{named}"


def of(told: dict[str, Any], principal: str) -> dict[str, Any]:
    found: dict[str, Any]
    (found,) = [one for one in told["principals"] if one["principal"] == principal]
    return found


# --- a key at a position ---------------------------------------------------------------------------------------------


def test_who_could_decrypt_is_told_as_it_was_at_each_position(service: Service) -> None:
    key_id, name = service.create_key(), fresh("user")
    ask(service, "CreateUser", UserName=name)
    before = service.head()
    given = {"PolicyType": "System", "PolicyName": "AliyunKMSCryptoUserAccess", "UserName": name}
    ask(service, "AttachPolicyToUser", **given)
    service.rpc("DisableKey", {"KeyId": key_id})
    after = service.head()
    then, now = (asked(service, f"keys/{key_id}/at", position=position) for position in (before, after))
    user = arn(service, f"user/{name}")
    assert (of(then, user)["may"], then["key"]["state"]) == ("no", "Enabled")
    assert (of(now, user)["may"], now["key"]["state"]) == ("yes", "Disabled")
    assert "refused_by_state" not in then
    assert now["refused_by_state"] == "Rejected.Disabled"
    assert of(now, user)["source"]["policy_name"] == "AliyunKMSCryptoUserAccess"
    assert of(now, user)["has_active_access_key"] is False
    assert of(now, arn(service, "root"))["may"] == "yes"
    assert now["at"]["position"] == after
    at = now["at"]["recorded_at"]
    assert asked(service, f"keys/{key_id}/at", time=at)["principals"] == now["principals"]


def test_a_role_is_told_with_whoever_may_assume_it(service: Service) -> None:
    key_id, role = service.create_key(), fresh("role")
    ask(service, "CreateRole", RoleName=role, AssumeRolePolicyDocument=trusting(service.account_id))
    given = {"PolicyType": "System", "PolicyName": "AliyunKMSFullAccess", "RoleName": role}
    ask(service, "AttachPolicyToRole", **given)
    user, _ = user_with(service, allowing("sts:AssumeRole"))
    told = of(asked(service, f"keys/{key_id}/at", action="kms:DisableKey"), arn(service, f"role/{role}"))
    assert told["may"] == "yes"
    assert arn(service, f"user/{user}") in [one["principal"] for one in told["assumers"]]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"position": "1"}, "Forbidden.KeyNotFound"),
        ({"position": "999999999"}, "InvalidParameter"),
        ({"time": "2020-01-01"}, "Forbidden.KeyNotFound"),
        ({"time": "yesterday"}, "InvalidParameter"),
        ({"time": "2020-01-01", "position": "1"}, "InvalidParameter"),
        ({"action": "kms:Everything"}, "InvalidParameter"),
        ({"action": "ram:GetUser"}, "InvalidParameter"),
    ],
)
def test_a_question_about_no_time_of_the_key_is_refused(service: Service, given: dict[str, str], code: str) -> None:
    answer = service.rest("GET", f"/audit/keys/{service.create_key()}/at", params=given)
    assert answer.json()["Code"] == code
    (event,) = service.events_of(answer.json()["RequestId"])
    assert (event.topic, event.call["operation"]) == ("kms.call.refused", "GetKeyAt")


def test_no_account_asks_about_the_keys_of_another_one(service: Service) -> None:
    other, key_id = another_account(service), service.create_key()
    answer = service.rest("GET", f"/audit/keys/{key_id}/at", headers=signed.basic(other.root))
    assert answer.json()["Code"] == "Forbidden.KeyNotFound"
    answer = service.rest(
        "GET", "/audit/least-policy", params={"principal": arn(service, "root")}, headers=signed.basic(other.root)
    )
    assert answer.json()["Code"] == "InvalidParameter"
    mine = service.rest("GET", "/audit/authority", headers=signed.basic(other.root), params={"wait": "true"}).json()
    assert {grant["object"] for grant in mine["grants"] if grant["kind"] == "account"} == {other.account_id}


# --- what was used and what was not ----------------------------------------------------------------------------------


def test_a_key_that_was_asked_for_though_it_is_disabled_is_found(service: Service) -> None:
    key_id = service.create_key()
    service.rpc("DisableKey", {"KeyId": key_id})
    service.rpc("Encrypt", {"KeyId": key_id, "Plaintext": "x"})
    findings = asked(service, "findings")["findings"]
    found, _never_used = [one for one in findings if one["key_id"] == key_id]
    assert found["kind"] == "asked for yet disabled"
    assert "1 time" in found["sentence"]


def test_what_nobody_used_is_named_and_what_was_used_is_not(service: Service) -> None:
    key_id = service.create_key()
    name, who = user_with(service, allowing("kms:DescribeKey", "kms:Decrypt"))
    idle, _ = user_with(service, allowing("kms:Encrypt"))
    service.send(signed.rpc(who, "DescribeKey", {"KeyId": key_id}))
    unused = asked(service, "unused-permissions", days=30)["unused"]
    mine = [one for one in unused if one.get("holder") == f"user {name}"]
    assert [(one["kind"], one["names"]) for one in mine] == [("statement", ["kms:Decrypt"])]
    assert {one["kind"] for one in unused if one.get("holder") == f"user {idle}"} == {"attachment"}
    assert {one["kind"] for one in unused if one.get("holder") == idle} == {"access-key"}
    assert idle in {one["name"] for one in unused if one["kind"] == "user"}
    assert name not in {one["name"] for one in unused if one["kind"] == "user"}
    assert all(one["sentence"].endswith(".") and one["sentence"].isprintable() for one in unused)


def test_the_least_policy_instead_of_the_old_one_allows_the_same_calls_again_and_nothing_else(service: Service) -> None:
    key_id, other = service.create_key(), service.create_key()
    name, who = user_with(service)
    old = fresh("old")
    ask(service, "CreatePolicy", PolicyName=old, PolicyDocument=allowing("kms:*", "ram:*"))
    ask(service, "AttachPolicyToUser", PolicyType="Custom", PolicyName=old, UserName=name)
    done: list[tuple[str, dict[str, str]]] = [
        ("Encrypt", {"KeyId": key_id, "Plaintext": "x"}),
        ("DescribeKey", {"KeyId": key_id}),
        ("ListKeys", {}),
        ("GetUser", {"UserName": name}),
    ]
    assert [_code(service, who, *call) for call in done] == [""] * 4
    told = asked(service, "least-policy", principal=arn(service, f"user/{name}"))
    assert (told["calls"], told["permissions"], told["is_whole"]) == (4, 4, True)
    (document,) = told["documents"]
    least = fresh("least")
    ask(service, "CreatePolicy", PolicyName=least, PolicyDocument=document)
    ask(service, "AttachPolicyToUser", PolicyType="Custom", PolicyName=least, UserName=name)
    ask(service, "DetachPolicyFromUser", PolicyType="Custom", PolicyName=old, UserName=name)
    assert [_code(service, who, *call) for call in done] == [""] * 4
    for call in (
        *_others_of(service, key_id),
        *_others_of(service, other),
        ("Encrypt", {**done[0][1], "KeyId": other}),
    ):
        assert _code(service, who, *call) == "Forbidden.NoPermission", call
    assert _code(service, who, "DescribeKey", {"KeyId": other}) == "Forbidden.NoPermission"
    assert _code(service, who, "GetUser", {"UserName": user_with(service)[0]}) == "NoPermission"
    assert _code(service, who, "ListUsers", {}) == "NoPermission"


def _others_of(service: Service, key_id: str) -> list[tuple[str, dict[str, str]]]:
    """All that can be done with a key and was not."""
    about_it = ("GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "EnableKey", "DisableKey", "CancelKeyDeletion")
    return [
        *((operation, {"KeyId": key_id}) for operation in about_it),
        ("ScheduleKeyDeletion", {"KeyId": key_id, "PendingWindowInDays": "7"}),
        ("UpdateKeyDescription", {"KeyId": key_id, "Description": "mine"}),
        ("Decrypt", {"CiphertextBlob": service.encrypt(key_id)}),
        ("CreateKey", {}),
    ]


def _code(service: Service, who: Credentials, operation: str, given: dict[str, str]) -> str:
    """Of the answer to a call; nothing where it was answered."""
    version = RAM if operation in {"GetUser", "ListUsers"} else signed.VERSION
    answer = service.send(signed.rpc(who, operation, given, version=version))
    return "" if answer.status_code == 200 else str(answer.json()["Code"])


@pytest.mark.parametrize("principal", ["alice", "acs:ram::1:user/alice", "user/alice", "acs:kms:*:1:key/x"])
def test_the_least_policy_of_nobody_is_refused(service: Service, principal: str) -> None:
    for named in (principal, arn(service, "root"), arn(service, "user/nobody"), arn(service, "role/a/session")):
        answer = service.rest("GET", "/audit/least-policy", params={"principal": named})
        assert answer.json()["Code"] == "InvalidParameter", named


# --- what if ---------------------------------------------------------------------------------------------------------

DENY: Final = json.loads(allowing("kms:Encrypt", effect="Deny"))


@pytest.fixture(scope="module")
def used(service: Service) -> tuple[str, str]:
    """A user who encrypted under a policy, and the policy."""
    key_id, name, policy = service.create_key(), fresh("user"), fresh("policy")
    ask(service, "CreateUser", UserName=name)
    ask(service, "CreatePolicy", PolicyName=policy, PolicyDocument=allowing("kms:Encrypt"))
    ask(service, "AttachPolicyToUser", PolicyType="Custom", PolicyName=policy, UserName=name)
    made = ask(service, "CreateAccessKey", UserName=name)["AccessKey"]
    who = Credentials(made["AccessKeyId"], made["AccessKeySecret"])
    assert service.send(signed.rpc(who, "Encrypt", {"KeyId": key_id, "Plaintext": "x"})).status_code == 200
    assert service.send(signed.rpc(who, "DescribeKey", {"KeyId": key_id})).status_code == 403
    return name, policy


def test_what_another_policy_would_have_changed_is_found(service: Service, used: tuple[str, str]) -> None:
    name, policy = used
    suppositions: list[tuple[dict[str, Any], str, str]] = [
        ({"policy_name": policy, "document": DENY}, "kms:Encrypt", "would have been refused"),
        ({"attach": {"document": DENY, "to": f"user/{name}"}}, "kms:Encrypt", "would have been refused"),
        (
            {"attach": {"document": allowing("kms:DescribeKey"), "to": f"user/{name}"}},
            "kms:DescribeKey",
            "would have been allowed",
        ),
        (
            {"detach": {"policy_type": "Custom", "policy_name": policy, "from": f"user/{name}"}},
            "kms:Encrypt",
            "would have been refused",
        ),
    ]
    for supposed, action, outcome in suppositions:
        told = what_if(service, days=2, **supposed)
        mine = [one for one in told["findings"] if one["principal"] == arn(service, f"user/{name}")]
        assert [(one["action"], one["supposed"]) for one in mine] == [(action, outcome)], supposed
        assert told["remarks"] == []
        assert told["totals"]["events"] >= 8


def test_another_trust_policy_would_have_kept_a_session_from_beginning(service: Service) -> None:
    role = fresh("role")
    made = ask(service, "CreateRole", RoleName=role, AssumeRolePolicyDocument=trusting(service.account_id))["Role"]
    _, who = user_with(service, allowing("sts:AssumeRole"))
    given = {"RoleArn": made["Arn"], "RoleSessionName": "visit"}
    assert service.send(signed.rpc(who, "AssumeRole", given, version="2015-04-01")).status_code == 200
    told = what_if(service, role_name=role, trust_policy=trusting("1"))
    (found,) = [one for one in told["findings"] if one["resource"] == made["Arn"]]
    assert found["supposed"] == "would have been refused"


def test_another_account_would_have_been_locked_out_with_all_that_it_did(service: Service) -> None:
    role, key_id, other = fresh("role"), service.create_key(), another_account(service)
    made = ask(service, "CreateRole", RoleName=role, AssumeRolePolicyDocument=trusting(other.account_id))["Role"]
    ask(service, "AttachPolicyToRole", PolicyType="System", PolicyName="AliyunKMSCryptoUserAccess", RoleName=role)
    given = {"RoleArn": made["Arn"], "RoleSessionName": "visit"}
    told = service.send(signed.rpc(other.root, "AssumeRole", given, version="2015-04-01")).json()["Credentials"]
    session = Credentials(told["AccessKeyId"], told["AccessKeySecret"])
    for _ in range(2):
        use = signed.rpc(
            session, "Encrypt", {"KeyId": key_id, "Plaintext": "eA==", "SecurityToken": told["SecurityToken"]}
        )
        assert service.send(use).status_code == 200
    found = what_if(service, role_name=role, trust_policy=trusting("1"))["findings"]
    mine = [one for one in found if made["Arn"] in (one["resource"], one["principal"].removesuffix("/visit"))]
    assert [(one["action"], one["supposed"]) for one in mine] == [
        ("sts:AssumeRole", "would have been refused"),
        ("kms:Encrypt", "would have been refused"),
        ("kms:Encrypt", "would have been refused"),
    ]
    same = what_if(service, role_name=role, trust_policy=trusting(other.account_id))
    assert not [one for one in same["findings"] if made["Arn"] in one["principal"] + one["resource"]]


def test_what_is_supposed_of_nothing_is_said_to_change_nothing(service: Service) -> None:
    told = what_if(service, policy_name="no-such-policy", document=DENY)
    assert told["findings"] == []
    assert len(told["remarks"]) == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({}, "InvalidParameter"),
        ({"policy_name": "x"}, "MissingParameter"),
        ({"document": DENY}, "InvalidParameter"),
        ({"policy_name": "x", "document": DENY, "role_name": "y", "trust_policy": DENY}, "InvalidParameter"),
        ({"policy_name": "x", "document": "no JSON"}, "MalformedPolicyDocument"),
        ({"role_name": "x", "trust_policy": DENY}, "MalformedPolicyDocument"),
        ({"attach": {"document": DENY}}, "InvalidParameter"),
        ({"attach": {"document": DENY, "to": "alice"}}, "InvalidParameter"),
        ({"attach": "x"}, "InvalidParameter"),
        ({"detach": {"policy_type": "Ours", "policy_name": "x", "from": "user/a"}}, "InvalidParameter"),
        ({"policy_name": "x", "document": DENY, "days": 3, "from": "2026-01-01"}, "InvalidParameter"),
        ({"policy_name": "x", "document": DENY, "from": "2099-01-01"}, "InvalidParameter"),
        ({"policy_name": "x", "document": DENY, "days": 0}, "InvalidParameter"),
        ({"policy_name": "x", "document": DENY, "polcy": 1}, "InvalidParameter"),
    ],
)
def test_a_hypothesis_that_is_none_is_refused(service: Service, content: dict[str, Any], code: str) -> None:
    answer = service.rest("POST", "/audit/what-if", content)
    assert (answer.status_code, answer.json()["Code"]) == (400, code), answer.text


# --- who granted what ------------------------------------------------------------------------------------------------


def test_the_calendar_has_two_ends(service: Service) -> None:
    name, _ = user_with(service)
    detach = {"policy_type": "System", "policy_name": "AliyunKMSReadOnlyAccess", "from": f"user/{name}"}
    for period in ({"to": "0001-01-02"}, {"from": "0001-01-01", "to": "9999-12-31"}, {"from": "0001-01-01"}):
        answers = (
            service.rest("GET", "/audit/least-policy", params={"principal": arn(service, f"user/{name}"), **period}),
            service.rest("POST", "/audit/what-if", {"detach": detach, **period}),
        )
        assert {answer.status_code for answer in answers} <= {200, 400}, [answer.text for answer in answers]


def test_a_grant_is_told_with_who_made_it_and_who_ended_it(service: Service) -> None:
    name, _ = user_with(service)
    given = {"PolicyType": "System", "PolicyName": "AliyunKMSReadOnlyAccess", "UserName": name}
    ask(service, "AttachPolicyToUser", **given)
    standing = service.head()
    ask(service, "DetachPolicyFromUser", **given)
    subject, what = f"user/{name}", "System/AliyunKMSReadOnlyAccess"
    (grant,) = asked(service, "authority", subject=subject, object=what)["grants"]
    root = arn(service, "root")
    assert (grant["kind"], grant["by"], grant["ended_by"]) == ("attachment", root, root)
    assert grant["from"] < grant["until"]
    assert grant["sentence"].startswith(f"user {name} has policy {what}, granted by root of {service.account_id}")
    (then,) = asked(service, "authority", subject=subject, object=what, at=standing)["grants"]
    assert then["object"] == what
    now = asked(service, "authority", subject=subject, at=service.head())["grants"]
    assert what not in {one["object"] for one in now}
    assert {one["kind"] for one in now} == {"user", "access-key"}


def test_pages_of_grants_are_one_list(service: Service) -> None:
    names = [user_with(service)[0] for _ in range(3)]
    found: list[dict[str, Any]] = []
    page = asked(service, "authority", subject="user/user-*", limit=4)
    whole = asked(service, "authority", subject="user/user-*", limit=1000)["grants"]
    while True:
        found += page["grants"]
        if "next_cursor" not in page:
            break
        answer = service.rest(
            "GET", "/audit/authority", params={"subject": "user/user-*", "limit": 400, "cursor": page["next_cursor"]}
        )
        page = answer.json()
        user_with(service)
    assert found == whole
    assert {f"user/{name}" for name in names} <= {grant["subject"] for grant in found}


# --- the process beside ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def alone() -> Iterator[Service]:
    with running(workers=1) as started:
        yield started


def analysts(service: Service) -> list[psutil.Process]:
    found = []
    for worker in service.workers():
        for child in worker.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
                if "api.audit.analysis.answering" in child.cmdline():
                    found.append(child)
    return found


def test_the_process_comes_with_the_first_question_and_anew_where_it_died(alone: Service) -> None:
    assert analysts(alone) == []
    asked(alone, "findings")
    (first,) = analysts(alone)
    asked(alone, "unused-permissions")
    assert analysts(alone) == [first]
    first.kill()
    eventually(lambda: not analysts(alone), what="its end")
    asked(alone, "findings")
    assert len(analysts(alone)) == 1


def test_a_worker_answers_others_while_a_question_is_thought_about(alone: Service) -> None:
    asked(alone, "findings")
    (analyst,) = analysts(alone)
    key_id = alone.create_key()
    analyst.suspend()
    try:
        with alone.connect() as connection:
            head = "".join(f"{name}: {value}\r\n" for name, value in signed.basic(alone.root).items())
            connection.sendall(f"GET /audit/findings HTTP/1.1\r\nhost: x\r\n{head}\r\n".encode())
            for _ in range(5):
                assert alone.encrypt(key_id)
            analyst.resume()
            assert connection.recv(12) == b"HTTP/1.1 200"
    finally:
        analyst.resume()


def test_no_process_stays_behind_a_worker(alone: Service) -> None:
    asked(alone, "findings")
    (analyst,) = analysts(alone)
    (worker,) = alone.workers()
    worker.kill()
    eventually(lambda: not analyst.is_running() or analyst.status() == psutil.STATUS_ZOMBIE, what="its end")
    eventually(alone.is_ready, what="another worker")
