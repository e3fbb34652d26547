"""The recorded requests of two official SDKs and the official vectors, read; and a signer for the tests' own requests.

``recorded/`` holds exact bytes (access key ``testak``, secret ``testsk``; the STS token is ``tok=/+``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import orjson

from adapters.signatures import Received, receive
from tests.wire import sigcheck

WIRE = Path(__file__).parent
RECORDED = sorted(WIRE.glob("recorded/*.req"))
VECTORS: dict[str, list[dict[str, Any]]] = orjson.loads(WIRE.joinpath("signature_vectors.json").read_bytes())
SECRET = b"testsk"
NO_BODY = hashlib.sha256(b"").hexdigest()

Headers = list[tuple[bytes, bytes]]


class Request(NamedTuple):
    """What a client sent, as ASGI gives it."""

    method: str
    path: bytes
    query: bytes
    headers: Headers
    body: bytes = b""

    def received(self) -> Received:
        return receive(*self)

    def verdict(self) -> bool | None:
        """The oracle's."""
        target = f"{self.path.decode()}?{self.query.decode()}"
        headers = [(name.decode(), value.decode()) for name, value in self.headers]
        return sigcheck.check(self.method, target, headers, self.body, sigcheck.SECRETS.get)


def recorded(path: Path) -> Request:
    head, _, body = path.read_bytes().partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    method, target, _ = first.split(b" ")
    bare, _, query = target.partition(b"?")
    headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(b":") for line in lines)]
    return Request(method.decode(), bare, query, headers, body)


def encoded(parameters: Mapping[str, str]) -> bytes:
    """Canonical, in the order given."""
    return "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in parameters.items()).encode()


RPC = {
    "Version": "2016-01-20",
    "AccessKeyId": "testak",
    "SignatureMethod": "HMAC-SHA1",
    "SignatureVersion": "1.0",
    "SignatureNonce": "n-1",
    "Timestamp": "2026-11-23T18:10:22Z",
}


def rpc(action: str = "ListKeys", method: str = "GET", /, **parameters: str) -> dict[str, str]:
    """Signed RPC parameters; ``parameters`` are added to, or replace, the usual ones; "-" leaves one out."""
    wanted = {"Action": action, **RPC, **parameters}
    wanted = {name: value for name, value in wanted.items() if value != "-"}
    algorithm = wanted.get("SignatureMethod", "HMAC-SHA1")
    algorithm = algorithm if algorithm in ("HMAC-SHA1", "HMAC-SHA256") else "HMAC-SHA1"
    return {**wanted, "Signature": sigcheck.rpc_v1(method, wanted, "testsk", algorithm)}


def acs(
    query: Mapping[str, str] | None = None,
    body: bytes = b"",
    *,
    changed: Mapping[str, str] | None = None,
    signed: tuple[str, ...] | None = None,
    scheme: str = "ACS3-HMAC-SHA256",
    credential: str | None = None,
    path: str = "/",
) -> Request:
    """A request signed with ACS3 or ACS4. ``changed`` headers are added or replaced; "-" leaves one out."""
    headers = {
        "host": "kms.cn-hangzhou.aliyuncs.com",
        "x-acs-action": "ListKeys",
        "x-acs-version": "2016-01-20",
        "x-acs-date": "2026-11-23T18:10:22Z",
        "x-acs-signature-nonce": "n-1",
        "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
        **({"content-type": "application/x-www-form-urlencoded"} if body else {}),
        **(changed or {}),
    }
    headers = {name: value for name, value in headers.items() if value != "-"}
    names = signed if signed is not None else tuple(sorted(headers))
    v4 = scheme.startswith("ACS4")
    credential = credential or ("testak/20261123/cn-hangzhou/Kms/aliyun_v4_request" if v4 else "testak")
    key = sigcheck.acs4key("testsk", *(credential.split("/") + [""] * 4)[1:4]) if v4 else None
    known = {name: headers.get(name, "") for name in names} | headers
    signature = sigcheck.acs3(
        "POST", path, list((query or {}).items()), known, names, body, "testsk", scheme=scheme, key=key
    )
    authorization = f"{scheme} Credential={credential},SignedHeaders={';'.join(names)},Signature={signature}"
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Request(
        "POST", path.encode(), encoded(query or {}), [*raw, (b"authorization", authorization.encode())], body
    )
