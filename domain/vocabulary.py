"""Alibaba's words for keys, as the wire spells them (API 2016-01-20), and the published limits.

Here: enumerations whose values are the wire's spelling, and constants. Not here: what a state allows
(:mod:`domain.state_matrix`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class KeyState(StrEnum):
    ENABLED = "Enabled"
    DISABLED = "Disabled"
    PENDING_DELETION = "PendingDeletion"
    PENDING_IMPORT = "PendingImport"


class KeySpec(StrEnum):
    """Of a CMK. Only AES-256 is served; the other published names are known so that a refusal can be exact."""

    ALIYUN_AES_256 = "Aliyun_AES_256"


class KeyUsage(StrEnum):
    ENCRYPT_DECRYPT = "ENCRYPT/DECRYPT"


class Origin(StrEnum):
    ALIYUN_KMS = "Aliyun_KMS"
    EXTERNAL = "EXTERNAL"


class ProtectionLevel(StrEnum):
    SOFTWARE = "SOFTWARE"
    HSM = "HSM"


class Operation(StrEnum):
    """What a call may ask for, by the name that the wire gives it.

    ``DestroyKey`` and ``SetUp`` are the service's own; ``Unknown`` is whatever else a known caller asked for.
    """

    CREATE_KEY = "CreateKey"
    DESCRIBE_KEY = "DescribeKey"
    LIST_KEYS = "ListKeys"
    ENABLE_KEY = "EnableKey"
    DISABLE_KEY = "DisableKey"
    SCHEDULE_KEY_DELETION = "ScheduleKeyDeletion"
    CANCEL_KEY_DELETION = "CancelKeyDeletion"
    UPDATE_KEY_DESCRIPTION = "UpdateKeyDescription"
    ENCRYPT = "Encrypt"
    DECRYPT = "Decrypt"
    GENERATE_DATA_KEY = "GenerateDataKey"
    GENERATE_DATA_KEY_WITHOUT_PLAINTEXT = "GenerateDataKeyWithoutPlaintext"
    DESCRIBE_REGIONS = "DescribeRegions"
    # RAM
    CREATE_USER = "CreateUser"
    GET_USER = "GetUser"
    UPDATE_USER = "UpdateUser"
    LIST_USERS = "ListUsers"
    DELETE_USER = "DeleteUser"
    CREATE_ACCESS_KEY = "CreateAccessKey"
    UPDATE_ACCESS_KEY = "UpdateAccessKey"
    LIST_ACCESS_KEYS = "ListAccessKeys"
    DELETE_ACCESS_KEY = "DeleteAccessKey"
    CREATE_GROUP = "CreateGroup"
    GET_GROUP = "GetGroup"
    UPDATE_GROUP = "UpdateGroup"
    LIST_GROUPS = "ListGroups"
    DELETE_GROUP = "DeleteGroup"
    ADD_USER_TO_GROUP = "AddUserToGroup"
    REMOVE_USER_FROM_GROUP = "RemoveUserFromGroup"
    LIST_GROUPS_FOR_USER = "ListGroupsForUser"
    LIST_USERS_FOR_GROUP = "ListUsersForGroup"
    CREATE_POLICY = "CreatePolicy"
    GET_POLICY = "GetPolicy"
    LIST_POLICIES = "ListPolicies"
    UPDATE_POLICY_DESCRIPTION = "UpdatePolicyDescription"
    DELETE_POLICY = "DeletePolicy"
    CREATE_POLICY_VERSION = "CreatePolicyVersion"
    GET_POLICY_VERSION = "GetPolicyVersion"
    LIST_POLICY_VERSIONS = "ListPolicyVersions"
    DELETE_POLICY_VERSION = "DeletePolicyVersion"
    SET_DEFAULT_POLICY_VERSION = "SetDefaultPolicyVersion"
    ATTACH_POLICY_TO_USER = "AttachPolicyToUser"
    ATTACH_POLICY_TO_GROUP = "AttachPolicyToGroup"
    ATTACH_POLICY_TO_ROLE = "AttachPolicyToRole"
    DETACH_POLICY_FROM_USER = "DetachPolicyFromUser"
    DETACH_POLICY_FROM_GROUP = "DetachPolicyFromGroup"
    DETACH_POLICY_FROM_ROLE = "DetachPolicyFromRole"
    LIST_POLICIES_FOR_USER = "ListPoliciesForUser"
    LIST_POLICIES_FOR_GROUP = "ListPoliciesForGroup"
    LIST_POLICIES_FOR_ROLE = "ListPoliciesForRole"
    LIST_ENTITIES_FOR_POLICY = "ListEntitiesForPolicy"
    CREATE_ROLE = "CreateRole"
    GET_ROLE = "GetRole"
    UPDATE_ROLE = "UpdateRole"
    LIST_ROLES = "ListRoles"
    DELETE_ROLE = "DeleteRole"
    # STS
    ASSUME_ROLE = "AssumeRole"
    GET_CALLER_IDENTITY = "GetCallerIdentity"
    # the audit trail
    SEARCH_EVENTS = "SearchEvents"
    COUNT_EVENTS = "CountEvents"
    EXPORT_EVENTS = "ExportEvents"
    GET_KEY_HISTORY = "GetKeyHistory"
    GET_KEY_AT = "GetKeyAt"
    LIST_KEY_FINDINGS = "ListKeyFindings"
    LIST_UNUSED_PERMISSIONS = "ListUnusedPermissions"
    GET_LEAST_POLICY = "GetLeastPolicy"
    EVALUATE_POLICY = "EvaluatePolicy"
    LIST_AUTHORITY_CHANGES = "ListAuthorityChanges"
    GET_COVERAGE = "GetCoverage"
    LOOKUP_EVENTS = "LookupEvents"
    # the service's own
    DESTROY_KEY = "DestroyKey"
    SET_UP = "SetUp"
    UNKNOWN = "Unknown"


DEFAULT_REGIONS: Final = (
    "cn-hangzhou",
    "cn-shanghai",
    "cn-beijing",
    "cn-shenzhen",
    "cn-hongkong",
    "ap-southeast-1",
    "ap-northeast-1",
    "ap-southeast-2",
    "eu-central-1",
    "me-east-1",
)

PLAINTEXT_BYTES_MAX: Final = 6_144
"""Of the UTF-8 ``Plaintext`` string of Encrypt (Alibaba: "6 KB")."""

ENCRYPTION_CONTEXT_CHARACTERS_MAX: Final = 8_192
DESCRIPTION_CHARACTERS_MAX: Final = 8_192
DATA_KEY_BYTES_MAX: Final = 1_024
PENDING_WINDOW_DAYS: Final = range(7, 367)
CMKS_PER_ACCOUNT_AND_REGION: Final = 200

ENCRYPTIONS_PER_KEY_VERSION_MAX: Final = 2**32 - 1
"""Fewer than 2^32 invocations with random 96-bit IVs per key (NIST SP 800-38D section 8.3)."""
