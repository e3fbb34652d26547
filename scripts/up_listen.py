"""The listening socket, bound before anything is started so that a port in use is told at once, and asking "ready?".

Workers inherit the socket: while one is replaced, the others accept, and while all are, callers wait in its queue.
"""

from __future__ import annotations

import errno
import http.client
import ipaddress
import json
import socket
import ssl
import time
from pathlib import Path
from typing import Any, Final

from adapters.cannot_start import CannotStart

BACKLOG: Final = 2_048
PATIENCE_SECONDS: Final = 2.0


def listen(host: str, port: int) -> socket.socket:
    """:raises CannotStart: the port is in use, needs a right, or ``host`` is none of this machine's."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CannotStart(
            f"Cannot listen on {host!r}: {error.strerror}. Give a name or address with --host."
        ) from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind(bound, address)
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        raise CannotStart(_why_not(host, port, error)) from error
    return bound


def _bind(bound: socket.socket, address: Any) -> None:
    """Workers of an earlier ``up`` that was killed this instant hold the port until the kernel has ended them."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return bound.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > end:
                raise
        time.sleep(0.1)


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is in use by another program. Stop that one, or choose another port: --port {port + 1}."
    if error.errno == errno.EACCES:
        return f"Port {port} needs a right that you do not have. Choose one from 1024 up: --port 8443."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"This machine does not have the address {host}. Give one that it has with --host."
    return f"Cannot listen on {host} port {port}: {error.strerror}. Choose others with --host and --port."


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Readiness:
    """Asks ``/readyz`` of our own socket.

    An event that stops a projection stops no start: it would not pass by waiting, and keys can be used.

    :ivar missing: what the last answer lacked. :ivar stopped: the same, where it is that and nothing else.
    """

    def __init__(self, listening: socket.socket, ca_file: Path | None, *, http_only: bool) -> None:
        host, self._port = listening.getsockname()[:2]
        self._host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        self._tls = None if http_only else _context(ca_file)
        self._seconds = 0.5
        self.missing = "no worker answered"
        self.stopped = ""

    def __call__(self) -> bool:
        """Patient a little longer each time: up to 5 s for a slow machine, briefly at first, when nobody serves yet."""
        self._seconds = min(self._seconds * 1.3, 5.0)
        connection = self._connection()
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.missing = f"no worker answered ({error})"
            return False
        finally:
            connection.close()
        self.missing, is_stopped = _missing(body)
        is_ready = answer.status == http.HTTPStatus.OK
        self.stopped = self.missing if is_stopped and not is_ready else ""
        return is_ready or is_stopped

    def _connection(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._seconds)
        return http.client.HTTPSConnection(self._host, self._port, timeout=self._seconds, context=self._tls)


def _context(ca_file: Path | None) -> ssl.SSLContext:
    """An operator's certificate is for names that only the operator knows; we bound the socket we ask."""
    if ca_file is not None:
        return ssl.create_default_context(cafile=str(ca_file))
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _missing(body: bytes) -> tuple[str, bool]:
    """What is not well, and whether all of that was stopped by an event."""
    try:
        told = json.loads(body)
        missing = {name: outcome for name, outcome in told["checks"].items() if outcome != "ok"}
        said = "; ".join(f"{name}: {outcome}" for name, outcome in missing.items())
        return said, bool(missing) and missing.keys() <= set(told.get("stopped", ()))
    except (ValueError, KeyError, AttributeError, TypeError):
        return "the answer of /readyz was not understood", False
