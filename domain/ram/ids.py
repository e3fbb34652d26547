"""Ids of what RAM makes, in the shapes that Alibaba's have, out of the request that makes it.

One request makes one thing, and its id is made by the server at random, so no two things share an id: not of two
accounts, and not of two that had the same name.
"""

from __future__ import annotations

from typing import Final

from domain.call import Call

_DIGITS: Final = 10**17


def user_id(call: Call) -> str:
    """18 digits; the first one tells people users and roles apart."""
    return f"2{call.request_id.int % _DIGITS:017}"


def role_id(call: Call) -> str:
    return f"3{call.request_id.int % _DIGITS:017}"


def group_id(call: Call) -> str:
    return f"g-{call.request_id.hex[-16:]}"
