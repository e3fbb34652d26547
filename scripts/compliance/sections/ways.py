"""Tables about ways of use: each key by each principal, from where, with what; each access key and session."""

from __future__ import annotations

import json
import re
from typing import Final

from domain.audit.evidence.activity import ORDER
from domain.audit.evidence.listing import LISTED_MAX
from domain.audit.evidence.ways import Context, Several
from domain.audit.words import brief, visible
from scripts.compliance.document import Column, Kind, Table
from scripts.compliance.sections.material import KEY_ID, Material, many, most

_SHOWN: Final = 3
"""Of different sources, clients or contexts."""
_CHARACTERS_MAX: Final = 80
"""Of each of them."""

_AMBIGUOUS: Final = re.compile(r'[,="]|\)$')

_SOURCES: Final = Column("sources", "From", Kind.CODE, 1)
_LAST: Final = Column("last_at", "Last (UTC)", Kind.TIME)


def by_key_and_principal(material: Material) -> Table:
    found = material.evidence.ways.of_keys
    order = most((pair, ways.count) for pair, ways in found.items())[:LISTED_MAX]
    return Table(
        name="keys-and-principals",
        title="Who used which key, from where and with what",
        columns=(
            KEY_ID,
            Column("principal", "Principal", Kind.CODE, 1),
            Column("used", "Used", Kind.NUMBER),
            Column("refused", "Refused", Kind.NUMBER),
            _SOURCES,
            Column("clients", "Client", Kind.TEXT, 1),
            Column("contexts", "Encryption context", Kind.TEXT, 1),
            _LAST,
        ),
        rows=[
            (
                str(pair[0]),
                pair[1],
                found[pair].used,
                found[pair].refused,
                several(found[pair].sources),
                several(found[pair].clients),
                several(found[pair].contexts),
                found[pair].last_at,
            )
            for pair in order
        ],
        there_are=len(found),
        remark="Of sources, clients and contexts the most frequent are named, with how often each came where there "
        "are several. Each single use, with all of this, is one line of the audit trail.",
    )


def by_credential(material: Material) -> Table:
    found = material.evidence.ways.of_credentials
    order = most((whose, credential.count) for whose, credential in found.items())[:LISTED_MAX]
    return Table(
        name="access-keys-and-sessions",
        title="By access key and session",
        columns=(
            Column("principal", "Principal, session", Kind.CODE, 2),
            Column("access_key_id", "Access key", Kind.CODE),
            *(Column(outcome.value, outcome.value.capitalize(), Kind.NUMBER) for outcome in ORDER[:4]),
            _SOURCES,
            _LAST,
        ),
        rows=[
            (
                *whose,
                *(found[whose].outcomes.get(outcome, 0) for outcome in ORDER[:4]),
                several(found[whose].sources),
                found[whose].last_at,
            )
            for whose in order
        ],
        there_are=len(found),
        remark="Sessions of a role are told apart by the name that whoever assumed it gave them.",
    )


def several(found: Several) -> str:
    """``10.0.0.5 (1,204), 10.0.0.6 (3), 10.0.0.9 (1) and 2 others``; of one alone, no number."""
    shown = sorted(found.counts.items(), key=lambda item: (-item[1], item[0]))
    if len(shown) == 1 and not found.others:
        return _named(shown[0][0])
    told = ", ".join(f"{_named(one)} ({count:,})" for one, count in shown[:_SHOWN])
    rest = len(shown) - _SHOWN
    if found.others:
        return f"{told} and more than {many(rest, 'other')}"
    return f"{told} and {many(rest, 'other')}" if rest > 0 else told


def _named(one: str | Context) -> str:
    if not one:
        return "(none)"
    if isinstance(one, str):
        return _apart(one)
    return brief(", ".join(f"{_apart(name)}={_apart(value)}" for name, value in one), _CHARACTERS_MAX)


def _apart(text: str) -> str:
    """Quoted where it could be taken for several, or for one with a number."""
    shown = brief(visible(text), _CHARACTERS_MAX)
    return json.dumps(shown, ensure_ascii=False) if _AMBIGUOUS.search(shown) else shown
