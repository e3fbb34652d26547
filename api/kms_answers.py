"""The answers of KMS's operations, field by field, as the OpenAPI page shows them. What handlers make of a key
(:mod:`api.handlers`) is described here and nowhere else; a test holds real answers against it.

Every answer has exactly these fields, and ``RequestId``, which is also in the header ``x-acs-request-id``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from domain.vocabulary import KeySpec, KeyState, KeyUsage, Operation, Origin, ProtectionLevel

Schema = Mapping[str, Any]

_ID: Final = "08c33a6f-4e0a-4a1b-a3fa-7ddfa1d4fb73"
_ARN: Final = f"acs:kms:cn-hangzhou:1234567890123456:key/{_ID}"


def _text(example: str, description: str = "", **more: Any) -> Schema:
    return {"type": "string", "example": example, **({"description": description} if description else {}), **more}


def _identifier(description: str) -> Schema:
    return _text(_ID, description, format="uuid")


def _one_of(values: Any, description: str = "") -> Schema:
    names = [value.value for value in values]
    return _text(names[0], description, enum=names)


def _count(example: int, description: str, least: int = 0) -> Schema:
    return {"type": "integer", "minimum": least, "example": example, "description": description}


def _date(description: str) -> Schema:
    return _text("2026-06-01T12:00:00Z", description, format="date-time")


def _date_or_none(description: str) -> Schema:
    return _text("", f"{description} Empty where there is none.", pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2}T.*Z)?$")


def _object(fields: Mapping[str, Schema]) -> Schema:
    """With all of these and no others."""
    return {"type": "object", "required": list(fields), "additionalProperties": False, "properties": dict(fields)}


def _list(container: str, of: Schema) -> Schema:
    """As Alibaba wraps lists: an object with one member, named like what it holds."""
    return _object({container: {"type": "array", "items": of}})


def _answer(fields: Mapping[str, Schema] | None = None) -> Schema:
    return _object({"RequestId": _identifier("Of this call; the audit trail finds it by this."), **(fields or {})})


_METADATA: Final[Mapping[str, Schema]] = {
    "KeyId": _identifier("The CMK."),
    "Arn": _text(_ARN, "By which policies name it."),
    "KeyState": _one_of(KeyState),
    "KeyUsage": _one_of(KeyUsage),
    "KeySpec": _one_of(KeySpec),
    "Description": {"type": "string", "example": "certificates of the web shop", "maxLength": 8_192},
    "CreationDate": _date("When it was made."),
    "DeleteDate": _date_or_none("From when on it may be destroyed."),
    "Creator": _text("1234567890123456", "The account."),
    "Origin": _one_of(Origin),
    "MaterialExpireTime": _date_or_none("When its material expires."),
    "ProtectionLevel": _one_of(ProtectionLevel),
    "PrimaryKeyVersion": _identifier("The key version that encrypts."),
    "LastRotationDate": _date("When that version was made."),
    "AutomaticRotation": _text("Disabled", enum=["Disabled"]),
}
_PROTECTION: Final[Mapping[str, Schema]] = {
    "DeletionProtection": _text("Disabled", enum=["Disabled"]),
    "DeletionProtectionDescription": _text(""),
}
_ENCRYPTED: Final[Mapping[str, Schema]] = {
    "CiphertextBlob": _text("MDhjMzNhNmYt…", "Base64; Decrypt takes it as it is."),
    "KeyId": _identifier("The CMK that encrypted it."),
    "KeyVersionId": _identifier("And which version of it."),
}
_PLAIN_KEY: Final = _text("QxVZ2Bd0aIQ+G7sWgyXmuUpdsZBuhPsVCwKJIOe0nCk=", "The data key, in Base64. Keep it nowhere.")
_NOTHING: Final = _answer()

ANSWERS: Final[Mapping[Operation, Schema]] = {
    Operation.CREATE_KEY: _answer({"KeyMetadata": _object(_METADATA)}),
    Operation.LIST_KEYS: _answer(
        {
            "Keys": _list("Key", _object({"KeyId": _identifier("The CMK."), "KeyArn": _text(_ARN)})),
            "TotalCount": _count(1, "Of all pages."),
            "PageNumber": _count(1, "As asked for.", least=1),
            "PageSize": _count(10, "As asked for.", least=1),
        }
    ),
    Operation.DESCRIBE_KEY: _answer({"KeyMetadata": _object({**_METADATA, **_PROTECTION})}),
    Operation.UPDATE_KEY_DESCRIPTION: _NOTHING,
    Operation.ENABLE_KEY: _NOTHING,
    Operation.DISABLE_KEY: _NOTHING,
    Operation.SCHEDULE_KEY_DELETION: _NOTHING,
    Operation.CANCEL_KEY_DELETION: _NOTHING,
    Operation.ENCRYPT: _answer(_ENCRYPTED),
    Operation.DECRYPT: _answer(
        {
            "Plaintext": _text("SGVsbG8=", "As it was given to Encrypt; of a data key, Base64."),
            "KeyId": _identifier("The CMK that encrypted it."),
            "KeyVersionId": _identifier("And which version of it."),
        }
    ),
    Operation.GENERATE_DATA_KEY: _answer({"Plaintext": _PLAIN_KEY, **_ENCRYPTED}),
    Operation.GENERATE_DATA_KEY_WITHOUT_PLAINTEXT: _answer(_ENCRYPTED),
    Operation.DESCRIBE_REGIONS: _answer({"Regions": _list("Region", _object({"RegionId": _text("cn-hangzhou")}))}),
}
"""A line for each operation that has a REST route."""

ERROR: Final = _object(
    {
        "RequestId": _identifier("Of this call."),
        "HostId": _text("127.0.0.1:8443", "The Host header."),
        "HttpStatus": _count(409, "As in the status line.", least=400),
        "Code": _text("Rejected.Disabled", "Alibaba's code of the error."),
        "Message": _text(
            "The request was rejected because the key state is Disabled.", "Which parameter, and what to do."
        ),
        "Recommend": _text("Look at the state of what the message is about."),
    }
)
