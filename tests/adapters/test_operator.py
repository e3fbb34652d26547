"""The operator's changes in a real ledger: once, with the operator's name, decided anew when somebody was faster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from adapters.access_keys import sealing_place
from adapters.ledger.reader import LedgerReader
from adapters.ledger.writer import LedgerWriter
from adapters.operator import Operator, operator_name
from adapters.set_up import RootCredentials, SetUp, SetUpRefused
from domain.account import account_stream
from domain.errors import InternalFailure, ServiceUnavailable
from domain.events import AccessKeyUpdated, QuotaRaised
from domain.ports import Submission
from domain.ram.authority import Authority
from domain.ram.entities import AccessKeyStatus
from domain.ram.operator import OperatorRefused
from tests.fixtures.ledger import ACCOUNT, NOON
from tests.fixtures.operators import some_credentials
from tests.fixtures.ports import InMemoryHsm
from tests.fixtures.postgres import LedgerDatabase

FIRST = some_credentials(ACCOUNT, "LTAI1")
SECOND = RootCredentials(ACCOUNT, "LTAI2", "another secret")


@pytest.fixture
def hsm() -> InMemoryHsm:
    return InMemoryHsm([])


@pytest.fixture
async def writer(ledger_database: LedgerDatabase) -> AsyncIterator[LedgerWriter]:
    made = LedgerWriter(ledger_database.service_url)
    await made.start()
    yield made
    await made.close()


@pytest.fixture
async def reader(ledger_database: LedgerDatabase) -> AsyncIterator[LedgerReader]:
    made = LedgerReader(ledger_database.service_url)
    await made.start()
    yield made
    await made.close()


@pytest.fixture
def operator(writer: LedgerWriter, reader: LedgerReader) -> Operator:
    return Operator(writer, reader, "anne", lambda: NOON)


async def the_account(operator: Operator) -> Authority:
    account = await operator.account(ACCOUNT)
    assert account is not None
    return account


async def test_an_account_is_made_once_and_its_secret_is_only_kept_sealed(
    operator: Operator, reader: LedgerReader, hsm: InMemoryHsm
) -> None:
    await operator.create_account(FIRST, hsm)
    kept = await reader.secret("LTAI1")
    assert kept is not None
    assert FIRST.access_key_secret.encode() not in kept.sealed
    assert await hsm.unseal(kept.sealed, sealing_place("LTAI1")) == FIRST.access_key_secret.encode()
    with pytest.raises(OperatorRefused, match=f"There is an account {ACCOUNT} already"):
        await operator.create_account(SECOND, hsm)
    assert (await the_account(operator)).version == 2


async def test_every_change_names_the_operator(operator: Operator, reader: LedgerReader, hsm: InMemoryHsm) -> None:
    await operator.create_account(FIRST, hsm)
    await operator.add_root_access_key(SECOND, hsm)
    await operator.update_root_access_key(ACCOUNT, "LTAI1", AccessKeyStatus.INACTIVE)
    await operator.delete_root_access_key(ACCOUNT, "LTAI1")
    await operator.raise_quota(ACCOUNT, "cn-hangzhou", 500, "T-1", ordinary=200, lower=False)
    history = await reader.stream(account_stream(ACCOUNT))
    assert len(history) == 6
    for event in history:
        by = event.call.by
        assert (by.kind, by.principal, by.user_name) == ("system", "acs:key-ledger::system", "anne")
    raised = history[-1]
    assert isinstance(raised, QuotaRaised)
    assert (raised.region_id, raised.quota, raised.ticket) == ("cn-hangzhou", 500, "T-1")


async def test_of_two_operators_who_make_the_same_account_one_is_refused(
    operator: Operator, reader: LedgerReader, hsm: InMemoryHsm
) -> None:
    made = await asyncio.gather(
        *(operator.create_account(credentials, hsm) for credentials in (FIRST, SECOND)), return_exceptions=True
    )
    assert {type(one) for one in made} == {type(None), OperatorRefused}
    account = await the_account(operator)
    (key,) = account.root_access_keys
    secrets = [await reader.secret(name) for name in ("LTAI1", "LTAI2")]
    assert [secret.name for secret in secrets if secret is not None] == [key.access_key_id]


async def test_of_two_quotas_at_once_the_larger_stands(operator: Operator, hsm: InMemoryHsm) -> None:
    await operator.create_account(FIRST, hsm)
    raises = [operator.raise_quota(ACCOUNT, "", quota, "T", ordinary=200, lower=False) for quota in (300, 700, 500)]
    outcomes = await asyncio.gather(*raises, return_exceptions=True)
    assert (await the_account(operator)).quota("") == 700
    assert {type(outcome) for outcome in outcomes} <= {QuotaRaised, OperatorRefused}


async def test_what_is_decided_on_an_account_that_moves_is_decided_again(
    operator: Operator, writer: LedgerWriter, hsm: InMemoryHsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody deactivates the key between the operator's look and the operator's append."""
    await operator.create_account(FIRST, hsm)
    append, others = writer.append, [operator]

    async def overtaken(submission: Submission) -> int:
        if others and isinstance(submission.events[0], AccessKeyUpdated):
            await others.pop().update_root_access_key(ACCOUNT, "LTAI1", AccessKeyStatus.INACTIVE)
        return await append(submission)

    monkeypatch.setattr(writer, "append", overtaken)
    with pytest.raises(OperatorRefused, match="Inactive already"):
        await operator.update_root_access_key(ACCOUNT, "LTAI1", AccessKeyStatus.INACTIVE)
    assert (await the_account(operator)).version == 3


