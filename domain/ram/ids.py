"""Ids of what RAM makes, in the shapes that Alibaba's have, out of the request that makes it.

One request makes one thing, and its id is made by the server at random, so no two things share an id: not of two
accounts, and not of two that had the same name.
"""

from __future__ import annotations

import re
from typing import Final

from domain.call import Call

_DIGITS: Final = 10**17
_ROLE_ID: Final = re.compile(r"3[0-9]{17}")


def user_id(call: Call) -> str:
    """18 digits; the first one tells people users and roles apart."""
    return f"2{call.request_id.int % _DIGITS:017}"


def role_id(call: Call) -> str:
    return f"3{call.request_id.int % _DIGITS:017}"


def is_role_id(text: str) -> bool:
    """Nobody acts under it alone, but its sessions do, under ``<role id>:<session>``."""
    return _ROLE_ID.fullmatch(text) is not None


def group_id(call: Call) -> str:
    return f"g-{call.request_id.hex[-16:]}"
