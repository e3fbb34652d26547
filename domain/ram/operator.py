"""What the operator of a deployment changes in an account: its root identity's access keys and its quotas of CMKs.

No RAM operation does these: nobody inside an account may raise its quota, and who has lost the root identity's secret
cannot ask for another. Commands return events and change nothing. A refusal is told to the operator; it is no fact
about a caller.
"""

from __future__ import annotations

from typing import Any, Final

from domain.call import Call
from domain.events import AccessKeyCreated, AccessKeyDeleted, AccessKeyUpdated, QuotaRaised
from domain.ram.authority import Authority
from domain.ram.entities import AccessKeyStatus

ROOT_ACCESS_KEYS_MAX: Final = 2
"""As for users: enough to change from one to the other."""

QUOTA_MAX: Final = 1_000_000
TICKET_CHARACTERS_MAX: Final = 128


class OperatorRefused(Exception):
    """A sentence that says what forbids it and what to do."""


def add_root_access_key(account: Authority, call: Call, access_key_id: str) -> AccessKeyCreated:
    """:raises OperatorRefused: the root identity has as many as it may."""
    count = len(account.root_access_keys)
    if count >= ROOT_ACCESS_KEYS_MAX:
        raise OperatorRefused(
            f"The root identity of account {account.account_id} has {count} access keys. Delete one that is not used "
            "any more first."
        )
    return further_root_access_key(account, call, access_key_id)


def further_root_access_key(account: Authority, call: Call, access_key_id: str) -> AccessKeyCreated:
    """However many there are: a deployment that has lost its first credentials makes others."""
    return AccessKeyCreated(**_next(account, call), access_key_id=access_key_id)


def update_root_access_key(
    account: Authority, call: Call, access_key_id: str, status: AccessKeyStatus
) -> AccessKeyUpdated:
    """:raises OperatorRefused: it is not the root identity's, or has this status already."""
    if _status(account, access_key_id) is status:
        raise OperatorRefused(f"The access key {access_key_id} is {status.value} already.")
    return AccessKeyUpdated(**_next(account, call), user_name="", access_key_id=access_key_id, status=status.value)


def delete_root_access_key(account: Authority, call: Call, access_key_id: str) -> AccessKeyDeleted:
    """:raises OperatorRefused: it is not the root identity's, or still in force."""
    if _status(account, access_key_id) is AccessKeyStatus.ACTIVE:
        raise OperatorRefused(
            f"The access key {access_key_id} is Active. Deactivate it first: should somebody still use it, that can be "
            "undone."
        )
    return AccessKeyDeleted(**_next(account, call), user_name="", access_key_id=access_key_id)


def raise_quota(
    account: Authority, call: Call, quota: int, ticket: str, *, ordinary: int, lower: bool = False
) -> QuotaRaised:
    """CMKs that the account may have in ``call``'s region, or in every region where that is empty.

    :param ordinary: what every account has.
    :param lower: take back what was granted, too. Keys that are there stay; no new ones can be made beyond it.
    :raises OperatorRefused: it would raise nothing, or one of the values makes no sense.
    """
    _refuse_nonsense(quota, ticket)
    region_id = call.region_id
    granted, in_every_region = account.quota(region_id), account.quota("")
    now = ordinary if granted is None else granted
    place = f"in {region_id}" if region_id else "in every region"
    if quota == now or (quota < now and not lower):
        raise OperatorRefused(
            f"Account {account.account_id} may have {now} keys {place} already."
            + (" To take some of that back, say so with --lower." if quota < now else "")
        )
    if region_id and in_every_region is not None and in_every_region > quota:
        raise OperatorRefused(
            f"Account {account.account_id} was granted {in_every_region} keys in every region, and one region alone "
            "cannot have fewer. Lower that first."
        )
    return QuotaRaised(**_next(account, call), region_id=region_id, quota=quota, ticket=ticket)


def _refuse_nonsense(quota: int, ticket: str) -> None:
    if not 0 <= quota <= QUOTA_MAX:
        raise OperatorRefused(f"A quota is a number from 0 to {QUOTA_MAX}.")
    if not ticket.strip() or len(ticket) > TICKET_CHARACTERS_MAX or not ticket.isprintable():
        raise OperatorRefused(
            f"A ticket is 1 to {TICKET_CHARACTERS_MAX} printable characters: where and by whom this was asked for."
        )


def _status(account: Authority, access_key_id: str) -> AccessKeyStatus:
    for key in account.root_access_keys:
        if key.access_key_id == access_key_id:
            return key.status
    raise OperatorRefused(f"The root identity of account {account.account_id} has no access key {access_key_id}.")


def _next(account: Authority, call: Call) -> dict[str, Any]:
    return {
        "originator_id": account.stream,
        "originator_version": account.version + 1,
        "timestamp": call.at,
        "call": call,
        "account_id": account.account_id,
    }
