"""LookupEvents with the official SDK of ActionTrail: parameters as it sends them, events as it reads them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from tests.fixtures import signed
from tests.fixtures.cast import RAM, STS, allowing, ask, fresh, trusting, user_with
from tests.fixtures.sdks import Refused
from tests.fixtures.service import Service
from tests.fixtures.signed import Credentials

ACTIONTRAIL: Final = "2020-07-06"
Lookup = Callable[..., dict[str, Any]]


@pytest.fixture(params=["Tea, ACS3", "Tea, RPC"])
def lookup(service: Service, request: pytest.FixtureRequest) -> Lookup:
    sdk = service.sdk(request.param, product="Actiontrail")

    def asked(attributes: dict[str, str], **given: Any) -> dict[str, Any]:
        pairs = [{"Key": key, "Value": value} for key, value in attributes.items()]
        return sdk("LookupEvents", LookupAttribute=pairs, **given)

    return asked


@pytest.fixture(scope="module")
def key_id(service: Service) -> str:
    made = service.create_key()
    given = {"KeyId": made, "Plaintext": "secret words", "EncryptionContext": '{"purpose":"tls"}'}
    assert service.rpc("Encrypt", given).status_code == 200
    return made


def test_a_use_of_a_key_is_told_as_actiontrail_tells_it(service: Service, lookup: Lookup, key_id: str) -> None:
    (event,) = lookup({"ResourceName": key_id, "EventName": "Encrypt"})["Events"]
    assert event["serviceName"] == "Kms"
    assert (event["eventRW"], event["eventType"], event["eventVersion"]) == ("Read", "ApiCall", "1")
    assert (event["apiVersion"], event["acsRegion"], event["isGlobal"]) == ("2016-01-20", "cn-hangzhou", False)
    assert event["eventSource"] == "kms.cn-hangzhou.aliyuncs.com"
    assert event["eventId"] == event["requestId"]
    assert event["userIdentity"] == {
        "type": "root-account",
        "accountId": service.account_id,
        "principalId": service.account_id,
        "userName": "root",
        "accessKeyId": service.root.access_key_id,
    }
    assert event["requestParameters"] == {
        "KeyId": key_id, "EncryptionContext": {"purpose": "tls"}, "RegionId": "cn-hangzhou",
    }  # fmt: skip
    assert (event["resourceType"], event["resourceName"]) == ("ACS::KMS::Key", key_id)
    assert event["referencedResources"] == {"ACS::KMS::Key": [key_id]}
    assert event["sourceIpAddress"] == "127.0.0.1"
    assert datetime.fromisoformat(event["eventTime"]) <= datetime.now(UTC)
    assert "secret words" not in repr(event)
    assert "errorCode" not in event


def test_what_was_asked_of_the_trail_is_told_by_its_parameters(service: Service, lookup: Lookup, key_id: str) -> None:
    attribute = {"LookupAttribute.1.Key": "ResourceName", "LookupAttribute.1.Value": key_id}
    lookup({"ResourceName": key_id})
    event = next(
        event
        for event in lookup({"EventName": "LookupEvents"})["Events"]
        if event["requestParameters"].get("LookupAttribute.1.Value") == key_id
    )
    assert event["requestParameters"].items() >= attribute.items()
    assert "resourceName" not in event, "it was not touched"


@pytest.mark.parametrize(
    "name", ["LookupAttribute", "LookupAttribute.9999.Key", "LookupAttribute.1.Key.Secret", "LookupAttributes.1.Key"]
)
def test_what_would_be_ignored_is_refused(service: Service, name: str) -> None:
    """Or the answer would be to another question than was asked, and so would the record of it."""
    answer = service.send(signed.rpc(service.root, "LookupEvents", {name: "User"}, version=ACTIONTRAIL)).json()
    assert (answer["Code"], name in answer["Message"]) == ("InvalidParameter", True)


@pytest.mark.parametrize(
    "given", [{"EndTime": "9999-12-31T23:59:59Z"}, {"EndTime": "0001-01-01T00:00:00Z"}, {"StartTime": "0001-01-02"}]
)
def test_the_calendar_has_two_ends(service: Service, given: dict[str, str]) -> None:
    answer = service.send(signed.rpc(service.root, "LookupEvents", given, version=ACTIONTRAIL))
    assert answer.status_code == 200, answer.text


def test_a_refusal_has_its_code(service: Service, lookup: Lookup) -> None:
    _, who = user_with(service)
    answer = service.send(signed.rpc(who, "ListKeys", {})).json()
    (event,) = lookup({"EventId": answer["RequestId"]})["Events"]
    assert (event["errorCode"], event["errorMessage"]) == (answer["Code"], answer["Message"])
    assert event["userIdentity"]["type"] == "ram-user"


def test_a_session_is_told_with_its_role_and_when_it_began(service: Service, lookup: Lookup) -> None:
    role = fresh("role")
    arn = ask(service, "CreateRole", RoleName=role, AssumeRolePolicyDocument=trusting(service.account_id))["Role"][
        "Arn"
    ]
    _, who = user_with(service, allowing("sts:AssumeRole"))
    raw = signed.rpc(who, "AssumeRole", {"RoleArn": arn, "RoleSessionName": "visit"}, version=STS)
    given = service.send(raw).json()["Credentials"]
    session = Credentials(given["AccessKeyId"], given["AccessKeySecret"])
    token = {"SecurityToken": given["SecurityToken"]}
    answer = service.send(signed.rpc(session, "DescribeRegions", token)).json()
    (event,) = lookup({"EventId": answer["RequestId"]})["Events"]
    identity = event["userIdentity"]
    assert (identity["type"], identity["userName"]) == ("assumed-role", f"{role}:visit")
    assert identity["principalId"].endswith(":visit")
    assert identity["accessKeyId"] == session.access_key_id
    attributes = identity["sessionContext"]["attributes"]
    assert attributes["mfaAuthenticated"] == "false"
    assert datetime.now(UTC) - datetime.fromisoformat(attributes["creationDate"]) < timedelta(minutes=5)


def test_each_attribute_finds_what_it_names(service: Service, lookup: Lookup, key_id: str) -> None:
    name, who = user_with(service, allowing("kms:*"))
    service.send(signed.rpc(who, "DescribeKey", {"KeyId": key_id}))
    by: dict[str, tuple[str, Callable[[dict[str, Any]], bool]]] = {
        "ServiceName": ("Ram", lambda event: event["serviceName"] == "Ram" and event["isGlobal"]),
        "EventName": ("DescribeKey", lambda event: event["eventName"] == "DescribeKey"),
        "User": (name, lambda event: event["userIdentity"]["userName"] == name),
        "ResourceType": ("ACS::RAM::User", lambda event: "user" in event["resourceType"].lower()),
        "ResourceName": (name, lambda event: name in str(event["referencedResources"])),
        "EventRW": ("Write", lambda event: event["eventRW"] == "Write"),
        "EventAccessKeyId": (
            who.access_key_id,
            lambda event: event["userIdentity"]["accessKeyId"] == who.access_key_id,
        ),
    }
    for key, (value, holds) in by.items():
        events = lookup({key: value})["Events"]
        assert events, key
        assert all(holds(event) for event in events), key
        assert lookup({key: "nothing of that name"})["Events"] == []
    (event,) = lookup({"User": name, "EventName": "DescribeKey"})["Events"]
    assert lookup({"EventId": event["eventId"]})["Events"] == [event]


@pytest.mark.parametrize("kind", ["User", "Group", "Role", "Policy"])
def test_events_of_a_type_are_those_that_name_one_of_it(service: Service, lookup: Lookup, kind: str) -> None:
    """Not those about all of them, nor refusals that name the other of two."""
    name, who = user_with(service, allowing("kms:*"))
    given = {"PolicyType": "System", "PolicyName": "AliyunKMSFullAccess", "UserName": name}
    for action, more in (("ListUsers", {}), ("GetUser", {"UserName": name}), ("AttachPolicyToUser", given)):
        for asking in (service.root, who):
            service.send(signed.rpc(asking, action, more, version=RAM))
    events = lookup({"ResourceType": f"ACS::RAM::{kind}"}, MaxResults="50")["Events"]
    assert all(f"ACS::RAM::{kind}" in event["referencedResources"] for event in events)
    names = {event["eventName"] for event in events}
    assert "ListUsers" not in names
    if kind in {"User", "Policy"}:
        assert "AttachPolicyToUser" in names
    if kind == "User":
        refused = [event["eventName"] for event in events if event.get("errorCode") and name in str(event)]
        assert "GetUser" in refused


@pytest.fixture(scope="module")
def called_root(service: Service) -> Credentials:
    return user_with(service, allowing("kms:*"), name="root")[1]


def test_a_user_who_is_called_root_is_found_beside_the_root_identity(
    service: Service, lookup: Lookup, called_root: Credentials
) -> None:
    service.send(signed.rpc(called_root, "ListKeys"))
    found = lookup({"User": "root", "EventName": "ListKeys"}, StartTime="0001-01-02T00:00:00Z")
    assert {event["userIdentity"]["type"] for event in found["Events"]} >= {"ram-user"}
    assert {event["userIdentity"]["userName"] for event in found["Events"]} == {"root"}
    assert lookup({"User": "root", "EventName": "CreateUser"})["Events"][0]["userIdentity"]["type"] == "root-account"
    assert found["StartTime"] == "0001-01-02T00:00:00Z"


def test_pages_go_on_where_the_one_before_ended(lookup: Lookup, service: Service) -> None:
    name, who = user_with(service)
    for _ in range(5):
        service.send(signed.rpc(who, "DescribeRegions", {}))
    for direction in ("FORWARD", "BACKWARD"):
        found: list[dict[str, Any]] = []
        token: dict[str, str] = {}
        while True:
            page = lookup({"User": name}, MaxResults="2", Direction=direction, **token)
            found += page["Events"]
            if not page.get("NextToken"):
                break
            token = {"NextToken": page["NextToken"]}
        assert len(found) == len({event["eventId"] for event in found}) == 5
        times = [event["eventTime"] for event in found]
        assert times == sorted(times, reverse=direction == "BACKWARD")


def test_a_time_range_is_honoured_and_told(lookup: Lookup, key_id: str) -> None:
    found = lookup({"ResourceName": key_id})
    start, end = (datetime.fromisoformat(found[name]) for name in ("StartTime", "EndTime"))
    assert end - start == timedelta(days=7)
    past = {"StartTime": "2020-01-01T00:00:00Z", "EndTime": "2020-01-02T00:00:00Z"}
    assert lookup({"ResourceName": key_id}, **past)["Events"] == []
    assert lookup({"ResourceName": key_id}, StartTime="2020-01-01T00:00:00Z")["Events"]


@pytest.mark.parametrize(
    ("attributes", "given"),
    [
        ({"Weather": "fine"}, {}),
        ({}, {"MaxResults": "51"}),
        ({}, {"MaxResults": "0"}),
        ({}, {"Direction": "SIDEWAYS"}),
        ({}, {"NextToken": "never told"}),
        ({}, {"StartTime": "yesterday"}),
        ({}, {"StartTime": "2026-01-02T00:00:00Z", "EndTime": "2026-01-01T00:00:00Z"}),
    ],
)
def test_what_means_nothing_is_refused_by_name(
    lookup: Lookup, attributes: dict[str, str], given: dict[str, str]
) -> None:
    with pytest.raises(Refused) as refused:
        lookup(attributes, **given)
    assert refused.value.code == "InvalidParameter"


def test_alibabas_own_policy_is_enough(service: Service) -> None:
    name, who = user_with(service)
    ask(service, "AttachPolicyToUser", PolicyType="System", PolicyName="AliyunActionTrailReadOnlyAccess", UserName=name)
    assert service.sdk("Tea, ACS3", who, product="Actiontrail")("LookupEvents")["Events"] is not None
    _, nobody = user_with(service)
    with pytest.raises(Refused, match="NoPermission"):
        service.sdk("Tea, ACS3", nobody, product="Actiontrail")("LookupEvents")


def test_changes_of_ram_are_told_by_the_names_of_their_requests(service: Service, lookup: Lookup) -> None:
    name = fresh("user")
    request_id = service.rpc("CreateUser", {"UserName": name, "DisplayName": "A"}, version=RAM).json()["RequestId"]
    (event,) = lookup({"EventId": request_id})["Events"]
    assert event["requestParameters"] == {"UserName": name, "DisplayName": "A"}
    assert (event["resourceType"], event["resourceName"]) == ("ACS::RAM::User", name)
    assert (event["eventSource"], event["isGlobal"]) == ("ram.aliyuncs.com", True)
