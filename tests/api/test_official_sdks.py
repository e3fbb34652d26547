"""The official SDKs, unmodified, over TLS with the generated authority: every operation, and how they tell refusals.

Tea with its three signature families, and the classic SDK. All is synchronous, as their users write it.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import certifi
import pytest
from alibabacloud_kms20160120 import models
from Tea.exceptions import UnretryableException

from api import kms_operations
from domain.vocabulary import DEFAULT_REGIONS
from tests.fixtures.sdks import CLASSIC, SDKS, ClassicSdk, Refused, Sdk, TeaSdk
from tests.fixtures.service import Service
from tests.fixtures.signed import Credentials

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the SDKs themselves

TEXT = "hello kms，支持中文和😈 +/=&%~*'()"
CONTEXT = {"purpose": "tls", "é": "1 2+3"}
METADATA = {
    "KeyUsage": "ENCRYPT/DECRYPT",
    "KeySpec": "Aliyun_AES_256",
    "Origin": "Aliyun_KMS",
    "ProtectionLevel": "SOFTWARE",
    "MaterialExpireTime": "",
    "AutomaticRotation": "Disabled",
}


@pytest.fixture(params=SDKS)
def sdk(service: Service, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Sdk:
    service.trusted(monkeypatch)
    return service.sdk(request.param)


def _key(sdk: Sdk, **parameters: Any) -> str:
    key_id: str = sdk("CreateKey", **parameters)["KeyMetadata"]["KeyId"]
    return key_id


def _state(sdk: Sdk, key_id: str) -> str:
    state: str = sdk("DescribeKey", KeyId=key_id)["KeyMetadata"]["KeyState"]
    return state


def test_a_new_key_is_described_as_it_was_made(sdk: Sdk, service: Service) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    made = sdk("CreateKey", Description="dé sc/+ ~*", ProtectionLevel="HSM")["KeyMetadata"]
    assert made.items() >= {**METADATA, "ProtectionLevel": "HSM", "KeyState": "Enabled", "DeleteDate": ""}.items()
    assert (made["Description"], made["Creator"]) == ("dé sc/+ ~*", service.account_id)
    assert made["Arn"] == f"acs:kms:cn-hangzhou:{service.account_id}:key/{made['KeyId']}"
    assert before <= datetime.fromisoformat(made["CreationDate"]) <= datetime.now(UTC)
    described = sdk("DescribeKey", KeyId=made["KeyId"])["KeyMetadata"]
    assert described.items() >= made.items()
    assert described["DeletionProtection"] == "Disabled"


def test_a_text_comes_back_verbatim(sdk: Sdk) -> None:
    key_id = _key(sdk)
    sealed = sdk("Encrypt", KeyId=key_id, Plaintext=TEXT)
    assert sealed["KeyId"] == key_id
    raw = base64.b64decode(sealed["CiphertextBlob"], validate=True)
    assert raw[:36].decode() == sealed["KeyVersionId"]
    assert len(raw) == 36 + 12 + len(TEXT.encode()) + 16
    opened = sdk("Decrypt", CiphertextBlob=sealed["CiphertextBlob"])
    assert (opened["Plaintext"], opened["KeyId"], opened["KeyVersionId"]) == (TEXT, key_id, sealed["KeyVersionId"])


def test_a_context_must_be_repeated_in_any_order(sdk: Sdk) -> None:
    blob = sdk("Encrypt", KeyId=_key(sdk), Plaintext=TEXT, EncryptionContext=CONTEXT)["CiphertextBlob"]
    turned = dict(reversed(CONTEXT.items()))
    assert sdk("Decrypt", CiphertextBlob=blob, EncryptionContext=turned)["Plaintext"] == TEXT
    for wrong in ({}, {"purpose": "tls"}, {**CONTEXT, "purpose": "TLS"}):
        given = {"EncryptionContext": wrong} if wrong else {}
        with pytest.raises(Refused, match="CiphertextBlob") as refused:
            sdk("Decrypt", CiphertextBlob=blob, **given)
        assert (refused.value.code, refused.value.status) == ("InvalidParameter", 400)


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        ({}, 32),
        ({"KeySpec": "AES_256"}, 32),
        ({"KeySpec": "AES_128"}, 16),
        ({"NumberOfBytes": 1}, 1),
        ({"NumberOfBytes": 1024, "KeySpec": "AES_128"}, 1024),
    ],
)
def test_a_data_key_decrypts_to_its_own_text(sdk: Sdk, asked: dict[str, Any], size: int) -> None:
    key_id = _key(sdk)
    made = sdk("GenerateDataKey", KeyId=key_id, EncryptionContext=CONTEXT, **asked)
    assert len(base64.b64decode(made["Plaintext"], validate=True)) == size
    opened = sdk("Decrypt", CiphertextBlob=made["CiphertextBlob"], EncryptionContext=CONTEXT)
    assert (opened["Plaintext"], made["KeyId"]) == (made["Plaintext"], key_id)


def test_a_data_key_without_plaintext_tells_none(sdk: Sdk) -> None:
    made = sdk("GenerateDataKeyWithoutPlaintext", KeyId=_key(sdk), NumberOfBytes=64)
    assert "Plaintext" not in made
    opened = sdk("Decrypt", CiphertextBlob=made["CiphertextBlob"])["Plaintext"]
    assert len(base64.b64decode(opened, validate=True)) == 64


def test_a_disabled_key_refuses_every_use_until_it_is_enabled(sdk: Sdk) -> None:
    key_id = _key(sdk)
    blob = sdk("Encrypt", KeyId=key_id, Plaintext=TEXT)["CiphertextBlob"]
    sdk("DisableKey", KeyId=key_id)
    assert _state(sdk, key_id) == "Disabled"
    for action, given in _uses(key_id, blob):
        with pytest.raises(Refused) as refused:
            sdk(action, **given)
        assert (refused.value.code, refused.value.status) == ("Rejected.Disabled", 409)
    sdk("EnableKey", KeyId=key_id)
    assert _state(sdk, key_id) == "Enabled"
    for action, given in _uses(key_id, blob):
        assert sdk(action, **given)["KeyId"] == key_id


def test_a_deletion_is_scheduled_and_cancelled(sdk: Sdk) -> None:
    key_id = _key(sdk)
    sdk("DisableKey", KeyId=key_id)
    sdk("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=366)
    pending = sdk("DescribeKey", KeyId=key_id)["KeyMetadata"]
    assert pending["KeyState"] == "PendingDeletion"
    left = datetime.fromisoformat(pending["DeleteDate"]) - datetime.now(UTC)
    assert timedelta(days=365, hours=23) < left <= timedelta(days=366)
    with pytest.raises(Refused, match=r"Rejected\.PendingDeletion"):
        sdk("Encrypt", KeyId=key_id, Plaintext=TEXT)
    sdk("CancelKeyDeletion", KeyId=key_id)
    kept = sdk("DescribeKey", KeyId=key_id)["KeyMetadata"]
    # "Enabled (even if it was Disabled before)": Alibaba's reference of CancelKeyDeletion.
    assert (kept["KeyState"], kept["DeleteDate"]) == ("Enabled", "")


def test_a_description_is_changed(sdk: Sdk) -> None:
    key_id = _key(sdk, Description="before")
    sdk("UpdateKeyDescription", KeyId=key_id, Description="after, in 中文")
    assert sdk("DescribeKey", KeyId=key_id)["KeyMetadata"]["Description"] == "after, in 中文"


def test_keys_are_listed_with_numbers_as_numbers(sdk: Sdk, service: Service) -> None:
    key_id = _key(sdk)
    first = sdk("ListKeys", PageNumber=1, PageSize=100)
    last = sdk("ListKeys", PageNumber=(first["TotalCount"] + 99) // 100, PageSize=100)
    assert {"KeyId": key_id, "KeyArn": f"acs:kms:cn-hangzhou:{service.account_id}:key/{key_id}"} in last["Keys"]["Key"]
    assert (first["PageNumber"], first["PageSize"]) == (1, 100)
    assert sdk("ListKeys", PageNumber=10_000, PageSize=100)["Keys"] == {"Key": []}


def test_regions_are_described(sdk: Sdk) -> None:
    regions = sdk("DescribeRegions")["Regions"]["Region"]
    assert [region["RegionId"] for region in regions] == list(DEFAULT_REGIONS)


def test_every_operation_of_the_table_is_in_every_sdk(sdk: Sdk) -> None:
    """So that this module can ask for all of them; each test above asks for some, and together for all."""
    for action in (line.name for line in kms_operations.TABLE):
        if isinstance(sdk, TeaSdk):
            assert action == "DescribeRegions" or getattr(models, f"{action}Request")
        else:
            assert isinstance(sdk, ClassicSdk)
            assert sdk.request(action).get_action_name() == action


def test_a_refusal_has_code_message_and_request_id_in_the_sdks_own_exception(sdk: Sdk, service: Service) -> None:
    with pytest.raises(Refused) as refused:
        sdk("DescribeKey", KeyId="00000000-0000-4000-8000-000000000000")
    told = refused.value
    assert (told.code, told.status) == ("Forbidden.KeyNotFound", 404)
    assert "The specified Key is not found." in told.message
    (event,) = service.events_of(told.request_id)
    assert (event.topic, event.state["code"]) == ("kms.call.refused", told.code)


def test_a_wrong_secret_is_told_by_the_sdks_own_exception(
    service: Service, request: pytest.FixtureRequest, sdk: Sdk
) -> None:
    kind = request.node.callspec.params["sdk"]
    forger = service.sdk(kind, Credentials(service.root.access_key_id, "not-the-secret"))
    with pytest.raises(Refused) as refused:
        forger("DescribeRegions")
    # The classic core finds its own string to sign behind the server's colon, so it knows that the secret is wrong.
    assert refused.value.code == ("InvalidAccessKeySecret" if kind == CLASSIC else "SignatureDoesNotMatch")
    assert refused.value.status == 400
    assert refused.value.request_id
    assert not service.events_of(refused.value.request_id)


def test_an_unknown_access_key_is_told_by_the_sdks_own_exception(
    service: Service, request: pytest.FixtureRequest, sdk: Sdk
) -> None:
    stranger = service.sdk(request.node.callspec.params["sdk"], Credentials("LTAIUnknown", "secret"))
    with pytest.raises(Refused) as refused:
        stranger("DescribeRegions")
    assert (refused.value.code, refused.value.status) == ("InvalidAccessKeyId.NotFound", 404)


def test_a_client_that_does_not_know_the_authority_does_not_talk_to_the_service(service: Service) -> None:
    # Tea keeps its connections by host and port, so this host must be one that no other test asks.
    stranger = TeaSdk(service.root, f"localhost:{service.port}", certifi.where())
    with pytest.raises(UnretryableException, match="CERTIFICATE_VERIFY_FAILED"):
        stranger("DescribeRegions")


def _uses(key_id: str, blob: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        ("Encrypt", {"KeyId": key_id, "Plaintext": TEXT}),
        ("Decrypt", {"CiphertextBlob": blob}),
        ("GenerateDataKey", {"KeyId": key_id}),
        ("GenerateDataKeyWithoutPlaintext", {"KeyId": key_id}),
    ]
