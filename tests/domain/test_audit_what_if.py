"""What if other policies had been in force: the answer is what the service then would have done, and says no more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import events
from domain.audit.suppositions import (
    PolicyDetached,
    SupposedAuthority,
    Supposition,
    TrustReplaced,
)
from domain.audit.what_if import ANSWERED, CALLER_GONE, SESSION_BEFORE, Finding, Supposed, WhatIf
from domain.events import Event, GroupCreated, UserAddedToGroup, UserUpdated
from domain.history.permission import EXTERNAL_ID_DECIDES
from domain.ram.entities import PolicyType, TargetKind
from domain.ram.errors import MalformedPolicyDocument
from tests.fixtures.in_process import World
from tests.fixtures.ledger import ACCOUNT
from tests.fixtures.ram import OTHER_ACCOUNT, TEXTS, Ram, allowing, trusting
from tests.fixtures.supposed import ALICE, LOOK, ROLE, USE, Scene, attached, replaced


def detached(name: str, kind: TargetKind) -> PolicyDetached:
    custom = PolicyType.CUSTOM
    return PolicyDetached(account_id=ACCOUNT, target_kind=kind, target_name=name, policy_type=custom, policy_name="use")


def told(found: list[Finding]) -> list[tuple[str, str, Supposed]]:
    return [(finding.principal.rpartition("/")[2], finding.action, finding.supposed) for finding in found]


async def test_nothing_supposed_changes_nothing() -> None:
    scene = await Scene().begin()
    await scene.encrypt(scene.alice)
    await scene.encrypt(await scene.assume())
    scene.ram.detached("use", "user", "alice")
    assert await scene.encrypt(scene.alice) == 403
    what_if, found = scene.asked()
    assert found == []
    assert (what_if.totals.events, what_if.totals.same, what_if.totals.without_permission) == (5, 4, 1)


async def test_a_narrower_document_refuses_what_it_does_not_allow() -> None:
    scene = await Scene().begin()
    await scene.describe(scene.alice)
    assert await scene.encrypt(scene.alice) == 200
    what_if, (finding,) = scene.asked(replaced(LOOK))
    assert (finding.position, finding.principal, finding.action) == (scene.opens_at + 2, ALICE, "kms:Encrypt")
    assert (finding.recorded, finding.supposed) == (ANSWERED, Supposed.REFUSED)
    assert finding.sentence == (
        f"{ALICE} asked for kms:Encrypt on {finding.resource}, which was answered and would have been refused: "
        "no policy of the caller allows it."
    )
    assert (what_if.totals.would_be_refused, what_if.totals.same, what_if.unmet) == (1, 1, ())


async def test_a_supposed_deny_is_named() -> None:
    scene = await Scene().begin()
    await scene.encrypt(scene.alice)
    _, (finding,) = scene.asked(attached(allowing("kms:*", effect="Deny")))
    assert finding.reason == "explicitly denied by Statement[0] of the policy supposed for user alice"


async def test_a_supposition_holds_whatever_the_account_does_with_the_policy() -> None:
    scene = await Scene().begin()
    await scene.encrypt(scene.alice)
    scene.ram.policy_version("use", "v2", allowing("kms:Encrypt"))
    await scene.encrypt(scene.alice)
    scene.ram.detached("use", "user", "alice")
    scene.ram.attached("use", "user", "alice")
    await scene.encrypt(scene.alice)
    _, found = scene.asked(replaced(LOOK))
    assert told(found) == [("alice", "kms:Encrypt", Supposed.REFUSED)] * 3


async def test_what_was_refused_would_have_been_allowed() -> None:
    scene = await Scene().begin(LOOK)
    assert await scene.encrypt(scene.alice) == 403
    what_if, (finding,) = scene.asked(replaced(USE))
    assert (finding.recorded, finding.supposed) == ("Forbidden.NoPermission", Supposed.ALLOWED)
    assert finding.reason == "allowed by Statement[0] of Custom/use (supposed)"
    assert what_if.totals.would_be_allowed == 1


async def test_a_permission_does_not_overcome_the_key_s_state() -> None:
    scene = await Scene().begin(LOOK)
    await scene.worker.ask(scene.root, "DisableKey", {"KeyId": str(scene.key_id)})
    await scene.encrypt(scene.alice)
    _, (finding,) = scene.asked(replaced(USE))
    assert finding.reason.endswith("though the key would still refuse it with Rejected.Disabled")


async def test_a_refusal_of_two_resources_tells_one() -> None:
    scene = await Scene().begin(LOOK)
    given_ = {"PolicyType": "Custom", "PolicyName": "use", "UserName": "alice", "Version": "2015-05-01"}
    assert (await scene.worker.ask(scene.alice, "AttachPolicyToUser", given_)).status == 403
    _, (finding,) = scene.asked(attached(allowing("ram:*")))
    assert finding.reason.endswith("as far as the refusal tells, which names one resource of two")


@pytest.mark.parametrize("kind", [TargetKind.USER, TargetKind.ROLE])
async def test_a_supposed_detachment_is_of_one_target(kind: TargetKind) -> None:
    scene = await Scene().begin()
    await scene.encrypt(scene.alice)
    await scene.encrypt(await scene.assume())
    name = {TargetKind.USER: "alice", TargetKind.ROLE: "shop"}[kind]
    _, found = scene.asked(detached(name, kind))
    assert told(found) == [
        ({"alice": "alice", "shop": "order-7"}[name], "kms:Encrypt", Supposed.REFUSED),
    ]


async def test_a_group_s_supposed_policy_is_its_members() -> None:
    scene = await Scene().begin(LOOK)
    scene.ram.record(GroupCreated, group_name="devs", group_id="g-1", comments="")
    await scene.encrypt(scene.alice)
    scene.ram.record(UserAddedToGroup, group_name="devs", user_name="alice")
    await scene.encrypt(scene.alice)
    what_if, found = scene.asked(attached(USE, "devs", TargetKind.GROUP))
    assert told(found) == [("alice", "kms:Encrypt", Supposed.ALLOWED)]
    assert what_if.unmet == ()


async def test_a_supposition_is_about_whoever_has_the_name() -> None:
    scene = await Scene().begin(LOOK)
    await scene.encrypt(scene.alice)
    scene.ram.record(UserUpdated, user_name="alice", new_user_name="carol", **TEXTS)
    await scene.encrypt(scene.alice)
    _, found = scene.asked(attached(USE, "carol"))
    assert told(found) == [("carol", "kms:Encrypt", Supposed.ALLOWED)]
    _, found = scene.asked(attached(USE, "alice"))
    assert told(found) == [("alice", "kms:Encrypt", Supposed.ALLOWED)]


async def test_a_session_that_would_not_have_begun_is_over_with_all_its_calls() -> None:
    scene = await Scene().begin()
    session = await scene.assume()
    await scene.encrypt(session)
    assert (await scene.worker.ask(session, "DisableKey", {"KeyId": str(scene.key_id)})).status == 403
    trust = TrustReplaced(account_id=ACCOUNT, role_name="shop", document=trusting(ALICE))
    what_if, (assumed, used) = scene.asked(trust)
    assert (assumed.action, assumed.supposed, assumed.reason) == (
        "sts:AssumeRole", Supposed.REFUSED, "the role does not trust the caller",
    )  # fmt: skip
    assert used.reason == f"its session would not have begun, as position {assumed.position} would have been refused"
    assert (what_if.totals.would_be_refused, what_if.totals.same) == (2, 1)


async def test_a_session_that_began_before_the_window_goes_on() -> None:
    scene = await Scene().begin()
    session = await scene.assume()
    scene.opens_at = len(scene.world.ledger.history)
    await scene.encrypt(session)
    trust = TrustReplaced(account_id=ACCOUNT, role_name="shop", document=trusting(ALICE))
    assert scene.asked(trust)[1] == []
    assert told(scene.asked(replaced(LOOK))[1]) == [("order-7", "kms:Encrypt", Supposed.REFUSED)]


async def test_a_role_that_would_have_trusted_is_told() -> None:
    scene = await Scene().begin()
    assert (await scene.worker.assume(scene.alice, ROLE)).status == 403
    suppositions = (
        TrustReplaced(account_id=ACCOUNT, role_name="shop", document=trusting(ALICE)),
        attached(allowing("sts:AssumeRole")),
    )
    assert told(scene.asked(*suppositions)[1]) == [("alice", "sts:AssumeRole", Supposed.ALLOWED)]
    assert scene.asked(suppositions[0])[1] == []


# --- what is not decided ---------------------------------------------------------------------------------------------


async def test_a_session_nobody_saw_begin_is_counted() -> None:
    scene = await Scene().begin()
    session = await scene.assume()
    scene.world.ledger.history.pop()
    await scene.encrypt(session)
    what_if, found = scene.asked(replaced(LOOK))
    assert (found, dict(what_if.totals.not_judged)) == ([], {SESSION_BEFORE: 1})


@pytest.mark.parametrize(
    ("trust", "refused"),
    [
        (trusting(f"acs:ram::{ACCOUNT}:user/alice"), True),
        (trusting(f"acs:ram::{OTHER_ACCOUNT}:user/somebody"), True),
        (trusting(f"acs:ram::{OTHER_ACCOUNT}:root").replace("Allow", "Deny"), True),
        (trusting(f"acs:ram::{OTHER_ACCOUNT}:root"), False),
    ],
)
async def test_whom_a_role_trusts_is_decided_without_knowing_the_other_account(trust: str, refused: bool) -> None:
    """As an account's own trail has it: of the other account only what it did with the role."""
    scene = await Scene().begin()
    await scene.encrypt(await scene.assume())
    what_if = WhatIf([TrustReplaced(account_id=ACCOUNT, role_name="shop", document=trust)])
    found = []
    for position, event in enumerate(scene.world.ledger.history, 1):
        if event.originator_id == scene.other.stream:
            continue
        if position <= scene.opens_at:
            what_if.before(event)
        else:
            found.append(what_if.within(position, event).finding)
    supposed = [finding.action for finding in found if finding is not None and finding.supposed is Supposed.REFUSED]
    assert supposed == (["sts:AssumeRole", "kms:Encrypt"] if refused else [])
    assert (what_if.totals.would_be_refused, what_if.totals.same) == ((2, 0) if refused else (0, 2))
    assert not what_if.totals.not_judged


