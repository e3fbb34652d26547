"""Every error code that a caller can meet is provoked here, on a whole service, and recorded where the caller is known.

The table of refusals that an SDK's user can cause is asked through all official SDKs; what only the wire can say is
asked by hand. The last test keeps the tables complete: a code of the registry is in one of them, or has a reason.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
import psycopg
import pytest

from domain.errors import REGISTRY
from tests.fixtures import signed
from tests.fixtures.cast import STS, allowing, ask, fresh, trusting, user_with
from tests.fixtures.sdks import SDKS, Refused
from tests.fixtures.service import Service
from tests.fixtures.signed import Credentials, Raw

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the SDKs themselves

UNKNOWN: Final = "00000000-0000-4000-8000-000000000000"
QUARTER: Final = timedelta(minutes=15)


@dataclass(frozen=True)
class Keys:
    enabled: str
    disabled: str
    pending: str


Given = dict[str, Any]

BY_SDK: Final[dict[str, tuple[int, str, Callable[[Keys], Given]]]] = {
    "MissingParameter": (400, "Encrypt", lambda keys: {"KeyId": keys.enabled}),
    "InvalidParameter": (400, "DescribeKey", lambda keys: {"KeyId": "nonsense"}),
    "UnsupportedOperation": (400, "CreateKey", lambda keys: {"KeySpec": "RSA_2048"}),
    "Unsupported.Origin": (400, "CreateKey", lambda keys: {"Origin": "EXTERNAL"}),
    "DryRunOperationError": (400, "Encrypt", lambda keys: {"KeyId": keys.enabled, "Plaintext": "x", "DryRun": "true"}),
    "InvalidApi.NotFound": (404, "ListAliases", lambda keys: {"PageNumber": 1}),
    "Forbidden.KeyNotFound": (404, "EnableKey", lambda keys: {"KeyId": UNKNOWN}),
    "Forbidden.AliasNotFound": (404, "GenerateDataKey", lambda keys: {"KeyId": "alias/shop"}),
    "Rejected.Disabled": (409, "GenerateDataKey", lambda keys: {"KeyId": keys.disabled}),
    "Rejected.PendingDeletion": (409, "UpdateKeyDescription", lambda keys: {"KeyId": keys.pending, "Description": "x"}),
    "Rejected.StateModifiedFailed": (409, "CancelKeyDeletion", lambda keys: {"KeyId": keys.enabled}),
}

BY_HAND: Final[dict[str, tuple[int, Callable[[Credentials], Raw]]]] = {
    "UnsupportedHTTPMethod": (403, lambda who: signed.rpc(who, "ListKeys", method="PUT")),
    "ParseRequestParameterException": (400, lambda who: Raw("GET", "/?Action=ListKeys&KeyId=%zz")),
    "IncompleteSignature": (400, lambda who: signed.rpc(who, "ListKeys", {"SignatureVersion": "2.0"})),
    "InvalidSignatureMethod": (400, lambda who: signed.rpc(who, "ListKeys", algorithm="HMAC-MD5")),
    "SignatureDoesNotMatch": (400, lambda who: signed.rpc(Credentials(who.access_key_id, "forged"), "ListKeys")),
    "IllegalTimestamp": (400, lambda who: signed.rpc(who, "ListKeys", without=("Timestamp",))),
    "InvalidTimeStamp.Format": (400, lambda who: signed.rpc(who, "ListKeys", {"Timestamp": "2026-06-01 12:00:00"})),
    "InvalidTimeStamp.Expired": (
        400,
        lambda who: signed.rpc(who, "ListKeys", at=datetime.now(UTC) - QUARTER - timedelta(seconds=5)),
    ),
    "InvalidSecurityToken.Malformed": (400, lambda who: signed.rpc(who, "ListKeys", {"SecurityToken": "forged"})),
    "InvalidAccessKeyId.NotFound": (404, lambda who: signed.rpc(Credentials("LTAIUnknown", "x"), "ListKeys")),
}

BY_THEIR_OWN_TEST: Final = {
    "SignatureNonceUsed": "test_a_nonce_is_used_once",
    "InvalidAccessKeyId.Inactive": "test_an_access_key_that_was_deactivated_is_refused",
    "Forbidden.NoPermission": "test_a_user_without_permission_is_refused_by_the_sdks_and_in_the_ledger",
    "InvalidSecurityToken.Expired": "test_a_session_is_over_when_its_role_is_gone_and_its_token_is_nobody_elses",
    "InvalidSecurityToken.MismatchWithAccessKey": (
        "test_a_session_is_over_when_its_role_is_gone_and_its_token_is_nobody_elses"
    ),
    "Rejected.LimitExceeded": "test_the_fourth_key_of_three_is_refused_until_one_is_gone",
    "Rejected.EncryptionLimitExceeded": "test_a_key_version_that_encrypted_enough_only_decrypts",
    "Rejected.Throttling": "test_who_comes_while_the_queue_is_full_is_throttled",
    "ServiceUnavailableTemporary": "test_material_that_is_missing_is_the_services_fault_and_passes",
    "InternalFailure": "test_what_nobody_foresaw_is_told_to_the_log_only",
}

OUT_OF_REACH: Final = {
    "Rejected.PendingImport": "No key can be made to wait for imported material: CreateKey refuses Origin=EXTERNAL.",
    "Forbidden.KeyVersionNotFound": "No operation names a key version.",
}


@pytest.fixture(scope="module")
def keys(service: Service) -> Keys:
    made = Keys(service.create_key(), service.create_key(), service.create_key())
    assert service.rpc("DisableKey", {"KeyId": made.disabled}).status_code == 200
    scheduled = service.rpc("ScheduleKeyDeletion", {"KeyId": made.pending, "PendingWindowInDays": "7"})
    assert scheduled.status_code == 200
    return made


@pytest.mark.parametrize("kind", SDKS)
@pytest.mark.parametrize("code", BY_SDK)
def test_a_refusal_reaches_the_user_of_an_sdk_and_the_ledger(
    service: Service, keys: Keys, code: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.trusted(monkeypatch)
    status, action, given = BY_SDK[code]
    with pytest.raises(Refused) as refused:
        service.sdk(kind)(action, **given(keys))
    told = refused.value
    assert (told.code, told.status) == (code, status)
    assert told.message
    (event,) = service.events_of(told.request_id)
    assert (event.topic, event.state["code"]) == ("kms.call.refused", code)
    assert event.call["access_key_id"] == service.root.access_key_id


@pytest.mark.parametrize("code", BY_HAND)
def test_who_is_not_known_is_refused_in_words_and_not_recorded(service: Service, code: str) -> None:
    status, asked = BY_HAND[code]
    answer = service.send(asked(service.root))
    _is_told(answer, code, status)
    assert not service.events_of(answer.json()["RequestId"])


def test_a_nonce_is_used_once(service: Service) -> None:
    asked = signed.rpc(service.root, "DescribeRegions")
    assert service.send(asked).status_code == 200
    _is_told(service.send(asked), "SignatureNonceUsed", 400)


def test_an_access_key_that_was_deactivated_is_refused(tight_service: Service) -> None:
    name, who = user_with(tight_service, allowing("kms:*"))
    assert tight_service.send(signed.rpc(who, "ListKeys")).status_code == 200
    ask(tight_service, "UpdateAccessKey", UserName=name, UserAccessKeyId=who.access_key_id, Status="Inactive")
    _is_told(tight_service.send(signed.rpc(who, "ListKeys")), "InvalidAccessKeyId.Inactive", 400)


def test_a_secret_that_does_not_open_is_the_services_fault(tight_service: Service) -> None:
    stranger = Credentials(f"LTAI{uuid.uuid4().hex[:20]}", "secret")
    _as_administrator(
        tight_service,
        "insert into ledger.sealed_secret (name, owner, sealed) values (%s, %s, 'sealed')",
        stranger.access_key_id,
        tight_service.account_id,
    )
    _is_told(tight_service.send(signed.rpc(stranger, "ListKeys")), "InternalFailure", 500)


def test_a_user_without_permission_is_refused_by_the_sdks_and_in_the_ledger(tight_service: Service) -> None:
    _, who = user_with(tight_service)
    with pytest.raises(Refused) as refused:
        tight_service.sdk("Tea, ACS3", who)("ListKeys")
    assert (refused.value.code, refused.value.status) == ("Forbidden.NoPermission", 403)
    (event,) = tight_service.events_of(refused.value.request_id)
    assert event.call["principal"].startswith(f"acs:ram::{tight_service.account_id}:user/")


def test_a_session_is_over_when_its_role_is_gone_and_its_token_is_nobody_elses(tight_service: Service) -> None:
    role = fresh("role")
    ask(tight_service, "CreateRole", RoleName=role, AssumeRolePolicyDocument=trusting(tight_service.account_id))
    given = {"RoleArn": f"acs:ram::{tight_service.account_id}:role/{role}", "RoleSessionName": "test"}
    made = tight_service.rpc("AssumeRole", given, version=STS).json()["Credentials"]
    token = {"SecurityToken": made["SecurityToken"]}
    _is_told(tight_service.rpc("ListKeys", token), "InvalidSecurityToken.MismatchWithAccessKey", 400)
    ask(tight_service, "DeleteRole", RoleName=role)
    session = Credentials(made["AccessKeyId"], made["AccessKeySecret"])
    _is_told(tight_service.send(signed.rpc(session, "ListKeys", token)), "InvalidSecurityToken.Expired", 400)


def test_the_fourth_key_of_three_is_refused_until_one_is_gone(tight_service: Service) -> None:
    where = {"RegionId": "eu-central-1"}
    for _ in range(3):
        assert tight_service.rpc("CreateKey", where).status_code == 200
    refused = tight_service.rpc("CreateKey", where)
    _is_told(refused, "Rejected.LimitExceeded", 400)
    (event,) = tight_service.events_of(refused.json()["RequestId"])
    assert event.state["code"] == "Rejected.LimitExceeded"
    assert tight_service.rpc("ListKeys", where).json()["TotalCount"] == 3
    assert tight_service.rpc("CreateKey", {"RegionId": "me-east-1"}).status_code == 200


def test_a_key_version_that_encrypted_enough_only_decrypts(tight_service: Service) -> None:
    key_id = _key_in(tight_service, "cn-shanghai")
    given = {"KeyId": key_id, "Plaintext": "x", "RegionId": "cn-shanghai"}
    blobs = [tight_service.rpc("Encrypt", given).json()["CiphertextBlob"] for _ in range(4)]
    for action in ("Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext"):
        _is_told(tight_service.rpc(action, given), "Rejected.EncryptionLimitExceeded", 409)
    opened = tight_service.rpc("Decrypt", {"CiphertextBlob": blobs[0], "RegionId": "cn-shanghai"})
    assert opened.json()["Plaintext"] == "x"


def test_who_comes_while_the_queue_is_full_is_throttled(tight_service: Service) -> None:
    """Somebody else holds the head of the ledger: one batch is with PostgreSQL, one call waits, the others may not."""
    with psycopg.connect(tight_service.superuser_url) as holding, ThreadPoolExecutor(8) as clients:
        holding.execute("select from ledger.ledger_head for update")
        asked = [clients.submit(tight_service.rpc, "DescribeRegions") for _ in range(8)]
        throttled = next(as_completed(asked)).result()
        holding.rollback()
        answers = [one.result() for one in asked]
    _is_told(throttled, "Rejected.Throttling", 429)
    told = {answer.json()["RequestId"]: answer.status_code for answer in answers}
    assert set(told.values()) == {200, 429}
    assert all(len(tight_service.events_of(request_id)) == (told[request_id] == 200) for request_id in told)


def test_material_that_is_missing_is_the_services_fault_and_passes(tight_service: Service) -> None:
    key_id = _key_in(tight_service, "cn-beijing")
    given = {"KeyId": key_id, "Plaintext": "x", "RegionId": "cn-beijing"}
    kept = _as_administrator(
        tight_service, "delete from ledger.sealed_material where key_id = %s returning *", uuid.UUID(key_id)
    )
    _is_told(tight_service.rpc("Encrypt", given), "ServiceUnavailableTemporary", 503)
    places = ", ".join(["%s"] * len(kept))
    _as_administrator(tight_service, f"insert into ledger.sealed_material values ({places})", *kept)
    # The worker remembers that there was none until something of the key changes.
    assert tight_service.rpc("EnableKey", given).status_code == 200
    assert tight_service.rpc("Encrypt", given).status_code == 200


def test_material_that_does_not_unwrap_is_the_services_fault_as_well(tight_service: Service) -> None:
    key_id = _key_in(tight_service, "cn-shenzhen")
    _as_administrator(
        tight_service,
        "update ledger.sealed_material set wrapped = sha256(wrapped) || substring(wrapped for 8) where key_id = %s",
        uuid.UUID(key_id),
    )
    answer = tight_service.rpc("Encrypt", {"KeyId": key_id, "Plaintext": "x", "RegionId": "cn-shenzhen"})
    _is_told(answer, "ServiceUnavailableTemporary", 503)
    assert not tight_service.events_of(answer.json()["RequestId"])


def test_what_nobody_foresaw_is_told_to_the_log_only(tight_service: Service) -> None:
    _as_administrator(tight_service, "alter table projections.key_directory rename to mislaid")
    try:
        answer = tight_service.rpc("ListKeys")
    finally:
        _as_administrator(tight_service, "alter table projections.mislaid rename to key_directory")
    _is_told(answer, "InternalFailure", 500)
    assert "key_directory" not in answer.text
    log = (tight_service.folder / "log" / "api-1.log").read_text()
    assert f'"request_id":"{answer.json()["RequestId"]}"' in log
    assert tight_service.rpc("ListKeys").status_code == 200


def test_every_code_of_the_registry_is_provoked_or_has_a_reason() -> None:
    tables = (BY_SDK, BY_HAND, BY_THEIR_OWN_TEST, OUT_OF_REACH)
    named = [code for table in tables for code in table]
    # Those of RAM and STS have tables of their own (test_ram_errors).
    ours = {code for code, kind in REGISTRY.items() if kind.__module__ == "domain.errors"}
    assert sorted(named) == sorted(ours)
    assert all(name in globals() for name in BY_THEIR_OWN_TEST.values())


def _is_told(answer: httpx.Response, code: str, status: int) -> None:
    told = answer.json()
    assert (told["Code"], answer.status_code, told["HttpStatus"]) == (code, status, status), answer.text
    assert told["Message"]
    assert told["Recommend"]
    assert answer.headers["x-acs-request-id"] == told["RequestId"] == str(uuid.UUID(told["RequestId"]))
    assert answer.headers["content-type"] == "application/json;charset=utf-8"


def _key_in(service: Service, region_id: str) -> str:
    key_id: str = service.rpc("CreateKey", {"RegionId": region_id}).json()["KeyMetadata"]["KeyId"]
    return key_id


def _as_administrator(service: Service, statement: str, *values: object) -> tuple[Any, ...]:
    with psycopg.connect(service.superuser_url) as connection:
        cursor = connection.execute(statement.encode(), values)
        return (cursor.fetchone() or ()) if cursor.description else ()
