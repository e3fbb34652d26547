"""Reference verifiers of the signature families, written from the SDKs' sources: the tests' oracle, not product code.

Slow and lenient on purpose: everything is decoded and quoted again, nothing is refused.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import urllib.parse as U  # noqa: N812
from collections.abc import Callable, Iterable, Mapping, Sequence

SECRETS = {"testak": "testsk", "STS.abc": "sec"}


def pe(s: str) -> str:
    return U.quote(s, safe="~")  # RFC3986: only A-Za-z0-9-_.~ unescaped


def rpc_v1(method: str, params: Mapping[str, str], secret: str, algo: str = "HMAC-SHA1") -> str:
    c = "&".join(f"{pe(k)}={pe(v)}" for k, v in sorted(params.items()) if k != "Signature")
    sts = f"{method}&%2F&{pe(c)}"
    h = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}[algo]
    return base64.b64encode(hmac.new((secret + "&").encode(), sts.encode(), h).digest()).decode()


def acs3(
    method: str,
    path: str,
    query: Iterable[tuple[str, str]],
    H: Mapping[str, str],  # noqa: N803
    signed: Sequence[str],
    body: bytes,
    secret: str,
    scheme: str = "ACS3-HMAC-SHA256",
    key: bytes | None = None,
) -> str:
    cq = "&".join(f"{pe(k)}={pe(v)}" for k, v in sorted(query))
    ch = "".join(f"{n}:{H[n].strip()}\n" for n in signed)
    payload = H.get("x-acs-content-sha256") or hashlib.sha256(body).hexdigest()
    cr = "\n".join([method, path or "/", cq, ch, ";".join(signed), payload])
    sts = scheme + "\n" + hashlib.sha256(cr.encode()).hexdigest()
    return hmac.new(key or secret.encode(), sts.encode(), hashlib.sha256).hexdigest()


def acs4key(secret: str, date: str, region: str, product: str, prefix: str = "aliyun_v4") -> bytes:
    k = hmac.new((prefix + secret).encode(), date.encode(), hashlib.sha256).digest()
    for x in (region, product, prefix + "_request"):
        k = hmac.new(k, x.encode(), hashlib.sha256).digest()
    return k


def check(
    method: str,
    target: str,
    hs: Iterable[tuple[str, str]],
    body: bytes,
    secret_of: Callable[[str], str | None],
) -> bool | None:
    """True or False: the signature is right or wrong; None: unsigned, or by an unknown access key."""
    H = {k.lower(): v.strip() for k, v in hs}  # noqa: N806
    u = U.urlsplit(target)
    q = U.parse_qsl(u.query, keep_blank_values=True)
    a = H.get("authorization", "")
    if a.startswith(("ACS3-", "ACS4-")):
        return _check_acs(method, u.path, q, H, body, secret_of)
    p = dict(q)
    if "urlencoded" in H.get("content-type", ""):
        p.update(U.parse_qsl(body.decode(), keep_blank_values=True))
    sk = secret_of(p.get("AccessKeyId", ""))
    if "Signature" not in p or sk is None:
        return None
    return rpc_v1(method, p, sk, p.get("SignatureMethod", "HMAC-SHA1")) == p["Signature"]


def _check_acs(
    method: str,
    path: str,
    query: list[tuple[str, str]],
    H: dict[str, str],  # noqa: N803
    body: bytes,
    secret_of: Callable[[str], str | None],
) -> bool | None:
    scheme, rest = H["authorization"].split(" ", 1)
    f = dict(x.strip().split("=", 1) for x in rest.split(","))
    cred = f["Credential"]
    sk = secret_of(cred.split("/")[0])
    if sk is None:
        return None
    key = acs4key(sk, *cred.split("/")[1:4]) if scheme.startswith("ACS4") else None
    s = acs3(method, path, query, H, f["SignedHeaders"].split(";"), body, sk, scheme=scheme, key=key)
    return s == f["Signature"] and H.get("x-acs-content-sha256") == hashlib.sha256(body).hexdigest()