async def test_an_external_id_is_counted() -> None:
    scene = await Scene().begin()
    external = trusting(f"acs:ram::{OTHER_ACCOUNT}:root").replace(
        '"Principal"', '"Condition": {"StringEquals": {"sts:ExternalId": "shop-7"}}, "Principal"'
    )
    scene.ram.role_updated("shop", external)
    await scene.worker.session(scene.service, ROLE, ExternalId="shop-7")
    what_if, found = scene.asked(replaced(LOOK))
    assert (found, dict(what_if.totals.not_judged)) == ([], {EXTERNAL_ID_DECIDES: 1})


async def test_a_caller_that_was_not_in_force_is_counted() -> None:
    scene = await Scene().begin()
    await scene.encrypt(scene.alice)
    use = scene.world.ledger.history.pop()
    scene.ram.access_key_is("Inactive", "alice", scene.alice.credentials.access_key_id)
    scene.world.ledger.history.append(use)
    what_if, found = scene.asked(replaced(LOOK))
    assert (found, dict(what_if.totals.not_judged)) == ([], {CALLER_GONE: 1})


async def test_suppositions_about_nothing_are_told() -> None:
    scene = await Scene().begin()
    await scene.encrypt(scene.alice)
    about_nothing: tuple[Supposition, ...] = (
        replaced(LOOK, "gone"),
        attached(LOOK, "nobody"),
        TrustReplaced(account_id=ACCOUNT, role_name="none", document=trusting(ALICE)),
        detached("nobody", TargetKind.GROUP),
        replace(replaced(LOOK), account_id="9999999999999999"),
    )
    what_if, found = scene.asked(*about_nothing)
    assert (found, what_if.unmet) == ([], about_nothing)


