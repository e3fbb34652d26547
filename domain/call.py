"""Who asks for what, and when: the facts of one call that every event of it repeats.

Time and identifiers arrive here from outside, so that a replay in ten years reaches today's state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from domain.guard import Guard
from domain.vocabulary import Operation

SYSTEM_PRINCIPAL: Final = "acs:key-ledger::system"
"""Whatever the deployment does by itself."""

NO_PARAMETERS: Final[Mapping[str, str]] = {}
"""Of a request about which nothing but its operation, its key or its resource is recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An authenticated principal.

    :param account_id: 16-digit uid of the account that the principal belongs to; for a session, the role's.
    :param kind: ActionTrail's ``userIdentity.type``: ``root-account``, ``ram-user``, ``assumed-role``, or ``system``
        for the service's own workers.
    :param principal: ARN: ``acs:ram::<uid>:root``, ``…:user/<name>``, ``…:role/<role>/<session>``.
    :param access_key_id: the access key that signed; empty for ``system``.
    :param principal_id: ActionTrail's, which outlives names: the account's uid for root, a user's id, or
        ``<role id>:<session>``. Empty in what was recorded before there were users.
    :param user_name: of a user; ``<role>:<session>`` for a session; empty for root.
    :param assumed_by: of a session, the ARN of who assumed the role, perhaps of another account.
    :param authority: the account's stream and the version of it that the identity was read at. Guards every decision
        of the call; not part of the recorded facts.
    """

    account_id: str
    kind: str
    principal: str
    access_key_id: str = ""
    principal_id: str = ""
    user_name: str = ""
    assumed_by: str = ""
    authority: Guard | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request.

    :param request_id: made by the server, answered as ``RequestId``.
    :param stream: the request's own stream, a UUIDv8 made of signed time, access key and nonce, so that a replay of
        the same signed request collides with itself.
    :param at: the server's clock, UTC.
    :param region_id: the region that the request addressed.
    """

    by: Caller
    operation: Operation
    request_id: UUID
    stream: UUID
    at: datetime
    region_id: str
    source_ip: str = ""
    user_agent: str = ""
    secure_transport: bool = True
