"""The system policies: all of WIRE 3.3, in force as published, and the same in every account."""

from __future__ import annotations

from typing import Final

import pytest

from domain.access import Access
from domain.ram.entities import PolicyType
from domain.ram.system_policies import PARSED, SYSTEM_POLICIES
from tests.fixtures.ledger import ACCOUNT
from tests.fixtures.ram_account import Account

KEY: Final = f"acs:kms:cn-hangzhou:{ACCOUNT}:key/1"
ALIAS: Final = f"acs:kms:cn-hangzhou:{ACCOUNT}:alias/shop"
SECRET: Final = f"acs:kms:cn-hangzhou:{ACCOUNT}:secret/shop"
USER: Final = f"acs:ram:*:{ACCOUNT}:user/alice"

PUBLISHED: Final = """
| policy                     | version | kms:Encrypt | kms:ListKeys | kms:CreateKey | kms:DisableKey | alias | secret | ram |
| AdministratorAccess        | v1      | yes         | yes          | yes           | yes            | yes   | yes    | yes |
| AliyunRAMFullAccess        | v1      | no          | no           | no            | no             | no    | no     | yes |
| AliyunRAMReadOnlyAccess    | v1      | no          | no           | no            | no             | no    | no     | no  |
| AliyunActionTrailReadOnlyAccess | v1 | no          | no           | no            | no             | no    | no     | no  |
| KeyLedgerAuditReadOnlyAccess | v1    | no          | no           | no            | no             | no    | no     | no  |
| AliyunSTSAssumeRoleAccess  | v1      | no          | no           | no            | no             | no    | no     | no  |
| AliyunKMSFullAccess        | v3      | yes         | yes          | yes           | yes            | yes   | yes    | no  |
| AliyunKMSReadOnlyAccess    | v3      | no          | yes          | no            | no             | no    | no     | no  |
| AliyunKMSCryptoUserAccess  | v1      | yes         | no           | no            | no             | no    | no     | no  |
| AliyunKMSCryptoAdminAccess | v2      | yes         | yes          | yes           | yes            | yes   | no     | no  |
| AliyunKMSSecretUserAccess  | v1      | no          | no           | no            | no             | no    | yes    | no  |
| AliyunKMSSecretAdminAccess | v5      | no          | no           | no            | no             | no    | yes    | no  |
"""  # noqa: E501

ASKED: Final = {
    "kms:Encrypt": ("kms:Encrypt", KEY),
    "kms:ListKeys": ("kms:ListKeys", KEY.removesuffix("/1")),
    "kms:CreateKey": ("kms:CreateKey", KEY.removesuffix("/1")),
    "kms:DisableKey": ("kms:DisableKey", KEY),
    "alias": ("kms:CreateAlias", ALIAS),
    "secret": ("kms:GetSecretValue", SECRET),
    "ram": ("ram:DeleteUser", USER),
}


def table() -> dict[str, dict[str, str]]:
    header, *rows = ([cell.strip() for cell in row.strip("|").split("|")] for row in PUBLISHED.strip().splitlines())
    return {row[0]: dict(zip(header[1:], row[1:], strict=True)) for row in rows}


def test_the_table_has_every_system_policy_in_its_version() -> None:
    assert {name: row["version"] for name, row in table().items()} == {
        name: policy.default_version for name, policy in SYSTEM_POLICIES.items()
    }


@pytest.mark.parametrize("question", ASKED)
@pytest.mark.parametrize("name", table())
def test_a_system_policy_allows_what_is_published(name: str, question: str) -> None:
    action, resource = ASKED[question]
    principal = f"acs:ram::{ACCOUNT}:user/alice"
    access = Access(account_id=ACCOUNT, principal=principal, policies=(PARSED[name],))
    assert access.permits(action, resource) == (table()[name][question] == "yes")


def test_reading_ram_and_assuming_roles_are_allowed_where_they_are_the_policys_subject() -> None:
    def permits(name: str, action: str, resource: str = USER) -> bool:
        policies = (PARSED[name],)
        access = Access(account_id=ACCOUNT, principal=f"acs:ram::{ACCOUNT}:user/alice", policies=policies)
        return access.permits(action, resource)

    assert permits("AliyunRAMReadOnlyAccess", "ram:GetUser")
    assert permits("AliyunRAMReadOnlyAccess", "ram:ListUsers")
    assert permits("AliyunSTSAssumeRoleAccess", "sts:AssumeRole")
    assert permits("KeyLedgerAuditReadOnlyAccess", "audit:ExportEvents", f"acs:audit:*:{ACCOUNT}:trail")
    for name in ("KeyLedgerAuditReadOnlyAccess", "AliyunActionTrailReadOnlyAccess"):
        assert permits(name, "actiontrail:LookupEvents", f"acs:actiontrail:*:{ACCOUNT}:trail")
    assert not permits("AliyunActionTrailReadOnlyAccess", "audit:SearchEvents", f"acs:audit:*:{ACCOUNT}:trail")
    assert not permits("AliyunActionTrailReadOnlyAccess", "actiontrail:DeleteTrail", f"acs:actiontrail:*:{ACCOUNT}:x")


def test_every_account_finds_them_and_none_has_them_among_its_own() -> None:
    authority = Account().authority
    for name, policy in SYSTEM_POLICIES.items():
        assert authority.policy(PolicyType.SYSTEM, name) is policy
        assert authority.policy(PolicyType.CUSTOM, name) is None
    assert len(authority.policies) == 0


def test_lists_have_them_before_an_accounts_own_and_in_one_order() -> None:
    numbers = [policy.number for policy in SYSTEM_POLICIES.values()]
    assert numbers == sorted(set(numbers))
    assert max(numbers) < 0
