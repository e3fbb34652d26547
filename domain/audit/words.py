"""The words of which sentences of the audit trail are made: who, what, from where, when.

Names, descriptions and resources are whatever somebody chose to send. What no terminal and no page should obey (control
characters, escape sequences, marks that turn text around) is shown as an escape, and what is long is cut visibly.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Final

CHARACTERS_MAX: Final = 500
"""Of a sentence."""

CHOSEN_CHARACTERS_MAX: Final = 120
"""Of a text within one that somebody chose, so that the rest of the sentence is still read."""

_ARN: Final = re.compile(r"acs:(?:ram|kms):[^:]*:(?P<account>[^:]*):(?P<kind>[a-z]+)(?:/(?P<name>.+))?", re.DOTALL)
_PLURALS: Final = {"policy": "policies"}
_SYSTEM: Final = "system"

_CALLERS_REMEMBERED: Final = 4_096


@lru_cache(maxsize=_CALLERS_REMEMBERED)
def who(kind: str, principal: str, assumed_by: str = "") -> str:
    """A caller, to begin a sentence. :param kind: ActionTrail's, as :class:`domain.call.Caller` has it."""
    match kind:
        case "system":
            return "The deployment"
        case "assumed-role":
            by = f" (assumed by {principal_named(assumed_by)})" if assumed_by else ""
            return f"The {principal_named(principal)}{by}"
        case "ram-user":
            start, _, name = principal.partition(":user/")
            return f"{name} (RAM user of {start.rpartition(':')[2]})" if name else brief(principal)
        case _:
            return principal_named(principal)


def principal_named(principal: str) -> str:
    """``user alice of 1234567890123456`` for its ARN; any other text as it is."""
    start, _, account_and_name = principal.partition("::")
    account, _, name = account_and_name.partition(":")
    kind, _, rest = name.partition("/")
    if start != "acs:ram" or not account:
        return brief(principal)
    match kind:
        case "root":
            return f"root of {account}"
        case "user":
            return f"user {rest} of {account}"
        case "role":
            role, _, session = rest.partition("/")
            return f"session {session} of role {role} of {account}" if session else f"role {role} of {account}"
        case _:
            return brief(principal)


def thing(resource: str) -> str:
    """What an ARN names: ``user bob``, ``system policy AliyunKMSFullAccess``, ``keys``; any other text as it is."""
    found = _ARN.fullmatch(resource)
    if found is None:
        return brief(resource)
    kind, name = found["kind"], found["name"]
    if name in (None, "*"):
        return _PLURALS.get(kind, f"{kind}s")
    of_system = "system " if found["account"] == _SYSTEM else ""
    return f"{of_system}{kind} {brief(name)}"


def source(source_ip: str) -> str:
    """To end a sentence; nothing where nobody knows."""
    return f" from {source_ip}" if source_ip else ""


def moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def plural(count: int, name: str) -> str:
    return f"{count} {name}" if count == 1 else f"{count} {name}s"


def quoted(text: str) -> str:
    """A free text, whose own quotation marks cannot end it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{brief(escaped)}"'


def brief(text: str, characters_max: int = CHOSEN_CHARACTERS_MAX) -> str:
    return text if len(text) <= characters_max else f"{text[: characters_max - 1]}…"


def visible(text: str) -> str:
    """``text``, with whatever is not printed as ``\\x1b`` or ``\\u202e``: controls, bidirectional marks, surrogates."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _escaped(ord(character)) for character in text)


def _escaped(code_point: int) -> str:
    if code_point <= 0xFF:
        return f"\\x{code_point:02x}"
    return f"\\u{code_point:04x}" if code_point <= 0xFFFF else f"\\U{code_point:08x}"
