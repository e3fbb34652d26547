"""Parameters that several of RAM's operations have."""

from __future__ import annotations

import re
from typing import Final

from api.parameters import Parameters
from domain.call import Caller
from domain.errors import MissingParameter, UnsupportedOperation
from domain.ram.entities import PolicyType

_NOTHING: Final = frozenset(("", "false", "False", "[]"))


def refuse(given: Parameters, *names: str) -> None:
    """What the live service offers and this one does not: refused, never ignored.

    ``Tag`` is also ``Tag.1.Key``. False and an empty list, which Tea sends, ask for nothing.

    :raises UnsupportedOperation: one of ``names`` is given.
    """
    for name in names:
        member = re.compile(rf"{re.escape(name)}(\.|\Z)")
        if any(member.match(sent) and value not in _NOTHING for sent, value in given.values.items()):
            raise UnsupportedOperation(f"{given.action} does not support the parameter {name} here. Leave it out.")


def owner(given: Parameters, caller: Caller) -> str:
    """The user whose access keys are meant: UserName, else whoever asks. Empty for the root identity.

    :raises MissingParameter: a session asks, which has no access keys of its own.
    """
    named = given.optional("UserName")
    if not named and caller.kind == "assumed-role":
        raise MissingParameter("UserName")
    return named or caller.user_name


def policy_type(given: Parameters) -> PolicyType:
    """:raises MissingParameter: absent. :raises InvalidParameter: neither System nor Custom."""
    given.required("PolicyType")
    return given.choice("PolicyType", PolicyType, PolicyType.CUSTOM)


def renamed(given: Parameters, name: str) -> str | None:
    """Of an update: None where it is not to be renamed."""
    return given.optional(name) or None


def replaced(given: Parameters, name: str) -> str | None:
    """Of an update: None keeps the text that there is; sent and empty, it is to be empty."""
    return given.values.get(name)
