"""The keys on the token: each made once, whoever makes it at the same time, and none that could leave."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pkcs11
import pytest
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap_with_padding
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.exceptions import ObjectHandleInvalid, PKCS11Error

from adapters.hsm import TokenPlace, open_hsm
from adapters.hsm.address import SOFTHSM_MODULE, parse
from adapters.hsm.cryptoki import CKU_USER
from adapters.hsm.module import module_at
from adapters.hsm.roots import SEALING, ensure_key, find_key, root_label
from adapters.hsm.session import Pkcs11Session
from adapters.hsm.token import Token
from domain.errors import ServiceUnavailable
from tests.fixtures.hsm import REGION, finalise_softhsm

# --- on SoftHSM ------------------------------------------------------------------------------------------------------


@pytest.fixture
def session(token_place: TokenPlace) -> Iterator[Any]:
    token = Token(parse(token_place.uri), wait_seconds=1, longest_back_off_seconds=1)
    session = token.open(writes=True)
    yield session
    session.close()
    token.release()


def test_a_root_wraps_and_does_nothing_else_and_cannot_leave(session: Pkcs11Session) -> None:
    root = find_key(session, root_label(REGION))
    expected = {
        Attribute.TOKEN: True, Attribute.PRIVATE: True, Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False,
        Attribute.NEVER_EXTRACTABLE: True, Attribute.ALWAYS_SENSITIVE: True, Attribute.LOCAL: True,
        Attribute.WRAP: True, Attribute.UNWRAP: True, Attribute.ENCRYPT: False, Attribute.DECRYPT: False,
        Attribute.SIGN: False, Attribute.VERIFY: False, Attribute.DERIVE: False,
    }  # fmt: skip
    assert root is not None
    assert {name: root[name] for name in expected} == expected


def test_the_sealing_key_encrypts_and_cannot_wrap_or_leave(session: Pkcs11Session) -> None:
    key = find_key(session, SEALING)
    assert key is not None
    assert (key[Attribute.ENCRYPT], key[Attribute.DECRYPT], key[Attribute.WRAP], key[Attribute.UNWRAP]) == (
        True,
        True,
        False,
        False,
    )
    assert not key[Attribute.EXTRACTABLE]


def test_generated_and_unwrapped_keys_cannot_leave_the_token(session: Pkcs11Session) -> None:
    root = find_key(session, root_label(REGION))
    generated, wrapped = session.generate(root)
    unwrapped = session.unwrap(root, wrapped)
    keys = {key.handle: key for key in session._opened.get_objects({Attribute.TOKEN: False})}
    for handle in (generated, unwrapped):
        key = keys[handle]
        assert (key[Attribute.EXTRACTABLE], key[Attribute.SENSITIVE], key[Attribute.TOKEN]) == (False, True, False)
        with pytest.raises(PKCS11Error):
            _ = key[Attribute.VALUE]
        with pytest.raises(PKCS11Error):
            root.wrap_key(key, mechanism=Mechanism.AES_KEY_WRAP_PAD)  # type: ignore[union-attr]


def test_two_roots_of_one_name_are_refused_loudly(session: Pkcs11Session) -> None:
    session.make_key(root_label(REGION), b"2", wraps=True)
    with pytest.raises(ServiceUnavailable, match="2 keys labelled"):
        find_key(session, root_label(REGION))


async def test_no_key_is_generated_or_used_while_its_root_is_ambiguous(
    session: Pkcs11Session, token_place: TokenPlace
) -> None:
    session.make_key(root_label(REGION), b"2", wraps=True)
    hsm = open_hsm(token_place.uri)
    for call in (hsm.generate_key(REGION, uuid.uuid4()), hsm.open_region(REGION), hsm.key_check_value(REGION)):
        with pytest.raises(ServiceUnavailable, match="2 keys labelled"):
            await call
    hsm.close()


def test_a_root_that_could_leave_is_refused(session: Pkcs11Session) -> None:
    session._opened.generate_key(
        KeyType.AES, 256, label=root_label("me-east-1"), store=True, template={Attribute.EXTRACTABLE: True}
    )
    with pytest.raises(ServiceUnavailable, match="can leave the token"):
        find_key(session, root_label("me-east-1"))


def test_a_candidate_of_a_maker_that_died_is_cleared_away(session: Pkcs11Session) -> None:
    label = root_label("me-east-1")
    session.make_key(f"{label}/candidate", b"dead", wraps=True)
    started = time.monotonic()
    key = ensure_key(session, label, wraps=True, stale_seconds=0.3)
    assert time.monotonic() - started >= 0.3
    assert key[Attribute.ID] != b"dead"
    assert session.find(f"{label}/candidate") == []
    assert len(session.find(label)) == 1


def test_the_check_value_is_the_tokens_own_or_else_a_wrapping_of_zeros(session: Pkcs11Session) -> None:
    root = find_key(session, root_label(REGION))
    assert session.check_value(root) == root[Attribute.CHECK_VALUE]  # type: ignore[index]

    class WithoutCheckValue:
        def __getitem__(self, name: Attribute) -> bytes:
            raise pkcs11.AttributeTypeInvalid

        def __getattr__(self, name: str) -> Any:
            return getattr(root, name)

    value = session.check_value(WithoutCheckValue())
    assert len(value) == 3
    assert value == session.check_value(WithoutCheckValue()), "it is the same each time"
    assert value != session.check_value(root)


def test_the_token_wraps_as_rfc_5649_says(session: Pkcs11Session) -> None:
    """Under a key that both sides know, ``cryptography`` unwraps what SoftHSM wrapped, and it encrypts the same."""
    known = bytes(range(32))
    root = session._opened.create_object(
        {
            Attribute.CLASS: ObjectClass.SECRET_KEY,
            Attribute.KEY_TYPE: KeyType.AES,
            Attribute.VALUE: known,
            Attribute.WRAP: True,
            Attribute.UNWRAP: True,
        }
    )
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    handle, wrapped = session.generate(root)
    material = aes_key_unwrap_with_padding(known, wrapped)
    iv = bytes(12)
    assert session.encrypt(handle, iv, b"bound", b"plain") == AESGCM(material).encrypt(iv, b"plain", b"bound")


def test_a_session_that_may_not_write_makes_no_root(token_place: TokenPlace) -> None:
    token = Token(parse(token_place.uri), wait_seconds=1, longest_back_off_seconds=1)
    session = token.open()
    with pytest.raises(PKCS11Error):
        session.make_key(root_label("me-east-1"), b"1", wraps=True)
    session.close()
    token.release()


def test_the_function_list_is_read_in_the_right_order() -> None:
    """SoftHSM exports its functions by name as well: the table's entries must be the same addresses."""
    import ctypes

    module = module_at(SOFTHSM_MODULE)
    module.ensure_initialised()
    library = ctypes.CDLL(SOFTHSM_MODULE)
    names = {0: "Initialize", 1: "Finalize", 6: "GetTokenInfo", 9: "InitToken", 18: "Login", 22: "DestroyObject",
             29: "EncryptInit", 30: "Encrypt", 33: "DecryptInit", 34: "Decrypt", 61: "UnwrapKey"}  # fmt: skip
    for index, name in names.items():
        by_name = ctypes.cast(getattr(library, f"C_{name}"), ctypes.c_void_p).value
        assert module.functions._table[index] == by_name
    assert CKU_USER == 1
    finalise_softhsm()


