"""The table's lines of RAM beside the official SDK: no operation and no parameter that the SDK sends is overlooked."""

from __future__ import annotations

from typing import Final

import pytest
from alibabacloud_ram20150501 import models
from alibabacloud_ram20150501.client import Client

from api.action import Product
from api.operations import OPERATIONS
from api.parameters import Parameters
from api.ram import reading
from api.ram.authorised import arns
from api.ram_operations import TABLE
from domain.call import Caller
from domain.errors import MissingParameter, UnsupportedOperation

ACCOUNT: Final = "1234567890123456"
REFUSED: Final = {"Tag", "ResourceGroupId", "AllowConsoleLogin", "NewAllowConsoleLogin"}
"""What the live service does and this one does not."""

ROOT: Final = Caller(account_id=ACCOUNT, kind="root-account", principal=f"acs:ram::{ACCOUNT}:root")
ALICE: Final = Caller(
    account_id=ACCOUNT, kind="ram-user", principal=f"acs:ram::{ACCOUNT}:user/alice", user_name="alice"
)
SESSION: Final = Caller(
    account_id=ACCOUNT, kind="assumed-role", principal=f"acs:ram::{ACCOUNT}:role/shop/s", user_name="shop:s"
)
LINES: Final = {action.name: action for action in TABLE}


def arn(named: str) -> str:
    return f"acs:ram:*:{ACCOUNT}:{named}"


@pytest.mark.parametrize("operation", LINES)
def test_every_parameter_of_the_sdk_is_in_the_table_or_refused(operation: str) -> None:
    asked = getattr(models, f"{operation}Request")()
    sent = {name.replace("_", "").lower() for name in vars(asked)}
    known = {parameter.name for parameter in LINES[operation].parameters}
    assert {name.lower() for name in known} <= sent
    assert sent - {name.lower() for name in known} <= {name.lower() for name in REFUSED}


def test_the_sdk_has_no_operation_on_these_entities_that_the_table_has_not() -> None:
    """Left out: consoles' passwords and MFA, service-linked roles, tags, and GetAccessKeyLastUsed, which would have to
    look through the ledger at every use."""
    offered = {name for name in dir(Client) if name.split("_")[0] in _VERBS and not name.endswith(_ENDINGS)}
    served = {"".join(part.title() for part in name.split("_")) for name in offered} & LINES.keys()
    missing = {name for name in offered if "".join(part.title() for part in name.split("_")) not in LINES}
    assert served == LINES.keys()
    assert missing == LEFT_OUT


_VERBS: Final = {"create", "get", "update", "list", "delete", "add", "remove", "attach", "detach", "set"}
_ENDINGS: Final = ("_async", "_with_options")
LEFT_OUT: Final = {
    *("create_login_profile", "get_login_profile", "update_login_profile", "delete_login_profile"),
    *("create_virtual_mfadevice", "list_virtual_mfadevices", "delete_virtual_mfadevice", "get_user_mfainfo"),
    *("create_service_linked_role", "delete_service_linked_role", "get_service_linked_role_template"),
    *("set_account_alias", "get_account_alias", "set_password_policy", "get_password_policy"),
    *("set_security_preference", "get_security_preference", "list_tag_resources", "get_access_key_last_used"),
    # the SDK's own
    *("get_access_denied_detail", "get_access_key_id", "get_access_key_secret", "get_bearer_token", "get_endpoint"),
    *("get_rpc_headers", "get_security_token", "get_type", "set_gateway_client", "set_rpc_headers"),
}


def test_a_line_says_what_ram_authorises_and_what_xml_is_wrapped_in() -> None:
    line = OPERATIONS["2015-05-01", "CreateUser"]
    assert (line.product, line.ram_action, line.xml_root) == (Product.RAM, "ram:CreateUser", "CreateUserResponse")
    assert not any(action.route for action in TABLE)


