"""What comes instead of an answer, in sentences: refusals, and whatever keeps a service from being asked.

The official SDK knows two families: an answer with an error code (``TeaException`` and below), and
``UnretryableException`` around everything else, which has lost the original exception's class but keeps it as context.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from requests import exceptions

from scripts.envelope.credentials import Credentials
from scripts.envelope.failure import Failure, KmsBusy, KmsNotTrusted, KmsRefused, KmsUnreachable

_ADVICE: Final = {
    "Forbidden.KeyNotFound": "Check the key's id, account and region, and whether the endpoint is the right service.",
    "Forbidden.AliasNotFound": "Check the alias, its account and region, and whether the endpoint is right.",
    "Forbidden.NoPermission": "Ask the owner of the key to allow {operation} on it.",
    "Forbidden.AccessKey": "Activate the access key {access_key_id}, or use another.",
    "InvalidAccessKeyId.Inactive": "Activate the access key {access_key_id}, or use another.",
    "InvalidAccessKeyId.NotFound": "Check the credentials: {endpoint} does not know the access key {access_key_id}.",
    "SignatureDoesNotMatch": "Check the credentials: the secret does not belong to the access key {access_key_id}.",
    "InvalidTimeStamp.Expired": "Set this machine's clock; it differs from the service's by more than 15 minutes.",
    "Rejected.Disabled": "Enable the key (EnableKey), or name another.",
    "Rejected.PendingDeletion": "Cancel the deletion of the key (CancelKeyDeletion) while there is time.",
    "Rejected.PendingImport": "Import the key's material first.",
    "Rejected.Throttling": "Wait a little, then run the command again.",
    "ServiceUnavailableTemporary": "Wait a little, then run the command again.",
    "InternalFailure": "Give the RequestId to the operator of the service.",
}
_INVALID_PARAMETER: Final = {
    "GenerateDataKey": "Check --key-id: an id, an ARN or alias/NAME of a symmetric key.",
    "Decrypt": "Give every --context that was given when the file was encrypted, use the service it was encrypted "
    "with, and check that the file was not altered.",
}
_CONNECTION_TROUBLES: Final[tuple[tuple[type[BaseException], str, str], ...]] = (
    (exceptions.SSLError, "{endpoint} does not speak TLS with us.", "Check the port, and whether it is https."),
    (exceptions.ProxyError, "The proxy would not connect to {endpoint}.", "Check HTTPS_PROXY and NO_PROXY."),
    (exceptions.Timeout, "{endpoint} did not answer in time.", "Check that the service runs and is not overloaded."),
    (ConnectionRefusedError, "Nothing listens at {endpoint}.", "Start the service, or check the endpoint."),
    (exceptions.ChunkedEncodingError, "{endpoint} stopped in the middle of its answer.", "Run the command again."),
    (exceptions.ConnectionError, "There is no connection to {endpoint}.", "Check the endpoint's name and the network."),
)
"""From the particular to the general: each is also one of those below it."""
_FOR_NOW: Final = ("ServiceUnavailable", "Throttling", "Rejected.Throttling", "InternalFailure")
_WITHOUT_MESSAGE: Final = frozenset({"SignatureDoesNotMatch"})  # its message repeats the whole request


@dataclass(frozen=True)
class Circumstances:
    """:param key_id: empty where no key was asked of. :param advice: by error code, before what is said here."""

    operation: str
    key_id: str
    credentials: Credentials
    advice: Mapping[str, str] = field(default_factory=dict)


def translated(trouble: Any, circumstances: Circumstances) -> Failure:
    """The failure to raise instead of ``trouble``."""
    if not getattr(trouble, "code", None):
        return unreachable(trouble, circumstances.credentials.endpoint)
    data = trouble.data if isinstance(trouble.data, dict) else {}
    if "Code" not in data and "code" not in data:
        return no_kms(circumstances.credentials.endpoint)
    return refused(trouble.code, data, circumstances)


def refused(code: str, answer: Mapping[str, Any], circumstances: Circumstances) -> KmsRefused:
    """:param answer: the service's, with its ``Message`` and ``RequestId``."""
    reason = "" if code in _WITHOUT_MESSAGE else f": {str(answer.get('Message', '')).rstrip('.')}"
    key = f" with key {circumstances.key_id}" if circumstances.key_id else ""
    happened = (
        f"The KMS refused {circumstances.operation}{key}: {code}{reason}. "
        f"(RequestId {answer.get('RequestId', 'unknown')})"
    )
    kind = KmsBusy if code.startswith(_FOR_NOW) else KmsRefused
    return kind(happened, _advice(code, circumstances))


def _advice(code: str, circumstances: Circumstances) -> str:
    advice = {**_ADVICE, **circumstances.advice}
    if code.startswith("InvalidParameter"):
        advice[code] = _INVALID_PARAMETER.get(circumstances.operation, "Look at --help for what the options take.")
    code = "Rejected.Throttling" if code.startswith("Throttling") else code
    return advice.get(code, "Look the code up in the documentation of the service.").format(
        operation=circumstances.operation,
        endpoint=circumstances.credentials.endpoint,
        access_key_id=circumstances.credentials.access_key_id,
    )


def unreachable(trouble: BaseException, endpoint: str) -> Failure:
    """Where no usable answer came."""
    causes = list(_causes(trouble))
    certificate = next((cause for cause in causes if isinstance(cause, ssl.SSLCertVerificationError)), None)
    if certificate is not None:
        return _not_trusted(certificate, endpoint)
    for kind, happened, advice in _CONNECTION_TROUBLES:
        if any(isinstance(cause, kind) for cause in causes):
            return KmsUnreachable(happened.format(endpoint=endpoint), advice)
    return no_kms(endpoint)


def _not_trusted(certificate: ssl.SSLCertVerificationError, endpoint: str) -> KmsNotTrusted:
    return KmsNotTrusted(
        f"The certificate of {endpoint} is not to be trusted: {certificate.verify_message.rstrip('.')}. "
        "Nothing was sent to it.",
        "If it is your service, give its certificate authority with --ca; if it is not, someone else answers there.",
    )


def no_kms(endpoint: str) -> KmsUnreachable:
    return KmsUnreachable(f"What answers at {endpoint} does not answer as a KMS does.", "Check the endpoint.")


def _causes(trouble: BaseException) -> Iterator[BaseException]:
    """``trouble`` and every exception it was raised from, wraps or carries, each once."""
    waiting: list[object] = [trouble]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop()
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [cause.__cause__, cause.__context__, *cause.args]
        waiting += [getattr(cause, "inner_exception", None), getattr(cause, "reason", None)]
