"""Answers as clients read them: JSON or XML, successes and errors, with a status and headers.

Plain values, no framework. Statuses belong here: the domain knows families of errors, and a family has one status. The
shape of errors is the union of what KMS and the POP gateway send, so that each client finds its fields.
"""

from __future__ import annotations

import math
import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any, Final, NamedTuple
from uuid import UUID
from xml.sax.saxutils import escape

import orjson

from api.streaming import Stream
from domain import errors
from domain.errors import InvalidParameter, KeyLedgerError

STATUSES: Final[Mapping[type[KeyLedgerError], int]] = {
    errors.InvalidRequest: 400,
    errors.Denied: 403,
    errors.NotFound: 404,
    errors.StateConflict: 409,
    errors.Throttled: 429,
    errors.Internal: 500,
    errors.Unavailable: 503,
}
RECOMMENDATIONS: Final[Mapping[int, str]] = {
    400: "Correct the request; the message says what was expected.",
    403: "Ask an administrator of the account for the permission.",
    404: "Check the name, the region and the account.",
    409: "Look at the state of what the message is about.",
    429: "Retry later, more slowly.",
    500: "Give your operator the RequestId.",
    503: "Retry later.",
}

HOST_CHARACTERS_MAX: Final = 256

Header = tuple[bytes, bytes]

_JSON: Final = (b"content-type", b"application/json;charset=utf-8")
_XML: Final = (b"content-type", b"text/xml;charset=utf-8")
"""Tea reads XML only under exactly this spelling."""

_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 section 2.2 has no way to write, not even as a character reference."""
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


class Answer(NamedTuple):
    """``headers`` are ASGI's: names in lower case; Content-Length is among them, but where there are ``chunks``: the
    parts of a body whose length nobody knows yet, all that there is of it.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    chunks: AsyncGenerator[bytes, None] | None = None


def success(fields: Mapping[str, Any], request_id: UUID, answer_format: str = "JSON", root: str = "KMS") -> Answer:
    """The answer 200 with ``fields`` and RequestId.

    :param answer_format: the request's Format; whatever is not XML is JSON (SDKs send ``None`` and ``RAW``, too).
    :param root: XML's root element.
    :raises InvalidParameter: Format is XML, and a field has a character that XML cannot carry: a changed plaintext
        would be worse than none.
    """
    spelled = str(request_id)
    content = {"RequestId": spelled, **fields}
    if not _is_xml(answer_format):
        return _answer(200, _JSON, orjson.dumps(content), spelled)
    if any(_NOT_XML.search(text) for text in _texts(content)):
        raise InvalidParameter("Format", "The answer has a character that XML 1.0 cannot carry. Ask for JSON.")
    return _answer(200, _XML, _xml(root, content), spelled)


def streamed(stream: Stream, request_id: UUID) -> Answer:
    """The answer 200 with a body that has only begun."""
    headers = [
        (b"content-type", stream.media_type.encode()),
        (b"content-disposition", f'attachment; filename="{stream.file_name}"'.encode()),
        (b"x-acs-request-id", str(request_id).encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"transfer-encoding", b"chunked"),
        *((name.encode(), value.encode()) for name, value in stream.headers.items()),
    ]
    return Answer(200, headers, b"", stream.chunks)


def failure(error: KeyLedgerError, request_id: UUID, host: str = "", answer_format: str = "JSON") -> Answer:
    """The answer that tells ``error``. Never raises.

    :param host: the request's Host, told as HostId.
    """
    status = status_of(error)
    told = _retry_after(error.retry_after_seconds) if isinstance(error, errors.Throttled) else ()
    spelled = str(request_id)
    content = {
        "RequestId": spelled,
        "HostId": _readable(host[:HOST_CHARACTERS_MAX]),
        "HttpStatus": status,
        "Code": error.code,
        "Message": _readable(error.message),
        "Recommend": RECOMMENDATIONS[status],
    }
    if _is_xml(answer_format):
        # KMS's own root would be <KMS>, but the clients that read errors in XML look for POP's.
        return _answer(status, _XML, _xml("Error", content), spelled, told)
    return _answer(status, _JSON, orjson.dumps(content), spelled, told)


def status_of(error: KeyLedgerError) -> int:
    """The status of the nearest family that ``error`` belongs to; without any, 500."""
    return next((STATUSES[family] for family in type(error).__mro__ if family in STATUSES), 500)


def _answer(status: int, content_type: Header, body: bytes, request_id: str, more: tuple[Header, ...] = ()) -> Answer:
    length = (b"content-length", b"%d" % len(body))
    return Answer(status, [content_type, length, (b"x-acs-request-id", request_id.encode()), *more], body)


def _retry_after(seconds: float) -> tuple[Header, ...]:
    """HTTP's header in whole seconds (RFC 9110 section 10.2.3), and the one in milliseconds that Tea hands on."""
    milliseconds = max(1, math.ceil(seconds * 1_000))
    return (
        (b"retry-after", b"%d" % math.ceil(milliseconds / 1_000)),
        (b"x-acs-retry-after", b"%d" % milliseconds),
    )


def _is_xml(answer_format: str) -> bool:
    return answer_format.upper() == "XML"


def _readable(text: str) -> str:
    """``text`` without what XML or UTF-8 cannot carry: good enough for prose, never used for data."""
    return _NOT_XML.sub("\ufffd", text)


def _xml(root: str, content: Mapping[str, Any]) -> bytes:
    return ("<?xml version='1.0' encoding='UTF-8'?>" + "".join(_element(root, content))).encode()


def _element(name: str, value: Any) -> Iterator[str]:
    """One element; of a list, one element of that name for each entry, as Alibaba writes lists."""
    if isinstance(value, list):
        for entry in value:
            yield from _element(name, entry)
        return
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"{name!r} cannot name an element")
    yield f"<{name}>"
    if isinstance(value, Mapping):
        for inner, entry in value.items():
            yield from _element(inner, entry)
    else:
        # Parsers turn a bare carriage return into a line feed (XML 1.0 section 2.11).
        yield escape(_text(value), {"\r": "&#13;"})
    yield f"</{name}>"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for entry in value.values():
            yield from _texts(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _texts(entry)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
