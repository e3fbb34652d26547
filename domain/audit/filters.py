"""Which events of the audit trail are asked for: filters, as people and programs spell them.

Here: the names, what each may say, and a refusal that names the filter and what was expected. Not here: how rows are
found (:mod:`projections.audit_where`), and whose rows may be found: that is no filter, it is the asker's account.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final, NamedTuple
from uuid import UUID

from domain import key_reference
from domain.errors import InvalidParameter
from domain.events import EVENTS
from domain.vocabulary import Operation

OUTCOMES: Final = ("changed", "used", "read", "refused", "unauthenticated")
KINDS: Final = ("root-account", "ram-user", "assumed-role", "system")
CONTEXT: Final = "context."
"""Before the name of a pair of the encryption context."""
DETAILS: Final = "details."
"""Before the name of what else the event says, such as ``policy_name``."""

VALUES_MAX: Final = 50
"""Of one filter, separated by commas."""
CHARACTERS_MAX: Final = 8_192
"""Of one filter: as many as an encryption context may have."""

ANY: Final = "*"
"""At the end of a text: whatever follows."""

Network = IPv4Network | IPv6Network


class Texts(NamedTuple):
    """Alternatives for one column."""

    exact: tuple[str, ...]
    prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """All of them hold for a row that is asked for. None, or nothing in a collection, asks for nothing.

    :param texts: by column. :param party: an account that is the row's own or the other one of it, or whose principal
        acted under a role.
    :param since: of the ledger's time, inclusive. :param until: exclusive. :param called_since: of the service's clock
        when it took the request, as is ``called_until``; likewise. :param first: position, as is ``last``.
    :param named: name of a user, a group, a policy or a role. :param about_keys: whatever the CMK.
    :param kind: ``user``, ``group``, ``role`` or ``policy``: whatever one that is named.
    :param told_as_root: by a root identity, or by a user who is called so.
    """

    texts: Mapping[str, Texts] = field(default_factory=dict)
    key_id: UUID | None = None
    request_id: UUID | None = None
    source: Network | None = None
    secure_transport: bool | None = None
    context: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, str] = field(default_factory=dict)
    party: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    called_since: datetime | None = None
    called_until: datetime | None = None
    first: int | None = None
    last: int | None = None
    named: str = ""
    about_keys: bool = False
    kind: str = ""
    told_as_root: bool = False


NO_FILTERS: Final = Filters()


class Filter(NamedTuple):
    """:param text: what it says, for people. :param example: of a value."""

    text: str
    example: str


FILTERS: Final[Mapping[str, Filter]] = {
    "key_id": Filter("The CMK: its id or its ARN.", "08c33a6f-4e0a-4a1b-a3fa-7ddfa1d4fb73"),
    "principal": Filter("ARN of who asked; * at its end stands for anything.", "acs:ram::1234567890123456:user/alice"),
    "principal_id": Filter("Id of who asked, which stays when a name changes; <role id>:<session> of a session.", "2…"),
    "access_key_id": Filter("The access key that was used, or tried; * at its end stands for anything.", "LTAI…"),
    "user_name": Filter("Of a user, or <role>:<session>; * at its end stands for anything.", "alice"),
    "assumed_by": Filter("ARN of who assumed the role; * at its end stands for anything.", "acs:ram::12…:user/alice"),
    "principal_kind": Filter(f"{', '.join(KINDS)}; or several, with commas.", "ram-user"),
    "operation": Filter("Such as Decrypt; or several, with commas; * at the end stands for anything.", "Decrypt"),
    "outcome": Filter(f"{', '.join(OUTCOMES)}; or several, with commas.", "refused"),
    "error_code": Filter("Of a refusal; or several, with commas; * at the end stands for anything.", "Rejected.*"),
    "region_id": Filter("Or several, with commas.", "cn-hangzhou"),
    "resource": Filter("ARN of what is no CMK; * at its end stands for anything.", "acs:ram:*:1234567890123456:user/*"),
    "source_ip": Filter("An address, or a network with its prefix length.", "192.0.2.0/24"),
    "user_agent": Filter("* at its end stands for anything.", "curl/*"),
    "request_id": Filter("As the answer told it.", "0b1a6a5e-6f0e-4c58-9f57-3c1d2f6c2a11"),
    "topic": Filter("Kind of event; or several, with commas; * at the end stands for anything.", "kms.key.*"),
    "secure_transport": Filter("Whether it came over TLS: true or false.", "false"),
    "account_id": Filter("The own account, the other one of two, or that of who assumed a role.", "1234567890123456"),
    "from": Filter("Time (RFC 3339) or day (UTC) from which on; the ledger's time.", "2026-11-01"),
    "to": Filter("Time before which, or last day (UTC).", "2026-11-30"),
    "called_from": Filter("Likewise, of the time at which the request came, by the service's clock.", "2026-11-01"),
    "called_to": Filter("Likewise.", "2026-11-30"),
    "from_position": Filter("Position in the ledger from which on.", "1"),
    "to_position": Filter("Last position in the ledger.", "1000"),
}  # fmt: skip
"""By name. Besides, ``context.<name>``: that the encryption context has that pair, and ``details.<name>``: that the
event says so of that."""


def read_filters(given: Mapping[str, str]) -> Filters:
    """:param given: by name, empty ones left out; names that are no filters are somebody else's business.
    :raises InvalidParameter: names the filter, and says what was expected.
    :raises domain.errors.AliasNotFound: an alias in the place of a key.
    """
    read: dict[str, Any] = {"texts": {}, "context": {}, "details": {}}
    for name, value in given.items():
        if name.startswith((CONTEXT, DETAILS)):
            _read_pair(read[name.partition(".")[0]], name, value)
        elif name in _READERS:
            _check_length(name, value)
            part, what = _READERS[name](name, value)
            if part == "texts":
                read["texts"][name] = what
            else:
                read[part] = what
    _read_region_of_key(read["texts"], given.get("key_id", ""))
    filters = Filters(**read)
    _check_order(filters)
    return filters


def time_of(name: str, text: str, *, ends: bool = False) -> datetime:
    """A time of RFC 3339, or the beginning of a day, in UTC. :param ends: of a day, its end.

    :raises InvalidParameter: neither.
    """
    found = _TIME.fullmatch(text)
    try:
        if found is None:
            raise ValueError(text)
        at = datetime.fromisoformat(text.upper())
        if found["offset"] is None:
            day = at.replace(tzinfo=UTC)
            return min(day, _LAST_DAY) + timedelta(days=1) if ends else day
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        # What a query's + was decoded to.
        plus = " The + of its offset is sent as %2B." if " " in text else ""
        raise InvalidParameter(
            name, f"Expected a time such as 2026-11-25T08:00:00Z, or a day: 2026-11-25.{plus}"
        ) from None


_LAST_DAY: Final = datetime.max.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC) - timedelta(days=1)
"""That has a day after it."""


def moved(at: datetime, by: timedelta) -> datetime:
    """``at + by``, which ends where the calendar does."""
    try:
        return at + by
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if by > timedelta(0) else datetime.min.replace(tzinfo=UTC)


def position_of(name: str, text: str) -> int:
    """:raises InvalidParameter: no whole number from 0 on."""
    if _POSITION.fullmatch(text) is None:
        raise InvalidParameter(name, "Expected a position of the ledger: a whole number.")
    return int(text)


_TIME: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[Tt]\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?(?P<offset>[Zz]|[+-]\d{2}:\d{2}))?", re.ASCII
)
_POSITION: Final = re.compile(r"[0-9]{1,18}")
_KEY_ARN: Final = re.compile(r"acs:kms:[^:]*:[^:]*:key/")
_ACCOUNT: Final = re.compile(r"[0-9]{1,32}")
_OPERATIONS: Final = frozenset(operation.value for operation in Operation)


def _texts(name: str, value: str, *, several: bool = False) -> tuple[str, Texts]:
    parts = [part.strip(" ") for part in value.split(",")] if several else [value]
    if not all(parts) or len(parts) > VALUES_MAX:
        raise InvalidParameter(name, f"Expected 1 to {VALUES_MAX} values, separated by commas.")
    prefixes = tuple(part[:-1] for part in parts if part.endswith(ANY))
    return "texts", Texts(tuple(part for part in parts if not part.endswith(ANY)), prefixes)


def _principal(name: str, value: str) -> tuple[str, Texts]:
    if not value.startswith("acs:"):
        raise InvalidParameter(name, "Expected an ARN such as acs:ram::1234567890123456:user/alice.")
    return _texts(name, value)


def _operations(name: str, value: str) -> tuple[str, Texts]:
    part, texts = _texts(name, value, several=True)
    if not set(texts.exact) <= _OPERATIONS:
        raise InvalidParameter(name, "Expected names of operations such as Encrypt, separated by commas.")
    return part, texts


def _topics(name: str, value: str) -> tuple[str, Texts]:
    part, texts = _texts(name, value, several=True)
    unknown = set(texts.exact) - _TOPICS
    if unknown or not all(any(topic.startswith(prefix) for topic in _TOPICS) for prefix in texts.prefixes):
        raise InvalidParameter(
            name, "Expected kinds of events such as kms.key.created, or beginnings of them: kms.key.*, with commas."
        )
    return part, texts


_TOPICS: Final = frozenset(event.TOPIC for event in EVENTS)


def _words(name: str, value: str, *, words: tuple[str, ...]) -> tuple[str, Texts]:
    part, texts = _texts(name, value, several=True)
    if texts.prefixes or not set(texts.exact) <= set(words):
        raise InvalidParameter(name, f"Expected some of {', '.join(words)}, separated by commas.")
    return part, texts


def _key(name: str, value: str) -> tuple[str, UUID]:
    return "key_id", key_reference.parse(value, name).key_id


def _read_region_of_key(texts: dict[str, Texts], key: str) -> None:
    """An ARN names a key of one region, where no other region is asked for."""
    region_id = key_reference.parse(key, "key_id").region_id if key else None
    if region_id is not None:
        texts.setdefault("region_id", Texts((region_id,)))


def _request(name: str, value: str) -> tuple[str, UUID]:
    try:
        return "request_id", UUID(value)
    except ValueError:
        raise InvalidParameter(name, "Expected the RequestId of an answer: a UUID.") from None


def _resource(name: str, value: str) -> tuple[str, Texts]:
    """Uses do not repeat the ARN of their key, so asked by it they would seem not to be there."""
    if _KEY_ARN.match(value):
        raise InvalidParameter(
            name, "Expected the ARN of what is no CMK. Ask for a CMK by key_id, which takes its ARN."
        )
    return _texts(name, value)


def _source(name: str, value: str) -> tuple[str, Network]:
    try:
        if "%" in value:  # a zone (RFC 4007), which means nothing on another host
            raise ValueError(value)
        return "source", ip_network(value, strict=False)
    except ValueError:
        raise InvalidParameter(name, "Expected an address such as 192.0.2.7, or a network: 192.0.2.0/24.") from None


def _boolean(name: str, value: str) -> tuple[str, bool]:
    if value not in {"true", "false"}:
        raise InvalidParameter(name, "Expected true or false.")
    return name, value == "true"


def _party(name: str, value: str) -> tuple[str, str]:
    if _ACCOUNT.fullmatch(value) is None:
        raise InvalidParameter(name, "Expected the number of an account.")
    return "party", value


_several: Final = partial(_texts, several=True)

_READERS: Final[Mapping[str, Callable[[str, str], tuple[str, Any]]]] = {
    "key_id": _key,
    "principal": _principal,
    "principal_id": _texts,
    "access_key_id": _texts,
    "user_name": _texts,
    "assumed_by": _principal,
    "principal_kind": partial(_words, words=KINDS),
    "operation": _operations,
    "outcome": partial(_words, words=OUTCOMES),
    "error_code": _several,
    "region_id": _several,
    "resource": _resource,
    "source_ip": _source,
    "user_agent": _texts,
    "request_id": _request,
    "topic": _topics,
    "secure_transport": _boolean,
    "account_id": _party,
    "from": lambda name, value: ("since", time_of(name, value)),
    "to": lambda name, value: ("until", time_of(name, value, ends=True)),
    "called_from": lambda name, value: ("called_since", time_of(name, value)),
    "called_to": lambda name, value: ("called_until", time_of(name, value, ends=True)),
    "from_position": lambda name, value: ("first", position_of(name, value)),
    "to_position": lambda name, value: ("last", position_of(name, value)),
}


def _read_pair(pairs: dict[str, str], name: str, value: str) -> None:
    kind, _, pair = name.partition(".")
    _check_length(f"{kind}.{ANY}", pair + value)
    if not pair:
        raise InvalidParameter(name, f"Expected {kind}.<name>=<value>.")
    pairs[pair] = value


def _check_length(name: str, value: str) -> None:
    if len(value) > CHARACTERS_MAX:
        raise InvalidParameter(name, f"At most {CHARACTERS_MAX} characters fit.")


def _check_order(filters: Filters) -> None:
    for name, begin, end in (
        ("to", filters.since, filters.until),
        ("called_to", filters.called_since, filters.called_until),
    ):
        if begin is not None and end is not None and begin >= end:
            raise InvalidParameter(name, "Expected a time after the one from which on.")
    if filters.first is not None and filters.last is not None and filters.first > filters.last:
        raise InvalidParameter("to_position", "Expected a position that is not before from_position.")
