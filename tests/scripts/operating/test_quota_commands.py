"""``key-ledger quota``: raised with a ticket, listed with what is used of it."""

from __future__ import annotations

import json
import os
import pty

import pytest

from adapters.operator import operator_name
from tests.fixtures.ledger import a_new_key
from tests.scripts.operating.conftest import Operate, Operated, ended, started

UID, OTHER = "1234567890123456", "2222222222222222"


@pytest.fixture(autouse=True)
def _accounts(operate: Operate, operated: Operated) -> None:
    for uid in (UID, OTHER):
        assert operate("account", "create", "--account-id", uid).exit_code == 0


def raised(operate: Operate, to: int, *more: str, account: str = UID, ticket: str = "T-1") -> int:
    return operate("quota", "raise", "--account", account, "--to", to, "--ticket", ticket, *more).exit_code


def quotas(operate: Operate, *words: str) -> list[tuple[str, str, int, int]]:
    rows = operate("quota", "list", "--json", *words).json["rows"]
    return [(row["account"], row["region"], row["keys"], row["quota"]) for row in rows]


def test_a_quota_is_raised_for_one_region_and_recorded_with_ticket_and_operator(
    operate: Operate, operated: Operated
) -> None:
    assert raised(operate, 500, "--region", "cn-hangzhou", ticket="T-4711 / anne") == 0
    assert quotas(operate) == [(UID, "cn-hangzhou", 0, 500)]
    ((state,),) = operated.rows("select state from ledger.events where topic = 'kms.quota.raised'")
    event = json.loads(bytes(state))
    assert (event["account_id"], event["region_id"], event["quota"]) == (UID, "cn-hangzhou", 500)
    assert (event["ticket"], event["call"]["user_name"]) == ("T-4711 / anne", operator_name())


def test_without_a_region_it_is_raised_in_every_one(operate: Operate) -> None:
    assert raised(operate, 300) == 0
    assert raised(operate, 400, "--region", "cn-shanghai") == 0
    assert quotas(operate) == [(UID, "cn-hangzhou", 0, 300), (UID, "cn-shanghai", 0, 400)]
    assert quotas(operate, "--region", "cn-shanghai") == [(UID, "cn-shanghai", 0, 400)]


def test_what_is_used_is_listed_for_everybody_who_has_keys(operate: Operate, operated: Operated) -> None:
    operated.record(*(a_new_key(account_id=OTHER, region_id="cn-shanghai").submission for _ in range(3)))
    assert quotas(operate) == [(OTHER, "cn-shanghai", 3, 200)]
    everywhere = [(OTHER, "cn-hangzhou", 0, 200), (OTHER, "cn-shanghai", 3, 200)]
    assert quotas(operate, "--account", OTHER) == everywhere
    shown = operate("account", "show", OTHER, "--json").json["regions"]
    assert [(row["region"], row["keys"], row["quota"]) for row in shown] == [row[1:] for row in everywhere]


def test_it_goes_down_only_on_purpose(operate: Operate) -> None:
    assert raised(operate, 500) == 0
    assert raised(operate, 300) == 4
    assert raised(operate, 300, "--lower") == 0
    assert raised(operate, 300, "--lower") == 4
    assert {quota for *_, quota in quotas(operate)} == {300}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--account", UID, "--to", "500", "--ticket", "T", "--region", "mars-1"), 2, "There is no region 'mars-1'"),
        (("--account", UID, "--to", "many", "--ticket", "T"), 2, "valid integer"),
        (("--account", UID, "--to", "500"), 2, "--ticket"),
        (("--account", UID, "--to", "500", "--ticket", " "), 4, "printable characters"),
        (("--account", UID, "--to", "500", "--ticket", "a\x1b[2J"), 4, "printable characters"),
        (("--account", UID, "--to", "100000000", "--ticket", "T"), 4, "from 0 to 1000000"),
        (("--account", UID, "--to", "200", "--ticket", "T"), 4, "may have 200 keys in every region already"),
        (("--account", "9999999999999999", "--to", "500", "--ticket", "T"), 4, "There is no account"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_recorded(
    operate: Operate, operated: Operated, words: tuple[str, ...], code: int, said: str
) -> None:
    outcome = operate("quota", "raise", *words)
    assert (outcome.exit_code, said in outcome.said) == (code, True), outcome.said
    assert operated.rows("select from ledger.events where topic = 'kms.quota.raised'") == []


def test_two_operators_at_once_leave_the_larger(operate: Operate, operated: Operated) -> None:
    words = ("quota", "raise", "--account", UID, "--ticket", "T", "--data", operated.data, "--to")
    outcomes = [ended(process) for process in [started(operated, *words, str(to)) for to in (300, 900, 600)]]
    assert {outcome.exit_code for outcome in outcomes} <= {0, 4}
    assert {quota for *_, quota in quotas(operate)} == {900}


def test_an_hsm_is_not_needed(operate: Operate, operated: Operated) -> None:
    (operated.data / "software-keys").unlink()
    assert raised(operate, 500) == 0
    assert len(quotas(operate)) == 2


def test_lists_come_in_three_forms_and_an_unknown_account_is_named(operate: Operate) -> None:
    nobody = operate("quota", "list")
    assert (nobody.exit_code, "each may have 200 keys" in nobody.said) == (0, True)
    raised(operate, 500, "--region", "cn-hangzhou", ticket="=cmd|' /C calc'!A0")
    assert operate("quota", "list").output.split()[:5] == ["Account", "Region", "Keys", "Quota", "Ticket"]
    csv = operate("quota", "list", "--csv").output.splitlines()
    assert csv == ["account,region,keys,quota,ticket", f"{UID},cn-hangzhou,0,500,'=cmd|' /C calc'!A0"]
    unknown = operate("quota", "list", "--account", "9999999999999999")
    assert (unknown.exit_code, "There is no account" in unknown.said) == (4, True)


def test_a_terminal_gets_bars(operate: Operate, operated: Operated) -> None:
    operated.record(*(a_new_key(account_id=UID).submission for _ in range(3)))
    operated.set(quota_keys=4)
    leader, follower = pty.openpty()
    words = ("quota", "list", "--data", operated.data)
    process = started(operated, *words, stdout=follower, environment={"TERM": "xterm"})
    os.close(follower)
    assert ended(process).exit_code == 0
    shown = os.read(leader, 65_536).decode()
    os.close(leader)
    assert f"{'█' * 15}" in shown
    assert f"{'█' * 16}" not in shown
    assert UID in shown