# --- makers at once, on a token in memory that is as slow as it likes ------------------------------------------------


class MemoryToken:
    """Objects by number; every operation takes effect in one instant, and takes a while before and after."""

    def __init__(self) -> None:
        self.objects: dict[int, dict[Attribute, Any]] = {}
        self.lock = threading.Lock()

    def step(self) -> None:
        time.sleep(random.choice([0, 0, 0.001, 0.005]))


class MemoryKey:
    def __init__(self, token: MemoryToken, number: int) -> None:
        self.token, self.number = token, number

    def _held(self) -> dict[Attribute, Any]:
        if self.number not in self.token.objects:
            raise ObjectHandleInvalid
        return self.token.objects[self.number]

    def __getitem__(self, name: Attribute) -> Any:
        self.token.step()
        with self.token.lock:
            return self._held()[name]

    def __setitem__(self, name: Attribute, value: Any) -> None:
        self.token.step()
        with self.token.lock:
            self._held()[name] = value
        self.token.step()

    def destroy(self) -> None:
        self.token.step()
        with self.token.lock:
            self._held()
            del self.token.objects[self.number]


class MemorySession:
    def __init__(self, token: MemoryToken) -> None:
        self.token = token

    def random(self, size: int) -> bytes:
        return random.randbytes(size)

    def find(self, label: str) -> list[MemoryKey]:
        self.token.step()
        with self.token.lock:
            held = self.token.objects.items()
            found = [MemoryKey(self.token, number) for number, key in held if key[Attribute.LABEL] == label]
        self.token.step()
        return found

    def make_key(self, label: str, identifier: bytes, wraps: bool) -> MemoryKey:
        self.token.step()
        with self.token.lock:
            number = max(self.token.objects, default=0) + random.randint(1, 9)
            self.token.objects[number] = {
                Attribute.LABEL: label,
                Attribute.ID: identifier,
                Attribute.EXTRACTABLE: False,
                Attribute.SENSITIVE: True,
            }
        self.token.step()
        return MemoryKey(self.token, number)


@pytest.mark.parametrize("stale_seconds", [10.0, 0.01])
def test_makers_at_once_agree_on_one_key_even_if_they_take_each_other_for_dead(
    stale_seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sync", lambda: None)
    for _ in range(8):
        token = MemoryToken()
        identifiers: list[bytes] = []
        failures: list[Exception] = []

        def make(token: MemoryToken = token, identifiers: list[bytes] = identifiers) -> None:
            try:
                session: Any = MemorySession(token)
                identifiers.append(ensure_key(session, "root", wraps=True, stale_seconds=stale_seconds)[Attribute.ID])
            except (PKCS11Error, ServiceUnavailable) as error:
                failures.append(error)  # noqa: B023 - read before the next round

        makers = [threading.Thread(target=make) for _ in range(4)]
        for maker in makers:
            maker.start()
        for maker in makers:
            maker.join()
        assert not failures
        assert len(set(identifiers)) == 1
        assert len([key for key in token.objects.values() if key[Attribute.LABEL] == "root"]) == 1


def test_the_pin_file_is_what_makers_of_one_machine_take_turns_on(tmp_path: Path) -> None:
    from adapters.hsm.roots import one_maker

    shared = tmp_path / "pin"
    with pytest.raises(ServiceUnavailable), one_maker(shared):
        pass
    shared.write_text("1234")
    inside: list[int] = []
    most: list[int] = []

    def take_turn() -> None:
        with one_maker(shared):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.02)
            inside.pop()

    threads = [threading.Thread(target=take_turn) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1, 1]
