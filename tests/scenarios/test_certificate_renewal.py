"""A deployment outlives its certificate: a renewed one reaches workers that run, and no caller is turned away for it.

The whole service, looking each second where it looks each hour.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx
import psutil
from cryptography import x509

from adapters import tls
from domain.vocabulary import DEFAULT_REGIONS
from tests.fixtures import signed
from tests.fixtures.service import Service, eventually, running

QUICK: Final = """
from scripts import up, up_children
import sys, typer
up.RENEWAL_SECONDS = 1.0
up_children.WORKER_STOP_SECONDS = 5.0
application = typer.Typer()
application.command()(up.command)
application()
"""

USERS: Final = 3


class Caller(threading.Thread):
    """Asks all the time, each time on a new connection, and trusts the deployment's authority and nobody else.

    A connection that a worker accepts in the instant in which it ends breaks off unanswered: that is tried once more,
    as every client does.

    :ivar broken: how often.
    """

    def __init__(self, service: Service, key_id: str, enough: threading.Event) -> None:
        super().__init__()
        self._service, self._key_id, self._enough = service, key_id, enough
        self.told: Counter[str] = Counter()
        self.broken = 0

    def run(self) -> None:
        while not self._enough.is_set():
            try:
                self.told[str(self._asked())] += 1
            except httpx.HTTPError as error:
                self.told[repr(error)] += 1

    def _asked(self) -> int:
        try:
            return self._ask()
        except httpx.TransportError:
            self.broken += 1
            return self._ask()

    def _ask(self) -> int:
        given = {"KeyId": self._key_id, "Plaintext": "hello"}
        return self._service.send(signed.rpc(self._service.root, "Encrypt", given)).status_code


def test_a_renewed_certificate_reaches_every_worker_and_nobody_is_turned_away() -> None:
    with running(workers=2, program=("-c", QUICK)) as service:
        key_id, workers = service.create_key(), {worker.pid for worker in service.workers()}
        enough = threading.Event()
        callers = [Caller(service, key_id, enough) for _ in range(USERS)]
        for caller in callers:
            caller.start()
        try:
            first = _shown(service)
            _let_it_end_soon(service.folder / "tls")
            eventually(lambda: _all_replaced(service, workers), 90, "every worker was replaced")
            eventually(service.is_ready)
            shown = {_shown_by(service, worker) for worker in service.workers()}
        finally:
            enough.set()
            for caller in callers:
                caller.join()
        assert shown == {_on_disk(service)}
        assert shown != {first}
        told = sum((caller.told for caller in callers), Counter())
        assert told.keys() == {"200"}, told
        assert told["200"] > 50
        assert sum(caller.broken for caller in callers) <= 2 * len(workers)
        assert service.up.poll() is None


def _let_it_end_soon(folder: Path) -> None:
    """What lies there is ten days from its end, by the same authority. Workers go on with what they have read."""
    then = datetime.now(UTC) - tls.SERVER_LIFE + timedelta(days=10)
    files = tls.TlsFiles(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    authority, key = tls._ensure_authority(folder, then)
    tls._issue(files, authority, key, tls.local_names(DEFAULT_REGIONS), tls.local_addresses(), then)


def _all_replaced(service: Service, before: set[int]) -> bool:
    now = {worker.pid for worker in service.workers()}
    return len(now) == len(before) and not now & before


def _shown_by(service: Service, worker: psutil.Process) -> int:
    shown: int = service.replies(worker, lambda: _shown(service))
    return shown


def _shown(service: Service) -> int:
    """The serial number of the certificate that a new connection meets, which a client's trust has accepted."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as plain:
        context = ssl.create_default_context(cafile=service.ca_file)
        with context.wrap_socket(plain, server_hostname="localhost") as connection:
            shown = connection.getpeercert(binary_form=True)
    assert shown is not None
    certificate = x509.load_der_x509_certificate(shown)
    assert certificate.not_valid_after_utc > datetime.now(UTC) + tls.RENEW_BEFORE
    return certificate.serial_number


def _on_disk(service: Service) -> int:
    certificate = x509.load_pem_x509_certificate((service.folder / "tls" / "server.pem").read_bytes())
    return certificate.serial_number