async def test_what_the_last_event_made_is_there() -> None:
    scene = await Scene().begin()
    scene.ram.user("carol")
    assert scene.asked(attached(LOOK, "carol"))[0].unmet == ()


@pytest.mark.parametrize(
    "supposition",
    [
        replaced("{}"),
        attached("nothing"),
        TrustReplaced(account_id=ACCOUNT, role_name="shop", document=allowing("kms:*")),
    ],
)
def test_a_document_that_nobody_can_evaluate_is_refused_at_once(supposition: Supposition) -> None:
    with pytest.raises(MalformedPolicyDocument):
        WhatIf((supposition,))


def test_a_ledger_that_is_not_whole_is_refused() -> None:
    world = World()
    ram = Ram(world.ledger)
    ram.user("alice")
    event = ram.access_key("alice", "LTAI1")
    what_if = WhatIf(())
    what_if.before(world.ledger.history[0])
    with pytest.raises(ValueError, match="does not follow"):
        what_if.before(event)


def test_a_replaced_document_is_nobody_s_before_its_policy_is_attached() -> None:
    authority = SupposedAuthority(ACCOUNT, (replaced(USE),))
    world = World()
    ram = Ram(world.ledger)
    ram.user("alice")
    for event in world.ledger.stream(ram.stream):
        authority.apply(event)
    assert authority.policies_of_user("alice") == ()


