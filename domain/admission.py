"""Whether a call gets what it asks of a key: room in the ledger, permission, and the key's state, in this order.

One place for all operations on keys, uses and changes alike. Permission comes before anything is told of the key: who
may do nothing with it does not learn whether it exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from domain.call import Call
from domain.key import Key
from domain.ports import Held, Keys, Ledger
from domain.recording import Case
from domain.vocabulary import Operation

ACTIONS: Final[Mapping[Operation, str]] = {operation: f"kms:{operation.value}" for operation in Operation}


async def admitted(case: Case, key_id: UUID, keys: Keys, ledger: Ledger) -> tuple[Key, Held]:
    """The key, looked at and permitted to this call.

    :raises domain.errors.TooManyRequests: the ledger has no room. :raises domain.errors.NoPermission: not for this
        caller. :raises domain.errors.KeyNotFound: there is none that it could reach.
    :raises domain.errors.StateConflict: as the state matrix says.
    """
    ledger.admit()
    held = await keys.held(key_id)
    case.look_at(held)
    call, key = case.call, held.key
    if key is None or not key.is_reached_by(call):
        case.authorise(ACTIONS[call.operation], _unreached(call, key_id))
    else:
        case.authorise(ACTIONS[call.operation], key.arn, key.tags)
    key = held.existing()
    key.permit(call)
    return key, held


def authorise_container(case: Case) -> None:
    """Permission for what is about no single key: to create one, or to list them."""
    call = case.call
    case.authorise(ACTIONS[call.operation], f"acs:kms:{call.region_id}:{call.by.account_id}:key")


def _unreached(call: Call, key_id: UUID) -> str:
    """Named as if it were the caller's own: nothing may tell a key of somebody else from one that never was."""
    return f"acs:kms:{call.region_id}:{call.by.account_id}:key/{key_id}"
