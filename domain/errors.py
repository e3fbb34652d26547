"""Every refusal and failure a caller can meet, one class per Alibaba code.

Here: the codes, their published messages (Alibaba Cloud KMS "Error codes" page; POP gateway "Common errors") and
the families by which the API finds an HTTP status. Not here: statuses, JSON or XML; those belong to the API.

A class is registered under its code by ``__init_subclass__``, so ``REGISTRY[code]`` is the closed list. Messages never
contain plaintext, ciphertext or secrets: they go into the ledger as facts.
"""

from __future__ import annotations

from typing import ClassVar

REGISTRY: dict[str, type[KeyLedgerError]] = {}


class KeyLedgerError(Exception):
    """An error with Alibaba's code; ``message`` says which parameter, what was expected and what to do."""

    code: ClassVar[str] = ""
    default: ClassVar[str] = ""

    def __init_subclass__(cls, *, code: str = "", message: str = "") -> None:
        super().__init_subclass__()
        if code:
            cls.code = code
            cls.default = message
            REGISTRY[code] = cls

    def __init__(self, message: str = "") -> None:
        super().__init__(message or self.default)

    @property
    def message(self) -> str:
        return str(self.args[0])


class InvalidRequest(KeyLedgerError):
    """The caller sent something we cannot accept: fix the request (400)."""


class Denied(KeyLedgerError):
    """The caller is known and may not (403)."""


class NotFound(KeyLedgerError):
    """What the request names does not exist for this caller (404)."""


class StateConflict(KeyLedgerError):
    """The key's state forbids it now; another state would allow it (409)."""


class Throttled(KeyLedgerError):
    """Too much at once: retry later (429)."""

    retry_after_seconds: float = 1.0


class Unavailable(KeyLedgerError):
    """A part of the service is away; nothing was released (503)."""


class Internal(KeyLedgerError):
    """Unforeseen; the details are in the log under the RequestId (500)."""


# --- the request itself ---


class MissingParameter(InvalidRequest, code="MissingParameter"):
    def __init__(self, name: str) -> None:
        super().__init__(f'The parameter "{name}" is needed but not provided.')


class InvalidParameter(InvalidRequest, code="InvalidParameter"):
    """``InvalidParameter("KeyId")`` says what the live service says; ``expected`` adds what would be valid."""

    def __init__(self, name: str, expected: str = "") -> None:
        super().__init__(f"The specified parameter {name} is not valid." + (f" {expected}" if expected else ""))


class MalformedRequest(
    InvalidRequest, code="ParseRequestParameterException", message="Server parse parameters exception."
): ...


class UnsupportedOperation(InvalidRequest, code="UnsupportedOperation", message="Unsupported operation."): ...


class UnsupportedOrigin(
    InvalidRequest, code="Unsupported.Origin", message="This operation is not supported for keys of this Origin."
): ...


class DryRunOperation(
    InvalidRequest,
    code="DryRunOperationError",
    message="The request would have succeeded, but DryRun is set: nothing was done.",
): ...


class LimitExceeded(
    InvalidRequest,
    code="Rejected.LimitExceeded",
    message="The request was rejected because user create resource limit was exceeded.",
): ...


class UnknownOperation(NotFound, code="InvalidApi.NotFound"):
    def __init__(self, action: str, version: str = "") -> None:
        super().__init__(f"Specified api {action[:64]!a} of version {version[:16]!a} is not found.")


class UnsupportedHttpMethod(
    Denied, code="UnsupportedHTTPMethod", message="This http method is not supported. Use GET or POST."
): ...


# --- who is asking ---


class IncompleteSignature(
    InvalidRequest,
    code="IncompleteSignature",
    message="The request signature does not conform to Alibaba Cloud standards.",
): ...


class InvalidSignatureMethod(
    InvalidRequest,
    code="InvalidSignatureMethod",
    message="Specified signature method is not supported. Use HMAC-SHA1 or HMAC-SHA256.",
): ...