# --- the same calls, with the supposed policy really in force --------------------------------------------------------

STEPS: Final = (
    "alice encrypts",
    "alice describes",
    "session encrypts",
    "root disables and enables the key",
    "another policy is made",
)
some_documents = st.sampled_from(
    [USE, LOOK, allowing("kms:*"), allowing("kms:Encrypt", effect="Deny"), allowing("ram:*"), allowing("kms:Enc*")]
)


@given(some_documents, some_documents, st.lists(st.sampled_from(STEPS), min_size=1, max_size=8))
@settings(max_examples=25)
def test_it_foretells_what_the_service_does_under_the_other_policy(
    really: str, supposed: str, steps: list[str]
) -> None:
    import asyncio

    recorded, expected = asyncio.run(_lived(really, steps)), asyncio.run(_lived(supposed, steps))
    _, found = recorded.asked(replaced(supposed))
    changed = {finding.position for finding in found}
    pairs = zip(recorded.world.ledger.history, expected.world.ledger.history, strict=True)
    for position, (one, other) in enumerate(pairs, 1):
        assert (position in changed) == (_was_answered(one) != _was_answered(other))


async def _lived(document: str, steps: list[str]) -> Scene:
    """In a world where the policy ``use`` is ``document``."""
    scene = await Scene().begin(document)
    session = await scene.assume()
    for number, step in enumerate(steps):
        match step:
            case "alice encrypts":
                await scene.encrypt(scene.alice)
            case "alice describes":
                await scene.describe(scene.alice)
            case "session encrypts":
                await scene.encrypt(session)
            case "root disables and enables the key":
                await scene.worker.ask(scene.root, "DisableKey", {"KeyId": str(scene.key_id)})
                await scene.worker.ask(scene.root, "EnableKey", {"KeyId": str(scene.key_id)})
            case _:
                scene.ram.policy(f"other-{number}", LOOK)
    return scene


def _was_answered(event: Event) -> Any:
    return not isinstance(event, events.CallRefused)
