"""Signing requests with the caller's access key (ACS3-HMAC-SHA256), by the official SDK's own hand.

Only its signature is used: the SDK reads whole answers into memory, and an export has no end in sight.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from alibabacloud_tea_openapi.utils import Utils
from darabonba.request import DaraRequest

from scripts.envelope.credentials import Credentials

_ALGORITHM: Final = "ACS3-HMAC-SHA256"


def query_of(parameters: Mapping[str, str]) -> str:
    """The query as it is sent; what is signed has the same spelling."""
    return "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in sorted(parameters.items()))


def signed(
    credentials: Credentials,
    action: tuple[str, str],
    method: str,
    path: str,
    *,
    parameters: Mapping[str, str],
    body: bytes = b"",
) -> dict[str, str]:
    """The headers to send. :param action: name and API version."""
    request = DaraRequest()
    request.method, request.pathname = method, path
    request.query = {_quoted(name): value for name, value in parameters.items()}
    payload = hashlib.sha256(body).hexdigest()
    request.headers = {
        "host": credentials.address,
        "x-acs-action": action[0],
        "x-acs-version": action[1],
        "x-acs-date": Utils.get_timestamp(),
        "x-acs-signature-nonce": Utils.get_nonce(),
        "x-acs-content-sha256": payload,
        **({"content-type": "application/json"} if body else {}),
    }
    if credentials.security_token:
        request.headers["x-acs-accesskey-id"] = credentials.access_key_id
        request.headers["x-acs-security-token"] = credentials.security_token
    proof = Utils.get_authorization(
        request, _ALGORITHM, payload, credentials.access_key_id, credentials.access_key_secret
    )
    return {**request.headers, "authorization": proof}


def _quoted(text: str) -> str:
    return quote(text, safe="~")
