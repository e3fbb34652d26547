"""The enveloped file as bytes: every way to damage one is found, and what was written once stays readable."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.envelope import stream
from scripts.envelope.failure import FileTrouble, NotAuthentic
from scripts.envelope.file_format import SEGMENT_BYTES, Header, read_header
from scripts.envelope.interruption import Interrupted

DATA_KEY = bytes(range(32))
HEADER = Header("0b30658a-ed1a-4922-b8f7-a673ca9c61bd", "MmFiMWE5ODMtNzA3Mi00YmJj")
FIRST_SEGMENT = SEGMENT_BYTES - 40 - 16
FURTHER_SEGMENT = SEGMENT_BYTES - 16
GOLDEN = Path(__file__).parents[2] / "golden" / "envelope"


def never_mind() -> None: ...


class Dribble(io.BytesIO):
    """A pipe that hands out at most ``most`` bytes at a time."""

    def __init__(self, content: bytes, most: int) -> None:
        super().__init__(content)
        self.most = most

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(self.most if size is None or size < 0 else min(size, self.most))


def sealed(content: bytes, header: Header = HEADER, most: int = SEGMENT_BYTES) -> bytes:
    target = io.BytesIO()
    target.write(header.encoded())
    stream.seal(DATA_KEY, header.encoded(), Dribble(content, most), target, never_mind)
    return target.getvalue()


def opened(enveloped: bytes, target: io.BytesIO | None = None, most: int = SEGMENT_BYTES) -> bytes:
    target = target or io.BytesIO()
    source = Dribble(enveloped, most)
    stream.unseal(DATA_KEY, read_header(source).encoded(), source, target, never_mind)
    return target.getvalue()


def by_the_description(enveloped: bytes, data_key: bytes) -> bytes:
    """Decrypts as the docstring of ``file_format`` says, with nothing of ours and nothing of Tink's."""
    key_id_length, enveloped_key_length = struct.unpack_from(">HH", enveloped, 10)
    end = 14 + key_id_length + enveloped_key_length
    header, salt, prefix = enveloped[:end], enveloped[end + 1 : end + 33], enveloped[end + 33 : end + 40]
    assert enveloped[end] == 40
    file_key = AESGCM(HKDF(SHA256(), 32, salt, header).derive(data_key))
    rest = enveloped[end + 40 :]
    segments = [rest[: SEGMENT_BYTES - 40]]
    segments += [rest[at : at + SEGMENT_BYTES] for at in range(SEGMENT_BYTES - 40, len(rest), SEGMENT_BYTES)]
    last = len(segments) - 1
    return b"".join(
        file_key.decrypt(prefix + struct.pack(">IB", index, index == last), segment, None)
        for index, segment in enumerate(segments)
    )


# --- round trips ------------------------------------------------------------------------------------------------------

around_the_boundaries = st.builds(
    lambda segments, offset: max(0, (FIRST_SEGMENT + (segments - 1) * FURTHER_SEGMENT if segments else 0) + offset),
    st.integers(0, 3),
    st.integers(-2, 2),
)


