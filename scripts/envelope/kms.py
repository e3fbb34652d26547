"""Data keys from a KMS, through Alibaba Cloud's official SDK (``alibabacloud_kms20160120``).

Here: the two calls and the check of their answers. What the SDK raises is translated in
:mod:`scripts.envelope.kms_trouble`.
"""

from __future__ import annotations

import base64
import binascii
import os
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Final

from alibabacloud_kms20160120 import models
from alibabacloud_kms20160120.client import Client
from alibabacloud_tea_openapi.utils_models import Config

from scripts.envelope.credentials import Credentials, is_loopback
from scripts.envelope.data_key import DataKey
from scripts.envelope.failure import NotAuthentic
from scripts.envelope.file_format import DATA_KEY_BYTES, Header
from scripts.envelope.kms_trouble import Circumstances, no_kms, translated

_CONNECT_TIMEOUT_MS: Final = 10_000
_READ_TIMEOUT_MS: Final = 30_000


class SdkKms:
    """A KMS reached by the official SDK."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._client = _client(credentials)

    def new_key(self, description: str) -> str:
        """The id of a new CMK."""
        request = models.CreateKeyRequest(description=description)
        key_id = self._call("CreateKey", "", self._client.create_key, request).key_metadata.key_id
        if not _printable(key_id):
            raise no_kms(self._credentials.endpoint)
        return str(key_id)

    def new_data_key(self, key_id: str, context: Mapping[str, str]) -> DataKey:
        request = models.GenerateDataKeyRequest(
            key_id=key_id, number_of_bytes=DATA_KEY_BYTES, encryption_context=dict(context) or None
        )
        answer = self._call("GenerateDataKey", key_id, self._client.generate_data_key, request)
        plaintext = _data_key(answer.plaintext)
        if plaintext is None or not _printable(answer.key_id) or not _printable(answer.ciphertext_blob):
            raise no_kms(self._credentials.endpoint)
        return DataKey(plaintext, Header(answer.key_id, answer.ciphertext_blob))

    def open_envelope(self, header: Header, context: Mapping[str, str]) -> bytes:
        request = models.DecryptRequest(ciphertext_blob=header.enveloped_key, encryption_context=dict(context) or None)
        answer = self._call("Decrypt", header.key_id, self._client.decrypt, request)
        plaintext = _data_key(answer.plaintext)
        if plaintext is None:
            raise NotAuthentic(
                "The KMS opened what the file carries as its enveloped key, but it is not a data key.",
                "The header was replaced; fetch the file again from where it is whole.",
            )
        return plaintext

    def _call(self, operation: str, key_id: str, send: Callable[[Any], Any], request: Any) -> Any:
        try:
            return send(request).body
        except Exception as trouble:  # noqa: BLE001  # the SDK raises several unrelated families, and lets parsing errors through
            circumstances = Circumstances(operation, key_id, self._credentials)
            raise translated(trouble, circumstances) from None


def _client(credentials: Credentials) -> Any:
    _leave_out_proxy(credentials.host)
    config = Config(
        access_key_id=credentials.access_key_id,
        access_key_secret=credentials.access_key_secret,
        security_token=credentials.security_token,
        endpoint=credentials.address,
        protocol=credentials.protocol,
        ca=credentials.ca_file,
        region_id=credentials.region_id,
        connect_timeout=_CONNECT_TIMEOUT_MS,
        read_timeout=_READ_TIMEOUT_MS,
    )
    return Client(config)


def _leave_out_proxy(host: str) -> None:
    """The SDK takes HTTPS_PROXY but not NO_PROXY, and would ask a proxy for 127.0.0.1. This process has no other use
    for them."""
    if is_loopback(host) or urllib.request.proxy_bypass(host):
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
            os.environ.pop(name, None)


def _data_key(text: object) -> bytes | None:
    """The 32 bytes whose Base64 text this is, else None."""
    try:
        plaintext = base64.b64decode(str(text), validate=True)
    except (ValueError, binascii.Error):
        return None
    return plaintext if len(plaintext) == DATA_KEY_BYTES else None


def _printable(text: object) -> bool:
    return isinstance(text, str) and bool(text) and all(0x21 <= ord(character) <= 0x7E for character in text)
