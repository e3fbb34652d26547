"""An account's authority: rebuilt from its stream, guarded by its version, and quick however many users there are."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final

import pytest

from domain import events
from domain.account import account_stream
from domain.events import CHANGES, EVENTS, Event
from domain.guard import Guard
from domain.ram import authority as authorities
from domain.ram import fold, groups, policies, users
from domain.ram.authority import Authority
from tests.fixtures.ledger import ACCOUNT, NOON, a_call, a_new_key
from tests.fixtures.ram_account import DECRYPTS, ENCRYPTS, ROOT_KEY, Account, told


@pytest.fixture
def account() -> Account:
    return Account()


def next_one(authority: Authority, made_by: type[Event], **fields: Any) -> Event:
    return made_by(**authority.next(a_call()), **fields)


# --- the fold ---


def test_every_change_that_is_not_of_a_key_or_a_region_has_its_place_in_the_fold() -> None:
    elsewhere = ("kms.key.", "kms.region.")
    expected = {kind for kind in EVENTS if kind.TOPIC in CHANGES and not kind.TOPIC.startswith(elsewhere)}
    assert fold._HANDLERS.keys() == expected


def test_every_event_moves_the_version_that_decisions_guard(account: Account) -> None:
    authority = account.authority
    before = authority.guard
    account.has_user("alice")
    assert before == Guard(account_stream(ACCOUNT), 2)
    assert authority.guard == Guard(account_stream(ACCOUNT), 3)
    assert authority.root(ROOT_KEY).authority == authority.guard
    assert authority.as_user(authority.users["alice"], "LTAI1").authority == authority.guard


def test_a_user_as_a_caller_is_known_by_name_and_id(account: Account) -> None:
    user_id = account.has_user("alice", access_keys=["LTAI1"])
    caller = account.authority.as_user(account.authority.users["alice"], "LTAI1")
    assert (caller.kind, caller.principal) == ("ram-user", f"acs:ram::{ACCOUNT}:user/alice")
    assert (caller.principal_id, caller.user_name, caller.access_key_id) == (user_id, "alice", "LTAI1")
    assert caller.account_id == ACCOUNT
    assert caller.assumed_by == ""


def test_an_event_is_applied_once_and_in_its_turn(account: Account) -> None:
    account.has_user("alice")
    account.has_user("bob")
    behind = authorities.replay(account.history[:2])
    assert behind is not None
    with pytest.raises(ValueError, match="does not follow version 2"):
        behind.apply(account.history[3])
    behind.apply(account.history[2])
    with pytest.raises(ValueError, match="does not follow version 3"):
        behind.apply(account.history[2])
    behind.apply(account.history[3])
    assert told(behind) == told(account.authority)


def test_another_accounts_events_are_not_applied(account: Account) -> None:
    elsewhere = {**account.authority.next(a_call()), "originator_id": account_stream("1")}
    with pytest.raises(ValueError, match="does not follow"):
        account.authority.apply(events.GroupDeleted(**elsewhere, group_name="x", group_id="x"))


def test_a_stream_with_an_event_of_another_kind_is_corrupt(account: Account) -> None:
    of_a_key = a_new_key().submission.events[0]
    stray = replace(of_a_key, originator_id=account.authority.stream, originator_version=3)
    with pytest.raises(ValueError, match="does not belong at version 3"):
        account.authority.apply(stray)
    with pytest.raises(ValueError, match="does not belong at version 3"):
        account.authority.apply(next_one(account.authority, events.AccountCreated))


NOBODY: Final[dict[type[Event], dict[str, Any]]] = {
    events.UserUpdated: dict.fromkeys(
        ("user_name", "new_user_name", "display_name", "comments", "email", "mobile_phone"), "x"
    ),
    events.UserDeleted: {"user_name": "x", "user_id": "x"},
    events.UserAccessKeyCreated: {"user_name": "x", "access_key_id": "x"},
    events.AccessKeyUpdated: {"user_name": "x", "access_key_id": "x", "status": "Active"},
    events.AccessKeyDeleted: {"user_name": "x", "access_key_id": "x"},
    events.GroupUpdated: {"group_name": "x", "new_group_name": "x", "comments": "x"},
    events.GroupDeleted: {"group_name": "x", "group_id": "x"},
    events.UserAddedToGroup: {"group_name": "x", "user_name": "x"},
    events.UserRemovedFromGroup: {"group_name": "x", "user_name": "x"},
    events.PolicyVersionCreated: {
        "policy_name": "x",
        "version_id": "v2",
        "document": ENCRYPTS,
        "set_as_default": True,
        "removed_version": "",
    },
    events.PolicyVersionDeleted: {"policy_name": "x", "version_id": "v1"},
    events.DefaultPolicyVersionSet: {"policy_name": "x", "version_id": "v1"},
    events.PolicyDescriptionUpdated: {"policy_name": "x", "description": "x"},
    events.PolicyDeleted: {"policy_name": "x"},
    events.PolicyAttached: {
        "policy_type": "Custom",
        "policy_name": "x",
        "target_kind": "user",
        "target_name": "x",
    },
    events.PolicyDetached: {
        "policy_type": "Custom",
        "policy_name": "x",
        "target_kind": "role",
        "target_name": "x",
    },
    events.RoleUpdated: {"role_name": "x", "description": "x", "trust_policy": "x", "max_session_duration": 3600},
    events.RoleDeleted: {"role_name": "x", "role_id": "x"},
}


@pytest.mark.parametrize("made_by", NOBODY, ids=lambda made_by: made_by.TOPIC)
def test_a_stream_that_names_what_is_not_there_is_corrupt(account: Account, made_by: type[Event]) -> None:
    with pytest.raises(ValueError, match="names 'x', which is not there"):
        account.authority.apply(next_one(account.authority, made_by, **NOBODY[made_by]))


def test_there_is_no_account_before_its_first_event() -> None:
    assert authorities.replay(()) is None


# --- quotas ---


def test_a_quota_is_none_until_it_is_raised(account: Account) -> None:
    authority = account.authority
    assert authority.quota("cn-hangzhou") is None
    authority.apply(next_one(authority, events.QuotaRaised, region_id="cn-hangzhou", quota=500, ticket="OPS-1"))
    assert (authority.quota("cn-hangzhou"), authority.quota("cn-beijing"), authority.quota("")) == (500, None, None)
    authority.apply(next_one(authority, events.QuotaRaised, region_id="", quota=300, ticket="OPS-2"))
    assert (authority.quota("cn-hangzhou"), authority.quota("cn-beijing"), authority.quota("")) == (500, 300, 300)
    authority.apply(next_one(authority, events.QuotaRaised, region_id="", quota=1000, ticket="OPS-3"))
    assert (authority.quota("cn-hangzhou"), authority.quota("cn-beijing")) == (1000, 1000)


# --- what was derived is dropped when, and only when, it changed ---


CHANGING: Final[dict[str, Callable[[Account], object]]] = {
    "own policy attached": lambda account: account.attaches("AliyunKMSFullAccess", "user", "alice", "System"),
    "own policy detached": lambda account: account.detaches("Mine", "user", "alice"),
    "group's policy attached": lambda account: account.attaches("AliyunKMSFullAccess", "group", "signers", "System"),
    "group's policy detached": lambda account: account.detaches("Ours", "group", "signers"),
    "group left": lambda account: account.does(groups.remove_user_from_group, "alice", "signers"),
    "group joined": lambda account: account.does(groups.add_user_to_group, "alice", "admins"),
    "own policy says otherwise": lambda account: account.does(policies.set_default_policy_version, "Mine", "v2"),
    "group's policy says otherwise": lambda account: account.does(policies.set_default_policy_version, "Ours", "v2"),
    "new version in force": lambda account: account.does(
        policies.create_policy_version, "Ours", DECRYPTS, set_as_default=True
    ),
}

NOT_CHANGING: Final[dict[str, Callable[[Account], object]]] = {
    "somebody created": lambda account: account.has_user("carol"),
    "somebody else's policy": lambda account: account.attaches("AliyunKMSFullAccess", "user", "bob", "System"),
    "another group's policy": lambda account: account.attaches("Mine", "group", "admins"),
    "another policy": lambda account: account.has_policy("Other"),
    "version that waits": lambda account: account.does(policies.create_policy_version, "Ours", DECRYPTS),
    "version deleted": lambda account: account.does(policies.delete_policy_version, "Mine", "v2"),
    "described otherwise": lambda account: account.does(policies.update_policy_description, "Mine", "x"),
    "renamed": lambda account: account.does(users.update_user, "alice", new_user_name="alice", new_comments="x"),
    "access key": lambda account: account.does(users.create_access_key, "alice", "LTAI1"),
    "group renamed": lambda account: account.does(groups.update_group, "signers", new_group_name="sealers"),
    "role": lambda account: account.has_role("signer"),
}


def prepared() -> Account:
    """Alice has Mine, and Ours by the group signers; bob has nothing to do with either."""
    account = Account()
    for name in ("alice", "bob"):
        account.has_user(name)
    account.has_group("signers", "alice")
    account.has_group("admins", "bob")
    account.attaches("AliyunKMSReadOnlyAccess", "group", "admins", "System")
    for name in ("Mine", "Ours"):
        account.has_policy(name)
        account.does(policies.create_policy_version, name, DECRYPTS)
    account.attaches("Mine", "user", "alice")
    account.attaches("Ours", "group", "signers")
    return account


@pytest.mark.parametrize("change", CHANGING)
def test_what_is_in_force_follows_every_change_of_it(change: str) -> None:
    account = prepared()
    before = account.authority.policies_of_user("alice")
    CHANGING[change](account)
    assert account.authority.policies_of_user("alice") != before
    anew = authorities.replay(account.history)
    assert anew is not None
    assert account.authority.policies_of_user("alice") == anew.policies_of_user("alice")


@pytest.mark.parametrize("change", NOT_CHANGING)
def test_what_is_in_force_is_kept_by_every_other_change(change: str) -> None:
    account = prepared()
    before = account.authority.policies_of_user("alice")
    NOT_CHANGING[change](account)
    assert account.authority.policies_of_user("alice") is before


# --- many ---


def many(count: int) -> list[Event]:
    """Users in one group, a policy for every tenth of them."""
    account = Account()
    authority = account.authority
    history = account.history

    def record(made_by: Callable[..., Event], **fields: Any) -> None:
        event = made_by(
            originator_id=authority.stream,
            originator_version=len(history) + 1,
            timestamp=NOON,
            call=history[0].call,
            account_id=ACCOUNT,
            **fields,
        )
        history.append(event)

    texts = dict.fromkeys(("display_name", "comments", "email", "mobile_phone"), "")
    record(events.GroupCreated, group_name="all", group_id="g-1", comments="")
    for number in range(count):
        record(events.UserCreated, user_name=f"user-{number}", user_id=str(number), **texts)
        record(events.UserAddedToGroup, group_name="all", user_name=f"user-{number}")
        if number % 10 == 0:
            record(events.PolicyCreated, policy_name=f"Policy-{number}", description="", document=ENCRYPTS)
            attached = {"policy_type": "Custom", "policy_name": f"Policy-{number}"}
            record(events.PolicyAttached, **attached, target_kind="user", target_name=f"user-{number}")
    return history


def test_no_event_of_twenty_two_thousand_copies_what_there_is() -> None:
    """Bytes, not seconds: copying the users at each event would take gigabytes in all, one table of them is 300 kB."""
    first, *later = many(10_000)
    authority = authorities.replay([first])
    assert authority is not None
    taken = [needed(partial(authority.apply, event)) for event in later]
    assert (len(taken), len(authority.users), len(authority.policies)) == (22_002, 10_000, 1_000)
    assert sum(taken) < 200_000_000
    assert sorted(taken)[-100] < 50_000, "all but the few events at which a table grows"


def test_a_change_among_ten_thousand_users_and_a_look_at_one_of_them_copy_no_other() -> None:
    authority = authorities.replay(many(10_000))
    assert authority is not None
    for number in range(10_000):
        authority.policies_of_user(f"user-{number}")
    attached = {"policy_type": "System", "policy_name": "AliyunKMSFullAccess", "target_kind": "group"}
    change = next_one(authority, events.PolicyAttached, **attached, target_name="all")
    assert needed(partial(authority.apply, change)) < 50_000
    assert needed(partial(authority.policies_of_user, "user-10")) < 50_000
    found = authority.policies_of_user("user-10")
    assert [policy.name for policy in found] == ["Custom/Policy-10", "System/AliyunKMSFullAccess"]


def needed(work: Callable[[], object]) -> int:
    """The bytes that the work had allocated at its worst moment, what it keeps included."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