class SignatureDoesNotMatch(InvalidRequest, code="SignatureDoesNotMatch"):
    """Carries the server's string to sign after a colon: classic SDKs split on it."""

    def __init__(self, string_to_sign: str) -> None:
        super().__init__(
            f"Specified signature is not matched with our calculation. server string to sign is:{string_to_sign}"
        )


class SignatureNonceUsed(
    InvalidRequest,
    code="SignatureNonceUsed",
    message="Specified signature nonce was used already. Sign each request anew.",
): ...


class IllegalTimestamp(
    InvalidRequest,
    code="IllegalTimestamp",
    message='The input parameter "Timestamp" that is mandatory for processing this request is not supplied.',
): ...


class InvalidTimestampFormat(
    InvalidRequest,
    code="InvalidTimeStamp.Format",
    message="Specified time stamp or date value is not well formatted. Use yyyy-MM-ddTHH:mm:ssZ in UTC.",
): ...


class InvalidTimestampExpired(
    InvalidRequest,
    code="InvalidTimeStamp.Expired",
    message="Specified time stamp or date value is expired. It must lie within 15 minutes of the server's clock.",
): ...


class InvalidSecurityToken(
    InvalidRequest,
    code="InvalidSecurityToken.Malformed",
    message="Specified SecurityToken is malformed.",
): ...


class SecurityTokenExpired(
    InvalidRequest,
    code="InvalidSecurityToken.Expired",
    message="Specified SecurityToken is expired. Assume the role anew.",
): ...


class SecurityTokenMismatch(
    InvalidRequest,
    code="InvalidSecurityToken.MismatchWithAccessKey",
    message="Specified SecurityToken mismatches the AccessKey. Send the token that came with this AccessKey.",
): ...


class AccessKeyNotFound(
    NotFound,
    code="InvalidAccessKeyId.NotFound",
    message="The AccessKey ID provided does not exist in our records.",
): ...


class AccessKeyInactive(
    InvalidRequest,
    code="InvalidAccessKeyId.Inactive",
    message="Specified access key is disabled.",
): ...


class NoPermission(
    Denied, code="Forbidden.NoPermission", message="This operation is forbidden by permission system."
): ...


# --- keys ---


class KeyNotFound(NotFound, code="Forbidden.KeyNotFound", message="The specified Key is not found."): ...


class KeyVersionNotFound(
    NotFound, code="Forbidden.KeyVersionNotFound", message="The specified Key version is not found."
): ...


class AliasNotFound(NotFound, code="Forbidden.AliasNotFound", message="The specified Alias is not found."): ...


class KeyDisabled(
    StateConflict,
    code="Rejected.Disabled",
    message="The request was rejected because the key state is Disabled.",
): ...


class KeyPendingDeletion(
    StateConflict,
    code="Rejected.PendingDeletion",
    message="The request was rejected because the key state is PendingDeletion.",
): ...


class KeyPendingImport(
    StateConflict,
    code="Rejected.PendingImport",
    message="The request was rejected because the key state is PendingImport.",
): ...


class StateModifiedFailed(StateConflict, code="Rejected.StateModifiedFailed", message="Keystate modified failed."): ...


class EncryptionsExhausted(
    StateConflict,
    code="Rejected.EncryptionLimitExceeded",
    message=(
        "This key version has reached the number of encryptions that AES-GCM with random IVs allows (NIST SP 800-38D "
        "section 8.3). It still decrypts; create a new key for new encryptions."
    ),
): ...


# --- the service ---


class TooManyRequests(Throttled, code="Rejected.Throttling", message="QPS Limit Exceeded. Retry later."):
    """:param retry_after_seconds: when it may be tried again."""

    def __init__(self, message: str = "", retry_after_seconds: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class ServiceUnavailable(
    Unavailable,
    code="ServiceUnavailableTemporary",
    message="The service is temporarily unavailable: nothing was released. Retry later.",
): ...


class InternalFailure(
    Internal,
    code="InternalFailure",
    message="Internal failure: nothing was released. Give your operator the RequestId.",
): ...
