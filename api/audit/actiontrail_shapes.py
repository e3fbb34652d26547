"""An event as ActionTrail tells it: Alibaba Cloud ActionTrail, "Management event structure", and KMS's samples there.

Made of a row of the audit trail alone. What an answer held is not recorded, so responseElements has nothing but the
RequestId; of requests there is what the event kept, under the names of the request's parameters. No secret is in a row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from api import kms_operations, ram_operations, sts
from api.action import Effect, Product
from domain.vocabulary import Operation

Row = Mapping[str, Any]

_NAMES: Final = {
    Product.KMS: "Kms",
    Product.RAM: "Ram",
    Product.STS: "Sts",
    Product.ACTIONTRAIL: "Actiontrail",
    Product.AUDIT: "KeyLedgerAudit",
}
_OF_THE_TRAIL: Final = (Product.ACTIONTRAIL, Product.AUDIT)
"""Whose requests are recorded by the names of their parameters, and name no region."""
_TABLES: Final = (*kms_operations.TABLE, *ram_operations.TABLE, *sts.TABLE)
ROOT: Final = "root"
"""The userName of root identities."""
_OWN: Final = (Operation.DESTROY_KEY, Operation.SET_UP, Operation.UNKNOWN)
_PRODUCTS: Final[Mapping[str, Product]] = {
    **dict.fromkeys((operation.value for operation in Operation), Product.AUDIT),
    **{action.name: action.product for action in _TABLES},
    **{operation.value: Product.KMS for operation in _OWN},
    Operation.LOOKUP_EVENTS.value: Product.ACTIONTRAIL,
}
_EFFECTS: Final[Mapping[str, Effect]] = {action.name: action.effect for action in _TABLES} | {
    operation.value: Effect.CHANGES for operation in _OWN
}
_KINDS: Final = {
    "key": "ACS::KMS::Key",
    "user": "ACS::RAM::User",
    "group": "ACS::RAM::Group",
    "role": "ACS::RAM::Role",
    "policy": "ACS::RAM::Policy",
}


def _rw(operation: str) -> str:
    """A use changes nothing."""
    return "Write" if _EFFECTS.get(operation) is Effect.CHANGES else "Read"


def _kinds(resources: tuple[str, ...]) -> Iterator[str]:
    for resource in resources:
        kind = resource.rpartition(":")[2].partition("/")[0]
        if kind in _KINDS:
            yield _KINDS[kind]


_RESOURCES: Final[Mapping[str, tuple[str, ...]]] = {
    **{action.name: tuple(dict.fromkeys(_kinds(action.resources))) for action in _TABLES},
    Operation.DESTROY_KEY.value: (_KINDS["key"],),
    Operation.DECRYPT.value: (_KINDS["key"],),
    Operation.ASSUME_ROLE.value: (_KINDS["role"],),
}


KINDS_OF_RAM: Final[Mapping[str, str]] = {named: kind for kind, named in _KINDS.items() if kind != "key"}
"""By ActionTrail's names."""


def _grouped(groups: Iterator[tuple[str, str]]) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for group, operation in groups:
        found.setdefault(group, set()).add(operation)
    return {group: frozenset(operations) for group, operations in found.items()}


OPERATIONS_BY_SERVICE: Final = _grouped((_NAMES[product].lower(), name) for name, product in _PRODUCTS.items())
OPERATIONS_BY_RW: Final = _grouped((_rw(name), name) for name in _PRODUCTS)
OPERATIONS_BY_RESOURCE: Final = _grouped((kind, name) for name, kinds in _RESOURCES.items() for kind in kinds)

_PARAMETERS: Final = {
    "access_key_id": "UserAccessKeyId",
    "comments": "Comments",
    "description": "Description",
    "display_name": "DisplayName",
    "document": "PolicyDocument",
    "duration_seconds": "DurationSeconds",
    "email": "Email",
    "group_name": "GroupName",
    "key_spec": "KeySpec",
    "key_usage": "KeyUsage",
    "max_session_duration": "MaxSessionDuration",
    "mobile_phone": "MobilePhone",
    "new_group_name": "NewGroupName",
    "new_user_name": "NewUserName",
    "origin": "Origin",
    "pending_window_days": "PendingWindowInDays",
    "policy_name": "PolicyName",
    "policy_type": "PolicyType",
    "protection_level": "ProtectionLevel",
    "role_arn": "RoleArn",
    "role_name": "RoleName",
    "session_name": "RoleSessionName",
    "session_policy": "Policy",
    "set_as_default": "SetAsDefault",
    "status": "Status",
    "tags": "Tags",
    "trust_policy": "AssumeRolePolicyDocument",
    "user_name": "UserName",
    "version_id": "VersionId",
}
"""Of requests, by the names of events' fields."""

_TARGETS: Final = {"user": "UserName", "group": "GroupName", "role": "RoleName"}