@settings(max_examples=25)
@given(around_the_boundaries, st.sampled_from([4096, 65_536, 100_003, SEGMENT_BYTES]))
def test_content_around_the_segment_boundaries_comes_back(length: int, most: int) -> None:
    content = (b"0123456789abcdef!" * (length // 17 + 1))[:length]
    enveloped = sealed(content, most=most)
    assert opened(enveloped, most=most) == content
    assert by_the_description(enveloped, DATA_KEY) == content


@given(st.binary(max_size=200))
@settings(max_examples=50)
def test_any_small_content_comes_back(content: bytes) -> None:
    enveloped = sealed(content)
    assert len(enveloped) == len(HEADER.encoded()) + 40 + len(content) + 16
    assert opened(enveloped, most=1) == content


def test_the_same_content_never_looks_the_same() -> None:
    assert sealed(b"again")[-21:] != sealed(b"again")[-21:]


# --- damage -----------------------------------------------------------------------------------------------------------

SMALL_CONTENT = b"a small secret"
SMALL = sealed(SMALL_CONTENT)
BIG_CONTENT = bytes(range(256)) * (3 * SEGMENT_BYTES // 256)
BIG = sealed(BIG_CONTENT)
BODY = len(HEADER.encoded())


@pytest.mark.parametrize("at", range(len(SMALL)))
def test_a_cut_at_any_byte_is_found(at: int) -> None:
    with pytest.raises(NotAuthentic):
        opened(SMALL[:at])


@settings(max_examples=300)
@given(st.integers(0, len(SMALL) - 1), st.integers(1, 255))
def test_any_changed_byte_is_found(at: int, change: int) -> None:
    altered = bytearray(SMALL)
    altered[at] ^= change
    with pytest.raises(NotAuthentic):
        opened(bytes(altered))


@settings(max_examples=50)
@given(st.binary(min_size=1, max_size=64))
def test_appended_bytes_are_found(appended: bytes) -> None:
    with pytest.raises(NotAuthentic):
        opened(SMALL + appended)


def segments(enveloped: bytes) -> list[bytes]:
    """The header with the first segment, then the others."""
    body = enveloped[BODY:]
    cut = [body[at : at + SEGMENT_BYTES] for at in range(0, len(body), SEGMENT_BYTES)]
    return [enveloped[:BODY] + cut[0], *cut[1:]]


@pytest.mark.parametrize(
    "rearranged",
    [
        pytest.param(lambda s: s[:1], id="cut after the first"),
        pytest.param(lambda s: s[:2], id="cut after the second"),
        pytest.param(lambda s: s[:-1], id="the last is missing"),
        pytest.param(lambda s: [s[0], s[2], s[1], s[3]], id="two are swapped"),
        pytest.param(lambda s: [s[0], s[2], s[3]], id="one in the middle is missing"),
        pytest.param(lambda s: [s[0], s[1], s[1], *s[2:]], id="one stands twice"),
        pytest.param(lambda s: [*s, s[-1]], id="the last stands twice"),
        pytest.param(lambda s: [*s, s[1]], id="a whole segment is appended"),
    ],
)
def test_rearranged_segments_are_found_and_only_an_authentic_beginning_is_released(
    rearranged: Callable[[list[bytes]], list[bytes]],
) -> None:
    assert len(segments(BIG)) == 4
    released = io.BytesIO()
    with pytest.raises(NotAuthentic):
        opened(b"".join(rearranged(segments(BIG))), released)
    assert BIG_CONTENT.startswith(released.getvalue())
    assert len(released.getvalue()) < len(BIG_CONTENT)


@settings(max_examples=20)
@given(st.integers(BODY, len(BIG) - 1))
def test_a_cut_or_a_change_in_a_big_file_releases_only_an_authentic_beginning(at: int) -> None:
    for damaged in (BIG[:at], BIG[:at] + bytes([BIG[at] ^ 0x40]) + BIG[at + 1 :]):
        released = io.BytesIO()
        with pytest.raises(NotAuthentic):
            opened(damaged, released)
        assert BIG_CONTENT.startswith(released.getvalue())
        assert len(released.getvalue()) <= at


def test_a_body_does_not_open_under_another_header() -> None:
    other = Header("another-key", HEADER.enveloped_key).encoded()
    with pytest.raises(NotAuthentic):
        opened(other + SMALL[BODY:])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "does not begin with our mark"),
        (b"\x89PNG\r\n\x1a\n and so on", "does not begin with our mark"),
        (SMALL.replace(b"\r\n", b"\n", 1), "does not begin with our mark"),
        (SMALL[:5], "cut short"),
        (SMALL[:30], "cut short"),
        (SMALL[:8] + b"\x00\x02" + SMALL[10:], "format version 2"),
        (SMALL[:10] + b"\x00\x00" + SMALL[12:], "damaged"),
        (SMALL[:12] + b"\xff\xff" + SMALL[14:], "damaged"),
        (SMALL[:20] + b"\x1b" + SMALL[21:], "damaged"),
    ],
)
def test_what_is_wrong_with_a_header_is_said(content: bytes, sentence: str) -> None:
    with pytest.raises(NotAuthentic, match=sentence):
        opened(content)


# --- streams that fail ------------------------------------------------------------------------------------------------


class Failing(io.BytesIO):
    """Delivers ``content``, then fails instead of ending."""

    def __init__(self, content: bytes, failure: BaseException) -> None:
        super().__init__(content)
        self.failure = failure

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        if not piece:
            raise self.failure
        return piece


@pytest.mark.parametrize("failure", [FileTrouble("The disk broke.", "Replace it."), Interrupted()])
def test_a_source_that_fails_is_not_taken_for_a_damaged_or_a_whole_file(failure: BaseException) -> None:
    with pytest.raises(type(failure)):
        stream.unseal(DATA_KEY, HEADER.encoded(), Failing(BIG[BODY:], failure), io.BytesIO(), never_mind)
    target = io.BytesIO()
    with pytest.raises(type(failure)):
        stream.seal(DATA_KEY, HEADER.encoded(), Failing(BIG_CONTENT, failure), target, never_mind)
    with pytest.raises(NotAuthentic):
        opened(HEADER.encoded() + target.getvalue())


# --- golden files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_a_file_of_every_format_version_stays_readable_for_ever(path: Path) -> None:
    golden = json.loads(path.read_text())
    enveloped = path.with_suffix(".enveloped").read_bytes()
    header = read_header(io.BytesIO(enveloped))
    assert header == Header(golden["key_id"], golden["enveloped_key"])
    source, target = io.BytesIO(enveloped), io.BytesIO()
    data_key = bytes.fromhex(golden["data_key_hex"])
    stream.unseal(data_key, read_header(source).encoded(), source, target, never_mind)
    assert target.getvalue() == golden["plaintext"].encode()
    assert by_the_description(enveloped, data_key) == golden["plaintext"].encode()


def test_there_are_golden_files() -> None:
    assert [path.name for path in sorted(GOLDEN.iterdir())] == [
        "version-1-empty.enveloped",
        "version-1-empty.json",
        "version-1.enveloped",
        "version-1.json",
    ]
