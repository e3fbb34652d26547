"""What cannot be decrypted is refused in words that do not say why, and nothing crosses accounts or regions."""

from __future__ import annotations

from typing import Final
from uuid import UUID, uuid4

from domain import ciphertext
from domain.ciphertext import CiphertextBlob
from domain.errors import (
    KeyNotFound,
)
from domain.events import CallRefused
from domain.vocabulary import Operation
from tests.fixtures.domain import Process, Service, refusal_of
from tests.fixtures.ledger import a_caller
from tests.scenarios.uses import every_use, used_nothing

CONTEXT: Final = {"purpose": "order", "用途": "订单"}


async def test_whatever_does_not_open_is_refused_in_the_same_words(process: Process, key_id: UUID) -> None:
    blob = (await process.encrypt(key_id, "hello", CONTEXT)).ciphertext_blob
    read = ciphertext.decode(blob)
    other = ciphertext.decode((await process.encrypt(await process.create_key(), "hello", CONTEXT)).ciphertext_blob)
    attempts = {
        "no context": process.decrypt(blob),
        "another context": process.decrypt(blob, {"purpose": "invoice"}),
        "a context too much": process.decrypt(blob, {**CONTEXT, "": ""}),
        "an altered tag": process.decrypt(altered(read, -1), CONTEXT),
        "an altered IV": process.decrypt(altered(read, 0), CONTEXT),
        "an altered ciphertext": process.decrypt(altered(read, 12), CONTEXT),
        "cut off": process.decrypt(CiphertextBlob(read.key_version_id, read.sealed[:-1]).encoded(), CONTEXT),
        "under another key": process.decrypt(CiphertextBlob(other.key_version_id, read.sealed).encoded(), CONTEXT),
        "under a key of another service": process.decrypt(CiphertextBlob(uuid4(), read.sealed).encoded(), CONTEXT),
        "no blob": process.decrypt("hello", CONTEXT),
    }
    told = {name: await refusal_of(asking) for name, asking in attempts.items()}
    assert {name: repr(refused) for name, refused in told.items()} == dict.fromkeys(
        attempts, repr(ciphertext.not_ours())
    )


def altered(blob: CiphertextBlob, at: int) -> str:
    sealed = bytearray(blob.sealed)
    sealed[at] ^= 1
    return CiphertextBlob(blob.key_version_id, bytes(sealed)).encoded()


async def test_a_failed_decryption_is_recorded_as_a_refusal(service: Service, process: Process, key_id: UUID) -> None:
    blob = (await process.encrypt(key_id, "hello", CONTEXT)).ciphertext_blob
    await refusal_of(process.decrypt(blob, {"purpose": "invoice"}))
    refused = service.ledger.history[-1]
    assert isinstance(refused, CallRefused)
    assert (refused.code, refused.key_id) == ("InvalidParameter", key_id)
    assert refused.encryption_context == {"purpose": "invoice"}


@every_use
async def test_nobody_uses_a_key_of_another_account(
    service: Service, process: Process, key_id: UUID, operation: Operation
) -> None:
    blob = (await process.encrypt(key_id, "hello")).ciphertext_blob
    call = process.call(operation, by=a_caller("6543210987654321"))
    asking = (
        process.decrypt(blob, call=call) if operation is Operation.DECRYPT else process.encrypt(key_id, "", call=call)
    )
    await used_nothing(service, asking, KeyNotFound)


@every_use
async def test_nobody_uses_a_key_from_another_region(
    service: Service, process: Process, key_id: UUID, operation: Operation
) -> None:
    blob = (await process.encrypt(key_id, "hello")).ciphertext_blob
    call = process.call(operation, region_id="cn-shanghai")
    asking = (
        process.decrypt(blob, call=call) if operation is Operation.DECRYPT else process.encrypt(key_id, "", call=call)
    )
    await used_nothing(service, asking, KeyNotFound)
