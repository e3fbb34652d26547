"""The system policies: Alibaba's for KMS, the four for RAM and STS, and two for auditors; the same in every account,
nobody's to change.

Scope and version as published, but for statements about operations that are not served here. They are no events: what
they say belongs to this version of the service, and whoever changes one changes what every ledger's callers may do.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, NamedTuple

from domain.policy import Policy, parse
from domain.ram.entities import ManagedPolicy, PolicyType, PolicyVersion


class _Given(NamedTuple):
    name: str
    version_id: str
    created: str
    description: str
    document: str


_GIVEN: Final = (
    _Given(
        "AdministratorAccess",
        "v1",
        "2015-04-28",
        "Everything in the account.",
        """{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}""",
    ),
    _Given(
        "AliyunRAMFullAccess",
        "v1",
        "2015-04-28",
        "Users, groups, policies and roles: looking and changing.",
        """{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "ram:*", "Resource": "*"}]}""",
    ),
    _Given(
        "AliyunRAMReadOnlyAccess",
        "v1",
        "2015-04-28",
        "Users, groups, policies and roles: looking.",
        """{"Version": "1", "Statement": [{"Effect": "Allow", "Action": ["ram:Get*", "ram:List*"],
 "Resource": "*"}]}""",
    ),
    _Given(
        "AliyunActionTrailReadOnlyAccess",
        "v1",
        "2016-03-28",
        "The audit trail, as ActionTrail tells it: looking.",
        """{"Version": "1", "Statement": [{"Effect": "Allow", "Action": ["actiontrail:Lookup*", "actiontrail:Describe*",
 "actiontrail:Get*", "actiontrail:List*"], "Resource": "*"}]}""",
    ),
    _Given(
        "KeyLedgerAuditReadOnlyAccess",
        "v1",
        "2026-11-25",
        "The audit trail: searching, counting, exporting and asking it everything; using no key, changing nothing.",
        """{"Version": "1", "Statement": [{"Effect": "Allow", "Action": ["audit:*", "actiontrail:LookupEvents"],
 "Resource": "*"}]}""",
    ),
    _Given(
        "AliyunSTSAssumeRoleAccess",
        "v1",
        "2015-04-28",
        "Assuming every role that trusts who asks.",
        """{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]}""",
    ),
    _Given(
        "AliyunKMSFullAccess",
        "v3",
        "2018-03-01",
        "Keys, aliases and secrets: everything.",
        """{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]}""",
    ),
    _Given(
        "AliyunKMSReadOnlyAccess",
        "v3",
        "2018-03-01",
        "Keys, aliases and secrets: looking at what they are, using none.",
        """{"Version": "1", "Statement": [{"Effect": "Allow", "Action": ["kms:List*", "kms:Describe*",
 "kms:GetPublicKey", "kms:GetKeyPolicy", "kms:GetSecretPolicy", "kms:GetKmsInstance", "kms:GetDefaultKmsInstance",
 "kms:GetKmsInstanceQuotaInfos"], "Resource": "*"}]}""",
    ),
    _Given(
        "AliyunKMSCryptoUserAccess",
        "v1",
        "2020-03-01",
        "Keys: using them.",
        """{"Version": "1", "Statement": [{"Effect": "Allow", "Action": ["kms:Encrypt", "kms:Decrypt",
 "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:AsymmetricEncrypt", "kms:AsymmetricDecrypt",
 "kms:AsymmetricSign", "kms:AsymmetricVerify", "kms:GetPublicKey"], "Resource": "*"}]}""",
    ),
    _Given(
        "AliyunKMSCryptoAdminAccess",
        "v2",
        "2020-03-01",
        "Keys and aliases: everything.",
        """{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "kms:*",
 "Resource": ["acs:kms:*:*:key*", "acs:kms:*:*:alias*"]}]}""",
    ),
    _Given(
        "AliyunKMSSecretUserAccess",
        "v1",
        "2020-03-01",
        "Secrets: reading them.",
        """{"Version": "1", "Statement": [{"Effect": "Allow", "Action": ["kms:GetSecretValue", "kms:DescribeSecret",
 "kms:ListSecretVersionIds"], "Resource": "*"}]}""",
    ),
    _Given(
        "AliyunKMSSecretAdminAccess",
        "v5",
        "2020-03-01",
        "Secrets: everything.",
        """{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "acs:kms:*:*:secret*"},
 {"Effect": "Allow", "Action": "kms:GetRandomPassword", "Resource": "*"}]}""",
    ),
)


def _policy(number: int, given: _Given) -> ManagedPolicy:
    created = datetime.fromisoformat(given.created).replace(tzinfo=UTC)
    return ManagedPolicy(
        policy_type=PolicyType.SYSTEM,
        name=given.name,
        number=number,
        created_at=created,
        updated_at=created,
        description=given.description,
        versions=(PolicyVersion(version_id=given.version_id, document=given.document, created_at=created),),
        default_version=given.version_id,
    )


SYSTEM_POLICIES: Final[Mapping[str, ManagedPolicy]] = MappingProxyType(
    {given.name: _policy(number, given) for number, given in enumerate(_GIVEN, -len(_GIVEN))}
)
"""By name. Their numbers are negative: lists have them before an account's own."""

PARSED: Final[Mapping[str, Policy]] = MappingProxyType(
    {name: parse(policy.document, name=f"System/{name}") for name, policy in SYSTEM_POLICIES.items()}
)

SYSTEM_NAMES: Final = frozenset(name.lower() for name in SYSTEM_POLICIES)
"""Whatever their case: no custom policy may be taken for one of them."""
