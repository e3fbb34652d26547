"""A stand-in for the service's audit routes: answers as the contract has them, about events that a test makes up.

It shares no code with the product. It filters by nothing but ``key_id`` and positions: what filters mean is the
service's business; that they arrive is looked at in ``requests``.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid4

from tests.scripts.envelope.kms_stub import Asked, PreparedAnswer

ACCOUNT_ID: Final = "1234567890123456"
KEY_ID: Final = "0b30658a-ed1a-4922-b8f7-a673ca9c61bd"
ALICE: Final = f"acs:ram::{ACCOUNT_ID}:user/alice"
HOSTILE: Final = "\x1b[2J\u009b31m\u202egpj\nx"


def event(position: int, **columns: Any) -> dict[str, Any]:
    """A row of the trail, as the service tells it: what is not known is left out."""
    at = f"2026-11-24T08:{position // 60 % 60:02}:{position % 60:02}.000000Z"
    usual = {
        "position": position,
        "recorded_at": at,
        "called_at": at,
        "topic": "kms.key.used",
        "operation": "Decrypt",
        "outcome": "used",
        "account_id": ACCOUNT_ID,
        "principal": ALICE,
        "principal_kind": "ram-user",
        "principal_id": "216959339000654321",
        "user_name": "alice",
        "access_key_id": "LTAI-of-alice",
        "region_id": "cn-hangzhou",
        "key_id": KEY_ID,
        "encryption_context": {"server": "www.example.com"},
        "source_ip": "192.0.2.7",
        "user_agent": "curl/8",
        "secure_transport": True,
        "request_id": str(UUID(int=position)),
        "occurrences": 1,
        "sentence": f"User alice decrypted with key {KEY_ID} from 192.0.2.7.",
    }
    return {name: value for name, value in {**usual, **columns}.items() if value is not None}


@dataclass
class AuditStub:
    """:param answers: given before anything else. :param missing: how many events the trail lacks yet.
    :param results: by operation, or by what is counted by.
    :param pages: by operation, one after the other. :param records_questions: as events."""

    access_key_id: str = "LTAI-test"
    events: list[dict[str, Any]] = field(default_factory=list)
    requests: list[Asked] = field(default_factory=list)
    answers: deque[PreparedAnswer] = field(default_factory=deque)
    results: dict[str, dict[str, Any]] = field(default_factory=lambda: {"GetCallerIdentity": {"AccountId": ACCOUNT_ID}})
    pages: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    missing: int = 0
    stopped_at: int | None = None
    page: int = 1_000
    records_questions: bool = False

    def answer(self, asked: Asked) -> PreparedAnswer:
        self.requests.append(asked)
        if self.answers:
            return self.answers.popleft()
        if f"Credential={self.access_key_id}," not in asked.authorization:
            return PreparedAnswer.refusal(404, "InvalidAccessKeyId.NotFound", "There is no such access key.")
        if asked.action == "ExportEvents":
            lines = [json.dumps(each) for each in sorted(self.events, key=lambda each: int(each["position"]))]
            headers = {"x-key-ledger-currency": json.dumps(self._currency())}
            return PreparedAnswer(200, "".join(f"{line}\n" for line in lines).encode(), headers=headers)
        if asked.action == "SearchEvents":
            return self._success(**self._searched(asked.parameters))
        return self._success(**self._result(asked))

    def _result(self, asked: Asked) -> dict[str, Any]:
        if self.pages.get(asked.action):
            return self.pages[asked.action].pop(0)
        return self.results.get(asked.parameters.get("by", ""), self.results.get(asked.action, {}))

    def _searched(self, parameters: dict[str, str]) -> dict[str, Any]:
        first = int(parameters.get("from_position", 1))
        found = [each for each in self.events if each["position"] >= first]
        if "key_id" in parameters:
            found = [each for each in found if each.get("key_id") == parameters["key_id"]]
        found.sort(key=lambda each: int(each["position"]), reverse=parameters.get("order", "desc") == "desc")
        begin, size = int(parameters.get("cursor", 0)), min(self.page, int(parameters["limit"]))
        rest = found[begin:]
        return {
            "events": rest[:size],
            **({"next_cursor": str(begin + size)} if len(rest) > size else {}),
            **({"total": len(found)} if parameters.get("total") == "true" else {}),
        }

    def _head(self) -> int:
        return max((int(each["position"]) for each in self.events), default=0)

    def _currency(self) -> dict[str, Any]:
        head = self._head()
        return {
            "as_of": {"position": head, "recorded_at": "2026-11-24T09:00:00.000000Z"},
            "ledger_head": {"position": head + self.missing, "recorded_at": "2026-11-24T09:00:01.000000Z"},
            "complete": not self.missing,
            **({} if self.stopped_at is None else {"stopped_at": self.stopped_at}),
        }

    def _success(self, **content: Any) -> PreparedAnswer:
        head = self._head()
        answer = {**self._currency(), "RequestId": str(uuid4()), **content}
        if self.records_questions:
            self.events.append(
                event(head + 1, operation="SearchEvents", outcome="read", request_id=answer["RequestId"])
            )
        return PreparedAnswer(200, json.dumps(answer).encode())
