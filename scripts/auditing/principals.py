"""Principals as people name them: an ARN, or ``user/alice``, ``role/backup``, ``root`` of the caller's own account.

Or by an id, which outlives names. Not here: whose a name has been (:mod:`scripts.auditing.identities`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from domain.call import SYSTEM_PRINCIPAL
from domain.ram.ids import is_role_id
from scripts.envelope.failure import WrongUse

if TYPE_CHECKING:
    from scripts.auditing.service import AuditService

_ARN: Final = "acs:ram::"
_KINDS: Final = ("user", "role")
_ACCESS_KEY: Final = re.compile(r"(LTAI|STS\.)[A-Za-z0-9]{8,}")
"""Of a user or of root, or of one session of a role."""

_ID: Final = re.compile(r"[0-9]+(:[A-Za-z0-9.@_-]+)?")
"""Of a user, a role or an account; or of one session of a role."""


def arn_of(text: str, service: AuditService) -> str:
    """The whole ARN; whose account is meant is asked of the service where ``text`` does not say.

    :raises WrongUse: it names no principal.
    """
    kind, slash, name = text.partition("/")
    if text.startswith("acs:") or text == "*":
        return text
    if text == "root" or (kind in _KINDS and slash and name):
        return f"{_ARN}{service.account_id()}:{text}"
    raise WrongUse(f"{text!r} names no principal.", "Give an ARN, or user/NAME, role/NAME or root of your own account.")


def is_access_key(text: str) -> bool:
    return _ACCESS_KEY.fullmatch(text) is not None


def is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def acting_under(principal_id: str) -> str:
    """As :func:`acting_as`, by id."""
    return f"{principal_id}:*" if is_role_id(principal_id) else principal_id


def acting_as(arn: str) -> str:
    """The filter for all that this principal did: nobody acts as a role but its sessions, role/NAME/SESSION."""
    kind, _, name = arn.rpartition(":")[2].partition("/")
    return f"{arn}/*" if kind == "role" and "/" not in name and not arn.endswith("*") else arn


def account_of(arn: str) -> str:
    """Empty where it is no principal's."""
    return arn.removeprefix(_ARN).partition(":")[0] if arn.startswith(_ARN) else ""


def brief(arn: str, account_id: str = "") -> str:
    """``user/alice``, for people; with its account where that is not ``account_id``."""
    if not arn.startswith(_ARN):
        return "the service" if arn == SYSTEM_PRINCIPAL else arn
    account, _, name = arn.removeprefix(_ARN).partition(":")
    return name if account_id in ("", account) else f"{account}:{name}"