@pytest.mark.parametrize(
    ("operation", "given", "expected"),
    [
        ("CreateUser", {"UserName": "alice"}, [arn("user/*")]),
        ("GetUser", {"UserName": "alice"}, [arn("user/alice")]),
        ("UpdateUser", {"UserName": "alice", "NewEmail": "x"}, [arn("user/alice")]),
        ("UpdateUser", {"UserName": "alice", "NewUserName": "bob"}, [arn("user/alice"), arn("user/bob")]),
        ("UpdateGroup", {"GroupName": "g", "NewGroupName": "h"}, [arn("group/g"), arn("group/h")]),
        ("ListUsers", {}, [arn("user/*")]),
        ("CreateGroup", {"GroupName": "g"}, [arn("group/*")]),
        ("AddUserToGroup", {"UserName": "alice", "GroupName": "g"}, [arn("user/alice"), arn("group/g")]),
        ("CreatePolicy", {"PolicyName": "p"}, [arn("policy/*")]),
        ("DeletePolicy", {"PolicyName": "p"}, [arn("policy/p")]),
        ("GetPolicy", {"PolicyName": "p", "PolicyType": "Custom"}, [arn("policy/p")]),
        ("GetPolicy", {"PolicyName": "p", "PolicyType": "System"}, ["acs:ram:*:system:policy/p"]),
        (
            "AttachPolicyToRole",
            {"PolicyName": "p", "PolicyType": "System", "RoleName": "r"},
            [arn("role/r"), "acs:ram:*:system:policy/p"],
        ),
        ("CreateRole", {"RoleName": "r"}, [arn("role/*")]),
        ("DeleteRole", {"RoleName": "r"}, [arn("role/r")]),
    ],
)
def test_a_resource_is_named_by_the_parameters(operation: str, given: dict[str, str], expected: list[str]) -> None:
    assert list(arns(LINES[operation].resources, Parameters(given), ROOT)) == expected


def test_a_type_that_is_no_parameter_of_the_operation_does_not_change_whose_policy_is_meant() -> None:
    """Else a permission on ``system`` would delete the account's own policy of that name."""
    smuggled = Parameters({"PolicyName": "p", "PolicyType": "System"})
    for operation in ("DeletePolicy", "CreatePolicyVersion", "SetDefaultPolicyVersion", "UpdatePolicyDescription"):
        assert arns(LINES[operation].resources, smuggled, ROOT) == (arn("policy/p"),)


@pytest.mark.parametrize("operation", ["CreateAccessKey", "UpdateAccessKey", "ListAccessKeys", "DeleteAccessKey"])
def test_access_keys_without_a_user_are_those_of_whoever_asks(operation: str) -> None:
    resources = LINES[operation].resources
    assert arns(resources, Parameters({}), ALICE) == (arn("user/alice"),)
    assert arns(resources, Parameters({}), ROOT) == (arn("user/root"),)
    assert arns(resources, Parameters({"UserName": "bob"}), ALICE) == (arn("user/bob"),)
    with pytest.raises(MissingParameter, match="UserName"):
        arns(resources, Parameters({}), SESSION)


def test_a_resource_without_its_parameter_is_refused_by_name() -> None:
    for operation, name in (("GetUser", "UserName"), ("AddUserToGroup", "UserName"), ("GetPolicy", "PolicyType")):
        with pytest.raises(MissingParameter, match=name):
            arns(LINES[operation].resources, Parameters({"GroupName": "g", "PolicyName": "p"}), ROOT)


@pytest.mark.parametrize("sent", ["Tag", "Tag.1.Key", "Tag.1.Value"])
def test_what_cannot_be_honoured_is_refused_however_it_is_sent(sent: str) -> None:
    with pytest.raises(UnsupportedOperation, match="CreateRole does not support the parameter Tag here"):
        reading.refuse(Parameters({sent: "x"}, "CreateRole"), "AllowConsoleLogin", "Tag")


@pytest.mark.parametrize("nothing", ["", "false", "False", "[]"])
def test_what_asks_for_nothing_is_not_refused(nothing: str) -> None:
    reading.refuse(Parameters({"AllowConsoleLogin": nothing, "Tagged": "x"}), "AllowConsoleLogin", "Tag")
