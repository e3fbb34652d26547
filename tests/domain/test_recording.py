"""Nothing is answered, and nobody refused, before the ledger has it; what moved in between is decided again."""

from __future__ import annotations

from typing import Final
from uuid import uuid4

import pytest

from domain.errors import InvalidParameter, KeyDisabled, KeyNotFound
from domain.events import CallAnswered, CallRefused, KeyUsed
from domain.guard import Guard, GuardMoved
from domain.recording import Case
from domain.vocabulary import Operation
from tests.fixtures.domain import OF_KEYS, Process, Service, asked, refusal_of

CONTEXT: Final = {"purpose": "order"}


def refusals(service: Service) -> list[CallRefused]:
    return [event for event in service.ledger.history if isinstance(event, CallRefused)]


# --- the order -------------------------------------------------------------------------------------------------------


async def test_encrypt_is_recorded_before_it_is_answered(service: Service, process: Process) -> None:
    key_id = await process.create_key()
    service.journal.clear()
    await process.encrypt(key_id, "hello", CONTEXT)
    service.journal.append("answered")
    assert service.journal == ["hsm encrypt", "recorded kms.key.used", "answered"]


async def test_decrypt_is_recorded_before_it_is_answered(service: Service, process: Process) -> None:
    blob = (await process.encrypt(await process.create_key(), "hello", CONTEXT)).ciphertext_blob
    service.journal.clear()
    await process.decrypt(blob, CONTEXT)
    service.journal.append("answered")
    assert service.journal == ["hsm decrypt", "recorded kms.key.used", "answered"]


async def test_a_data_key_is_recorded_before_it_is_answered(service: Service, process: Process) -> None:
    key_id = await process.create_key()
    service.journal.clear()
    await process.data_key(key_id)
    service.journal.append("answered")
    assert service.journal == ["hsm random", "hsm encrypt", "recorded kms.key.used", "answered"]


async def test_a_refusal_is_recorded_before_it_is_told(service: Service, process: Process) -> None:
    key_id = await process.create_key()
    await process.disable(key_id)
    service.journal.clear()
    service.journal.append(str(await refusal_of(process.encrypt(key_id, "hello"))))
    assert service.journal == ["recorded kms.call.refused", KeyDisabled().message]


async def test_a_use_tells_who_used_what_for_what(service: Service, process: Process) -> None:
    key_id = await process.create_key()
    call = process.call(Operation.ENCRYPT)
    done = await process.encrypt(key_id, "hello", CONTEXT, call)
    assert service.ledger.history[-1] == KeyUsed(
        originator_id=call.stream,
        originator_version=1,
        timestamp=call.at,
        call=call,
        key_id=key_id,
        key_version_id=done.key_version_id,
        encryption_context=CONTEXT,
    )


async def test_a_refusal_tells_who_was_refused_what_and_why(service: Service, process: Process) -> None:
    key_id = await process.create_key()
    await process.disable(key_id)
    call = process.call(Operation.ENCRYPT)
    await refusal_of(process.encrypt(key_id, "hello", CONTEXT, call))
    assert service.ledger.history[-1] == CallRefused(
        originator_id=call.stream,
        originator_version=1,
        timestamp=call.at,
        call=call,
        code="Rejected.Disabled",
        message=KeyDisabled().message,
        key_id=key_id,
        encryption_context=CONTEXT,
        resource=service.state_of(key_id).arn,
    )


async def test_a_call_that_only_looks_is_recorded_too(service: Service, process: Process) -> None:
    key_id = await process.create_key()
    call = process.call(Operation.DESCRIBE_KEY)
    await process.describe(key_id, call)
    answered = service.ledger.history[-1]
    assert answered == CallAnswered(
        originator_id=call.stream,
        originator_version=1,
        timestamp=call.at,
        call=call,
        key_id=key_id,
        resource=service.state_of(key_id).arn,
    )


@pytest.mark.parametrize("is_allowed", [True, False])
async def test_what_is_recorded_of_a_question_stands_in_its_answer_and_in_its_refusal(
    service: Service, process: Process, is_allowed: bool
) -> None:
    async def decide(case: Case) -> None:
        case.request_parameters = {"user_name": "bob"}
        if not is_allowed:
            raise InvalidParameter("user_name", "Not that one.")
        await service.ledger.append(case.answered())

    asking = process.ask(Operation.SEARCH_EVENTS, None, decide)
    await (asking if is_allowed else refusal_of(asking))
    event = service.ledger.history[-1]
    assert isinstance(event, CallAnswered if is_allowed else CallRefused)
    assert event.request_parameters == {"user_name": "bob"}


