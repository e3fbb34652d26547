"""Who used which key and how: what callers choose is told apart up to a number, and counted beyond it."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from domain.audit.evidence import refusals, ways
from domain.audit.evidence.listing import OTHERS
from domain.audit.evidence.period import Bins, Period
from domain.audit.evidence.refusals import Refusals
from domain.audit.evidence.ways import DIFFERENT_MAX, Several, WaysOfUse
from domain.events import CallRefused, KeyUsed
from domain.vocabulary import Operation
from scripts.compliance.sections.ways import several
from tests.fixtures.ledger import ACCOUNT, a_call, a_new_key, a_use


def several_of(*ones: str | ways.Context) -> Several:
    found = Several()
    for one in ones:
        found.add(one)
    return found


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (several_of("10.0.0.5", "10.0.0.5"), "10.0.0.5"),
        (several_of("b", "a", "b"), "b (2), a (1)"),
        (several_of(*"aaabbbccde"), "a (3), b (3), c (2) and 2 others"),
        (several_of(*map(str, range(DIFFERENT_MAX + 9))), "0 (1), 1 (1), 10 (1) and more than 17 others"),
        (several_of(""), "(none)"),
        (several_of("(none)", "a, b", "a", "b (9)"), '"(none)" (1), a (1), "a, b" (1) and 1 other'),
        (several_of((("a", "1, b=2"),)), 'a="1, b=2"'),
        (several_of((("a", "1"), ("b", "2"))), "a=1, b=2"),
        (several_of("\x1b[2J"), "\\x1b[2J"),
        (several_of("x" * 500), "x" * 79 + "…"),
        (several_of(), ""),
    ],
)
def test_the_most_frequent_are_named(found: Several, said: str) -> None:
    assert several(found) == said


def test_uses_and_refusals_of_a_key_are_counted_for_each_principal_and_sessions_are_their_role() -> None:
    key, found = a_new_key().key, WaysOfUse()
    (used,) = a_use(key).events
    assert isinstance(used, KeyUsed)
    found.add(used, key.key_id)
    for number in range(3):
        by = replace(
            used.call.by,
            kind="assumed-role",
            principal=f"acs:ram::{ACCOUNT}:role/backup/night-{number}",
            access_key_id=f"STS.{number}",
        )
        found.add(replace(used, call=replace(used.call, by=by, source_ip="192.0.2.9")), key.key_id)
    refused = CallRefused(
        originator_id=uuid4(), originator_version=1, timestamp=used.timestamp, call=used.call, code="c", message="m"
    )
    found.add(refused, key.key_id)
    found.add(refused, None)
    mine, roles = found.of_keys.values()
    assert (mine.used, mine.refused, roles.used) == (1, 1, 3)
    assert roles.sources.counts == {"192.0.2.9": 3}
    assert [whose for whose in found.of_credentials if "role/" in whose[0]] == [
        (f"acs:ram::{ACCOUNT}:role/backup/night-{number}", "") for number in range(3)
    ]
    assert found.of_credentials[used.call.by.principal, used.call.by.access_key_id].count == 3


def test_names_that_callers_choose_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "COUNTED_MAX", 3)
    monkeypatch.setattr(refusals, "COUNTED_MAX", 3)
    call = a_call(Operation.DESCRIBE_KEY)
    period = Period(call.at.replace(hour=0, minute=0, second=0, microsecond=0), call.at.replace(year=call.at.year + 1))
    found, refused = WaysOfUse(), Refusals(Bins(period))
    for number in range(10):
        by = replace(call.by, kind="assumed-role", principal=f"acs:ram::{ACCOUNT}:role/r/{number}")
        event = CallRefused(
            originator_id=uuid4(), originator_version=1, timestamp=call.at, call=replace(call, by=by),
            code="Forbidden.KeyNotFound", message="m", resource=f"acs:kms:cn-hangzhou:{ACCOUNT}:key/{number}",
        )  # fmt: skip
        found.add(event, None)
        refused.refused(event)
    assert found.of_credentials[OTHERS, ""].count == 7
    assert sum(credential.count for credential in found.of_credentials.values()) == 10
    others = refused.asked[f"acs:ram::{ACCOUNT}:role/r", "DescribeKey", OTHERS, "Forbidden.KeyNotFound"]
    assert others.count == 7
    assert len(refused.asked) == 4


def test_long_contexts_and_clients_are_kept_as_far_as_they_are_shown() -> None:
    key, found = a_new_key().key, WaysOfUse()
    (used,) = a_use(key).events
    assert isinstance(used, KeyUsed)
    context = {"a": "1", "b": "x" * 5_000, "c": "y" * 3_000}
    call = replace(used.call, user_agent="z" * 5_000)
    found.add(replace(used, encryption_context=context, call=call), key.key_id)
    (mine,) = found.of_keys.values()
    assert list(mine.contexts.counts) == [(("a", "1"), ("b", "x" * 157))]
    assert list(mine.clients.counts) == ["z" * 160]
