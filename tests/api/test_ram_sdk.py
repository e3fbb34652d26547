"""The official SDK of RAM, unmodified, over TLS: every operation, with both signatures that it knows."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from alibabacloud_ram20150501 import models

from api.ram_operations import TABLE
from tests.fixtures.cast import RAM, allowing, cast, fresh, trusting
from tests.fixtures.ram_scenes import SCENES
from tests.fixtures.sdks import Refused, Sdk
from tests.fixtures.service import Service
from tests.fixtures.signed import Credentials

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the SDKs themselves

ENCRYPTS: Final = allowing("kms:Encrypt")
DECRYPTS: Final = allowing("kms:Decrypt")


@pytest.fixture(params=["Tea, ACS3", "Tea, RPC"])
def sdk(service: Service, request: pytest.FixtureRequest) -> Sdk:
    return service.ram(kind=request.param)


def _all(ask: Callable[..., dict[str, Any]], outer: str, inner: str) -> list[dict[str, Any]]:
    """Every page of a list, of seven each."""
    page = ask(MaxItems=7)
    listed = page[outer][inner]
    while page["IsTruncated"]:
        page = ask(MaxItems=7, Marker=page["Marker"])
        listed += page[outer][inner]
    found: list[dict[str, Any]] = listed
    return found


def _listed(sdk: Sdk, action: str, outer: str, inner: str, name: str) -> list[dict[str, Any]]:
    return [one for one in _all(lambda **page: sdk(action, **page), outer, inner) if one[f"{inner}Name"] == name]


def test_a_user_is_created_described_renamed_listed_and_deleted(sdk: Sdk) -> None:
    name, new_name = fresh("user"), fresh("user")
    before = datetime.now(UTC).replace(microsecond=0)
    given = {
        "UserName": name,
        "DisplayName": "艾丽丝 😈",
        "Email": "a@example.com",
        "MobilePhone": "86-1",
        "Comments": "x",
    }
    made = sdk("CreateUser", **given)["User"]
    assert made.items() >= given.items()
    assert made["UserId"].isdigit()
    assert before <= datetime.fromisoformat(made["CreateDate"]) <= datetime.now(UTC)
    assert sdk("GetUser", UserName=name)["User"] == {**made, "UpdateDate": made["CreateDate"]}
    told = sdk("UpdateUser", UserName=name, NewUserName=new_name, NewComments="y")["User"]
    assert told.items() >= {**made, "UserName": new_name, "Comments": "y"}.items()
    assert sdk("GetUser", UserName=new_name)["User"] == told
    assert _listed(sdk, "ListUsers", "Users", "User", new_name) == [told]
    sdk("DeleteUser", UserName=new_name)
    for gone in (name, new_name):
        with pytest.raises(Refused) as refused:
            sdk("GetUser", UserName=gone)
        assert (refused.value.code, refused.value.status) == ("EntityNotExist.User", 404)
        assert _listed(sdk, "ListUsers", "Users", "User", gone) == []


def test_an_update_keeps_what_it_does_not_name_and_empties_what_it_names_empty(service: Service, sdk: Sdk) -> None:
    name = fresh("user")
    sdk("CreateUser", UserName=name, DisplayName="Alice", Comments="x")
    assert sdk("UpdateUser", UserName=name)["User"]["Comments"] == "x"
    told = service.rpc("UpdateUser", {"UserName": name, "NewComments": "", "NewUserName": ""}, version=RAM)
    assert told.json()["User"].items() >= {"UserName": name, "Comments": "", "DisplayName": "Alice"}.items()


def test_an_access_key_works_until_it_is_deactivated_or_deleted(service: Service, sdk: Sdk) -> None:
    name = fresh("user")
    sdk("CreateUser", UserName=name)
    sdk("AttachPolicyToUser", PolicyType="System", PolicyName="AliyunRAMReadOnlyAccess", UserName=name)
    made = sdk("CreateAccessKey", UserName=name)["AccessKey"]
    assert made["Status"] == "Active"
    (listed,) = sdk("ListAccessKeys", UserName=name)["AccessKeys"]["AccessKey"]
    assert listed == {key: value for key, value in made.items() if key != "AccessKeySecret"}
    theirs = service.ram(Credentials(made["AccessKeyId"], made["AccessKeySecret"]))
    assert theirs("GetUser", UserName=name)["User"]["UserName"] == name
    named = {"UserName": name, "UserAccessKeyId": made["AccessKeyId"]}
    sdk("UpdateAccessKey", **named, Status="Inactive")
    assert _refused(theirs) == "InvalidAccessKeyId.Inactive"
    assert sdk("ListAccessKeys", UserName=name)["AccessKeys"]["AccessKey"][0]["Status"] == "Inactive"
    sdk("UpdateAccessKey", **named, Status="Active")
    assert theirs("GetUser", UserName=name)["User"]["UserName"] == name
    sdk("DeleteAccessKey", **named)
    assert _refused(theirs) == "InvalidAccessKeyId.NotFound"
    assert sdk("ListAccessKeys", UserName=name)["AccessKeys"]["AccessKey"] == []


def test_the_root_identity_has_access_keys_of_its_own(service: Service, sdk: Sdk) -> None:
    made = sdk("CreateAccessKey")["AccessKey"]
    own = {key["AccessKeyId"] for key in sdk("ListAccessKeys")["AccessKeys"]["AccessKey"]}
    assert own == {service.root.access_key_id, made["AccessKeyId"]}
    other = service.ram(Credentials(made["AccessKeyId"], made["AccessKeySecret"]))
    other("DeleteAccessKey", UserAccessKeyId=made["AccessKeyId"])
    assert _refused(other) == "InvalidAccessKeyId.NotFound"


def test_a_group_gives_its_policies_to_its_users(sdk: Sdk) -> None:
    user, group, new_group = fresh("user"), fresh("group"), fresh("group")
    sdk("CreateUser", UserName=user, DisplayName="Alice")
    made = sdk("CreateGroup", GroupName=group, Comments="x")["Group"]
    assert sdk("GetGroup", GroupName=group)["Group"] == {**made, "UpdateDate": made["CreateDate"]}
    sdk("AddUserToGroup", UserName=user, GroupName=group)
    told = sdk("UpdateGroup", GroupName=group, NewGroupName=new_group, NewComments="y")["Group"]
    assert told.items() >= {**made, "GroupName": new_group, "Comments": "y"}.items()
    assert _listed(sdk, "ListGroups", "Groups", "Group", new_group) == [told]
    (joined,) = sdk("ListGroupsForUser", UserName=user)["Groups"]["Group"]
    assert joined.items() >= {"GroupName": new_group, "GroupId": made["GroupId"], "Comments": "y"}.items()
    (member,) = sdk("ListUsersForGroup", GroupName=new_group)["Users"]["User"]
    assert member == {"UserName": user, "DisplayName": "Alice", "JoinDate": joined["JoinDate"]}
    sdk("RemoveUserFromGroup", UserName=user, GroupName=new_group)
    assert sdk("ListGroupsForUser", UserName=user)["Groups"]["Group"] == []
    sdk("DeleteGroup", GroupName=new_group)
    assert _listed(sdk, "ListGroups", "Groups", "Group", new_group) == []


def test_a_policy_has_versions_of_which_one_is_in_force(sdk: Sdk) -> None:
    name = fresh("policy")
    of_policy = {"PolicyName": name, "PolicyType": "Custom"}
    made = sdk("CreatePolicy", PolicyName=name, PolicyDocument=ENCRYPTS, Description="x")["Policy"]
    assert made.items() >= {**of_policy, "DefaultVersion": "v1", "Description": "x"}.items()
    second = sdk("CreatePolicyVersion", PolicyName=name, PolicyDocument=DECRYPTS, SetAsDefault=True)["PolicyVersion"]
    assert second.items() >= {"VersionId": "v2", "IsDefaultVersion": True, "PolicyDocument": DECRYPTS}.items()
    found = sdk("GetPolicy", **of_policy)
    assert found["DefaultPolicyVersion"] == second
    assert found["Policy"].items() >= {**made, "DefaultVersion": "v2", "AttachmentCount": 0}.items()
    versions = sdk("ListPolicyVersions", **of_policy)["PolicyVersions"]["PolicyVersion"]
    assert [(one["VersionId"], one["IsDefaultVersion"]) for one in versions] == [("v1", False), ("v2", True)]
    sdk("SetDefaultPolicyVersion", PolicyName=name, VersionId="v1")
    first = sdk("GetPolicyVersion", **of_policy, VersionId="v1")["PolicyVersion"]
    assert first.items() >= {"IsDefaultVersion": True, "PolicyDocument": ENCRYPTS}.items()
    sdk("DeletePolicyVersion", PolicyName=name, VersionId="v2")
    told = sdk("UpdatePolicyDescription", PolicyName=name, NewDescription="y")["Policy"]
    assert told.items() >= {**made, "Description": "y"}.items()
    assert _listed(sdk, "ListPolicies", "Policies", "Policy", name) == [{**told, "AttachmentCount": 0}]
    sdk("DeletePolicy", PolicyName=name)
    assert _listed(sdk, "ListPolicies", "Policies", "Policy", name) == []


def test_the_oldest_version_makes_room_where_the_caller_wants_it(sdk: Sdk) -> None:
    name = fresh("policy")
    sdk("CreatePolicy", PolicyName=name, PolicyDocument=ENCRYPTS)
    for _ in range(4):
        sdk("CreatePolicyVersion", PolicyName=name, PolicyDocument=DECRYPTS)
    rotated = {"PolicyDocument": DECRYPTS, "RotateStrategy": "DeleteOldestNonDefaultVersionWhenLimitExceeded"}
    assert sdk("CreatePolicyVersion", PolicyName=name, **rotated)["PolicyVersion"]["VersionId"] == "v6"
    versions = sdk("ListPolicyVersions", PolicyName=name, PolicyType="Custom")["PolicyVersions"]["PolicyVersion"]
    assert [one["VersionId"] for one in versions] == ["v1", "v3", "v4", "v5", "v6"]
    sdk("DeletePolicy", PolicyName=name, CascadingDelete=True)


def test_the_same_operations_attach_to_users_groups_and_roles(sdk: Sdk, service: Service) -> None:
    everybody, policy = cast(service), fresh("policy")
    sdk("CreatePolicy", PolicyName=policy, PolicyDocument=ENCRYPTS, Description="x")
    targets = {"User": everybody.loner, "Group": everybody.empty, "Role": everybody.idle}
    for kind, name in targets.items():
        for policy_type, policy_name in (("Custom", policy), ("System", "AliyunKMSReadOnlyAccess")):
            given = {"PolicyType": policy_type, "PolicyName": policy_name, f"{kind}Name": name}
            sdk(f"AttachPolicyTo{kind}", **given)
        listed = sdk(f"ListPoliciesFor{kind}", **{f"{kind}Name": name})["Policies"]["Policy"]
        assert [(one["PolicyType"], one["PolicyName"]) for one in listed] == [
            ("Custom", policy),
            ("System", "AliyunKMSReadOnlyAccess"),
        ]
        assert listed[0].items() >= {"Description": "x", "DefaultVersion": "v1"}.items()
    entities = sdk("ListEntitiesForPolicy", PolicyName=policy, PolicyType="Custom")
    for kind, name in targets.items():
        (one,) = entities[f"{kind}s"][kind]
        assert one[f"{kind}Name"] == name
        assert one["AttachDate"]
    assert sdk("GetPolicy", PolicyName=policy, PolicyType="Custom")["Policy"]["AttachmentCount"] == 3
    for kind, name in targets.items():
        sdk(f"DetachPolicyFrom{kind}", **{"PolicyType": "Custom", "PolicyName": policy, f"{kind}Name": name})
        (listed,) = sdk(f"ListPoliciesFor{kind}", **{f"{kind}Name": name})["Policies"]["Policy"]
        assert listed["PolicyType"] == "System"
    sdk("DeletePolicy", PolicyName=policy)


def test_a_role_is_created_described_updated_listed_and_deleted(sdk: Sdk, service: Service) -> None:
    name, trust = fresh("role"), trusting(service.account_id)
    made = sdk("CreateRole", RoleName=name, AssumeRolePolicyDocument=trust, Description="x", MaxSessionDuration=7200)
    role = made["Role"]
    assert role["Arn"] == f"acs:ram::{service.account_id}:role/{name}"
    assert role.items() >= {"MaxSessionDuration": 7200, "AssumeRolePolicyDocument": trust, "Description": "x"}.items()
    assert sdk("GetRole", RoleName=name)["Role"].items() >= {**role, "IsServiceLinkedRole": False}.items()
    other = trusting("1111111111111111")
    told = sdk("UpdateRole", RoleName=name, NewAssumeRolePolicyDocument=other, NewMaxSessionDuration=3600)["Role"]
    assert told.items() >= {**role, "AssumeRolePolicyDocument": other, "MaxSessionDuration": 3600}.items()
    (listed,) = _listed(sdk, "ListRoles", "Roles", "Role", name)
    assert listed == {key: value for key, value in told.items() if key != "AssumeRolePolicyDocument"}
    sdk("DeleteRole", RoleName=name)
    assert _listed(sdk, "ListRoles", "Roles", "Role", name) == []


@pytest.mark.parametrize("operation", [action.name for action in TABLE])
def test_every_field_of_an_answer_is_one_that_the_sdk_reads(service: Service, operation: str) -> None:
    """Its models drop what they do not know, and what has another type."""
    answer = service.rpc(operation, SCENES[operation].answered(cast(service)), version=RAM).json()
    read = getattr(models, f"{operation}ResponseBody")().from_map(json.loads(json.dumps(answer)))
    read.validate()
    assert read.to_map() == answer


def _refused(sdk: Sdk) -> str:
    with pytest.raises(Refused) as refused:
        sdk("ListUsers")
    return refused.value.code
