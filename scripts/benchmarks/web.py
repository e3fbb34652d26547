"""Single requests outside the measurement: setting a server up, trying one request, reading /metrics.

Not here: load. That is ``wrk``'s (see ``load.py``).
"""

from __future__ import annotations

import http.client
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of one response."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Site:
    """A server to talk to.

    :param endpoint: ``https://host:port`` or ``http://host:port``.
    :param ca_file: the CA that signed its certificate; None for the system's.
    """

    endpoint: str
    ca_file: Path | None = None

    @property
    def address(self) -> SplitResult:
        return urlsplit(self.endpoint)

    @property
    def host(self) -> str:
        """What goes into the Host header: name and port."""
        return self.address.netloc

    def connection(self, timeout_seconds: float = 30) -> http.client.HTTPConnection:
        """A new connection, kept alive between requests; the caller closes it."""
        if self.address.scheme == "http":
            return http.client.HTTPConnection(self.host, timeout=timeout_seconds)
        context = ssl.create_default_context(cafile=self.ca_file)
        return http.client.HTTPSConnection(self.host, timeout=timeout_seconds, context=context)

    def ask(self, method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Answer:
        """One request on a connection of its own.

        :raises OSError: nobody listens, or the certificate is not the expected one.
        """
        connection = self.connection()
        try:
            connection.request(method, target, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.read())
        finally:
            connection.close()

    def send(self, request: bytes) -> Answer:
        """One request given as the exact bytes that ``wrk`` will send."""
        connection = self.connection()
        try:
            connection.connect()
            connection.sock.sendall(request)
            response = http.client.HTTPResponse(connection.sock, method=request.split(b" ", 1)[0].decode())
            response.begin()
            return Answer(response.status, response.read())
        finally:
            connection.close()


def free_port() -> int:
    """A TCP port of the loopback address that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
