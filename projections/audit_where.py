"""Filters of the audit trail as conditions in SQL. Every value goes to the database as a parameter, never as text.

Whose rows may be found is not a filter: a scope is one account, or None for the operator of the whole deployment. A row
concerns one account or two.

:func:`asked` puts the scope, and filters of what profiles say (:mod:`projections.audit_profiles`), to these first: rows
are asked for by the profiles that were found. :func:`directly` asks the rows for all of it, where they are few.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any, Final, NamedTuple
from uuid import UUID

from domain.audit.filters import NO_FILTERS, Filters, Network, Texts
from domain.events import KeyUsed
from projections.audit_profiles import COLUMNS
from projections.pages import Connection

TRAIL: Final = "projections.audit_trail"
PROFILES: Final = "projections.audit_profiles"
PROFILES_MAX: Final = 1_000
"""That the database is told of one by one, and so knows how often each comes."""

Values = dict[str, Any]


class Where(NamedTuple):
    """:param condition: as text, with names of ``values``."""

    condition: str
    values: Values


async def asked(connection: Connection, account_id: str | None, filters: Filters, *, in_order: bool = False) -> Where:
    """:param account_id: the scope. :param connection: on which the question will be put, in the same snapshot.
    :param in_order: whether many rows are wanted in the order of positions: then these are walked through.
    """
    common, rest = _parted(filters)
    if common == NO_FILTERS and (account_id is None or rest.key_id is not None or rest.request_id is not None):
        return directly(account_id, filters)  # no profile says more than the key or the request
    profiles = directly(account_id, common)
    found = await _found(connection, profiles)
    others = directly(None, rest)
    if len(found) > PROFILES_MAX:
        # As a join it would be quicker, and in no order.
        condition = (
            f"(profile in ({_profiles(profiles)})) is true" if in_order else f"profile in ({_profiles(profiles)})"
        )
        values = profiles.values
    elif len(found) == 1:
        # Not an array of one: an index is in the order of positions only behind a single value.
        condition, values = "profile = %(profile)s", {"profile": found[0]}
    else:
        condition, values = "profile = any(%(profiles)s)", {"profiles": found}
    return Where(f"{condition} and {others.condition}", values | others.values)


async def _found(connection: Connection, asked: Where) -> list[UUID]:
    """One more than :data:`PROFILES_MAX` where there are more."""
    statement = f"{_profiles(asked)} limit {PROFILES_MAX + 1}"
    cursor = await connection.execute(statement.encode(), asked.values, prepare=False)
    return [profile for (profile,) in await cursor.fetchall()]


def _profiles(asked: Where) -> str:
    return f"select profile from {PROFILES} where {asked.condition}"  # noqa: S608  # our own


def _parted(filters: Filters) -> tuple[Filters, Filters]:
    """What profiles say, and the rest."""
    texts = [
        {name: of for name, of in filters.texts.items() if (name in COLUMNS) is common} for common in (True, False)
    ]
    common = Filters(
        texts=texts[0],
        party=filters.party,
        secure_transport=filters.secure_transport,
        told_as_root=filters.told_as_root,
    )
    return common, replace(filters, texts=texts[1], party=None, secure_transport=None, told_as_root=False)


def directly(account_id: str | None, filters: Filters) -> Where:
    """Without a look at profiles."""
    values: Values = {}
    conditions = [*_scope(account_id, filters.party, values), *_conditions(filters, values)]
    return Where(" and ".join(conditions or ["true"]), values)


def _scope(account_id: str | None, party: str | None, values: Values) -> Iterator[str]:
    if account_id is not None:
        values["scope"] = account_id
        yield "(account_id = %(scope)s or other_account_id = %(scope)s)"
    if party is not None:
        values |= {"party": party, "of_party": f"acs:ram::{_of_like(party)}:%"}
        yield "(account_id = %(party)s or other_account_id = %(party)s or assumed_by like %(of_party)s)"


def _conditions(filters: Filters, values: Values) -> Iterator[str]:
    for column, texts in filters.texts.items():
        yield _text(column, texts, values)
    if filters.source is not None:
        yield _source(filters.source, values)
    if filters.request_id is not None:
        yield _kind_of_request(filters.request_id)
    if filters.context:
        values["context"] = json.dumps(dict(filters.context), ensure_ascii=False)
        yield "encryption_context @> %(context)s::jsonb"
    for number, (name, value) in enumerate(filters.details.items()):
        yield _detail(number, name, value, values)
    if filters.kind:
        values |= {
            "kind": filters.kind,
            "of_kind": f"acs:ram:%:{filters.kind}/_%",
            "any_of_kind": f"%:{filters.kind}/*",
        }
        yield _OF_KIND
    yield from (condition for name, condition in _FLAGS.items() if getattr(filters, name))
    if filters.named:
        values |= {"named": filters.named, "named_by": f"%/{_of_like(filters.named)}"}
        yield _NAMED
    yield from _plain(filters, values)


def _plain(filters: Filters, values: Values) -> Iterator[str]:
    for name, condition in _PLAIN.items():
        value = getattr(filters, name)
        if value is not None:
            values[name] = value
            yield condition


_FLAGS: Final[Mapping[str, str]] = {
    "about_keys": "key_id is not null",
    "told_as_root": "(principal_kind = 'root-account' or user_name = 'root')",
}
_PLAIN: Final[Mapping[str, str]] = {
    "key_id": "key_id = %(key_id)s",
    "request_id": "request_id = %(request_id)s",
    "secure_transport": "secure_transport = %(secure_transport)s",
    "since": "recorded_at >= %(since)s",
    "until": "recorded_at < %(until)s",
    "called_since": "called_at >= %(called_since)s",
    "called_until": "called_at < %(called_until)s",
    "first": "position >= %(first)s",
    "last": "position <= %(last)s",
}

_NAMES: Final = (
    "user_name",
    "new_user_name",
    "group_name",
    "new_group_name",
    "policy_name",
    "role_name",
    "target_name",
)
_NAMED: Final = (
    "(resource is not null and resource like %(named_by)s or outcome = 'changed' and %(named)s in ("
    + ", ".join(f"details ->> '{name}'" for name in _NAMES)
    + "))"
)
"""Of what is no CMK: reads and refusals name it by its ARN, changes by its name."""
_OF_KIND: Final = (
    "(resource like %(of_kind)s and resource not like %(any_of_kind)s or outcome = 'changed' and"
    " (coalesce(details ->> (%(kind)s || '_name'), '') <> '' or details ->> 'target_kind' = %(kind)s))"
)
"""Likewise; not of those that are about all of a kind, such as ListUsers."""


def _text(column: str, texts: Texts, values: Values) -> str:
    """:param column: one of :data:`domain.audit.filters.FILTERS`, so a name of ours."""
    alternatives = []
    if len(texts.exact) == 1:
        # Not an array of one: the index of the column is in the order of positions only behind a single value.
        values[column] = texts.exact[0]
        alternatives.append(f"{column} = %({column})s")
    elif texts.exact:
        values[column] = list(texts.exact)
        alternatives.append(f"{column} = any(%({column})s)")
    for number, prefix in enumerate(texts.prefixes):
        values[f"{column}_{number}"] = prefix
        alternatives.append(f"{column} ^@ %({column}_{number})s")
    return f"({' or '.join(alternatives)})"


def _source(network: Network, values: Values) -> str:
    values["source"] = str(network)
    if _is_address(network):
        return "source_ip = %(source)s::inet"
    # The index knows what lies between two addresses, and not what lies in a network.
    values["source_last"] = str(network.broadcast_address)
    return "source_ip <<= %(source)s::inet and source_ip between %(source)s::inet and %(source_last)s::inet"


def _detail(number: int, name: str, value: str, values: Values) -> str:
    """Uses have no entries in the index of details: of those with a key version, the key is found first, by the events
    that made the version."""
    given = {f"detail_{number}_{kind}": json.dumps({name: said}) for kind, said in enumerate(_spellings(value))}
    values |= given
    said = f"({' or '.join(f'details @> %({of})s::jsonb' for of in given)})"
    if name != _OF_USES:
        return f"{said} and {_NO_USE}"
    made = f"select key_id from {TRAIL} where {said} and {_NO_USE}"  # noqa: S608  # our own
    return f"{said} and key_id = any(array({made}))"


def _spellings(value: str) -> list[object]:
    """As JSON may have it: a text, and what else it spells."""
    try:
        other = json.loads(value)
    except ValueError:
        return [value]
    return [value, other] if isinstance(other, bool | int) else [value]


_NO_USE: Final = f"topic <> '{KeyUsed.TOPIC}'"
_OF_USES: Final = "key_version_id"
"""All that the details of a use are."""


def _kind_of_request(request_id: UUID) -> str:
    """Two indexes share the ids: of version 7 (RFC 9562) and others."""
    version = "get_byte(uuid_send(request_id), 6) >> 4"
    return f"{version} {'=' if request_id.bytes[6] >> 4 == _TIMED else '<>'} {_TIMED}"


_TIMED: Final = 7


def _is_address(network: Network) -> bool:
    return network.prefixlen == (32 if isinstance(network, IPv4Network) else 128)


def _of_like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
