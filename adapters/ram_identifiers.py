"""Uids of accounts, access keys and sessions' keys: fresh from the operating system's randomness, in Alibaba's shapes.

Whatever else has an id gets it from its request (:mod:`domain.ram.ids`).
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


def _random(characters: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(characters))
