"""Changes of who may do what: recorded before they are told, decided on what is there; no secret is told in vain."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Final

import pytest

from adapters.access_keys import sealing_place
from domain.call import Call
from domain.errors import KeyLedgerError, ServiceUnavailable, SignatureNonceUsed, TooManyRequests
from domain.events import CallAnswered, CallRefused, Event, UserAccessKeyCreated, UserCreated
from domain.guard import GuardMoved
from domain.ports import CiphertextInvalid
from domain.ram import users
from domain.ram.authority import Authority
from domain.ram.errors import TooManyAccessKeys, UserExists, UserNotFound
from domain.ram.service import Administration, NewSecret
from domain.recording import Case
from domain.vocabulary import Operation
from tests.fixtures.domain import Process, Service, refusal_of
from tests.fixtures.ledger import ACCOUNT

SECRET: Final = "the secret of an access key"

Command = Callable[[Authority, Call], Event]


class Administrator:
    """Asks one process, as the root identity.

    :ivar administration: of the process.
    """

    def __init__(self, process: Process) -> None:
        self.process = process
        self.administration = Administration(process.authorities, process.service.ledger, process.service.hsm)

    async def create_user(self, name: str, call: Call | None = None) -> UserCreated:
        def command(authority: Authority, call: Call) -> UserCreated:
            return users.create_user(authority, call, name)

        return await self.process.ask(
            Operation.CREATE_USER, call, lambda case: self.administration.change(case, command)
        )

    async def rename(self, name: str, new_name: str) -> tuple[str, str]:
        """The name before and after."""

        async def decide(case: Case) -> tuple[str, str]:
            before, event = await self.administration.update(
                case,
                lambda authority: users.existing(authority, name),
                lambda authority, call: users.update_user(authority, call, name, new_user_name=new_name),
            )
            return before.name, event.new_user_name

        return await self.process.ask(Operation.UPDATE_USER, None, decide)

    async def create_access_key(self, name: str, access_key_id: str) -> None:
        made = NewSecret(access_key_id, sealing_place(access_key_id), SECRET)

        async def decide(case: Case) -> Event:
            return await self.administration.create_access_key(
                case, lambda authority, call: users.create_access_key(authority, call, name, access_key_id), made
            )

        await self.process.ask(Operation.CREATE_ACCESS_KEY, None, decide)

    async def names(self) -> set[str]:
        async def decide(case: Case) -> set[str]:
            return await self.administration.read(case, lambda authority: {user.name for user in authority.users})

        return await self.process.ask(Operation.LIST_USERS, None, decide)


@pytest.fixture
def administrator(process: Process) -> Administrator:
    return Administrator(process)


async def test_a_change_claims_its_request_and_is_seen_by_the_process_that_made_it(
    service: Service, administrator: Administrator
) -> None:
    call = administrator.process.call(Operation.CREATE_USER)
    event = await administrator.create_user("alice", call)
    assert service.ledger.history[-1] == event
    assert call.stream in service.ledger.claims
    assert await administrator.names() == {"alice"}


async def test_a_question_is_recorded_before_it_is_answered(service: Service, administrator: Administrator) -> None:
    service.ledger.unreachable = 1
    assert isinstance(await refusal_of(administrator.names()), ServiceUnavailable)
    assert await administrator.names() == set()
    assert isinstance(service.ledger.history[-1], CallAnswered)


async def test_a_refusal_is_recorded_and_changes_nothing(service: Service, administrator: Administrator) -> None:
    await administrator.create_user("alice")
    assert isinstance(await refusal_of(administrator.create_user("ALICE")), UserExists)
    assert isinstance(await refusal_of(administrator.rename("bob", "carol")), UserNotFound)
    refused = service.ledger.history[-2:]
    assert [type(event) for event in refused] == [CallRefused, CallRefused]
    assert await administrator.names() == {"alice"}


async def test_an_update_tells_what_was_there_before(administrator: Administrator) -> None:
    await administrator.create_user("alice")
    assert await administrator.rename("alice", "alicia") == ("alice", "alicia")


async def test_a_request_that_is_sent_twice_makes_one_change(service: Service, administrator: Administrator) -> None:
    call = administrator.process.call(Operation.CREATE_USER)
    await administrator.create_user("alice", call)
    again = administrator.process.call(Operation.CREATE_USER, stream=call.stream)
    assert isinstance(await refusal_of(administrator.create_user("bob", again)), SignatureNonceUsed)
    assert len(service.ledger.of(UserCreated)) == 1


async def test_a_change_that_was_overtaken_is_decided_again_by_whoever_authenticates_again(
    service: Service, administrator: Administrator, elsewhere: Process
) -> None:
    other = Administrator(elsewhere)
    await administrator.create_user("carol")
    await other.names()
    service.ledger.meanwhile.append(lambda: other.create_user("alice"))
    with pytest.raises(GuardMoved) as moved:
        await administrator.create_user("bob")
    administrator.process.forget(moved.value.streams)
    await administrator.create_user("bob")
    assert await administrator.names() == {"alice", "bob", "carol"}


async def test_an_answer_does_not_stand_on_an_account_that_moved(
    service: Service, administrator: Administrator, elsewhere: Process
) -> None:
    await administrator.names()
    service.ledger.meanwhile.append(lambda: Administrator(elsewhere).create_user("alice"))
    with pytest.raises(GuardMoved):
        await administrator.names()


async def test_an_access_key_and_its_sealed_secret_are_recorded_together(
    service: Service, administrator: Administrator
) -> None:
    await administrator.create_user("alice")
    await administrator.create_access_key("alice", "LTAI1")
    row = service.ledger.secrets["LTAI1"]
    assert (row.owner, SECRET.encode() in row.sealed) == (ACCOUNT, False)
    assert await service.hsm.unseal(row.sealed, sealing_place("LTAI1")) == SECRET.encode()
    with pytest.raises(CiphertextInvalid):
        await service.hsm.unseal(row.sealed, sealing_place("LTAI2"))
    assert [type(event) for event in service.ledger.history[-1:]] == [UserAccessKeyCreated]
    assert SECRET not in repr(service.ledger.history)


@pytest.mark.parametrize("refusing", [TooManyRequests(), ServiceUnavailable()])
async def test_where_the_ledger_admits_nothing_nothing_is_sealed(
    service: Service, administrator: Administrator, refusing: KeyLedgerError
) -> None:
    await administrator.create_user("alice")
    service.ledger.refusing = refusing
    before = list(service.journal)
    assert await refusal_of(administrator.create_access_key("alice", "LTAI1")) is refusing
    assert service.journal == before


async def test_a_refused_access_key_is_not_sealed(service: Service, administrator: Administrator) -> None:
    await administrator.create_user("alice")
    for access_key_id in ("LTAI1", "LTAI2"):
        await administrator.create_access_key("alice", access_key_id)
    before = service.journal.count("hsm seal")
    assert isinstance(await refusal_of(administrator.create_access_key("alice", "LTAI3")), TooManyAccessKeys)
    assert service.journal.count("hsm seal") == before
    assert service.ledger.secrets.keys() == {"LTAI1", "LTAI2"}


async def test_where_the_hsm_fails_there_is_no_access_key(service: Service, administrator: Administrator) -> None:
    await administrator.create_user("alice")
    service.hsm.failing = ServiceUnavailable()
    assert isinstance(await refusal_of(administrator.create_access_key("alice", "LTAI1")), ServiceUnavailable)
    assert not service.ledger.secrets
    assert not service.ledger.of(UserAccessKeyCreated)


@pytest.mark.parametrize(("failure", "stands"), [("unreachable", 0), ("unacknowledged", 1)])
async def test_where_the_ledger_fails_the_secret_is_not_told(
    service: Service, administrator: Administrator, failure: str, stands: int
) -> None:
    """Afterwards it may stand there; then it counts, and nobody has it."""
    await administrator.create_user("alice")
    setattr(service.ledger, failure, 1)
    assert isinstance(await refusal_of(administrator.create_access_key("alice", "LTAI1")), ServiceUnavailable)
    assert len(service.ledger.of(UserAccessKeyCreated)) == len(service.ledger.secrets) == stands


def test_a_secret_is_not_shown() -> None:
    assert SECRET not in repr(NewSecret("LTAI1", b"place", SECRET))


async def test_a_lost_acknowledgement_leaves_the_process_with_what_is_recorded(
    service: Service, administrator: Administrator
) -> None:
    service.ledger.unacknowledged = 1
    assert isinstance(await refusal_of(administrator.create_user("alice")), ServiceUnavailable)
    with pytest.raises(GuardMoved) as moved:
        await administrator.create_user(f"user-{uuid.uuid4().hex[:8]}")
    administrator.process.forget(moved.value.streams)
    assert await administrator.names() == {"alice"}
