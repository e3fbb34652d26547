"""Errors are a closed list of codes, each in one family, with the messages that Alibaba publishes."""

from __future__ import annotations

from typing import Any, Final

import pytest

from domain import errors
from domain.errors import REGISTRY, KeyLedgerError

PUBLISHED: Final = """
| Forbidden.KeyNotFound | The specified Key is not found. |
| Forbidden.KeyVersionNotFound | The specified Key version is not found. |
| Forbidden.AliasNotFound | The specified Alias is not found. |
| InvalidAccessKeyId.NotFound | The AccessKey ID provided does not exist in our records. |
| Forbidden.NoPermission | This operation is forbidden by permission system. |
| InvalidAccessKeyId.Inactive | Specified access key is disabled. |
| UnsupportedHTTPMethod | This http method is not supported. |
| ParseRequestParameterException | Server parse parameters exception. |
| IncompleteSignature | The request signature does not conform to Alibaba Cloud standards. |
| IllegalTimestamp | The input parameter "Timestamp" that is mandatory for processing this request is not supplied. |
| Rejected.LimitExceeded | The request was rejected because user create resource limit was exceeded. |
| UnsupportedOperation | Unsupported operation. |
| Rejected.Disabled | The request was rejected because the key state is Disabled. |
| Rejected.PendingDeletion | The request was rejected because the key state is PendingDeletion. |
| Rejected.PendingImport | The request was rejected because the key state is PendingImport. |
| Rejected.StateModifiedFailed | Keystate modified failed. |
| Rejected.Throttling | QPS Limit Exceeded. |
"""
"""Code and message of Alibaba's page "Error codes"; what follows a published message may say what to do."""

FAMILIES: Final = (
    errors.InvalidRequest,
    errors.Denied,
    errors.NotFound,
    errors.StateConflict,
    errors.Throttled,
    errors.Unavailable,
    errors.Internal,
)
ARGUMENTS: Final[dict[str, tuple[str, ...]]] = {
    "MissingParameter": ("KeyId",),
    "InvalidParameter": ("KeyId",),
    "InvalidApi.NotFound": ("Frobnicate",),
    "SignatureDoesNotMatch": ("POST&%2F&",),
}
every_code = pytest.mark.parametrize("code", sorted(REGISTRY))


def made(code: str) -> KeyLedgerError:
    kind: Any = REGISTRY[code]
    error: KeyLedgerError = kind(*ARGUMENTS.get(code, ()))
    return error


@pytest.mark.parametrize("row", PUBLISHED.strip().splitlines())
def test_messages_begin_as_published(row: str) -> None:
    code, message = (cell.strip() for cell in row.strip("|").split(" | "))
    assert made(code).message.startswith(message)


@every_code
def test_every_code_is_of_exactly_one_family(code: str) -> None:
    assert len([family for family in FAMILIES if issubclass(REGISTRY[code], family)]) == 1


@every_code
def test_every_message_is_a_sentence(code: str) -> None:
    message = made(code).message
    assert message
    assert message[0].isupper()
    assert message.endswith(".") or code == "SignatureDoesNotMatch"


@every_code
def test_a_message_can_be_told_apart_from_the_default(code: str) -> None:
    if code not in ARGUMENTS:
        assert REGISTRY[code]("Something else.").message == "Something else."


def test_families_have_no_code_and_are_not_registered() -> None:
    assert {family.code for family in FAMILIES} == {""}
    assert not set(FAMILIES) & set(REGISTRY.values())


def test_a_missing_parameter_is_named_as_published() -> None:
    assert made("MissingParameter").message == 'The parameter "KeyId" is needed but not provided.'


def test_an_invalid_parameter_is_named_as_the_live_service_does() -> None:
    assert made("InvalidParameter").message == "The specified parameter KeyId is not valid."


def test_a_wrong_signature_carries_the_string_to_sign_after_a_colon() -> None:
    assert made("SignatureDoesNotMatch").message.partition("server string to sign is:")[2] == "POST&%2F&"


def test_an_unknown_operation_is_quoted_short_and_in_ascii() -> None:
    message = errors.UnknownOperation("é\n" + "x" * 10_000).message
    assert message.isascii()
    assert message.isprintable()
    assert len(message) < 200