async def test_an_account_that_is_not_there_is_named(operator: Operator, hsm: InMemoryHsm) -> None:
    with pytest.raises(OperatorRefused, match="There is no account 9999999999999999"):
        await operator.raise_quota("9999999999999999", "", 500, "T", ordinary=200, lower=False)
    with pytest.raises(OperatorRefused, match="There is no account"):
        await operator.add_root_access_key(FIRST, hsm)


async def test_an_hsm_that_is_away_leaves_nothing(operator: Operator, hsm: InMemoryHsm) -> None:
    hsm.failing = ServiceUnavailable()
    with pytest.raises(ServiceUnavailable):
        await operator.create_account(FIRST, hsm)
    assert await operator.account(ACCOUNT) is None


async def test_an_access_key_that_is_somebody_elses_is_nobodys_now(operator: Operator, hsm: InMemoryHsm) -> None:
    """Ids are random; should one come twice, the second is refused with everything that belongs to it."""
    await operator.create_account(FIRST, hsm)
    with pytest.raises(InternalFailure):
        await operator.create_account(replace(FIRST, account_id="7777777777777777"), hsm)
    assert await operator.account("7777777777777777") is None


# --- set-up, which meets what operators did --------------------------------------------------------------------------


@pytest.fixture
def set_up(writer: LedgerWriter, reader: LedgerReader, hsm: InMemoryHsm) -> SetUp:
    return SetUp(writer, reader, hsm, hsm, lambda: NOON)  # type: ignore[arg-type]  # no region is opened here


async def test_a_start_after_the_first_key_was_deactivated_changes_nothing(
    operator: Operator, set_up: SetUp, hsm: InMemoryHsm
) -> None:
    await set_up.ensure_root(FIRST)
    await operator.update_root_access_key(ACCOUNT, "LTAI1", AccessKeyStatus.INACTIVE)
    await set_up.ensure_root(FIRST)
    held = (await the_account(operator)).access_key("LTAI1")
    assert held is not None
    assert held.status is AccessKeyStatus.INACTIVE


async def test_a_deleted_key_never_comes_back(operator: Operator, set_up: SetUp, reader: LedgerReader) -> None:
    await set_up.ensure_root(FIRST)
    await operator.update_root_access_key(ACCOUNT, "LTAI1", AccessKeyStatus.INACTIVE)
    await operator.delete_root_access_key(ACCOUNT, "LTAI1")
    kept = await reader.secret("LTAI1")
    assert kept is not None
    assert (kept.owner, kept.sealed) == (ACCOUNT, b"")
    with pytest.raises(SetUpRefused, match="was deleted and never comes back"):
        await set_up.ensure_root(FIRST)
    await set_up.ensure_root(SECOND)
    assert [key.access_key_id for key in (await the_account(operator)).root_access_keys] == ["LTAI2"]


def test_the_operator_has_a_name() -> None:
    assert operator_name()
