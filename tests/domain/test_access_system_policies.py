"""What the system policies permit: the published scopes as a table, asked through the decision."""

from __future__ import annotations

from typing import Final

import pytest

from domain.access import Access
from domain.ram.system_policies import PARSED
from tests.fixtures.policies import MINE

KEY: Final = f"acs:kms:cn-hangzhou:{MINE}:key/0b2e2f2c-0000-4000-8000-000000000000"
KEYS: Final = f"acs:kms:cn-hangzhou:{MINE}:key"
ALIAS: Final = f"acs:kms:cn-hangzhou:{MINE}:alias/shop"
SECRET: Final = f"acs:kms:cn-hangzhou:{MINE}:secret/password"
USER: Final = f"acs:ram:*:{MINE}:user/anna"
ROLE: Final = f"acs:ram::{MINE}:role/shop"

QUESTIONS: Final = {
    "Encrypt": ("kms:Encrypt", KEY),
    "Decrypt": ("kms:Decrypt", KEY),
    "GenerateDataKey": ("kms:GenerateDataKey", KEY),
    "GenerateDataKeyWithoutPlaintext": ("kms:GenerateDataKeyWithoutPlaintext", KEY),
    "CreateKey": ("kms:CreateKey", KEYS),
    "ListKeys": ("kms:ListKeys", KEYS),
    "DescribeKey": ("kms:DescribeKey", KEY),
    "DisableKey": ("kms:DisableKey", KEY),
    "ScheduleKeyDeletion": ("kms:ScheduleKeyDeletion", KEY),
    "CreateAlias": ("kms:CreateAlias", ALIAS),
    "GetPublicKey": ("kms:GetPublicKey", KEY),
    "GetSecretValue": ("kms:GetSecretValue", SECRET),
    "DescribeSecret": ("kms:DescribeSecret", SECRET),
    "GetRandomPassword": ("kms:GetRandomPassword", "*"),
    "GetUser": ("ram:GetUser", USER),
    "CreateUser": ("ram:CreateUser", f"acs:ram:*:{MINE}:user/*"),
    "AssumeRole": ("sts:AssumeRole", ROLE),
    "SearchEvents": ("audit:SearchEvents", f"acs:audit:*:{MINE}:trail"),
    "LookupEvents": ("actiontrail:LookupEvents", f"acs:actiontrail:*:{MINE}:trail"),
}
OF_KMS: Final = {name for name, (action, _) in QUESTIONS.items() if action.startswith("kms:")}
OF_SECRETS: Final = {"GetSecretValue", "DescribeSecret", "GetRandomPassword"}
USES: Final = {"Encrypt", "Decrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "GetPublicKey"}

SCOPES: Final = {
    "AdministratorAccess": set(QUESTIONS),
    "AliyunKMSFullAccess": OF_KMS,
    "AliyunKMSReadOnlyAccess": {"ListKeys", "DescribeKey", "GetPublicKey", "DescribeSecret"},
    "AliyunKMSCryptoUserAccess": USES,
    "AliyunKMSCryptoAdminAccess": OF_KMS - OF_SECRETS,
    "AliyunKMSSecretUserAccess": {"GetSecretValue", "DescribeSecret"},
    "AliyunKMSSecretAdminAccess": OF_SECRETS,
    "AliyunRAMFullAccess": {"GetUser", "CreateUser"},
    "AliyunRAMReadOnlyAccess": {"GetUser"},
    "AliyunSTSAssumeRoleAccess": {"AssumeRole"},
    "AliyunActionTrailReadOnlyAccess": {"LookupEvents"},
    "KeyLedgerAuditReadOnlyAccess": {"SearchEvents", "LookupEvents"},
}


def test_every_system_policy_has_a_scope_here() -> None:
    assert set(PARSED) == set(SCOPES)


@pytest.mark.parametrize("name", SCOPES)
def test_a_system_policy_permits_its_published_scope(name: str) -> None:
    caller = Access(account_id=MINE, principal=f"acs:ram::{MINE}:user/anna", policies=[PARSED[name]])
    permitted = {name for name, (action, resource) in QUESTIONS.items() if caller.permits(action, resource)}
    assert permitted == SCOPES[name]
