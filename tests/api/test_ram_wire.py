"""RAM on the wire: XML as Alibaba writes it, lists page by page while others change them, and hostile questions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final
from xml.etree import ElementTree

import httpx
import pytest

from tests.fixtures import signed
from tests.fixtures.cast import RAM, STS, Cast, allowing, ask, cast, fresh
from tests.fixtures.service import Service

BIG: Final = 60_000
"""Characters: nearly what a form may have at all."""

MANY: Final = allowing(*["kms:*"] * 3_000)
POLICY: Final = {"PolicyName": "x", "PolicyType": "Custom", "PolicyDocument": "{}"}
ROLE: Final = {"RoleName": "x", "AssumeRolePolicyDocument": "{}"}


@pytest.fixture(scope="module")
def everybody(service: Service) -> Cast:
    return cast(service)


@pytest.fixture(autouse=True)
def _unharmed(service: Service) -> Iterator[None]:
    before = [worker.pid for worker in service.workers()]
    yield
    assert [worker.pid for worker in service.workers()] == before


def _ask(service: Service, action: str, **given: str) -> httpx.Response:
    return service.rpc(action, given, method="POST", place="form", version=RAM)


def _refused(service: Service, answer: httpx.Response, code: str) -> str:
    """Its message, after it was found in the ledger."""
    told = answer.json()
    assert told["Code"] == code, answer.text
    (event,) = service.events_of(told["RequestId"])
    assert (event.topic, event.state["code"], event.state["message"]) == ("kms.call.refused", code, told["Message"])
    message: str = told["Message"]
    return message


# --- XML -------------------------------------------------------------------------------------------------------------


def _xml(service: Service, action: str, version: str = RAM, **given: str) -> ElementTree.Element:
    answer = service.rpc(action, {**given, "Format": "XML"}, version=version)
    assert answer.headers["content-type"] == "text/xml;charset=utf-8"
    return ElementTree.fromstring(answer.text)  # noqa: S314


def test_xml_is_wrapped_in_the_operations_response_and_repeats_what_a_list_has(
    service: Service, everybody: Cast
) -> None:
    root = _xml(service, "GetUser", UserName=everybody.user)
    assert root.tag == "GetUserResponse"
    assert root.findtext("User/UserName") == everybody.user
    listed = _xml(service, "ListEntitiesForPolicy", PolicyName=everybody.policy, PolicyType="Custom")
    assert listed.tag == "ListEntitiesForPolicyResponse"
    assert [one.findtext("UserName") for one in listed.iterfind("Users/User")] == [everybody.user]
    policies = _xml(service, "ListPolicies", PolicyType="System")
    assert len(policies.findall("Policies/Policy")) > 5
    assert policies.findtext("IsTruncated") == "false"
    assert policies.find("Marker") is None
    empty = _xml(service, "ListAccessKeys", UserName=everybody.loner)
    assert empty.find("AccessKeys") is not None
    assert empty.findall("AccessKeys/AccessKey") == []


def test_xml_of_sts_and_of_an_error(service: Service) -> None:
    assert _xml(service, "GetCallerIdentity", STS).tag == "GetCallerIdentityResponse"
    refused = _xml(service, "GetUser", UserName="nobody-of-this-name")
    assert (refused.tag, refused.findtext("Code")) == ("Error", "EntityNotExist.User")


def test_texts_in_any_language_come_back_verbatim(service: Service) -> None:
    name, text = fresh("user"), "艾丽丝 <&\"'> 😈 \r\n\té"
    ask(service, "CreateUser", UserName=name, DisplayName=text, Comments="=&+%")
    told = ask(service, "GetUser", UserName=name)["User"]
    assert (told["DisplayName"], told["Comments"]) == (text, "=&+%")
    assert _xml(service, "GetUser", UserName=name).findtext("User/DisplayName") == text


# --- pages -----------------------------------------------------------------------------------------------------------


def test_pages_neither_skip_nor_repeat_while_others_come_and_go(service: Service) -> None:
    """Each page from the other worker, after a user came, one went and one was renamed."""
    group = fresh("group")
    ask(service, "CreateGroup", GroupName=group)
    stay = [fresh("stay") for _ in range(12)]
    go = [fresh("go") for _ in range(6)]
    for name in (name for pair in zip(stay[::2], stay[1::2], go, strict=True) for name in pair):
        ask(service, "CreateUser", UserName=name)
        ask(service, "AddUserToGroup", UserName=name, GroupName=group)
    ids = {ask(service, "GetUser", UserName=name)["User"]["UserId"] for name in stay}
    users, members, workers = [], [], service.workers()
    page: dict[str, Any] = {"IsTruncated": True}
    member_page: dict[str, Any] = {"IsTruncated": True}
    while page["IsTruncated"] or member_page["IsTruncated"]:
        workers.reverse()
        with service.only(workers[0]):
            if page["IsTruncated"]:
                page = ask(service, "ListUsers", MaxItems=5, Marker=page.get("Marker", ""))
                users += [user["UserId"] for user in page["Users"]["User"]]
            if member_page["IsTruncated"]:
                marker = member_page.get("Marker", "")
                member_page = ask(service, "ListUsersForGroup", GroupName=group, MaxItems=5, Marker=marker)
                members += [user["UserName"] for user in member_page["Users"]["User"]]
        _stir(service, group, go, stay)
    assert len(set(users)) == len(users)
    assert ids <= set(users)
    assert len(set(members)) == len(members)
    assert {name.rpartition(".renamed")[0] or name for name in members} >= set(stay)


def _stir(service: Service, group: str, go: list[str], stay: list[str]) -> None:
    ask(service, "CreateUser", UserName=fresh("late"))
    if not go:
        return
    gone, renamed = go.pop(), stay[len(go)]
    ask(service, "RemoveUserFromGroup", UserName=gone, GroupName=group)
    ask(service, "DeleteUser", UserName=gone)
    ask(service, "UpdateUser", UserName=renamed, NewUserName=f"a-{renamed}.renamed")
    ask(service, "UpdateUser", UserName=f"a-{renamed}.renamed", NewUserName=f"{renamed}.renamed")


@pytest.mark.parametrize("given", [{"MaxItems": "0"}, {"MaxItems": "1001"}, {"Marker": "eA=="}, {"Marker": "x" * 999}])
@pytest.mark.parametrize("action", ["ListUsers", "ListGroups", "ListRoles", "ListPolicies"])
def test_a_page_that_makes_no_sense_is_refused(service: Service, action: str, given: dict[str, str]) -> None:
    _refused(service, _ask(service, action, **given), "InvalidParameter")


# --- what cannot be honoured -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "more"),
    [
        ("CreatePolicy", {"Tag": '[{"Key":"a","Value":"b"}]'}),
        ("CreatePolicy", {"Tag.1.Key": "a", "Tag.1.Value": "b"}),
        ("ListPolicies", {"Tag.1.Key": "a"}),
        ("CreateRole", {"Tag.1.Key": "a"}),
        ("CreateRole", {"AllowConsoleLogin": "true"}),
        ("UpdateRole", {"NewAllowConsoleLogin": "true"}),
        ("ListRoles", {"Tag": '[{"Key":"a"}]'}),
        ("AttachPolicyToUser", {"ResourceGroupId": "rg-1"}),
        ("AttachPolicyToGroup", {"ResourceGroupId": "rg-1"}),
        ("DetachPolicyFromRole", {"ResourceGroupId": "rg-1"}),
    ],
)
def test_what_cannot_be_honoured_is_refused_and_done_in_no_part(
    service: Service, everybody: Cast, action: str, more: dict[str, str]
) -> None:
    given = {
        "PolicyName": everybody.policy,
        "PolicyType": "Custom",
        "PolicyDocument": allowing("kms:*"),
        "RoleName": everybody.role,
        "AssumeRolePolicyDocument": everybody.trust,
        "UserName": everybody.loner,
        "GroupName": everybody.empty,
    }
    (name,) = {sent.partition(".")[0] for sent in more}
    before = service.head()
    message = _refused(service, _ask(service, action, **given, **more), "UnsupportedOperation")
    assert f"{action} does not support the parameter {name} here" in message
    assert service.head() == before + 1


def test_what_the_live_service_has_and_this_one_has_not_is_no_operation_of_it(service: Service) -> None:
    for action in ("CreateLoginProfile", "GetAccessKeyLastUsed", "CreateVirtualMFADevice", "TagResources"):
        _refused(service, _ask(service, action, UserName="x"), "InvalidApi.NotFound")


def test_a_product_has_its_own_operations_and_no_others(service: Service) -> None:
    for action, version in (("CreateUser", "2016-01-20"), ("Encrypt", RAM), ("AssumeRole", RAM), ("GetUser", STS)):
        answer = service.rpc(action, {"UserName": "x"}, version=version)
        assert action in _refused(service, answer, "InvalidApi.NotFound")


# --- hostile ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ("", ""),
        ("{", ""),
        ("null", ""),
        ("[]", ""),
        ('{"Version":"1"}', "Statement"),
        ('{"Version":"2","Statement":[]}', "Version"),
        ('{"Version":"1","Statement":[{"Effect":"Maybe","Action":"kms:*","Resource":"*"}]}', "Statement[0].Effect"),
        ('{"Version":"1","Statement":[{"Effect":"Allow","Resource":"*"}]}', "Statement[0]"),
        (
            (
                '{"Version":"1","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"},'
                '{"Effect":"Allow","Action":["kms:Encrypt","kms"],"Resource":"*"}]}'
            ),
            "Statement[1].Action[1]",
        ),
        (
            (
                '{"Version":"1","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*",'
                '"Condition":{"IpAddress":{"acs:SourceIp":["10.0.0.0/8","10.0.0.0/33"]}}}]}'
            ),
            "Statement[0].Condition.IpAddress",
        ),
        ('{"Version":"1","Version":"1","Statement":[]}', ""),
        ('{"Version":"1","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*","Extra":1}]}', "Statement[0]"),
        ("[" * 5_000, ""),
    ],
)
def test_a_policy_nobody_can_evaluate_is_refused_with_the_place_of_the_fault(
    service: Service, everybody: Cast, document: str, place: str
) -> None:
    code = "MalformedPolicyDocument" if document else "MissingParameter"
    for action, given in (
        ("CreatePolicy", {"PolicyName": fresh("policy")}),
        ("CreatePolicyVersion", {"PolicyName": everybody.policy}),
    ):
        before = service.head()
        answer = _ask(service, action, **given, PolicyDocument=document)
        assert answer.status_code == 400
        assert place in _refused(service, answer, code)
        assert service.head() == before + 1


def test_a_trust_policy_is_refused_with_the_place_of_the_fault(service: Service, everybody: Cast) -> None:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"RAM": ["acs:ram::1:root", "everybody"]}}
    document = json.dumps({"Version": "1", "Statement": [statement]})
    for action, given in (
        ("CreateRole", {"RoleName": fresh("role"), "AssumeRolePolicyDocument": document}),
        ("UpdateRole", {"RoleName": everybody.role, "NewAssumeRolePolicyDocument": document}),
    ):
        message = _refused(service, _ask(service, action, **given), "MalformedPolicyDocument")
        assert "Statement[0].Principal.RAM[" in message


@pytest.mark.parametrize(
    ("action", "given", "code"),
    [
        ("CreateUser", {"UserName": "x" * BIG}, "InvalidParameter.UserName.Length"),
        ("CreateUser", {"UserName": "x", "Comments": "中" * 9_000}, "InvalidParameter.Comments.Length"),
        ("GetUser", {"UserName": "x" * BIG}, "EntityNotExist.User"),
        ("CreatePolicy", {"PolicyName": "x", "PolicyDocument": MANY}, "MalformedPolicyDocument"),
        ("CreateRole", {"RoleName": "x", "AssumeRolePolicyDocument": "{" * 20_000}, "MalformedPolicyDocument"),
        ("UpdateAccessKey", {"UserAccessKeyId": "x" * BIG, "Status": "Active"}, "EntityNotExist.User.AccessKey"),
        ("UpdateAccessKey", {"UserAccessKeyId": "x", "Status": "active"}, "InvalidParameter"),
        ("CreateRole", {**ROLE, "MaxSessionDuration": "9" * 50}, "InvalidParameter"),
        ("GetUser", {"UserName": "../../root"}, "EntityNotExist.User"),
        ("GetUser", {"UserName": "*"}, "EntityNotExist.User"),
        ("DeletePolicy", {"PolicyName": "AliyunKMSFullAccess"}, "EntityNotExist.Policy"),
        ("DeletePolicy", {"PolicyName": "x", "CascadingDelete": "maybe"}, "InvalidParameter"),
        ("CreatePolicyVersion", {**POLICY, "RotateStrategy": "All"}, "InvalidParameter"),
        ("GetPolicyVersion", {**POLICY, "VersionId": "v" + "9" * 99}, "InvalidParameter.VersionId.Format"),
    ],
)  # fmt: skip
def test_what_is_too_large_or_makes_no_sense_is_refused(
    service: Service, action: str, given: dict[str, str], code: str
) -> None:
    message = _refused(service, _ask(service, action, **given), code)
    assert len(message) < 2_000


def test_a_parameter_that_is_sent_twice_is_refused(service: Service) -> None:
    """Which of two users is to be deleted? Whoever carries the request must not choose."""
    parameters = signed.rpc_parameters(service.root, "DeleteUser", {"UserName": "a"}, version=RAM)
    answer = service.send(signed.Raw("GET", f"/?{signed.encoded(parameters)}&UserName=b"))
    assert (answer.status_code, answer.json()["Code"]) == (400, "InvalidParameter")
    assert "UserName" in answer.json()["Message"]


def test_a_version_that_is_not_signed_does_not_turn_one_product_into_another(service: Service) -> None:
    asked = signed.rpc(service.root, "GetUser", {"UserName": "x"}, without=("Version",))
    answer = service.send(asked.with_header("x-acs-version", RAM))
    assert answer.json()["Code"] == "MissingParameter"
