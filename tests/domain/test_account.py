"""An account, its root identity, and the version that every change of authority moves."""

from __future__ import annotations

from itertools import pairwise
from uuid import UUID

import pytest

from domain import account as accounts
from domain.guard import Guard
from domain.ram import authority as authorities
from domain.ram.entities import AccessKeyStatus
from domain.vocabulary import DEFAULT_REGIONS, Operation
from tests.fixtures.ledger import ACCOUNT, REGION, a_call, a_new_key

CALL = a_call(Operation.SET_UP, by=accounts.SYSTEM)


def test_an_account_is_opened_with_the_first_access_key_of_its_root() -> None:
    account = authorities.replay(accounts.open_account(CALL, ACCOUNT, "LTAI1"))
    assert account is not None
    assert (account.account_id, account.version) == (ACCOUNT, 2)
    assert account.access_key("LTAI1") == (None, AccessKeyStatus.ACTIVE)


def test_the_root_identity_is_guarded_by_the_accounts_version() -> None:
    account = authorities.replay(accounts.open_account(CALL, ACCOUNT, "LTAI1"))
    assert account is not None
    root = account.root("LTAI1")
    assert (root.kind, root.principal) == ("root-account", "acs:ram::1234567890123456:root")
    assert (root.account_id, root.access_key_id) == (ACCOUNT, "LTAI1")
    assert (root.principal_id, root.user_name, root.assumed_by) == (ACCOUNT, "", "")
    assert root.authority == Guard(accounts.account_stream(ACCOUNT), 2)


def test_there_is_no_account_without_events() -> None:
    assert authorities.replay([]) is None


def test_an_accounts_stream_holds_nothing_else() -> None:
    with pytest.raises(ValueError, match="does not follow"):
        authorities.replay([*accounts.open_account(CALL, ACCOUNT, "LTAI1"), *a_new_key().submission.events])


def test_an_accounts_stream_begins_with_its_creation() -> None:
    with pytest.raises(ValueError, match="does not belong"):
        authorities.replay(accounts.open_account(CALL, ACCOUNT, "LTAI1")[1:])


def test_an_accounts_versions_are_consecutive() -> None:
    opened = accounts.open_account(CALL, ACCOUNT, "LTAI1")
    assert all(after.originator_version == before.originator_version + 1 for before, after in pairwise(opened))
    assert {event.originator_id for event in opened} == {accounts.account_stream(ACCOUNT)}


def test_a_region_is_opened_with_the_check_value_of_its_root() -> None:
    opened = accounts.open_region(CALL, REGION, bytes.fromhex("dc95c0"))
    assert (opened.region_id, opened.key_check_value, opened.originator_version) == (REGION, "dc95c0", 1)
    assert opened.originator_id == accounts.region_stream(REGION)


def test_the_names_of_streams_and_tallies_are_the_same_for_ever() -> None:
    assert accounts.account_stream(ACCOUNT) == UUID("47c89f86-f5c9-5222-bd95-310e8572be4d")
    assert accounts.region_stream(REGION) == UUID("7301a5e1-7b12-5cf1-8518-f49a68d232e5")
    assert accounts.cmk_tally(ACCOUNT, REGION) == UUID("22447f05-75da-5a2c-bcc7-147ee028befb")


def test_no_two_names_share_a_stream() -> None:
    regions = [accounts.region_stream(region) for region in DEFAULT_REGIONS]
    tallies = [accounts.cmk_tally(ACCOUNT, region) for region in DEFAULT_REGIONS]
    everyone = [*regions, *tallies, accounts.account_stream(ACCOUNT), accounts.account_stream("1")]
    assert len(set(everyone)) == len(everyone)
