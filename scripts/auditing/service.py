"""The service, asked: signed requests to the routes under ``/audit``, and what comes instead of an answer.

Each question is checked against the caller's permissions there, and recorded in the ledger like any other call. Not
here: what questions there are, and what the answers look like to people.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import requests

from scripts.auditing.filters import in_options
from scripts.auditing.signing import query_of, signed
from scripts.auditing.waiting import waiting
from scripts.envelope.credentials import Credentials, is_loopback
from scripts.envelope.failure import Failure
from scripts.envelope.kms_trouble import Circumstances, no_kms, refused, unreachable

VERSION: Final = "2026-11-25"
_STS: Final = "2015-04-01"
_CONNECT_SECONDS: Final = 10.0
_READ_SECONDS: Final = 90.0
"""The service gives the questions that replay events a minute."""
_PIECE: Final = 65_536
_CURRENCY_HEADER: Final = "x-key-ledger-currency"
_ANSWER_MAX: Final = 64 * 1024 * 1024
_BY_FILTERS: Final = frozenset({"SearchEvents", "CountEvents", "ExportEvents"})
"""Asked with the options of :class:`Filters`; others have arguments for what is called alike."""
_ADVICE: Final = {
    "NoPermission": "Ask an administrator of your account to attach the system policy "
    "KeyLedgerAuditReadOnlyAccess to you, or to allow the action {action} on acs:audit:*:*:trail.",
    "Forbidden.KeyNotFound": "Check the key's id, and that the credentials are of the account that owns it.",
    "InvalidApi.NotFound": "The service at {endpoint} has no audit trail to ask: it is older than this command.",
}


class AuditService:
    """Raises :class:`~scripts.envelope.failure.Failure`, nothing else.

    :ivar request_ids: of what was asked so far: each is an event of the trail itself.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._session = requests.Session()
        # A proxy cannot reach this very machine; for the others the environment says which, and which hosts go without.
        self._session.trust_env = not is_loopback(credentials.host)
        self._session.headers["User-Agent"] = "key-ledger audit"
        self.request_ids: set[str] = set()

    def get(self, operation: str, path: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        return self._answer((operation, VERSION), "GET", path, parameters)

    def post(self, operation: str, path: str, content: Mapping[str, Any]) -> dict[str, Any]:
        return self._answer((operation, VERSION), "POST", path, {}, json.dumps(content).encode())

    def account_id(self) -> str:
        """Whose trail it is: the account of the access key."""
        identity = self._answer(("GetCallerIdentity", _STS), "POST", "/", {})
        return str(identity.get("AccountId", ""))

    @contextmanager
    def streamed(
        self, operation: str, path: str, parameters: Mapping[str, str]
    ) -> Iterator[tuple[dict[str, Any], Iterator[bytes]]]:
        """An answer of any size: how current it is, as other answers say it in their members, and a piece at a time."""
        with self._sent((operation, VERSION), "GET", path, parameters) as response:
            if response.status_code != requests.codes.ok:
                raise self._refused((operation, VERSION), self._read(response))
            yield _object(response.headers.get(_CURRENCY_HEADER, "").encode()) or {}, self._pieces(response)

    def _answer(
        self, action: tuple[str, str], method: str, path: str, parameters: Mapping[str, str], body: bytes = b""
    ) -> dict[str, Any]:
        with waiting("Waiting for the answer"), self._sent(action, method, path, parameters, body) as response:
            content = self._read(response)
            if response.status_code != requests.codes.ok:
                raise self._refused(action, content)
        answer = _object(content)
        if answer is None or "RequestId" not in answer:
            raise no_kms(self._credentials.endpoint)
        self._session.headers["User-Agent"] = "key-ledger audit"
        self.request_ids.add(str(answer["RequestId"]))
        return answer

    def _sent(
        self, action: tuple[str, str], method: str, path: str, parameters: Mapping[str, str], body: bytes = b""
    ) -> requests.Response:
        credentials = self._credentials
        query = query_of(parameters)
        try:
            return self._session.request(
                method,
                f"{credentials.protocol}://{credentials.address}{path}{'?' if query else ''}{query}",
                headers=signed(credentials, action, method, path, parameters=parameters, body=body),
                data=body,
                verify=credentials.ca_file or True,
                timeout=(_CONNECT_SECONDS, _READ_SECONDS),
                allow_redirects=False,  # what was signed for one address is not for another
                stream=True,
            )
        except (requests.RequestException, OSError) as trouble:
            raise unreachable(trouble, credentials.endpoint) from None

    def _pieces(self, response: requests.Response) -> Iterator[bytes]:
        try:
            yield from response.iter_content(_PIECE)
        except (requests.RequestException, OSError) as trouble:
            raise unreachable(trouble, self._credentials.endpoint) from None

    def _read(self, response: requests.Response) -> bytes:
        """All of it, if it is not endless."""
        content = bytearray()
        for piece in self._pieces(response):
            content += piece
            if len(content) > _ANSWER_MAX:
                raise no_kms(self._credentials.endpoint)
        return bytes(content)

    def _refused(self, action: tuple[str, str], content: bytes) -> Failure:
        answer = _object(content)
        if answer is None or not isinstance(answer.get("Code"), str):
            return no_kms(self._credentials.endpoint)
        if action[0] in _BY_FILTERS and answer["Code"] == "InvalidParameter":
            answer["Message"] = in_options(str(answer.get("Message", "")))
        advice = {code: text.replace("{action}", f"audit:{action[0]}") for code, text in _ADVICE.items()}
        return refused(answer["Code"], answer, Circumstances(action[0], "", self._credentials, advice))


def _object(content: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(content)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None
