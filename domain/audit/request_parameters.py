"""What is recorded of a question about the audit trail: what somebody wanted to know, so that whoever looks at readers
(PCI DSS 4.0, 10.2.1.3: access to audit logs is logged) sees whose deeds they read about.

Here: the parameters that say it, as they were sent, and how much of them is kept. A request may hold more than an event
should: what is long is told by its length and hash, which proves the text to whoever has it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Final

PARAMETERS_MAX: Final = 32
"""Of one request; there are fewer filters, but any number of pairs of an encryption context."""
VALUE_CHARACTERS_MAX: Final = 1_024
NAME_CHARACTERS_MAX: Final = 128

MORE: Final = "…"
"""In the place of a name: how many parameters there were besides."""

KEY: Final = "key_id"
"""The id of the CMK that was asked about; LookupEvents has it as the value of an attribute ``ResourceName``."""

_LOOKED_UP: Final = "ResourceName"
_UUID: Final = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_KEY: Final = re.compile(f"(?:acs:kms:[^:]*:[^:]*:key/)?({_UUID})", re.IGNORECASE)

_HOW: Final = frozenset((
    "cursor", "NextToken", "limit", "MaxResults", "order", "Direction", "total", "format", "wait",
))  # fmt: skip
"""How much of an answer at a time, in which form, and when: not what about."""


def recorded(given: Mapping[str, str], known: frozenset[str]) -> Mapping[str, str]:
    """In the order of their names; empty where everything was asked for.

    :param given: names and values, as they were sent. :param known: names of the operation's parameters; the part
        before a point stands for all that begin so (``context.NAME``, ``LookupAttribute.1.Key``). Others ask for
        nothing, and whatever they hold is not kept.
    """
    begin = {name.partition(".")[0] for name in known} - _HOW
    asked = sorted(name for name, value in given.items() if value and name.partition(".")[0] in begin)
    kept = {
        _shortened(name, NAME_CHARACTERS_MAX): _shortened(given[name], VALUE_CHARACTERS_MAX)
        for name in asked[:PARAMETERS_MAX]
    }
    more = len(asked) - PARAMETERS_MAX
    return {**kept, **({MORE: str(more)} if more > 0 else {}), **_key_asked_about(given, known)}


def _key_asked_about(given: Mapping[str, str], known: frozenset[str]) -> Mapping[str, str]:
    """Its id under one name, however it was written, so that whoever looks for it finds all who asked about it."""
    names = [KEY] if KEY in known else [name for name, value in given.items() if value == _LOOKED_UP]
    for name in names:
        found = _KEY.fullmatch(given.get(name.replace(".Key", ".Value"), ""))
        if found is not None:
            return {KEY: found[1].lower()}
    return {}


def _shortened(text: str, characters_max: int) -> str:
    """JSON may bring a lone surrogate, which has no UTF-8 and so no place in an event: it becomes its escape."""
    stored = text.encode(errors="backslashreplace")
    if len(text) <= characters_max:
        return stored.decode()
    return f"{len(text)} characters, SHA-256 {hashlib.sha256(stored).hexdigest()}"
