"""CiphertextBlob: one spelling for every blob, one refusal for everything else, and the same bytes for ever."""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import assume, given
from hypothesis import strategies as st

from domain import ciphertext
from domain.ciphertext import CiphertextBlob
from domain.encryption_context import authenticated_data
from domain.errors import InvalidParameter

GOLDEN: Final = sorted((Path(__file__).parent.parent / "golden" / "ciphertext").glob("*.json"))
VERSION: Final = UUID("6f2b1f8e-9a53-4c59-8f0e-3f4b7c1d2e5a")
SEALED: Final = bytes(range(60))
BLOB: Final = CiphertextBlob(VERSION, SEALED)

blobs = st.builds(CiphertextBlob, st.uuids(), st.binary(min_size=28, max_size=200))
golden_files = pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)


@given(blobs)
def test_a_blob_is_read_as_it_was_written(blob: CiphertextBlob) -> None:
    assert ciphertext.decode(blob.encoded()) == blob


def test_a_blob_is_base64_of_version_id_and_sealed_bytes() -> None:
    assert base64.b64decode(BLOB.encoded(), validate=True) == b"6f2b1f8e-9a53-4c59-8f0e-3f4b7c1d2e5a" + SEALED


def test_a_data_key_of_32_bytes_makes_a_blob_of_108_as_the_live_service_does() -> None:
    blob = CiphertextBlob(VERSION, bytes(12 + len(base64.b64encode(bytes(32))) + 16))
    assert len(base64.b64decode(blob.encoded())) == 108


@given(st.text(max_size=200))
def test_any_text_is_either_a_blob_in_its_one_spelling_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidParameter):
        assert ciphertext.decode(text).encoded() == text


@given(blobs, st.data())
def test_no_two_texts_are_the_same_blob(blob: CiphertextBlob, data: Any) -> None:
    text = blob.encoded()
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("ABCXYZabcxyz0189+/=-_ \n"))
    assume(text[at] != other)
    with contextlib.suppress(InvalidParameter):
        assert ciphertext.decode(text[:at] + other + text[at + 1 :]) != blob


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


WHOLE: Final = str(VERSION).encode() + SEALED
MALFORMED: Final = {
    "empty": "",
    "no Base64 at all": "hello kms",
    "not ASCII": BLOB.encoded()[:-1] + "é",
    "a lone surrogate": BLOB.encoded()[:-1] + "\ud800",
    "a NUL": BLOB.encoded() + "\0",
    "a newline at the end": BLOB.encoded() + "\n",
    "a newline inside": BLOB.encoded()[:76] + "\n" + BLOB.encoded()[76:],
    "a blank before it": " " + BLOB.encoded(),
    "+ decoded as a blank": CiphertextBlob(VERSION, b"\xfb\xef\xbe" * 20).encoded().replace("+", " "),
    "the URL-safe alphabet": base64.urlsafe_b64encode(str(VERSION).encode() + b"\xfb\xff\xfe" * 20).decode(),
    "without padding": encoded(WHOLE + b"!").rstrip("="),
    "too much padding": BLOB.encoded() + "====",
    "something after the padding": encoded(WHOLE + b"!") + "AAAA",
    "bits after the last byte": encoded(WHOLE + b"!").replace("IQ==", "IR=="),
    "cut off in the Base64": BLOB.encoded()[:-3],
    "shorter than IV and tag": encoded(str(VERSION).encode() + SEALED[:27]),
    "only a version id": encoded(str(VERSION).encode()),
    "shorter than a version id": encoded(WHOLE[:35]),
    "the version id in upper case": encoded(str(VERSION).upper().encode() + SEALED),
    "the version id without hyphens": encoded(VERSION.hex.encode() + b"0000" + SEALED),
    "the version id in braces": encoded(b"{" + VERSION.hex.encode() + b"}  " + SEALED),
    "the version id as a urn": encoded(f"urn:uuid:{VERSION}".encode() + SEALED),
    "hyphens elsewhere": encoded(b"6f2b1f8e9-a53-4c59-8f0e-3f4b7c1d2e5a" + SEALED),
    "no version id": encoded(b"\xff" * 36 + SEALED),
    "the id as 16 bytes": encoded(VERSION.bytes + SEALED),
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_what_is_malformed_is_refused_without_saying_how(text: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        ciphertext.decode(text)
    assert refused.value.message == ciphertext.not_ours().message
    assert refused.value.__cause__ is None


# --- for ever --------------------------------------------------------------------------------------------------------


def test_there_are_golden_files() -> None:
    assert len(GOLDEN) == 4


@golden_files
def test_a_blob_made_today_is_the_blob_of_the_first_version(file: Path) -> None:
    golden = json.loads(file.read_text())
    version, iv = UUID(golden["key_version_id"]), bytes.fromhex(golden["iv_hex"])
    bound = authenticated_data(golden["encryption_context"], version, golden["region_id"])
    sealed = AESGCM(bytes.fromhex(golden["key_hex"])).encrypt(iv, golden["plaintext"].encode(), bound)
    assert CiphertextBlob(version, iv + sealed).encoded() == golden["ciphertext_blob"]


@golden_files
def test_a_blob_of_the_first_version_opens_today(file: Path) -> None:
    golden = json.loads(file.read_text())
    blob = ciphertext.decode(golden["ciphertext_blob"])
    bound = authenticated_data(golden["encryption_context"], blob.key_version_id, golden["region_id"])
    opened = AESGCM(bytes.fromhex(golden["key_hex"])).decrypt(blob.sealed[:12], blob.sealed[12:], bound)
    assert opened.decode() == golden["plaintext"]
