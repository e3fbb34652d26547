"""Every error code of RAM and STS that a caller can meet is provoked on a whole service, and stands in the ledger.

:data:`ASKED` says what is asked of an account with a :class:`~tests.fixtures.cast.Cast` in it, and :data:`BEFORE` what
the root identity does first. The last test keeps the tables complete.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from api import operations
from api.wire import status_of
from domain.errors import REGISTRY
from domain.ram import limits
from domain.ram.errors import INVALID_CHARS, INVALID_LENGTH
from tests.fixtures.cast import Cast, allowing, ask, cast, fresh, user_with
from tests.fixtures.sdks import Refused
from tests.fixtures.service import Service

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the SDKs themselves

Given = dict[str, str]
Asking = tuple[str, Callable[[Cast], Given]]

NOBODY: Final = "nobody-of-this-name"
VERSIONS: Final = {action.name: action.product.version for action in operations.OPERATIONS.values()}
SYSTEM: Final = {"PolicyType": "System", "PolicyName": "AliyunKMSFullAccess"}


def custom(policy: str, parameter: str, target: str) -> Callable[[Cast], Given]:
    """``policy`` on ``target``, both by their names in the cast."""
    return lambda cast: {
        "PolicyType": "Custom", "PolicyName": getattr(cast, policy), parameter: getattr(cast, target)
    }  # fmt: skip


def named(parameter: str, target: str, **more: str) -> Callable[[Cast], Given]:
    return lambda cast: {parameter: getattr(cast, target), **more}


def always(**given: str) -> Callable[[Cast], Given]:
    return lambda _: given


ASKED: Final[dict[str, Asking]] = {
    "EntityNotExist.User": ("GetUser", always(UserName=NOBODY)),
    "EntityNotExist.User.AccessKey": ("DeleteAccessKey", named("UserName", "loner", UserAccessKeyId="LTAIUnknown")),
    "EntityNotExist.User.Group": (
        "RemoveUserFromGroup",
        lambda cast: {"UserName": cast.loner, "GroupName": cast.group},
    ),
    "EntityNotExist.User.Policy": ("DetachPolicyFromUser", custom("policy", "UserName", "loner")),
    "EntityNotExist.Group": ("ListUsersForGroup", always(GroupName=NOBODY)),
    "EntityNotExist.Group.Policy": ("DetachPolicyFromGroup", custom("policy", "GroupName", "empty")),
    "EntityNotExist.Role": ("ListPoliciesForRole", always(RoleName=NOBODY)),
    "EntityNotExist.Role.Policy": ("DetachPolicyFromRole", custom("policy", "RoleName", "idle")),
    "EntityNotExist.Policy": ("AttachPolicyToUser", named("UserName", "user", PolicyType="System", PolicyName="None")),
    "EntityNotExist.Policy.Version": ("SetDefaultPolicyVersion", named("PolicyName", "policy", VersionId="v9")),
    "EntityAlreadyExists.User": ("CreateUser", lambda cast: {"UserName": cast.user.upper()}),
    "EntityAlreadyExists.User.Group": (
        "AddUserToGroup",
        lambda cast: {"UserName": cast.user, "GroupName": cast.group},
    ),
    "EntityAlreadyExists.User.Policy": ("AttachPolicyToUser", custom("policy", "UserName", "user")),
    "EntityAlreadyExists.Group": ("UpdateGroup", lambda cast: {"GroupName": cast.group, "NewGroupName": cast.empty}),
    "EntityAlreadyExists.Group.Policy": ("AttachPolicyToGroup", custom("policy", "GroupName", "group")),
    "EntityAlreadyExists.Role": (
        "CreateRole",
        lambda cast: {"RoleName": cast.role, "AssumeRolePolicyDocument": cast.trust},
    ),
    "EntityAlreadyExists.Role.Policy": ("AttachPolicyToRole", custom("policy", "RoleName", "role")),
    "EntityAlreadyExists.Policy": (
        "CreatePolicy",
        always(PolicyName="AliyunKMSFullAccess", PolicyDocument=allowing("kms:*")),
    ),
    "DeleteConflict.User.AccessKey": ("DeleteUser", named("UserName", "user")),
    "DeleteConflict.User.Group": ("DeleteUser", named("UserName", "loner")),
    "DeleteConflict.User.Policy": ("DeleteUser", named("UserName", "loner")),
    "DeleteConflict.Group.User": ("DeleteGroup", named("GroupName", "group")),
    "DeleteConflict.Group.Policy": ("DeleteGroup", named("GroupName", "empty")),
    "DeleteConflict.Role.Policy": ("DeleteRole", named("RoleName", "role")),
    "DeleteConflict.Policy.User": ("DeletePolicy", named("PolicyName", "policy", CascadingDelete="true")),
    "DeleteConflict.Policy.Group": ("DeletePolicy", named("PolicyName", "unused")),
    "DeleteConflict.Policy.Role": ("DeletePolicy", named("PolicyName", "unused")),
    "DeleteConflict.Policy.Version": ("DeletePolicy", named("PolicyName", "unused")),
    "DeleteConflict.Policy.Version.Default": ("DeletePolicyVersion", named("PolicyName", "policy", VersionId="v1")),
    "LimitExceeded.User.AccessKey": ("CreateAccessKey", named("UserName", "user")),
    "LimitExceeded.User.Group": ("AddUserToGroup", lambda cast: {"UserName": cast.loner, "GroupName": cast.group}),
    "LimitExceeded.User.Policy": ("AttachPolicyToUser", custom("policy", "UserName", "loner")),
    "LimitExceeded.Group.Policy": ("AttachPolicyToGroup", custom("policy", "GroupName", "empty")),
    "LimitExceeded.Role.Policy": ("AttachPolicyToRole", custom("policy", "RoleName", "idle")),
    "LimitExceeded.Policy.Version": (
        "CreatePolicyVersion",
        named("PolicyName", "policy", PolicyDocument=allowing("kms:*")),
    ),
    "MalformedPolicyDocument": ("CreatePolicyVersion", named("PolicyName", "policy", PolicyDocument="{")),
    "InvalidParameter.VersionId.Format": ("DeletePolicyVersion", named("PolicyName", "policy", VersionId="latest")),
    "InvalidParameter.RoleArn": ("AssumeRole", always(RoleArn="acs:ram::1:user/x", RoleSessionName="audit")),
    "InvalidParameter.RoleSessionName": ("AssumeRole", named("RoleArn", "role_arn", RoleSessionName="x")),
    "InvalidParameter.DurationSeconds": (
        "AssumeRole",
        named("RoleArn", "role_arn", RoleSessionName="audit", DurationSeconds="899"),
    ),
    "InvalidParameter.PolicyGrammar": (
        "AssumeRole",
        named("RoleArn", "role_arn", RoleSessionName="audit", Policy="[]"),
    ),
    "InvalidParameter.PolicySize": (
        "AssumeRole",
        named("RoleArn", "role_arn", RoleSessionName="audit", Policy=allowing("kms:" + "x" * 2_048)),
    ),
}

Preparing = Callable[[Service, Cast], Any]


def _attach_twenty(parameter: str, target: str) -> Preparing:
    def attach(service: Service, cast: Cast) -> None:
        for _ in range(limits.POLICIES_OF_TARGET):
            name = fresh("policy")
            ask(service, "CreatePolicy", PolicyName=name, PolicyDocument=allowing("kms:*"))
            to = {"PolicyType": "Custom", "PolicyName": name, parameter: getattr(cast, target)}
            ask(service, f"AttachPolicyTo{parameter.removesuffix('Name')}", **to)

    return attach


def _join_twenty(service: Service, cast: Cast) -> None:
    for _ in range(limits.GROUPS_OF_USER):
        name = fresh("group")
        ask(service, "CreateGroup", GroupName=name)
        ask(service, "AddUserToGroup", UserName=cast.loner, GroupName=name)


def _write_versions(service: Service, cast: Cast) -> None:
    for _ in range(limits.VERSIONS_OF_POLICY - 2):
        ask(service, "CreatePolicyVersion", PolicyName=cast.policy, PolicyDocument=allowing("kms:*"))


BEFORE: Final[dict[str, Preparing]] = {
    "DeleteConflict.User.Group": lambda service, cast: ask(
        service, "AddUserToGroup", UserName=cast.loner, GroupName=cast.group
    ),
    "DeleteConflict.User.Policy": lambda service, cast: ask(
        service, "AttachPolicyToUser", UserName=cast.loner, **SYSTEM
    ),
    "DeleteConflict.Group.Policy": lambda service, cast: ask(
        service, "AttachPolicyToGroup", GroupName=cast.empty, **SYSTEM
    ),
    "DeleteConflict.Policy.Group": lambda service, cast: ask(
        service, "AttachPolicyToGroup", **custom("unused", "GroupName", "empty")(cast)
    ),
    "DeleteConflict.Policy.Role": lambda service, cast: ask(
        service, "AttachPolicyToRole", **custom("unused", "RoleName", "idle")(cast)
    ),
    "DeleteConflict.Policy.Version": lambda service, cast: ask(
        service, "CreatePolicyVersion", PolicyName=cast.unused, PolicyDocument=allowing("kms:*")
    ),
    "LimitExceeded.User.AccessKey": lambda service, cast: ask(service, "CreateAccessKey", UserName=cast.user),
    "LimitExceeded.User.Group": _join_twenty,
    "LimitExceeded.User.Policy": _attach_twenty("UserName", "loner"),
    "LimitExceeded.Group.Policy": _attach_twenty("GroupName", "empty"),
    "LimitExceeded.Role.Policy": _attach_twenty("RoleName", "idle"),
    "LimitExceeded.Policy.Version": _write_versions,
}

PARAMETERS: Final[dict[str, Asking]] = {
    "UserName": ("CreateUser", always()),
    "NewUserName": ("UpdateUser", named("UserName", "loner")),
    "GroupName": ("CreateGroup", always()),
    "NewGroupName": ("UpdateGroup", named("GroupName", "empty")),
    "PolicyName": ("CreatePolicy", always(PolicyDocument=allowing("kms:*"))),
    "RoleName": ("CreateRole", lambda cast: {"AssumeRolePolicyDocument": cast.trust}),
    **{name: ("CreateUser", always(UserName="alice")) for name in ("DisplayName", "MobilePhone", "Email", "Comments")},
    **{
        f"New{name}": ("UpdateUser", named("UserName", "loner"))
        for name in ("DisplayName", "MobilePhone", "Email", "Comments")
    },
    "Description": ("CreatePolicy", always(PolicyName="x", PolicyDocument=allowing("kms:*"))),
    "NewDescription": ("UpdatePolicyDescription", named("PolicyName", "policy")),
}
"""Where each parameter with a code of its own is sent to."""

NAMES: Final = ("UserName", "NewUserName", "GroupName", "NewGroupName", "PolicyName", "RoleName")

BY_THEIR_OWN_TEST: Final = {
    "NoPermission": "test_who_has_no_permission_is_told_which_one_is_missing",
    **{kind.code: "test_a_value_that_is_too_long_is_refused_by_its_name" for kind in INVALID_LENGTH.values()},
    **{INVALID_CHARS[name].code: "test_a_name_is_plain_ascii" for name in NAMES},
}
OUT_OF_REACH: Final = {
    **{
        INVALID_CHARS[name].code: "A parameter with U+0000 is refused as a whole: ParseRequestParameterException."
        for name in INVALID_CHARS.keys() - set(NAMES)
    },
    **{
        f"LimitExceeded.{kind}": "Thousands of them: tests/domain has it."
        for kind in ("User", "Group", "Role", "Policy")
    },
}


@pytest.fixture(scope="module")
def shared(service: Service) -> Cast:
    """For what is refused without anything done before."""
    return cast(service)


@pytest.mark.parametrize("code", ASKED)
def test_a_refusal_reaches_the_caller_and_the_ledger(service: Service, shared: Cast, code: str) -> None:
    everybody = shared
    if code in BEFORE:
        everybody = cast(service)
        BEFORE[code](service, everybody)
    operation, given = ASKED[code]
    answer = service.rpc(operation, given(everybody), version=VERSIONS[operation])
    told = answer.json()
    assert (told["Code"], answer.status_code) == (code, _published_status(code)), answer.text
    assert told["Message"]
    (event,) = service.events_of(told["RequestId"])
    assert (event.topic, event.state["code"], event.state["message"]) == ("kms.call.refused", code, told["Message"])
    assert event.call["operation"] == operation


def test_who_has_no_permission_is_told_which_one_is_missing(service: Service, shared: Cast) -> None:
    name, who = user_with(service, allowing("ram:Get*"))
    for kind in ("Tea, ACS3", "Tea, RPC"):
        with pytest.raises(Refused) as refused:
            service.ram(who, kind)("DeleteUser", UserName=shared.loner)
        told = refused.value
        assert (told.code, told.status) == ("NoPermission", 403)
        resource = f"acs:ram:*:{service.account_id}:user/{shared.loner}"
        assert f"user/{name} needs ram:DeleteUser on {resource}" in told.message
        (event,) = service.events_of(told.request_id)
        assert (event.state["code"], event.state["resource"]) == ("NoPermission", resource)
        assert event.call.items() >= {"kind": "ram-user", "user_name": name}.items()


@pytest.mark.parametrize("parameter", INVALID_LENGTH)
def test_a_value_that_is_too_long_is_refused_by_its_name(service: Service, shared: Cast, parameter: str) -> None:
    operation, given = PARAMETERS[parameter]
    answer = service.rpc(operation, {**given(shared), parameter: "x" * 1_025}, version=VERSIONS[operation])
    assert (answer.json()["Code"], answer.status_code) == (f"InvalidParameter.{parameter}.Length", 400)
    assert "Expected" in answer.json()["Message"]


@pytest.mark.parametrize("name", ["艾丽丝", "a b", "a/b", "a*", "é", "a\tb", "ａ"])
@pytest.mark.parametrize("parameter", NAMES)
def test_a_name_is_plain_ascii(service: Service, shared: Cast, parameter: str, name: str) -> None:
    operation, given = PARAMETERS[parameter]
    answer = service.rpc(operation, {**given(shared), parameter: name}, version=VERSIONS[operation])
    assert (answer.json()["Code"], answer.status_code) == (f"InvalidParameter.{parameter}.InvalidChars", 400)


def test_every_code_of_ram_and_sts_is_provoked_or_has_a_reason() -> None:
    theirs = {code for code, kind in REGISTRY.items() if kind.__module__ != "domain.errors"}
    named = [code for table in (ASKED, BY_THEIR_OWN_TEST, OUT_OF_REACH) for code in table]
    assert sorted(named) == sorted(theirs)
    assert all(name in globals() for name in BY_THEIR_OWN_TEST.values())
    assert PARAMETERS.keys() == INVALID_LENGTH.keys() == INVALID_CHARS.keys()


def _published_status(code: str) -> int:
    """By the family in the code's name, as RAM's page of errors sorts them."""
    family = code.partition(".")[0]
    status = {"EntityNotExist": 404, "EntityAlreadyExists": 409, "DeleteConflict": 409, "LimitExceeded": 409}
    expected = status.get(family, 400)
    kind = REGISTRY[code]
    assert status_of(kind.__new__(kind)) == expected
    return expected
