"""What nobody used: it can go, and nothing that was done would have been refused."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.access import Access
from domain.audit.statement_use import StatementUse, statement_uses
from domain.audit.unused import AttachmentUse, Recorded, Unused, unused
from domain.audit.uses import Use, whose
from domain.call import Caller
from domain.events import GroupCreated, UserAddedToGroup
from domain.policy import parse
from domain.ram.entities import TargetKind
from tests.fixtures.ledger import ACCOUNT, NOON, InMemoryLedger
from tests.fixtures.naive_access import Document, listed
from tests.fixtures.policies import actions, callers, documents, parsed, resources
from tests.fixtures.ram import Ram, allowing, trusting

KEYS: Final = tuple(f"acs:kms:cn-hangzhou:{ACCOUNT}:key/{n}" for n in range(3))
SINCE: Final = NOON + timedelta(days=1)
"""The account is older than that."""
DAY: Final = timedelta(days=1)


def used(document: Document | str, *uses: Use) -> tuple[StatementUse, ...]:
    return statement_uses(parse(document if isinstance(document, str) else json.dumps(document)), uses)


def a_statement(**elements: Any) -> Document:
    return {"Version": "1", "Statement": [{"Effect": "Allow", **elements}]}


def test_a_statement_tells_what_of_it_was_not_used() -> None:
    document = a_statement(Action=["kms:Encrypt", "kms:Decrypt", "kms:DescribeKey"], Resource=list(KEYS))
    (told,) = used(
        document, Use("kms:Encrypt", KEYS[0], 3, NOON, NOON + DAY), Use("kms:Decrypt", KEYS[1], 1, NOON, NOON)
    )
    assert (told.times, told.last_at, told.is_used, told.is_fully_used) == (4, NOON + DAY, True, False)
    assert told.used_actions == ("kms:Decrypt", "kms:Encrypt")
    assert told.unused_actions == ("kms:DescribeKey",)
    assert told.unused_resources == (KEYS[2],)
    assert told.unused_pairs == (("kms:Encrypt", KEYS[1]), ("kms:Decrypt", KEYS[0]))


def test_a_pattern_is_used_where_anything_of_it_was_and_tells_what() -> None:
    (told,) = used(a_statement(Action="KMS:*", Resource="acs:kms:*:*:key/*"), Use("kms:Encrypt", KEYS[0]))
    assert (told.is_used, told.is_fully_used) == (True, False)
    assert (told.used_actions, told.unused_actions, told.wide_actions) == (("kms:Encrypt",), (), ("KMS:*",))
    (told,) = used(a_statement(Action="kms:encryp?", Resource="*"), Use("kms:Encrypt", KEYS[0]))
    assert told.is_fully_used


def test_a_statement_that_was_not_used_at_all_lists_all_of_it() -> None:
    (told,) = used(a_statement(Action=["kms:Encrypt"], Resource=list(KEYS)), Use("kms:Decrypt", KEYS[0]))
    assert (told.times, told.last_at, told.is_used) == (0, None, False)
    assert (told.unused_actions, told.unused_resources, told.unused_pairs) == (("kms:Encrypt",), KEYS, ())


def test_not_action_lists_no_grants() -> None:
    (told,) = used(a_statement(NotAction=["ram:*"], Resource=list(KEYS)), Use("kms:Decrypt", KEYS[0]))
    assert (told.unused_actions, told.unused_resources) == ((), KEYS[1:])
    (told,) = used(a_statement(NotAction=["ram:*"], Resource="*"), Use("ram:GetUser", f"acs:ram:*:{ACCOUNT}:user/a"))
    assert not told.is_used


def test_a_deny_is_no_grant() -> None:
    assert used(allowing("kms:Encrypt", effect="Deny"), Use("kms:Encrypt", KEYS[0])) == ()


def test_resources_of_ram_match_as_the_service_matches_them() -> None:
    document = a_statement(Action="ram:GetUser", Resource=f"acs:ram::{ACCOUNT}:user/bob")
    assert used(document, Use("ram:GetUser", f"acs:ram:*:{ACCOUNT}:user/bob"))[0].is_fully_used


@given(callers, st.lists(documents(), min_size=1, max_size=3), st.lists(st.tuples(actions, resources), max_size=5))
@settings(max_examples=150)
def test_what_is_unused_can_go_without_refusing_anything_that_was_done(
    caller: tuple[str, str], identity: list[Document], asked: list[tuple[str, str]]
) -> None:
    account, name = caller
    identity = [without_conditions(document) for document in identity]
    before = access(account, name, identity)
    done = [Use(*pair) for pair in asked if before.permits(*pair)]
    after = access(account, name, [kept for document in identity if (kept := narrowed(document, done))["Statement"]])
    assert all(after.permits(use.action, use.resource) for use in done)


def access(account: str, name: str, identity: list[Document]) -> Access:
    policies = [parsed(document) for document in identity]
    return Access(account_id=account, principal=f"acs:ram::{account}:{name}", policies=policies)


def without_conditions(document: Document) -> Document:
    statements = [{k: v for k, v in one.items() if k != "Condition"} for one in listed(document["Statement"])]
    return {**document, "Statement": statements}


def narrowed(document: Document, done: list[Use]) -> Document:
    """Without all that was not used."""
    told = {one.index: one for one in statement_uses(parsed(document), done)}
    statements = []
    for index, statement in enumerate(document["Statement"]):
        if statement["Effect"] == "Deny":
            statements.append(statement)
        elif told[index].is_used:
            kept = {
                "Resource": [one for one in listed(statement["Resource"]) if one not in told[index].unused_resources]
            }
            if "Action" in statement:
                kept["Action"] = [one for one in listed(statement["Action"]) if one not in told[index].unused_actions]
            statements.append({**statement, **kept})
    return {**document, "Statement": statements}


# --- an account ------------------------------------------------------------------------------------------------------


class Scene:
    """alice in the group ``shop``, bob, and the role ``nightly``; keys were used by alice alone."""

    def __init__(self) -> None:
        self.ram = ram = Ram(InMemoryLedger())
        for name in ("alice", "bob"):
            ram.user(name, f"id-{name}")
            ram.access_key(name, f"LTAI{name}")
        ram.access_key("bob", "LTAIold")
        ram.access_key_is("Inactive", "bob", "LTAIold")
        ram.record(GroupCreated, group_name="shop", group_id="id-shop", comments="")
        ram.record(UserAddedToGroup, group_name="shop", user_name="alice")
        ram.role("nightly", trusting(f"acs:ram::{ACCOUNT}:root"), "id-nightly")
        ram.policy("use", allowing("kms:Encrypt"))
        ram.policy("never", allowing("kms:Encrypt", effect="Deny"))
        for kind, name in (("user", "bob"), ("group", "shop"), ("role", "nightly")):
            ram.attached("use", kind, name)
        ram.attached("never", "user", "bob")

    def asked(self, since: Any = SINCE, **recorded: Any) -> Unused:
        nothing: dict[str, frozenset[str]] = {
            "access_keys": frozenset(),
            "callers": frozenset(),
            "assumed": frozenset(),
        }
        uses = {"id-alice": [Use("kms:Encrypt", KEYS[0], 2, NOON, NOON)]}
        return unused(self.ram.authority, Recorded(**{"since": since, "uses": uses, **nothing, **recorded}))


def attachment(told: Unused, kind: TargetKind, policy: str = "use") -> AttachmentUse:
    (found,) = [one for one in told.attachments if one.kind is kind and one.policy.name == policy]
    return found


def test_a_group_s_policies_are_used_by_its_members() -> None:
    told = Scene().asked()
    assert attachment(told, TargetKind.GROUP).is_used
    assert {(one.kind.value, one.name, one.policy.name) for one in told.unused_attachments} == {
        ("user", "bob", "use"), ("role", "nightly", "use"),
    }  # fmt: skip
    assert attachment(told, TargetKind.ROLE).version_id == "v1"


def test_a_policy_that_only_denies_is_in_use() -> None:
    assert attachment(Scene().asked(), TargetKind.USER, "never").is_used


def test_access_keys_in_force_that_nobody_used_are_told() -> None:
    told = Scene().asked(access_keys=frozenset({"LTAIalice"}))
    assert [(one.owner, one.id) for one in told.access_keys] == [("root", f"LTAI{ACCOUNT}"), ("bob", "LTAIbob")]


def test_users_and_roles_that_made_no_call_are_told() -> None:
    told = Scene().asked(callers=frozenset({"id-alice"}), assumed=frozenset({"id-nightly"}))
    assert [one.name for one in told.users] == ["bob"]
    assert [one.name for one in told.roles] == ["nightly"]
    assert told.roles_not_assumed == ()
    assert [one.name for one in Scene().asked().roles_not_assumed] == ["nightly"]


def test_what_is_younger_than_the_count_is_marked() -> None:
    for since, younger in ((NOON - DAY, True), (NOON + DAY, False)):
        told = Scene().asked(since=since)
        assert {one.younger for one in (*told.users, *told.roles, *told.access_keys)} == {younger}
        assert {one.younger for one in told.attachments} == {younger}


def test_uses_are_those_of_ids_which_outlive_names_and_sessions() -> None:
    session = Caller(account_id=ACCOUNT, kind="assumed-role", principal="", principal_id="id-nightly:order-7")
    assert whose(session) == "id-nightly"
    assert whose(Caller(account_id=ACCOUNT, kind="ram-user", principal="", principal_id="id-alice")) == "id-alice"
    assert whose(Caller(account_id=ACCOUNT, kind="root-account", principal="")) == ACCOUNT
