"""What is recorded of a question about the audit trail: what somebody wanted to know, so that whoever looks at readers
(PCI DSS 4.0, 10.2.1.3: access to audit logs is logged) sees whose deeds they read about.

Here: the parameters that say it, as they were sent, and how much of them is kept. A request may hold more than an event
should: what is long is told by its length and hash, which proves the text to whoever has it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from domain import key_reference
from domain.errors import KeyLedgerError

BYTES_MAX: Final = 4_096
"""Of one request. Whoever may ask nothing at all is recorded, too, and must not fill the trail."""
TEXT_BYTES_MAX: Final = 1_024
"""Of a name or a value."""

MORE: Final = "…"
"""In the place of a name: how many parameters there were besides."""

KEY: Final = "key_id"
"""The id of the CMK that was asked about; LookupEvents has it as the value of an attribute ``ResourceName``."""

ATTRIBUTE: Final = re.compile(r"LookupAttribute\.([0-9]{1,3})\.(Key|Value)")
"""Parameters of LookupEvents."""

_ATTRIBUTE: Final = "LookupAttribute"
_LOOKED_UP: Final = "ResourceName"

_HOW: Final = frozenset((
    "cursor", "NextToken", "limit", "MaxResults", "order", "Direction", "total", "format", "wait",
))  # fmt: skip
"""How much of an answer at a time, in which form, and when: not what about."""


def recorded(given: Mapping[str, str], known: frozenset[str]) -> Mapping[str, str]:
    """In the order of their names; empty where everything was asked for.

    :param given: names and values, as they were sent. :param known: names of the operation's parameters, as its table
        has them. Others ask for nothing, and whatever they hold is not kept.
    """
    asked = sorted(name for name, value in given.items() if value and _asks(name, known))
    kept: dict[str, str] = {}
    room = BYTES_MAX
    for number, name in enumerate(asked):
        pair = _shortened(name), _shortened(given[name])
        room -= sum(map(_size, pair))
        if room < 0:
            kept[MORE] = str(len(asked) - number)
            break
        kept[pair[0]] = pair[1]
    return {**kept, **_key_asked_about(given, known)}


def _asks(name: str, known: frozenset[str]) -> bool:
    begin, _, rest = name.partition(".")
    if f"{begin}.NAME" in known:
        return bool(rest)
    if begin == _ATTRIBUTE:
        return begin in known and ATTRIBUTE.fullmatch(name) is not None
    return name in known and name not in _HOW


def _key_asked_about(given: Mapping[str, str], known: frozenset[str]) -> Mapping[str, str]:
    """Its id under one name, however it was written, so that whoever looks for it finds all who asked about it."""
    names = [KEY] if KEY in known else [name for name, value in given.items() if value == _LOOKED_UP]
    for name in names:
        key_id = _key_id(given.get(name.replace(".Key", ".Value"), ""))
        if key_id is not None:
            return {KEY: str(key_id)}
    return {}


def _key_id(text: str) -> UUID | None:
    """LookupEvents takes a UUID in any of its spellings; the others take an id, or an ARN."""
    try:
        return UUID(text)
    except ValueError:
        pass
    try:
        return key_reference.parse(text, KEY).key_id
    except KeyLedgerError:
        return None


def _shortened(text: str) -> str:
    """JSON may bring a lone surrogate, which has no UTF-8 and so no place in an event: it becomes its escape."""
    stored = text.encode(errors="backslashreplace")
    if _size(text) <= TEXT_BYTES_MAX:
        return stored.decode()
    return f"{len(text)} characters, SHA-256 {hashlib.sha256(stored).hexdigest()}"


def _size(text: str) -> int:
    """In bytes, as JSON that is nothing but ASCII: no less than whatever stores it needs."""
    return len(json.dumps(text))
