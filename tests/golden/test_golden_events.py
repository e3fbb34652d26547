"""One file for every topic, for ever: the bytes that stand in ledgers today must make the same events in ten years.

A file is never changed. A new event adds one; a field that is added with a default adds another beside the old one
(``kms.key.used.2.json``) and its event here.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from adapters.ledger.mapper import decode, encode
from domain import events
from domain.call import Call, Caller
from domain.events import EVENTS, Event
from domain.vocabulary import Operation

FOLDER: Final = Path(__file__).parent / "events"
STREAM: Final = UUID("6f1d2c3b-4a59-4e68-8776-95a4b3c2d1e0")
KEY: Final = UUID("0b7f3c52-6d1e-4c8a-9f20-3e4d5c6b7a81")
KEY_VERSION: Final = UUID("1c8a4d63-7e2f-4d9b-a031-4f5e6d7c8b92")
AT: Final = datetime(2026, 6, 1, 12, 0, 0, 123456, tzinfo=UTC)


def call(operation: Operation, kind: str = "root-account") -> Call:
    by = Caller(
        account_id="1234567890123456",
        kind=kind,
        principal="acs:ram::1234567890123456:root",
        access_key_id="LTAI5tExampleExampleExam",
    )
    return Call(
        by=by,
        operation=operation,
        request_id=UUID("2d9b5e74-8f30-4eac-b142-506f7e8d9ca3"),
        stream=UUID("01977c3e-5d00-8abc-9def-0123456789ab"),
        at=AT,
        region_id="cn-hangzhou",
        source_ip="192.0.2.7",
        user_agent="AlibabaCloud (Linux; amd64) Python/3.11 Tea/1 \u4f60\u597d",
    )


def event(made_by: type[Event], operation: Operation, by: Caller | None = None, **fields: Any) -> Event:
    asked = call(operation) if by is None else replace(call(operation), by=by)
    return made_by(originator_id=STREAM, originator_version=3, timestamp=AT, call=asked, **fields)


USER: Final = Caller(
    account_id="1234567890123456",
    kind="ram-user",
    principal="acs:ram::1234567890123456:user/alice",
    access_key_id="LTAI5tExampleExampleExam",
    principal_id="221234567890123456",
    user_name="alice",
)
SESSION: Final = Caller(
    account_id="1234567890123456",
    kind="assumed-role",
    principal="acs:ram::1234567890123456:role/signer/nightly",
    access_key_id="STS.NUExampleExampleExample",
    principal_id="331234567890123456:nightly",
    user_name="signer:nightly",
    assumed_by="acs:ram::6543210987654321:user/bob",
)
ALLOW: Final = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"kms:Encrypt","Resource":"*"}]}'
TRUST: Final = (
    '{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
    '"Principal":{"RAM":["acs:ram::6543210987654321:root"]}}]}'
)


def ram(made_by: type[Event], operation: Operation, **fields: Any) -> Event:
    """What a RAM user changed in its account."""
    return event(made_by, operation, USER, account_id="1234567890123456", **fields)


CONTEXT: Final = {"purpose": "certificate", "\u7528\u9014": "\u8bc1\u4e66", "": "empty name"}

GOLDEN: Final[dict[str, Event]] = {
    "kms.region.opened": event(
        events.RegionOpened, Operation.SET_UP, region_id="cn-hangzhou", key_check_value="a1b2c3"
    ),
    "kms.account.created": event(events.AccountCreated, Operation.SET_UP, account_id="1234567890123456"),
    "kms.access-key.created": event(
        events.AccessKeyCreated,
        Operation.SET_UP,
        account_id="1234567890123456",
        access_key_id="LTAI5tExampleExampleExam",
    ),
    "kms.key.created": event(
        events.KeyCreated,
        Operation.CREATE_KEY,
        owner="1234567890123456",
        region_id="cn-hangzhou",
        key_version_id=KEY_VERSION,
        description="for certificates \u2014 \u8bc1\u4e66",
        key_spec="Aliyun_AES_256",
        key_usage="ENCRYPT/DECRYPT",
        origin="Aliyun_KMS",
        protection_level="SOFTWARE",
        tags={"team": "web"},
    ),
    "kms.key.enabled": event(events.KeyEnabled, Operation.ENABLE_KEY),
    "kms.key.disabled": event(events.KeyDisabled, Operation.DISABLE_KEY),
    "kms.key.description-updated": event(
        events.KeyDescriptionUpdated, Operation.UPDATE_KEY_DESCRIPTION, description='a "new" description'
    ),
    "kms.key.deletion-scheduled": event(
        events.KeyDeletionScheduled,
        Operation.SCHEDULE_KEY_DELETION,
        pending_window_days=7,
        delete_at=datetime(2026, 6, 8, 12, 0, 0, 123456, tzinfo=UTC),
    ),
    "kms.key.deletion-cancelled": event(events.KeyDeletionCancelled, Operation.CANCEL_KEY_DELETION),
    "kms.key.destroyed": event(events.KeyDestroyed, Operation.DESTROY_KEY, key_version_ids=(KEY_VERSION, UUID(int=1))),
    "kms.key.used": event(
        events.KeyUsed, Operation.ENCRYPT, key_id=KEY, key_version_id=KEY_VERSION, encryption_context=CONTEXT
    ),
    "kms.call.answered": event(events.CallAnswered, Operation.DESCRIBE_KEY, key_id=KEY),
    "kms.call.answered.without-key": event(events.CallAnswered, Operation.LIST_KEYS),
    "kms.call.refused": event(
        events.CallRefused,
        Operation.DECRYPT,
        code="Rejected.Disabled",
        message="The request was rejected because the key state is Disabled.",
        key_id=KEY,
        encryption_context=CONTEXT,
    ),
    # --- issue 3: users and sessions as callers; RAM, STS, quotas ---
    "kms.key.used.2": event(events.KeyUsed, Operation.DECRYPT, SESSION, key_id=KEY, key_version_id=KEY_VERSION),
    "kms.call.answered.2": event(
        events.CallAnswered, Operation.GET_USER, USER, resource="acs:ram:*:1234567890123456:user/bob"
    ),
    "kms.call.refused.2": event(
        events.CallRefused,
        Operation.DELETE_USER,
        USER,
        code="NoPermission",
        message="You are not authorized to do this action. You should be authorized by RAM.",
        resource="acs:ram:*:1234567890123456:user/bob",
    ),
    # --- issue 4: what was asked of the audit trail ---
    "kms.call.answered.3": event(
        events.CallAnswered,
        Operation.SEARCH_EVENTS,
        USER,
        resource="acs:audit:*:1234567890123456:trail",
        request_parameters={"context.\u7528\u9014": "\u8bc1\u4e66", "key_id": str(KEY), "outcome": "refused"},
    ),
    "kms.call.refused.3": event(
        events.CallRefused,
        Operation.GET_LEAST_POLICY,
        USER,
        code="NoPermission",
        message="You are not authorized to do this action. You should be authorized by RAM.",
        resource="acs:audit:*:1234567890123456:trail",
        request_parameters={"days": "30", "principal": "acs:ram::1234567890123456:user/bob"},
    ),
    "ram.user.created": ram(
        events.UserCreated,
        Operation.CREATE_USER,
        user_name="bob.smith@shop",
        user_id="227890123456123456",
        display_name="Bob \u9648",
        comments='of the "shop"',
        email="bob@example.com",
        mobile_phone="86-18600008888",
    ),
    "ram.user.updated": ram(
        events.UserUpdated,
        Operation.UPDATE_USER,
        user_name="bob.smith@shop",
        new_user_name="bob",
        display_name="",
        comments="",
        email="",
        mobile_phone="",
    ),
    "ram.user.deleted": ram(events.UserDeleted, Operation.DELETE_USER, user_name="bob", user_id="227890123456123456"),
    "ram.access-key.created": ram(
        events.UserAccessKeyCreated, Operation.CREATE_ACCESS_KEY, user_name="bob", access_key_id="LTAI5tOfBob"
    ),
    "ram.access-key.updated": ram(
        events.AccessKeyUpdated,
        Operation.UPDATE_ACCESS_KEY,
        user_name="bob",
        access_key_id="LTAI5tOfBob",
        status="Inactive",
    ),
    "ram.access-key.deleted": ram(
        events.AccessKeyDeleted, Operation.DELETE_ACCESS_KEY, user_name="", access_key_id="LTAI5tOfRoot"
    ),
    "ram.group.created": ram(
        events.GroupCreated,
        Operation.CREATE_GROUP,
        group_name="signers",
        group_id="g-1234567890123456",
        comments="who signs",
    ),
    "ram.group.updated": ram(
        events.GroupUpdated, Operation.UPDATE_GROUP, group_name="signers", new_group_name="sealers", comments=""
    ),
    "ram.group.deleted": ram(
        events.GroupDeleted, Operation.DELETE_GROUP, group_name="sealers", group_id="g-1234567890123456"
    ),
    "ram.group.user-added": ram(
        events.UserAddedToGroup, Operation.ADD_USER_TO_GROUP, group_name="sealers", user_name="bob"
    ),
    "ram.group.user-removed": ram(
        events.UserRemovedFromGroup, Operation.REMOVE_USER_FROM_GROUP, group_name="sealers", user_name="bob"
    ),
    "ram.policy.created": ram(
        events.PolicyCreated,
        Operation.CREATE_POLICY,
        policy_name="Encrypt-Only",
        description="encrypts \u2014 \u52a0\u5bc6",
        document=ALLOW,
    ),
    "ram.policy.version-created": ram(
        events.PolicyVersionCreated,
        Operation.CREATE_POLICY_VERSION,
        policy_name="Encrypt-Only",
        version_id="v6",
        document=ALLOW,
        set_as_default=True,
        removed_version="v2",
    ),
    "ram.policy.version-deleted": ram(
        events.PolicyVersionDeleted, Operation.DELETE_POLICY_VERSION, policy_name="Encrypt-Only", version_id="v3"
    ),
    "ram.policy.default-version-set": ram(
        events.DefaultPolicyVersionSet,
        Operation.SET_DEFAULT_POLICY_VERSION,
        policy_name="Encrypt-Only",
        version_id="v4",
    ),
    "ram.policy.description-updated": ram(
        events.PolicyDescriptionUpdated,
        Operation.UPDATE_POLICY_DESCRIPTION,
        policy_name="Encrypt-Only",
        description="",
    ),
    "ram.policy.deleted": ram(events.PolicyDeleted, Operation.DELETE_POLICY, policy_name="Encrypt-Only"),
    "ram.policy.attached": ram(
        events.PolicyAttached,
        Operation.ATTACH_POLICY_TO_GROUP,
        policy_type="System",
        policy_name="AliyunKMSCryptoUserAccess",
        target_kind="group",
        target_name="sealers",
    ),
    "ram.policy.detached": ram(
        events.PolicyDetached,
        Operation.DETACH_POLICY_FROM_ROLE,
        policy_type="Custom",
        policy_name="Encrypt-Only",
        target_kind="role",
        target_name="signer",
    ),
    "ram.role.created": ram(
        events.RoleCreated,
        Operation.CREATE_ROLE,
        role_name="signer",
        role_id="331234567890123456",
        description="for the shop",
        trust_policy=TRUST,
        max_session_duration=3600,
    ),
    "ram.role.updated": ram(
        events.RoleUpdated,
        Operation.UPDATE_ROLE,
        role_name="signer",
        description="",
        trust_policy=TRUST,
        max_session_duration=43200,
    ),
    "ram.role.deleted": ram(
        events.RoleDeleted, Operation.DELETE_ROLE, role_name="signer", role_id="331234567890123456"
    ),
    "kms.quota.raised": event(
        events.QuotaRaised,
        Operation.SET_UP,
        account_id="1234567890123456",
        region_id="cn-hangzhou",
        quota=1000,
        ticket="OPS-42",
    ),
    "sts.role.assumed": event(
        events.RoleAssumed,
        Operation.ASSUME_ROLE,
        USER,
        account_id="6543210987654321",
        role_arn="acs:ram::6543210987654321:role/signer",
        role_id="331234567890123456",
        session_name="nightly",
        access_key_id="STS.NUExampleExampleExample",
        duration_seconds=900,
        expires_at=datetime(2026, 6, 1, 12, 15, 0, 123456, tzinfo=UTC),
        session_policy=ALLOW,
    ),
    "ram.authentication.failed": event(
        events.AuthenticationFailed,
        Operation.UNKNOWN,
        account_id="1234567890123456",
        access_key_id="LTAI5tExampleExampleExam",
        source_ip="192.0.2.7",
        minute=datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC),
        count=17,
        codes={"SignatureDoesNotMatch": 16, "InvalidTimeStamp.Expired": 1},
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_bytes_make_the_event_and_the_event_makes_the_bytes(name: str) -> None:
    expected, stored = GOLDEN[name], (FOLDER / f"{name}.json").read_bytes().removesuffix(b"\n")
    assert decode(STREAM, 3, expected.TOPIC, stored) == expected
    assert encode(expected) == stored


def test_every_topic_has_a_golden_file_and_every_file_an_event() -> None:
    assert {event.TOPIC for event in GOLDEN.values()} == {event_class.TOPIC for event_class in EVENTS}
    assert {file.stem for file in FOLDER.glob("*.json")} == set(GOLDEN)


def test_the_bytes_name_no_python() -> None:
    for file in FOLDER.glob("*.json"):
        text = file.read_text(encoding="utf-8")
        assert "domain." not in text
        assert "__" not in text
        assert set(json.loads(text)) >= {"timestamp", "call"}


def test_whatever_is_not_given_has_its_default() -> None:
    """Fields are added with defaults, so that events stored before them can be read."""
    stored = json.loads((FOLDER / "kms.key.created.json").read_bytes())
    del stored["tags"]
    read = decode(STREAM, 3, "kms.key.created", json.dumps(stored).encode())
    assert isinstance(read, events.KeyCreated)
    assert read.tags == {}
