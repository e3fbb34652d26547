"""What each operation does: parse, call, shape. No decision about keys is made here.

Answers are the fields of Alibaba's API reference without RequestId, which the dispatcher adds.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from api.parameters import Parameters
from api.services import Services
from domain import ciphertext
from domain.custody import DataKey, Encrypted
from domain.errors import KeyNotFound, UnsupportedOperation, UnsupportedOrigin
from domain.key import Key, NewKey
from domain.recording import Case
from domain.vocabulary import (
    DATA_KEY_BYTES_MAX,
    DESCRIPTION_CHARACTERS_MAX,
    PENDING_WINDOW_DAYS,
    KeySpec,
    KeyUsage,
    Origin,
    ProtectionLevel,
)

Fields = Mapping[str, Any]

NOT_YET: Final = ("Policy", "DKMSInstanceId", "KeyStorageMechanism")
"""Of CreateKey: to ignore them would promise a protection that is not there."""

_OTHER_SPECS: Final = frozenset({
    "Aliyun_AES_128", "Aliyun_AES_192", "Aliyun_SM4",
    "RSA_2048", "RSA_3072", "RSA_4096", "EC_P256", "EC_P256K", "EC_SM2",
})  # fmt: skip
_DATA_KEY_BYTES: Final = {"AES_256": 32, "AES_128": 16}


async def create_key(services: Services, case: Case, given: Parameters) -> Fields:
    wanted = _new_key(given)
    key = await services.stewardship.create_key(case, services.new_id(), services.new_id(), wanted)
    return {"KeyMetadata": _metadata(key)}


async def describe_key(services: Services, case: Case, given: Parameters) -> Fields:
    key = await services.stewardship.describe_key(case, _key_id(case, given))
    protection = {"DeletionProtection": "Disabled", "DeletionProtectionDescription": ""}
    return {"KeyMetadata": {**_metadata(key), **protection}}


async def list_keys(services: Services, case: Case, given: Parameters) -> Fields:
    number = given.integer("PageNumber", range(1, 2**31), 1)
    size = given.integer("PageSize", range(1, 101), 10)
    found = await services.stewardship.list_keys(case, given.filters(), (number - 1) * size, size)
    container = f"acs:kms:{case.call.region_id}:{case.call.by.account_id}:key/"
    keys = [{"KeyId": str(key_id), "KeyArn": f"{container}{key_id}"} for key_id in found.keys]
    return {"Keys": {"Key": keys}, "TotalCount": found.total, "PageNumber": number, "PageSize": size}


async def update_key_description(services: Services, case: Case, given: Parameters) -> Fields:
    description = given.text("Description", DESCRIPTION_CHARACTERS_MAX, required=True)
    await services.stewardship.update_description(case, _key_id(case, given), description)
    return {}


async def enable_key(services: Services, case: Case, given: Parameters) -> Fields:
    await services.stewardship.enable_key(case, _key_id(case, given))
    return {}


async def disable_key(services: Services, case: Case, given: Parameters) -> Fields:
    await services.stewardship.disable_key(case, _key_id(case, given))
    return {}


async def schedule_key_deletion(services: Services, case: Case, given: Parameters) -> Fields:
    days = given.integer("PendingWindowInDays", PENDING_WINDOW_DAYS)
    await services.stewardship.schedule_deletion(case, _key_id(case, given), days)
    return {}


async def cancel_key_deletion(services: Services, case: Case, given: Parameters) -> Fields:
    await services.stewardship.cancel_deletion(case, _key_id(case, given))
    return {}


async def encrypt(services: Services, case: Case, given: Parameters) -> Fields:
    key_id, plaintext, context = _key_id(case, given), given.required("Plaintext"), given.encryption_context()
    case.dry_run = given.boolean("DryRun")
    return _encrypted(await services.custody.encrypt(case, key_id, plaintext, context))


async def decrypt(services: Services, case: Case, given: Parameters) -> Fields:
    _refuse_recipient(given)
    blob, context = ciphertext.decode(given.required("CiphertextBlob")), given.encryption_context()
    case.dry_run = given.boolean("DryRun")
    done = await services.custody.decrypt(case, blob, context)
    return {"Plaintext": done.plaintext, "KeyId": done.key_id, "KeyVersionId": done.key_version_id}


async def generate_data_key(services: Services, case: Case, given: Parameters) -> Fields:
    data_key = await _data_key(services, case, given)
    return {"Plaintext": data_key.plaintext, **_encrypted(data_key.encrypted)}


async def generate_data_key_without_plaintext(services: Services, case: Case, given: Parameters) -> Fields:
    return _encrypted((await _data_key(services, case, given)).encrypted)


async def describe_regions(services: Services, case: Case, given: Parameters) -> Fields:
    await services.stewardship.answer(case)
    return {"Regions": {"Region": [{"RegionId": region} for region in services.regions]}}


# --- parse ---


def _key_id(case: Case, given: Parameters) -> UUID:
    """:raises KeyNotFound: the ARN names another region or account: nothing crosses."""
    reference, call = given.key("KeyId"), case.call
    if not reference.may_be_in(call.region_id, call.by.account_id):
        raise KeyNotFound()
    return reference.key_id


def _new_key(given: Parameters) -> NewKey:
    _refuse_unsupported(given)
    return NewKey(
        description=given.text("Description", DESCRIPTION_CHARACTERS_MAX),
        key_spec=given.choice("KeySpec", KeySpec, KeySpec.ALIYUN_AES_256),
        key_usage=given.choice("KeyUsage", KeyUsage, KeyUsage.ENCRYPT_DECRYPT),
        origin=given.choice("Origin", Origin, Origin.ALIYUN_KMS),
        protection_level=given.choice("ProtectionLevel", ProtectionLevel, ProtectionLevel.SOFTWARE),
        tags=given.tags(),
    )


def _refuse_unsupported(given: Parameters) -> None:
    """What the live service offers and this one does not: refused, never ignored."""
    for name in NOT_YET:
        if given.optional(name):
            raise UnsupportedOperation(f"CreateKey does not support the parameter {name} here. Leave it out.")
    if given.optional("KeySpec") in _OTHER_SPECS or given.optional("KeyUsage") == "SIGN/VERIFY":
        raise UnsupportedOperation("CreateKey makes keys of KeySpec Aliyun_AES_256 and KeyUsage ENCRYPT/DECRYPT here.")
    if given.optional("Origin") == Origin.EXTERNAL:
        raise UnsupportedOrigin("CreateKey makes keys of Origin Aliyun_KMS here: key material cannot be imported.")
    if given.boolean("EnableAutomaticRotation"):
        raise UnsupportedOperation("CreateKey does not support EnableAutomaticRotation here. Leave it out or false.")


def _refuse_recipient(given: Parameters) -> None:
    if given.optional("Recipient"):
        raise UnsupportedOperation("The parameter Recipient is not supported here. Leave it out.")


async def _data_key(services: Services, case: Case, given: Parameters) -> DataKey:
    _refuse_recipient(given)
    key_id, context = _key_id(case, given), given.encryption_context()
    spec = given.one_of("KeySpec", _DATA_KEY_BYTES, "AES_256")
    size = given.integer("NumberOfBytes", range(1, DATA_KEY_BYTES_MAX + 1), _DATA_KEY_BYTES[spec])
    case.dry_run = given.boolean("DryRun")
    return await services.custody.generate_data_key(case, key_id, size, context)


# --- shape ---


def _encrypted(done: Encrypted) -> dict[str, Any]:
    """Ids as they are: to spell one in Python costs more than the encoder of the whole answer does."""
    return {"CiphertextBlob": done.ciphertext_blob, "KeyId": done.key_id, "KeyVersionId": done.key_version_id}


def _metadata(key: Key) -> dict[str, str]:
    """KeyMetadata. Dates that do not apply are empty strings, as the live service writes them."""
    return {
        "KeyId": str(key.key_id),
        "Arn": key.arn,
        "KeyState": key.state.value,
        "KeyUsage": key.key_usage.value,
        "KeySpec": key.key_spec.value,
        "Description": key.description,
        "CreationDate": date(key.created_at),
        "DeleteDate": date(key.delete_at) if key.delete_at else "",
        "Creator": key.owner,
        "Origin": key.origin.value,
        "MaterialExpireTime": "",
        "ProtectionLevel": key.protection_level.value,
        "PrimaryKeyVersion": str(key.primary_key_version),
        "LastRotationDate": date(key.created_at),
        "AutomaticRotation": "Disabled",
    }


def date(at: datetime) -> str:
    """``yyyy-MM-ddTHH:mm:ssZ``."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
