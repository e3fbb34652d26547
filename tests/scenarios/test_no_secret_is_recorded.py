"""No event holds a secret: not plaintext, ciphertext, data keys, key material or the secrets that authenticate."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import fields
from typing import Final

import pytest

from adapters.ledger.mapper import encode
from domain.errors import KeyLedgerError
from domain.events import EVENTS, CallRefused, Event, KeyUsed
from domain.vocabulary import Operation
from tests.fixtures.domain import WEEK, Process, Service, refusal_of
from tests.fixtures.ledger import NOON

PLAINTEXTS: Final = ("the-password-of-the-shop", "die Kennwörter des Ladens", "-----BEGIN PRIVATE KEY-----")

NAMED_LIKE_SECRETS: Final = ("plaintext", "ciphertext", "secret", "material", "wrapped", "sealed", "pin", "blob")


async def a_day_in_the_life(process: Process) -> list[str]:
    """Every operation answered and refused; returns the blobs that went out."""
    key_id = await process.create_key()
    blobs = []
    for plaintext in PLAINTEXTS:
        context = {"purpose": "test"}
        blob = (await process.encrypt(key_id, plaintext, context)).ciphertext_blob
        data_key = await process.data_key(key_id)
        blobs += [blob, data_key.encrypted.ciphertext_blob]
        await process.decrypt(blob, context)
        await process.decrypt(data_key.encrypted.ciphertext_blob)
        await refusal_of(process.decrypt(blob))
        await refusal_of(process.decrypt(blob[:-8] + "AAAAAAA="))
        await refusal_of(process.decrypt(plaintext))
        await refusal_of(process.encrypt(key_id, plaintext * 400))
        await refusal_of(process.encrypt(key_id, plaintext + "\ud800"))
    await process.describe(key_id)
    await process.list_keys()
    await process.disable(key_id)
    await refusal_of(process.encrypt(key_id, PLAINTEXTS[0]))
    await refusal_of(process.decrypt(blobs[0]))
    await process.enable(key_id)
    await process.describe_as(key_id, "of the shop")
    await process.schedule_deletion(key_id)
    await process.cancel_deletion(key_id)
    await process.schedule_deletion(key_id)
    await process.destroy(key_id, NOON + WEEK)
    await refusal_of(process.decrypt(blobs[0]))
    return blobs


def spellings(secret: bytes) -> Iterator[bytes]:
    """As bytes, in Base64 (standard and URL-safe) and in hexadecimal."""
    yield secret
    yield base64.b64encode(secret).rstrip(b"=")
    yield base64.urlsafe_b64encode(secret).rstrip(b"=")
    yield secret.hex().encode()
    yield secret.hex().upper().encode()


async def test_no_event_of_a_day_holds_a_secret_in_any_spelling(service: Service, process: Process) -> None:
    blobs = await a_day_in_the_life(process)
    recorded = [encode(event) for event in service.ledger.history]
    secrets = [secret for secret in (*service.hsm.seen, *(blob.encode() for blob in blobs)) if len(secret) >= 16]
    assert len(secrets) > 20
    for secret in secrets:
        for spelling in spellings(secret):
            assert not [state for state in recorded if spelling in state]


async def test_the_search_would_find_a_secret(service: Service, process: Process) -> None:
    key_id = await process.create_key()
    await process.encrypt(key_id, PLAINTEXTS[1], {"purpose": PLAINTEXTS[1]})
    state = encode(service.ledger.history[-1])
    assert any(spelling in state for secret in service.hsm.seen for spelling in spellings(secret))


async def test_a_day_records_every_kind_of_event_that_a_user_of_keys_can_cause(
    service: Service, process: Process
) -> None:
    await a_day_in_the_life(process)
    deployment = {"kms.region.opened", "kms.quota.raised"}
    of_keys = {event.TOPIC for event in EVENTS if event.TOPIC.startswith("kms.")} - deployment
    assert {event.TOPIC for event in service.ledger.history} == of_keys


@pytest.mark.parametrize("kind", EVENTS)
def test_no_event_has_a_field_for_a_secret(kind: type[Event]) -> None:
    names = [field.name for field in fields(kind)]
    assert not [name for name in names for word in NAMED_LIKE_SECRETS if word in name.split("_")]


async def test_no_refusal_repeats_what_was_sent(service: Service, process: Process) -> None:
    blobs = await a_day_in_the_life(process)
    told = [event.message for event in service.ledger.history if isinstance(event, CallRefused)]
    assert len(told) > 10
    assert not [
        message for message in told for sent in (*PLAINTEXTS, *blobs) if sent in message or sent[:12] in message
    ]


async def test_no_failure_repeats_what_was_sent(service: Service, process: Process) -> None:
    key_id = await process.create_key()
    told: list[KeyLedgerError | None] = []
    for failing in ("unreachable", "unacknowledged"):
        setattr(service.ledger, failing, 1)
        told.append(await refusal_of(process.encrypt(key_id, PLAINTEXTS[0])))
    assert all(told)
    assert not [refused for refused in told if refused and PLAINTEXTS[0] in refused.message]


async def test_the_context_of_a_use_is_recorded_because_it_is_no_secret(service: Service, process: Process) -> None:
    key_id = await process.create_key()
    await process.encrypt(key_id, PLAINTEXTS[0], {"purpose": "order"}, process.call(Operation.ENCRYPT))
    used = service.ledger.history[-1]
    assert isinstance(used, KeyUsed)
    assert used.encryption_context == {"purpose": "order"}
