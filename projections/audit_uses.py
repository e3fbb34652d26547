"""Recorded uses, counted: by whom what was answered how often, which identities were there at all, and what became of
keys. For questions about permissions nobody needs.

Here: SQL over the audit trail. What the rows mean to permissions: :mod:`domain.history.asked`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from projections.pages import Connection


class Period(NamedTuple):
    """:param until: exclusive. :param last: no event beyond this position."""

    since: datetime
    until: datetime
    last: int


class Answered(NamedTuple):
    """Events of one caller that needed the same permission.

    :param caller: id of the user, the role or (of root) the account. :param example: position of an event, the caller's
        or another's, that needed it; the same one wherever the same was needed.
    """

    caller: str
    example: int
    times: int
    first_at: datetime
    last_at: datetime


class Seen(NamedTuple):
    """Ids. :param callers: of users, roles and accounts. :param assumed: of roles, by whoever's sessions."""

    callers: frozenset[str]
    access_keys: frozenset[str]
    assumed: frozenset[str]


class Uses(NamedTuple):
    """Of one key. :param last_at: the newest answered use. :param refused: for its state, since it came into it."""

    last_at: datetime | None
    refused: int
    refused_at: datetime | None


async def answered(
    connection: Connection, account_id: str, period: Period, caller: str | None = None
) -> list[Answered]:
    """Of calls of the account's own identities, or of one of them. In a snapshot, as everything here."""
    statement = _ANSWERED.format(of_caller="" if caller is None else f"and {_CALLER} = %(caller)s")
    values = {**_values(account_id, period), "caller": caller}
    cursor = await connection.execute(statement.encode(), values, prepare=False)
    return [Answered(*row) for row in await cursor.fetchall()]


async def seen(connection: Connection, account_id: str, period: Period) -> Seen:
    cursor = await connection.execute(_SEEN.encode(), _values(account_id, period), prepare=False)
    pairs = await cursor.fetchall()
    cursor = await connection.execute(_ASSUMED, _values(account_id, period), prepare=False)
    assumed = [role_id for (role_id,) in await cursor.fetchall()]
    return Seen(
        callers=frozenset(caller for caller, _ in pairs),
        access_keys=frozenset(access_key_id for _, access_key_id in pairs),
        assumed=frozenset(assumed),
    )


async def uses_of_keys(
    connection: Connection, account_id: str, since: Mapping[UUID, datetime], last: int
) -> dict[UUID, Uses]:
    """:param since: when each key came into its state."""
    values = {"account": account_id, "keys": list(since), "since": list(since.values()), "last": last}
    cursor = await connection.execute(_OF_KEYS, values, prepare=False)
    return {key_id: Uses(*row) for key_id, *row in await cursor.fetchall()}


async def keys_of(connection: Connection, account_id: str) -> Sequence[UUID]:
    """Of the account, but for destroyed ones, in order of creation."""
    cursor = await connection.execute(
        "select key_id from projections.key_directory where account_id = %s and not destroyed"
        " order by created_position",
        (account_id,),
    )
    return [key_id for (key_id,) in await cursor.fetchall()]


def _values(account_id: str, period: Period) -> dict[str, Any]:
    return {"account": account_id, **period._asdict()}


_OWN: Final = """(account_id = %(account)s and other_account_id is null or other_account_id = %(account)s)
    and principal_kind <> 'system'"""
"""Profiles of the account's own identities, on whosever things."""

_WITHIN: Final = "recorded_at >= %(since)s and recorded_at < %(until)s and position <= %(last)s"
_CALLER: Final = "coalesce(nullif(split_part(principal_id, ':', 1), ''), %(account)s)"
"""As :func:`domain.audit.uses.whose` says it."""

_NEEDED: Final = "topic, operation, region_id, key_id, resource, details"
"""What says which permission a call needed, within one account."""

_ANSWERED: Final = f"""
with p as materialized (
    select profile, topic, operation, region_id, {_CALLER} as caller from projections.audit_profiles
    where {_OWN} and outcome in ('used', 'read', 'changed') {{of_caller}}),
e as (
    select profile, key_id, resource, case when starts_with(topic, 'ram.') then details end as details,
        max(position) as position, count(*) as times, min(called_at) as first_at, max(called_at) as last_at
    from projections.audit_trail where profile in (select profile from p) and {_WITHIN}
    group by 1, 2, 3, 4)
select caller, max(max(position)) over (partition by {_NEEDED}), sum(times)::bigint, min(first_at), max(last_at)
from e join p using (profile)
group by caller, {_NEEDED}
"""  # noqa: S608  # our own
_SEEN: Final = f"""
select distinct {_CALLER}, access_key_id from projections.audit_profiles p
where {_OWN} and outcome <> 'unauthenticated'
    and exists (select from projections.audit_trail t where t.profile = p.profile and {_WITHIN})
"""  # noqa: S608  # our own
_ASSUMED: Final = f"""
select distinct details ->> 'role_id' from projections.audit_trail
where account_id = %(account)s and topic = 'sts.role.assumed' and {_WITHIN}
"""  # noqa: S608  # our own
_OF_KEYS: Final = """
with k as (select * from unnest(%(keys)s::uuid[], %(since)s::timestamptz[]) k (key_id, since)),
refused as (
    select key_id, count(*) as times, max(called_at) as last_at from projections.audit_trail join k using (key_id)
    where account_id = %(account)s and called_at >= k.since and position <= %(last)s
        and error_code in ('Rejected.Disabled', 'Rejected.PendingDeletion')
    group by key_id)
select key_id, used.called_at, coalesce(refused.times, 0), refused.last_at
from k left join refused using (key_id) left join lateral (
    select called_at from projections.audit_trail t
    where t.key_id = k.key_id and t.account_id = %(account)s and t.outcome = 'used' and t.position <= %(last)s
    order by t.position desc limit 1) used on true
"""
"""Refusals are few beside uses and have an index; of uses, the newest of each key is one step into another."""
