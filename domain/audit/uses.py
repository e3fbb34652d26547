"""Recorded uses of permissions, as questions about permissions take them: what was answered, never what was refused.

Here: the value, and whose it is. Where it comes from: :func:`domain.history.asked.asked_of` says of each event which
action it needed on which resources; an event that needed two resources is a use of each.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from domain.call import Caller


class Use(NamedTuple):
    """One action on one resource, however often.

    :param action: such as ``kms:Decrypt``. :param resource: ARN, as the service asked about it.
    """

    action: str
    resource: str
    times: int = 1
    first_at: datetime | None = None
    last_at: datetime | None = None


def whose(caller: Caller) -> str:
    """The id of the user or role whose policies a call rests on, which outlives names; of root, the account's."""
    return (caller.principal_id or caller.account_id).partition(":")[0]
