"""Who calls, and which service: from options, from the environment, or from the ``credentials.json`` that
``scripts/up`` writes.

The first of these that is there decides; they are never mixed, except that --endpoint and --ca always win:

1. the file named by ``--credentials``, or by ``KEY_LEDGER_CREDENTIALS``;
2. ``ALIBABA_CLOUD_ACCESS_KEY_ID`` and ``ALIBABA_CLOUD_ACCESS_KEY_SECRET`` (and ``ALIBABA_CLOUD_SECURITY_TOKEN``),
   together with --endpoint;
3. ``./data/credentials.json``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from scripts.envelope.failure import WrongUse

DEFAULT_FILE: Final = Path("data") / "credentials.json"
_FILE_NAME: Final = "credentials.json"


@dataclass(frozen=True)
class Credentials:
    """``endpoint`` is ``https://host[:port]``; ``ca_file`` None means: the certificate authorities the public
    trusts."""

    access_key_id: str
    access_key_secret: str = field(repr=False)
    endpoint: str
    ca_file: str | None = None
    region_id: str | None = None
    security_token: str | None = field(default=None, repr=False)

    @property
    def protocol(self) -> str:
        return urlsplit(self.endpoint).scheme

    @property
    def address(self) -> str:
        """``host[:port]``, as the SDK wants it."""
        return urlsplit(self.endpoint).netloc

    @property
    def host(self) -> str:
        return urlsplit(self.endpoint).hostname or ""


def find(file: str | None, endpoint: str | None, ca: str | None, environment: Mapping[str, str]) -> Credentials:
    """The credentials to use.

    :raises WrongUse: there are none, they are incomplete, or they would send a data key over an open network.
    """
    named = file or environment.get("KEY_LEDGER_CREDENTIALS")
    if named:
        found = _from_file(Path(named))
    elif "ALIBABA_CLOUD_ACCESS_KEY_ID" in environment and "ALIBABA_CLOUD_ACCESS_KEY_SECRET" in environment:
        found = _from_environment(environment, endpoint)
    else:
        found = _from_file(DEFAULT_FILE)
    return _checked(replace(found, endpoint=_with_scheme(endpoint or found.endpoint), ca_file=ca or found.ca_file))


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _from_environment(environment: Mapping[str, str], endpoint: str | None) -> Credentials:
    if not endpoint:
        raise WrongUse(
            "The access key comes from the environment, but no service is named.",
            "Give its address with --endpoint (and its certificate authority with --ca), or name a file with "
            "--credentials.",
        )
    return Credentials(
        access_key_id=environment["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        access_key_secret=environment["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
        security_token=environment.get("ALIBABA_CLOUD_SECURITY_TOKEN") or None,
        endpoint=endpoint,
    )


def _from_file(path: Path) -> Credentials:
    path = path / _FILE_NAME if path.is_dir() else path
    content = _parsed(path)
    return Credentials(
        access_key_id=_text(content, "access_key_id", path),
        access_key_secret=_text(content, "access_key_secret", path),
        endpoint=_text(content, "endpoint", path),
        ca_file=content.get("ca_file") or None,
        region_id=content.get("region_id") or None,
    )


def _parsed(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise WrongUse(
            f"There is no credentials file {path}.",
            "Name one with --credentials or KEY_LEDGER_CREDENTIALS, or set ALIBABA_CLOUD_ACCESS_KEY_ID and "
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET and give --endpoint.",
        ) from None
    except OSError as trouble:
        raise WrongUse(f"Cannot read {path}: {trouble.strerror}.", "Ask its owner; it is secret.") from None
    except ValueError:
        raise WrongUse(f"{path} is not JSON.", "Name the credentials.json in the data folder of the service.") from None
    if not isinstance(content, dict):
        raise WrongUse(f"{path} is not a JSON object.", "Name the credentials.json in the data folder of the service.")
    return content


def _text(content: dict[str, Any], name: str, path: Path) -> str:
    value = content.get(name)
    if not isinstance(value, str) or not value:
        raise WrongUse(f"{path} has no {name}.", "Name the credentials.json in the data folder of the service.")
    return value


def _with_scheme(endpoint: str) -> str:
    return endpoint if "://" in endpoint else f"https://{endpoint}"


def _checked(credentials: Credentials) -> Credentials:
    _check_endpoint(credentials)
    if credentials.ca_file and not Path(credentials.ca_file).is_file():
        raise WrongUse(
            f"There is no certificate authority file {credentials.ca_file}.",
            "Give the ca_file of the service's data folder with --ca.",
        )
    return credentials


def _check_endpoint(credentials: Credentials) -> None:
    if credentials.protocol not in {"https", "http"} or not credentials.host:
        raise WrongUse(
            f"{credentials.endpoint} is not the address of a service.", "Give it like https://127.0.0.1:8443 ."
        )
    if credentials.protocol == "http" and not is_loopback(credentials.host):
        raise WrongUse(
            f"{credentials.endpoint} is not encrypted, and the data key would travel over the network in the clear.",
            "Use the https endpoint.",
        )
