"""Filters of the audit trail as conditions in SQL. Every value goes to the database as a parameter, never as text.

Whose rows may be found is not a filter: a scope is one account, or None for the operator of the whole deployment. A row
concerns one account or two, so a scope has two branches, which share no row. They are asked one by one and joined:
``account_id = x or other_account_id = x`` has no index that is in the order of positions, nor one to count in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network
from typing import Any, Final, NamedTuple

from domain.audit.facts import OUTCOMES, Outcome
from domain.audit.filters import Filters, Network, Texts
from domain.events import EVENTS
from domain.vocabulary import Operation

Values = dict[str, Any]


class Where(NamedTuple):
    """:param branches: conditions, one of which a row must fulfil; no row fulfils two."""

    branches: tuple[str, ...]
    values: Values


def where(account_id: str | None, filters: Filters) -> Where:
    """:param account_id: the scope."""
    values: Values = {}
    conditions = " and ".join(["true", *_conditions(filters, values)])
    branches = _branches(account_id, filters.party, values)
    return Where(tuple(f"{branch} and {conditions}" for branch in branches), values)


def _branches(account_id: str | None, party: str | None, values: Values) -> tuple[str, ...]:
    if account_id is None and party is None:
        return ("true",)
    if account_id is None or party in {None, account_id}:
        values["scope"] = account_id or party
        return "account_id = %(scope)s", "other_account_id = %(scope)s"
    values |= {"scope": account_id, "party": party}
    return (
        "account_id = %(scope)s and other_account_id = %(party)s",
        "other_account_id = %(scope)s and account_id = %(party)s",
    )


def _conditions(filters: Filters, values: Values) -> Iterator[str]:
    for column, texts in filters.texts.items():
        yield _text(column, _spelled_out(column, texts), values)
    yield from _implied(filters)
    if filters.source is not None:
        yield _source(filters.source, values)
    if filters.context:
        values["context"] = json.dumps(dict(filters.context), ensure_ascii=False)
        yield "encryption_context @> %(context)s::jsonb"
    if filters.about_keys:
        yield "key_id is not null"
    if filters.named:
        values["named"] = filters.named
        values["named_by"] = f"%/{_of_like(filters.named)}"
        yield _NAMED
    for name, condition in _PLAIN.items():
        value = getattr(filters, name)
        if value is not None:
            values[name] = value
            yield condition


def _implied(filters: Filters) -> Iterator[str]:
    """What the filters mean though they do not say it: whoever plans the query knows that nothing has two outcomes, but
    not that only refusals have codes."""
    if "error_code" in filters.texts:
        yield f"outcome = '{Outcome.REFUSED}'"
    topic = filters.texts.get("topic", Texts(()))
    if len(topic.exact) == 1 and not topic.prefixes and topic.exact[0] in _OUTCOMES:
        yield f"outcome = '{_OUTCOMES[topic.exact[0]]}'"


_OUTCOMES: Final = {event.TOPIC: outcome for event, outcome in OUTCOMES.items()}


_PLAIN: Final[Mapping[str, str]] = {
    "key_id": "key_id = %(key_id)s",
    "request_id": "request_id = %(request_id)s",
    "secure_transport": "secure_transport = %(secure_transport)s",
    "since": "recorded_at >= %(since)s",
    "until": "recorded_at < %(until)s",
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


def _spelled_out(column: str, texts: Texts) -> Texts:
    """With every word that a prefix stands for, where all words are known: indexes are on words, not on beginnings."""
    words = _WORDS.get(column)
    if words is None or not texts.prefixes:
        return texts
    found = tuple(word for word in words if word.startswith(texts.prefixes))
    return Texts(tuple(dict.fromkeys((*texts.exact, *found))) or _NO_WORD)


_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "topic": tuple(event.TOPIC for event in EVENTS),
    "operation": tuple(operation.value for operation in Operation),
}
_NO_WORD: Final = ("",)


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


def _is_address(network: Network) -> bool:
    return network.prefixlen == (32 if isinstance(network, IPv4Network) else 128)


def _of_like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
