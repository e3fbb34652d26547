"""A stand-in for a KMS, for tests of commands only. It is not the product and shares no code with it.

It answers GenerateDataKey and Decrypt over TLS, closely enough for Alibaba's official SDK, which is the client in
these tests. It knows one access key and one CMK; it looks whether a request is signed but not whether the signature is
right. ``answers`` makes it give prepared answers instead. ``served`` serves stand-ins of other services as well.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_ID = "0b30658a-ed1a-4922-b8f7-a673ca9c61bd"
_KEY_VERSION_ID = "2ab1a983-7072-4bbc-a582-584b5bd8cf2e"


@dataclass
class PreparedAnswer:
    """:param promised: how many bytes it says it has, where it then breaks off. :param headers: besides the usual."""

    status: int
    body: bytes
    after_seconds: float = 0.0
    promised: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def refusal(status: int, code: str, message: str = "") -> PreparedAnswer:
        return PreparedAnswer(status, json.dumps(_error(status, code, message)).encode())


@dataclass(frozen=True)
class Asked:
    action: str
    path: str
    parameters: dict[str, str]
    authorization: str
    content: Any = None


class Answering(Protocol):
    def answer(self, asked: Asked) -> PreparedAnswer: ...


@dataclass
class KmsStub:
    access_key_id: str = "LTAI-test"
    master_key: bytes = field(default_factory=lambda: os.urandom(32))
    requests: list[dict[str, str]] = field(default_factory=list)
    answers: deque[PreparedAnswer] = field(default_factory=deque)
    data_keys: list[bytes] = field(default_factory=list)

    def answer(self, asked: Asked) -> PreparedAnswer:
        self.requests.append({"Action": asked.action, **asked.parameters})
        if self.answers:
            return self.answers.popleft()
        if f"Credential={self.access_key_id}," not in asked.authorization:
            return PreparedAnswer.refusal(
                404, "InvalidAccessKeyId.NotFound", "The AccessKey ID provided does not exist."
            )
        return {"GenerateDataKey": self._generate, "Decrypt": self._decrypt}[asked.action](asked.parameters)

    def _generate(self, parameters: dict[str, str]) -> PreparedAnswer:
        if parameters["KeyId"] != KEY_ID:
            return PreparedAnswer.refusal(404, "Forbidden.KeyNotFound", "The specified Key is not found.")
        self.data_keys.append(os.urandom(int(parameters["NumberOfBytes"])))
        text = base64.b64encode(self.data_keys[-1])
        nonce = os.urandom(12)
        sealed = AESGCM(self.master_key).encrypt(nonce, text, _bound(parameters))
        blob = base64.b64encode(_KEY_VERSION_ID.encode() + nonce + sealed).decode()
        return _success(KeyId=KEY_ID, KeyVersionId=_KEY_VERSION_ID, Plaintext=text.decode(), CiphertextBlob=blob)

    def _decrypt(self, parameters: dict[str, str]) -> PreparedAnswer:
        try:
            raw = base64.b64decode(parameters["CiphertextBlob"], validate=True)
            text = AESGCM(self.master_key).decrypt(raw[36:48], raw[48:], _bound(parameters))
        except (ValueError, InvalidTag):
            return PreparedAnswer.refusal(
                400, "InvalidParameter", "The specified parameter CiphertextBlob is not valid."
            )
        return _success(KeyId=KEY_ID, KeyVersionId=_KEY_VERSION_ID, Plaintext=text.decode())


def _bound(parameters: dict[str, str]) -> bytes:
    return json.dumps(json.loads(parameters.get("EncryptionContext", "{}")), sort_keys=True).encode()


def _success(**fields: str) -> PreparedAnswer:
    return PreparedAnswer(200, json.dumps({**fields, "RequestId": str(uuid4())}).encode())


def _error(status: int, code: str, message: str) -> dict[str, Any]:
    return {"HttpStatus": status, "Code": code, "Message": message, "RequestId": str(uuid4())}


@contextmanager
def served(stub: Answering, context: ssl.SSLContext) -> Iterator[int]:
    """Serve ``stub`` on a free port of 127.0.0.1; yields the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._answer(stub.answer(self._asked()))

        def do_GET(self) -> None:
            self.do_POST()

        def _asked(self) -> Asked:
            split = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            is_json = self.headers.get("content-type", "").startswith("application/json")
            values = parse_qs(split.query, keep_blank_values=True)
            values |= {} if is_json else parse_qs(body, keep_blank_values=True)
            return Asked(
                action=self.headers["x-acs-action"],
                path=split.path,
                parameters={name: value[0] for name, value in values.items()},
                authorization=self.headers.get("authorization", ""),
                content=json.loads(body) if is_json else None,
            )

        def _answer(self, answer: PreparedAnswer) -> None:
            time.sleep(answer.after_seconds)
            self.send_response(answer.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(answer.promised or len(answer.body)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None: ...

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Clients that hang up, and handshakes that fail, are what some tests are about."""

    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
