"""Names: plain, short, and refused in words that say what would do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from domain.events import Event
from domain.ram import groups, policies, roles, users
from tests.fixtures.ram_account import ENCRYPTS, TRUSTS_ITSELF, Account

Naming = Callable[[Account, str], Event]

KINDS: Final[dict[str, tuple[int, str, Callable[..., Event], tuple[str, ...]]]] = {
    "UserName": (64, "a.b_c-d@E0", users.create_user, ()),
    "GroupName": (64, "a.b_c-D0", groups.create_group, ()),
    "RoleName": (64, "a.b_c-D0", roles.create_role, (TRUSTS_ITSELF,)),
    "PolicyName": (128, "a-B0", policies.create_policy, (ENCRYPTS,)),
}
"""By parameter: the longest name, one of all characters, the command, and what else it takes."""

every_kind = pytest.mark.parametrize("parameter", KINDS)

NO_NAMES: Final = [
    "a b",
    " a",
    "a\n",
    "a/b",
    "a:b",
    "a*",
    "a?",
    "a\0",
    "${a}",
    "älice",
    "a陈",
    "\u0430lice",  # CYRILLIC SMALL LETTER A
    "alice\u200b",
    "\uff41",  # FULLWIDTH LATIN SMALL LETTER A
    "a\ud800",
    "١",
    "\u212a",  # KELVIN SIGN, a k in lower case
]


@every_kind
def test_a_name_may_be_all_that_is_published(parameter: str) -> None:
    longest, all_characters, command, others = KINDS[parameter]
    account = Account()
    account.does(command, all_characters, *others)
    account.does(command, "x" * longest, *others)
    account.does(command, "0", *others)


@every_kind
def test_a_name_that_is_too_long_or_empty_is_refused(parameter: str) -> None:
    longest, _, command, others = KINDS[parameter]
    for name in ("", "x" * (longest + 1), "x" * 100_000):
        refused = Account().is_refused(f"InvalidParameter.{parameter}.Length", command, name, *others)
        assert f"1 to {longest}" in refused.message
        assert len(refused.message) < 300


@every_kind
@pytest.mark.parametrize("name", NO_NAMES, ids=ascii)
def test_a_name_with_other_characters_is_refused(parameter: str, name: str) -> None:
    _, _, command, others = KINDS[parameter]
    refused = Account().is_refused(f"InvalidParameter.{parameter}.InvalidChars", command, name, *others)
    assert "ASCII" in refused.message
    assert refused.message.isascii()


@pytest.mark.parametrize("name", ["a@b", "a_b", "a.b"])
def test_a_policys_name_has_letters_digits_and_hyphens_only(name: str) -> None:
    Account().is_refused("InvalidParameter.PolicyName.InvalidChars", policies.create_policy, name, ENCRYPTS)


def test_only_users_have_an_at_sign() -> None:
    Account().is_refused("InvalidParameter.GroupName.InvalidChars", groups.create_group, "a@b")
    Account().is_refused("InvalidParameter.RoleName.InvalidChars", roles.create_role, "a@b", TRUSTS_ITSELF)


def test_a_new_name_is_held_to_the_same() -> None:
    account = Account()
    account.has_user("alice")
    account.has_group("signers")
    for name, fault in (("ä", "InvalidChars"), ("", "Length"), ("x" * 65, "Length")):
        account.is_refused(f"InvalidParameter.NewUserName.{fault}", users.update_user, "alice", new_user_name=name)
        account.is_refused(
            f"InvalidParameter.NewGroupName.{fault}", groups.update_group, "signers", new_group_name=name
        )
