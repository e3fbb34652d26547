"""Who calls too fast is told when to come back; everybody else does not notice."""

from __future__ import annotations

import pytest

from adapters.rate_limits import RateLimits, from_settings
from adapters.settings import read_settings
from domain.call import Caller
from domain.errors import TooManyRequests
from domain.rate import SECOND, Rate, rate
from tests.fixtures.ledger import ACCOUNT, a_caller

OTHER = "9999999999999999"


class Clock:
    def __init__(self) -> None:
        self.now = 10**15

    def __call__(self) -> int:
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _user(name: str, account_id: str = ACCOUNT) -> Caller:
    return Caller(account_id=account_id, kind="ram-user", principal=f"acs:ram::{account_id}:user/{name}")


def _session(role: str, session: str) -> Caller:
    return Caller(account_id=ACCOUNT, kind="assumed-role", principal=f"acs:ram::{ACCOUNT}:role/{role}/{session}")


def _granted(limits: RateLimits, *callers: Caller) -> int:
    granted = 0
    for caller in callers:
        try:
            limits.check(caller)
        except TooManyRequests:
            continue
        granted += 1
    return granted


def test_without_limits_everybody_calls(clock: Clock) -> None:
    assert _granted(RateLimits(None, None, clock=clock), *[a_caller()] * 1_000) == 1_000


def test_users_of_an_account_share_its_limit(clock: Clock) -> None:
    limits = RateLimits(rate(10, 6), None, clock=clock)
    assert _granted(limits, *[_user("ann"), _user("bob")] * 10) == 6
    assert _granted(limits, *[_user("cid", OTHER)] * 10) == 6


def test_each_principal_has_a_limit_of_its_own(clock: Clock) -> None:
    limits = RateLimits(None, rate(10, 3), clock=clock)
    assert _granted(limits, *[_user("ann")] * 10) == 3
    assert _granted(limits, *[_user("bob")] * 10) == 3
    assert _granted(limits, *[_user("ann", OTHER)] * 10) == 3
    assert _granted(limits, *[a_caller()] * 10) == 3


def test_the_sessions_of_a_role_share_a_limit(clock: Clock) -> None:
    """Whoever assumes a role names the session: a limit for each name would be none."""
    limits = RateLimits(None, rate(10, 3), clock=clock)
    assert _granted(limits, *[_session("backup", f"s{number}") for number in range(10)]) == 3
    assert _granted(limits, *[_session("deploy", f"s{number}") for number in range(10)]) == 3


def test_who_is_refused_is_told_when_to_come_back_and_then_served(clock: Clock) -> None:
    limits = RateLimits(rate(4, 1), None, clock=clock)
    limits.check(a_caller())
    clock.passes(0.1)
    with pytest.raises(TooManyRequests, match=r"account.*Retry after 0\.150 seconds") as refused:
        limits.check(a_caller())
    assert refused.value.retry_after_seconds == pytest.approx(0.15)
    clock.passes(0.15)
    limits.check(a_caller())


def test_a_refused_call_costs_neither_account_nor_principal(clock: Clock) -> None:
    """One user's haste must not use up the others' share, nor the account's silence the user's."""
    limits = RateLimits(rate(10, 5), rate(10, 2), clock=clock)
    assert _granted(limits, *[_user("hasty")] * 100) == 2
    assert _granted(limits, _user("ann"), _user("bob"), _user("cid")) == 3
    clock.passes(0.1)
    assert _granted(limits, *[_user("dan")] * 2) == 1, "the account has one token; the other call was dan's own"
    clock.passes(0.1)
    assert _granted(limits, _user("dan")) == 1


def test_a_million_principals_keep_the_table_small_and_the_busy_ones_in_it(clock: Clock) -> None:
    limits = RateLimits(None, Rate(3_600 * SECOND, 1), buckets=100, clock=clock)
    for number in range(10_000):
        limits.check(_user(f"user-{number}"))
        assert _granted(limits, _user("busy")) == (number == 0)
    assert limits._principals is not None
    assert len(limits._principals._lately) + len(limits._principals._earlier) <= 200


def test_each_process_enforces_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read_settings(
        database_url="postgresql:///x", hsm_uri="pkcs11:x", account_calls_per_second=10, api_processes=4
    )
    assert _granted(from_settings(settings), *[a_caller()] * 20) == 2
    unlimited = read_settings(database_url="postgresql:///x", hsm_uri="pkcs11:x", api_processes=4)
    assert _granted(from_settings(unlimited), *[a_caller()] * 1_000) == 1_000
