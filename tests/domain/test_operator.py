"""What the operator may change in an account, and what is refused with a sentence."""

from __future__ import annotations

import pytest

from domain.account import SYSTEM, open_account
from domain.events import Event
from domain.ram.authority import Authority, replay
from domain.ram.entities import AccessKeyStatus
from domain.ram.operator import (
    QUOTA_MAX,
    OperatorRefused,
    add_root_access_key,
    delete_root_access_key,
    raise_quota,
    update_root_access_key,
)
from domain.vocabulary import Operation
from tests.fixtures.ledger import ACCOUNT, a_call

ORDINARY = 200
CALL = a_call(Operation.SET_UP, by=SYSTEM, region_id="")
ACTIVE, INACTIVE = AccessKeyStatus.ACTIVE, AccessKeyStatus.INACTIVE


@pytest.fixture
def account() -> Authority:
    opened = replay(open_account(CALL, ACCOUNT, "LTAI1"))
    assert opened is not None
    return opened


def raised(account: Authority, region_id: str, quota: int, *, lower: bool = False) -> int | None:
    """What the account may have there afterwards."""
    call = a_call(Operation.SET_UP, by=SYSTEM, region_id=region_id)
    account.apply(raise_quota(account, call, quota, "T-1", ordinary=ORDINARY, lower=lower))
    return account.quota(region_id)


def keys(account: Authority) -> dict[str, AccessKeyStatus]:
    return {key.access_key_id: key.status for key in account.root_access_keys}


# --- quotas ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("region_id", ["cn-hangzhou", ""])
def test_a_quota_is_raised_for_a_region_or_for_all(account: Authority, region_id: str) -> None:
    assert raised(account, region_id, 500) == 500
    assert account.quota("eu-central-1") == (None if region_id else 500)


@pytest.mark.parametrize("quota", [0, 199, 200])
def test_what_every_account_has_is_no_raise(account: Authority, quota: int) -> None:
    with pytest.raises(OperatorRefused, match="may have 200 keys in cn-hangzhou already"):
        raised(account, "cn-hangzhou", quota)


def test_what_was_granted_is_taken_back_only_on_purpose(account: Authority) -> None:
    raised(account, "cn-hangzhou", 500)
    with pytest.raises(OperatorRefused, match="--lower"):
        raised(account, "cn-hangzhou", 300)
    assert raised(account, "cn-hangzhou", 300, lower=True) == 300
    assert raised(account, "cn-hangzhou", 0, lower=True) == 0
    with pytest.raises(OperatorRefused, match="0 keys in cn-hangzhou already"):
        raised(account, "cn-hangzhou", 0, lower=True)


def test_a_region_never_has_less_than_every_region(account: Authority) -> None:
    raised(account, "", 400)
    with pytest.raises(OperatorRefused, match="granted 400 keys in every region"):
        raised(account, "cn-hangzhou", 300, lower=True)
    raised(account, "cn-hangzhou", 900)
    assert raised(account, "cn-hangzhou", 450, lower=True) == 450
    assert raised(account, "", 250, lower=True) == 250


@pytest.mark.parametrize("quota", [-1, QUOTA_MAX + 1])
def test_a_quota_is_a_sane_number(account: Authority, quota: int) -> None:
    with pytest.raises(OperatorRefused, match="from 0 to"):
        raised(account, "", quota, lower=True)


@pytest.mark.parametrize("ticket", ["", "  ", "a\nb", "\x1b[2J", "x" * 129])
def test_a_ticket_is_a_line_that_can_be_read(account: Authority, ticket: str) -> None:
    with pytest.raises(OperatorRefused, match="printable"):
        raise_quota(account, CALL, 500, ticket, ordinary=ORDINARY)


# --- access keys of the root identity --------------------------------------------------------------------------------


def apply(account: Authority, event: Event) -> dict[str, AccessKeyStatus]:
    account.apply(event)
    return keys(account)


def test_a_key_is_added_the_old_one_deactivated_and_then_deleted(account: Authority) -> None:
    assert apply(account, add_root_access_key(account, CALL, "LTAI2")) == {"LTAI1": ACTIVE, "LTAI2": ACTIVE}
    off = update_root_access_key(account, CALL, "LTAI1", INACTIVE)
    assert apply(account, off) == {"LTAI1": INACTIVE, "LTAI2": ACTIVE}
    assert apply(account, delete_root_access_key(account, CALL, "LTAI1")) == {"LTAI2": ACTIVE}


def test_there_are_two_at_most(account: Authority) -> None:
    apply(account, add_root_access_key(account, CALL, "LTAI2"))
    with pytest.raises(OperatorRefused, match="has 2 access keys"):
        add_root_access_key(account, CALL, "LTAI3")


def test_a_key_in_force_is_not_deleted(account: Authority) -> None:
    with pytest.raises(OperatorRefused, match="Deactivate it first"):
        delete_root_access_key(account, CALL, "LTAI1")


def test_a_status_that_is_there_already_is_no_change(account: Authority) -> None:
    with pytest.raises(OperatorRefused, match="Active already"):
        update_root_access_key(account, CALL, "LTAI1", ACTIVE)


def test_a_key_of_somebody_else_is_not_the_roots(account: Authority) -> None:
    with pytest.raises(OperatorRefused, match="has no access key LTAI9"):
        delete_root_access_key(account, CALL, "LTAI9")