def shape(row: Row, account_id: str, default_region: str, sessions: Mapping[str, datetime]) -> dict[str, Any]:
    """:param account_id: whose trail it is told from. :param sessions: when they began, by access key."""
    operation, region_id = row["operation"], row["region_id"] or default_region
    product = _PRODUCTS[operation]
    requested, resources = _requested(row), _referenced(row)
    return {
        "eventId": row["request_id"],
        "eventVersion": "1",
        "eventName": operation,
        "eventType": "ApiCall",
        "eventCategory": "Data" if _EFFECTS.get(operation) is Effect.USES else "Management",
        "eventRW": _rw(operation),
        "eventTime": _seconds(row["recorded_at"]),
        "eventSource": _source(product, region_id),
        "serviceName": _NAMES[product],
        "apiVersion": product.version,
        "acsRegion": region_id,
        "isGlobal": not product.is_regional,
        "requestId": row["request_id"],
        "sourceIpAddress": row.get("source_ip", ""),
        "userAgent": row["user_agent"],
        "recipientAccountId": account_id,
        "userIdentity": _identity(row, sessions),
        "requestParameters": requested,
        "requestParameterJson": json.dumps(requested, ensure_ascii=False),
        "responseElements": {"RequestId": row["request_id"]},
        "additionalEventData": {"Scheme": "https" if row["secure_transport"] else "http"},
        **_named(resources),
        **_error(row),
    }


def _identity(row: Row, sessions: Mapping[str, datetime]) -> dict[str, Any]:
    kind = row["principal_kind"]
    told = {
        "type": kind,
        "accountId": row.get("other_account_id", row["account_id"]),
        "principalId": row["principal_id"],
        "userName": ROOT if kind == "root-account" else row["user_name"],
    }
    if row["access_key_id"]:
        told["accessKeyId"] = row["access_key_id"]
    if kind == "assumed-role":
        begun = sessions.get(row["access_key_id"])
        attributes = {"mfaAuthenticated": "false"}
        if begun is not None:
            attributes["creationDate"] = begun.strftime("%Y-%m-%dT%H:%M:%SZ")
        told["sessionContext"] = {"attributes": attributes}
    return told


def _is_of_the_trail(row: Row) -> bool:
    return _PRODUCTS[row["operation"]] in _OF_THE_TRAIL


def _requested(row: Row) -> dict[str, Any]:
    """Only what came with the request; what was made for it, such as a user's id, is left out."""
    details = row.get("details", {})
    if _is_of_the_trail(row):
        return dict(details)
    told = {
        _PARAMETERS[name]: value for name, value in details.items() if name in _PARAMETERS and value not in ("", {})
    }
    if details.get("target_kind") in _TARGETS:
        told[_TARGETS[details["target_kind"]]] = details["target_name"]
    if "key_id" in row and row["operation"] != Operation.CREATE_KEY.value:
        told["KeyId"] = row["key_id"]
    if "encryption_context" in row:
        told["EncryptionContext"] = row["encryption_context"]
    if row["operation"] == Operation.CREATE_ACCESS_KEY.value or row["operation"] == Operation.ASSUME_ROLE.value:
        told.pop("UserAccessKeyId", None)
    if row["region_id"]:
        told["RegionId"] = row["region_id"]
    return told


def _referenced(row: Row) -> dict[str, list[str]]:
    """By type: the CMK, else what the ARN or the change names."""
    if "key_id" in row:
        return {_KINDS["key"]: [row["key_id"]]}
    found: dict[str, list[str]] = {}
    for kind, name in _things(row):
        found.setdefault(_KINDS[kind], []).append(name)
    return found


def _things(row: Row) -> Iterator[tuple[str, str]]:
    kind, _, name = row.get("resource", "").rpartition(":")[2].partition("/")
    if kind in _KINDS and name not in ("", "*"):
        yield kind, name
        return
    if _is_of_the_trail(row):  # whatever a question named was not touched
        return
    details = row.get("details", {})
    for kind in ("user", "group", "role", "policy"):
        name = details.get(f"{kind}_name") or (details.get("target_name") if details.get("target_kind") == kind else "")
        if name:
            yield kind, name


def _named(resources: Mapping[str, list[str]]) -> dict[str, Any]:
    if not resources:
        return {}
    kind, names = next(iter(resources.items()))
    return {"resourceType": kind, "resourceName": names[0], "referencedResources": dict(resources)}


def _error(row: Row) -> dict[str, str]:
    return {"errorCode": row["error_code"], "errorMessage": row["error_message"]} if "error_code" in row else {}


def _source(product: Product, region_id: str) -> str:
    place = f".{region_id}" if product.is_regional else ""
    return f"{'kms' if product is Product.KMS else _NAMES[product].lower()}{place}.aliyuncs.com"


def _seconds(at: str) -> str:
    """``yyyy-MM-ddTHH:mm:ssZ``, of a row's time."""
    return f"{at[:19]}Z"
