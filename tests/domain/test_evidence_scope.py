"""What is gathered for one account of what it did in the roles of others: its doing, and not their keys."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from domain.audit.evidence.gathered import Evidence
from domain.audit.evidence.period import Period
from domain.audit.scope import Scope
from domain.events import Event
from domain.history.world import World
from domain.standing import Standing
from domain.vocabulary import Operation
from tests.fixtures.ledger import ACCOUNT, NOON, a_call, a_new_key
from tests.fixtures.ram import OTHER_ACCOUNT


def gathered(account_id: str, *history: Event) -> Evidence:
    world = World()
    evidence = Evidence(Period(NOON - timedelta(days=1), NOON + timedelta(days=1)), Scope(account_id=account_id), world)
    for position, event in enumerate(history, 1):
        world.apply(event)
        evidence.add(Standing(position=position, recorded_at=event.timestamp, event=event))
    return evidence


def test_a_key_that_is_changed_in_its_accounts_role_is_not_the_assumers() -> None:
    made = a_new_key()
    call = a_call(Operation.DISABLE_KEY)
    role = f"acs:ram::{ACCOUNT}:role/backup"
    by = replace(call.by, kind="assumed-role", principal=f"{role}/night", assumed_by=f"acs:ram::{OTHER_ACCOUNT}:root")
    history = (*made.submission.events, made.key.disable(replace(call, by=by)))
    assumer, owner = gathered(OTHER_ACCOUNT, *history), gathered(ACCOUNT, *history)
    assert (assumer.activity.all.count, assumer.keys.at_end, list(assumer.keys.changes)) == (1, {}, [])
    assert list(assumer.delegation.sessions) == [(role, f"acs:ram::{OTHER_ACCOUNT}:root")]
    assert (owner.activity.all.count, list(owner.keys.at_end)) == (2, [made.key.key_id])