async def test_a_change_stands_in_the_keys_stream_and_claims_the_requests(service: Service, process: Process) -> None:
    key_id = await process.create_key()
    call = process.call(Operation.DISABLE_KEY)
    await process.disable(key_id, call)
    assert service.ledger.history[-1].originator_id == key_id
    assert service.ledger.tried[-1].claim == call.stream


# --- guards ----------------------------------------------------------------------------------------------------------


async def test_answers_and_refusals_are_guarded_by_the_key_and_the_callers_authority(
    service: Service, process: Process
) -> None:
    key_id = await process.create_key()
    authority = service.root.authority
    await process.encrypt(key_id, "hello")
    await process.describe(key_id)
    await refusal_of(process.cancel_deletion(key_id))
    await process.disable(key_id)
    assert [tried.guards for tried in service.ledger.tried[1:]] == [(authority, Guard(key_id, 1))] * 4


async def test_that_a_key_is_not_found_is_guarded_by_its_never_having_been(service: Service, process: Process) -> None:
    unknown = uuid4()
    assert isinstance(await refusal_of(process.encrypt(unknown, "hello")), KeyNotFound)
    assert Guard(unknown, 0) in service.ledger.tried[-1].guards


async def test_a_use_decided_on_a_stale_key_is_decided_again(
    service: Service, process: Process, elsewhere: Process
) -> None:
    key_id = await process.create_key()
    await process.describe(key_id)
    await elsewhere.disable(key_id)
    assert isinstance(await refusal_of(process.encrypt(key_id, "hello")), KeyDisabled)
    assert not service.ledger.of(KeyUsed)


async def test_a_refusal_decided_on_a_stale_key_is_decided_again(
    service: Service, process: Process, elsewhere: Process
) -> None:
    key_id = await process.create_key()
    await process.disable(key_id)
    await process.describe(key_id)
    await elsewhere.enable(key_id)
    assert (await process.encrypt(key_id, "hello")).key_id == key_id
    assert not refusals(service)


async def test_a_key_that_moves_while_the_hsm_works_is_decided_again(
    service: Service, process: Process, elsewhere: Process
) -> None:
    key_id = await process.create_key()
    service.ledger.meanwhile.append(lambda: elsewhere.disable(key_id))
    assert isinstance(await refusal_of(process.encrypt(key_id, "hello")), KeyDisabled)
    assert not service.ledger.of(KeyUsed)
    assert "hsm encrypt" in service.journal, "it was encrypted, and never released"


async def test_a_change_of_another_key_does_not_matter(service: Service, process: Process, elsewhere: Process) -> None:
    key_id, other = await process.create_key(), await process.create_key()
    service.ledger.meanwhile.append(lambda: elsewhere.disable(other))
    await process.encrypt(key_id, "hello")
    assert service.journal.count("hsm encrypt") == 1


async def test_the_handle_of_a_key_that_moved_is_dropped(
    service: Service, process: Process, elsewhere: Process
) -> None:
    key_id = await process.create_key()
    version = (await process.encrypt(key_id, "hello")).key_version_id
    service.journal.clear()
    service.ledger.meanwhile.append(lambda: elsewhere.describe_as(key_id, "other"))
    await process.encrypt(key_id, "hello")
    assert f"hsm forgot {version}" in service.journal


async def test_a_moved_authority_is_for_the_caller_to_read_again(service: Service, process: Process) -> None:
    key_id = await process.create_key()
    service.ledger.meanwhile.append(service.authority_moves)
    before = len(service.ledger.history)
    with pytest.raises(GuardMoved) as moved:
        await process.encrypt(key_id, "hello")
    authority = service.root.authority
    assert authority is not None
    assert authority.stream in moved.value.streams
    assert len(service.ledger.history) == before + 1, "nothing but what moved the authority"
    assert service.journal.count("hsm encrypt") == 1, "it is no use to decide again for the same caller"


@pytest.mark.parametrize("operation", OF_KEYS)
async def test_no_answer_stands_on_an_authority_that_moved(
    service: Service, process: Process, operation: Operation
) -> None:
    key_id = await process.create_key()
    blob = (await process.encrypt(key_id, "hello")).ciphertext_blob
    if operation is Operation.CANCEL_KEY_DELETION:
        await process.schedule_deletion(key_id)
    before = len(service.ledger.history)
    service.ledger.meanwhile.append(service.authority_moves)
    with pytest.raises(GuardMoved):
        await asked(process, operation, key_id, blob)
    assert len(service.ledger.history) == before + 1, "nothing but what moved the authority"


async def test_a_moved_authority_spoils_a_refusal_as_well(service: Service, process: Process) -> None:
    service.ledger.meanwhile.append(service.authority_moves)
    with pytest.raises(GuardMoved):
        await process.encrypt(uuid4(), "hello")
    assert not refusals(service)
