"""A developer protects data with a key: what comes back, within which limits, and what a dry run tells."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import pytest

from domain import ciphertext
from domain import key as keys_of
from domain.ciphertext import CiphertextBlob
from domain.custody import Decrypted, Encrypted
from domain.errors import (
    DryRunOperation,
    EncryptionsExhausted,
    InvalidParameter,
    KeyDisabled,
    KeyNotFound,
)
from domain.events import CallRefused
from domain.key import NewKey
from domain.ports import SealedMaterial, Submission
from domain.recording import Case
from domain.vocabulary import ENCRYPTIONS_PER_KEY_VERSION_MAX, PLAINTEXT_BYTES_MAX, Operation
from tests.fixtures.domain import Process, Service, refusal_of
from tests.scenarios.uses import used_nothing

GOLDEN: Final = sorted((Path(__file__).parent.parent / "golden" / "ciphertext").glob("*.json"))
CONTEXT: Final = {"purpose": "order", "用途": "订单"}


# --- what comes back -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "plaintext", ["abc", "plaintext", "hello kms，支持中文和😈", "", "\0", " \r\n", "e\u0301", "QUJD=="]
)
async def test_plaintext_comes_back_as_it_was_sent(process: Process, key_id: UUID, plaintext: str) -> None:
    done = await process.encrypt(key_id, plaintext, CONTEXT)
    opened = await process.decrypt(done.ciphertext_blob, CONTEXT)
    assert opened.plaintext == plaintext
    assert (opened.key_id, opened.key_version_id) == (key_id, done.key_version_id)


@pytest.mark.parametrize("size", [1, 16, 32, 1024])
async def test_the_blob_of_a_data_key_decrypts_to_its_base64_text(process: Process, key_id: UUID, size: int) -> None:
    made = await process.data_key(key_id, size, CONTEXT)
    assert len(base64.b64decode(made.plaintext, validate=True)) == size
    assert (await process.decrypt(made.encrypted.ciphertext_blob, CONTEXT)).plaintext == made.plaintext


async def test_two_data_keys_are_never_the_same(process: Process, key_id: UUID) -> None:
    made = [(await process.data_key(key_id)).plaintext for _ in range(20)]
    assert len(set(made)) == 20


async def test_the_same_plaintext_makes_another_blob_each_time(process: Process, key_id: UUID) -> None:
    made = {(await process.encrypt(key_id, "hello")).ciphertext_blob for _ in range(20)}
    assert len(made) == 20


async def test_the_order_of_the_contexts_names_does_not_matter(process: Process, key_id: UUID) -> None:
    blob = (await process.encrypt(key_id, "hello", CONTEXT)).ciphertext_blob
    reordered = dict(reversed(CONTEXT.items()))
    assert (await process.decrypt(blob, reordered)).plaintext == "hello"


async def test_another_process_opens_what_this_one_sealed(service: Service, process: Process, key_id: UUID) -> None:
    blob = (await process.encrypt(key_id, "hello")).ciphertext_blob
    assert (await service.process().decrypt(blob)).plaintext == "hello"


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
async def test_a_blob_from_long_ago_is_opened(service: Service, process: Process, file: Path) -> None:
    golden = json.loads(await asyncio.to_thread(file.read_text))
    version, call = UUID(golden["key_version_id"]), process.call(Operation.CREATE_KEY, region_id=golden["region_id"])
    created = keys_of.create(call, uuid4(), version, NewKey())
    material = service.hsm.wrap(golden["region_id"], version, bytes.fromhex(golden["key_hex"]))
    row = SealedMaterial(created.originator_id, material)
    await service.ledger.append(Submission(events=(created,), claim=call.stream, material=(row,)))
    asking = process.call(Operation.DECRYPT, region_id=golden["region_id"])
    opened = await process.decrypt(golden["ciphertext_blob"], golden["encryption_context"], asking)
    assert opened.plaintext == golden["plaintext"]


# --- limits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("character", ["a", "é", "鍵", "😈"])
async def test_the_limit_of_a_plaintext_is_in_bytes_of_utf_8(process: Process, key_id: UUID, character: str) -> None:
    most = PLAINTEXT_BYTES_MAX // len(character.encode())
    blob = (await process.encrypt(key_id, character * most)).ciphertext_blob
    assert (await process.decrypt(blob)).plaintext == character * most
    refused = await refusal_of(process.encrypt(key_id, character * (most + 1)))
    assert isinstance(refused, InvalidParameter)
    assert "at most 6144 fit" in refused.message


async def test_a_plaintext_that_is_no_text_is_refused(service: Service, process: Process, key_id: UUID) -> None:
    await used_nothing(service, process.encrypt(key_id, "a\ud800"), InvalidParameter)


async def test_the_last_encryption_that_is_safe_is_the_last_one() -> None:
    service = Service(encryptions_max=3)
    process = service.process()
    key_id = await process.create_key()
    blob = (await process.encrypt(key_id, "hello")).ciphertext_blob
    await process.data_key(key_id)
    await service.process().encrypt(key_id, "hello")
    for asking in (process.encrypt(key_id, "hello"), process.data_key(key_id)):
        assert isinstance(await refusal_of(asking), EncryptionsExhausted)
    refused = service.ledger.history[-1]
    assert isinstance(refused, CallRefused)
    assert (refused.code, refused.key_id) == ("Rejected.EncryptionLimitExceeded", key_id)
    assert (await process.decrypt(blob)).plaintext == "hello", "it still decrypts"


async def test_each_key_has_its_own_count() -> None:
    process = Service(encryptions_max=1).process()
    one, other = await process.create_key(), await process.create_key()
    await process.encrypt(one, "hello")
    await process.encrypt(other, "hello")


async def test_what_is_refused_or_decrypted_does_not_count() -> None:
    service = Service(encryptions_max=1)
    process = service.process()
    key_id = await process.create_key()
    await process.disable(key_id)
    await refusal_of(process.encrypt(key_id, "hello"))
    await process.enable(key_id)
    await refusal_of(process.encrypt(key_id, "a" * 7000))
    blob = (await process.encrypt(key_id, "hello")).ciphertext_blob
    await process.decrypt(blob)
    assert service.ledger.tallies[service.state_of(key_id).primary_key_version] == 1


def test_fewer_than_2_to_the_32_encryptions_are_allowed() -> None:
    assert ENCRYPTIONS_PER_KEY_VERSION_MAX == 2**32 - 1


# --- dry run ---------------------------------------------------------------------------------------------------------


def dry(process: Process, key_id: UUID) -> Awaitable[Encrypted]:
    async def decide(case: Case) -> Encrypted:
        case.dry_run = True
        return await process.custody.encrypt(case, key_id, "hello", {"a": "b"})

    return process.ask(Operation.ENCRYPT, None, decide)


def dry_of_version(process: Process, blob: CiphertextBlob) -> Awaitable[Decrypted]:
    async def decide(case: Case) -> Decrypted:
        case.dry_run = True
        return await process.custody.decrypt(case, blob, {})

    return process.ask(Operation.DECRYPT, None, decide)


async def test_a_dry_run_uses_nothing_and_says_so(service: Service, process: Process, key_id: UUID) -> None:
    blob = ciphertext.decode((await process.encrypt(key_id, "hello")).ciphertext_blob)
    await used_nothing(service, dry(process, key_id), DryRunOperation)
    await used_nothing(service, dry_of_version(process, blob), DryRunOperation)


@pytest.mark.parametrize("by", ["key", "version"])
async def test_a_dry_run_is_refused_as_the_real_call_would_be(
    service: Service, process: Process, key_id: UUID, by: str
) -> None:
    blob = ciphertext.decode((await process.encrypt(key_id, "hello")).ciphertext_blob)
    await process.disable(key_id)
    asking = dry(process, key_id) if by == "key" else dry_of_version(process, blob)
    await used_nothing(service, asking, KeyDisabled)


async def test_a_dry_run_of_what_does_not_exist_is_refused(service: Service, process: Process) -> None:
    await used_nothing(service, dry(process, uuid4()), KeyNotFound)
    await used_nothing(service, dry_of_version(process, CiphertextBlob(uuid4(), bytes(30))), InvalidParameter)
