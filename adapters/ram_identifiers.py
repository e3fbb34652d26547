"""Fresh identifiers of RAM's entities and fresh access keys, from the operating system's randomness.

Their shapes are the live service's: uids of accounts have 16 digits, ids of users and roles 18, ids of groups begin
with ``g-``, ids of access keys with ``LTAI``, of sessions' with ``STS.``.
"""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field
from typing import Final

_LETTERS: Final = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class NewAccessKey:
    """An ``LTAI…`` id of 24 characters and a secret of 30 (178 bits)."""

    access_key_id: str
    secret: str = field(repr=False)


def new_access_key() -> NewAccessKey:
    return NewAccessKey(f"LTAI{_random(20)}", _random(30))


def new_session_key() -> NewAccessKey:
    """Of a role's session: a ``STS.…`` id of 29 characters and a secret of 44 (261 bits)."""
    return NewAccessKey(f"STS.{_random(25)}", _random(44))


def new_account_id() -> str:
    """16 digits."""
    return str(10**15 + secrets.randbelow(9 * 10**15))


def new_entity_id() -> str:
    """Of a user or a role: 18 digits, about 2^59."""
    return str(10**17 + secrets.randbelow(9 * 10**17))


def new_group_id() -> str:
    return f"g-{_random(16)}"


def _random(characters: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(characters))
