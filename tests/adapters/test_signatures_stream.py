"""A replay of the same signed request has the same stream; any other request has another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.signatures import Claim, Family, request_stream

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def claim(key_id: str = "ak", nonce: str | None = "n", at: datetime | None = NOON) -> Claim:
    return Claim(Family.RPC_HMAC_SHA1, key_id, at, nonce, None, "", b"")


def no_entropy() -> int:
    raise AssertionError("a nonce needs no randomness")


def milliseconds(stream: UUID) -> int:
    return stream.int >> 80


def test_the_stream_is_a_uuid_of_version_8_led_by_the_signed_time() -> None:
    stream = request_stream(claim(), NOON + timedelta(minutes=5), no_entropy)
    assert (stream.version, stream.variant) == (8, RFC_4122)
    assert milliseconds(stream) == int(NOON.timestamp() * 1000)
    assert stream == UUID("01a20846-fe00-8b13-9e06-748831c7f28a"), "stored in ledgers: must never change"


def test_the_server_s_clock_changes_nothing_for_a_signed_time() -> None:
    assert request_stream(claim(), NOON, no_entropy) == request_stream(claim(), NOON + timedelta(hours=1), no_entropy)


@given(
    st.tuples(st.text(max_size=5), st.text(min_size=1, max_size=5)),
    st.tuples(st.text(max_size=5), st.text(min_size=1, max_size=5)),
)
def test_another_key_or_nonce_has_another_stream(one: tuple[str, str], other: tuple[str, str]) -> None:
    streams = [request_stream(claim(key_id, nonce), NOON, no_entropy) for key_id, nonce in (one, other)]
    assert (streams[0] == streams[1]) == (one == other)


def test_another_time_has_another_stream() -> None:
    later = claim(at=NOON + timedelta(seconds=1))
    assert request_stream(claim(), NOON, no_entropy) < request_stream(later, NOON, no_entropy)


@pytest.mark.parametrize("random", [0, 1, 2**62, 2**74 - 1])
def test_without_a_nonce_all_74_bits_are_the_caller_s(random: int) -> None:
    stream = request_stream(claim(nonce=None), NOON, lambda: random)
    assert (stream.version, stream.variant) == (8, RFC_4122)
    assert (stream.int >> 64 & 0xFFF) << 62 | stream.int & (2**62 - 1) == random


def test_without_a_signed_time_the_clock_leads() -> None:
    stream = request_stream(claim(nonce=None, at=None), NOON + timedelta(milliseconds=7), lambda: 0)
    assert milliseconds(stream) == int(NOON.timestamp() * 1000) + 7
