"""One PKCS#11 session: what the adapter asks of a token, and nothing else. Used by one thread at a time.

Every method raises :class:`pkcs11.exceptions.PKCS11Error`; :mod:`adapters.hsm.keyring` says what that means. Tests put
their faults between the two.
"""

from __future__ import annotations

import contextlib
from typing import Any, Final, Protocol

from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass
from pkcs11.exceptions import DeviceRemoved, PKCS11Error

from adapters.hsm.cryptoki import IV_BYTES, Functions, Gcm

CHECK_VALUE_BYTES: Final = 3

_ENCRYPTS: Final = MechanismFlag.ENCRYPT | MechanismFlag.DECRYPT
_WRAPS: Final = MechanismFlag.WRAP | MechanismFlag.UNWRAP
_SECRET: Final = {Attribute.SENSITIVE: True, Attribute.PRIVATE: True, Attribute.EXTRACTABLE: False}


class Session(Protocol):
    @property
    def generation(self) -> int:
        """The initialisation of the library that it and its handles belong to."""
        ...

    def random(self, size: int) -> bytes: ...

    def encrypt(self, key: int, iv: bytes, authenticated: bytes, plaintext: bytes) -> bytes:
        """AES-GCM: ciphertext ‖ 16-byte tag."""
        ...

    def decrypt(self, key: int, iv: bytes, authenticated: bytes, ciphertext: bytes) -> bytes: ...

    def generate(self, root: Any) -> tuple[int, bytes]:
        """The handle of a new AES-256 session key, which cannot be extracted any more, and the key under ``root``."""
        ...

    def unwrap(self, root: Any, wrapped: bytes) -> int: ...

    def destroy(self, key: int) -> None: ...

    def find(self, label: str) -> list[Any]:
        """The secret keys on the token that carry ``label``."""
        ...

    def make_key(self, label: str, identifier: bytes, wraps: bool) -> Any:
        """A token object: AES-256, sensitive, never extractable; for wrapping, or for encryption."""
        ...

    def check_value(self, root: Any) -> bytes:
        """Three bytes that tell one root from another: CKA_CHECK_VALUE, a block of zeros encrypted under it."""
        ...

    def check_presence(self) -> None:
        """:raises DeviceRemoved: another token is in the slot. Any other error: none is."""
        ...

    def check_health(self) -> None:
        """Decrypt what was encrypted when the session was opened: the session works, whatever else failed."""
        ...

    def close(self) -> None: ...


class Pkcs11Session:
    """:param opened: python-pkcs11's session, opened without a PIN (so that closing it does not log the others out)."""

    def __init__(self, functions: Functions, opened: Any, generation: int) -> None:
        self.generation = generation
        self._functions = functions
        self._opened = opened
        gcm = Gcm(functions, opened.handle)
        self.encrypt = gcm.encrypt
        self.decrypt = gcm.decrypt
        self._slot_id: int = opened.token.slot.slot_id
        self._identity = functions.token_identity(self._slot_id)
        self._witness: int = self._make_key().handle
        self._witness_iv = self.random(IV_BYTES)
        self._witness_sealed = self.encrypt(self._witness, self._witness_iv, b"", b"witness")

    def random(self, size: int) -> bytes:
        random: bytes = self._opened.generate_random(size * 8)
        return random

    def generate(self, root: Any) -> tuple[int, bytes]:
        key = self._make_key(extractable=True)
        try:
            wrapped = root.wrap_key(key, mechanism=Mechanism.AES_KEY_WRAP_PAD)
            # One way only (PKCS#11 2.40 section 4.4): from here on it is as closed as an unwrapped key.
            key[Attribute.EXTRACTABLE] = False
        except PKCS11Error:
            key.destroy()
            raise
        return key.handle, wrapped

    def unwrap(self, root: Any, wrapped: bytes) -> int:
        return self._functions.unwrap(self._opened.handle, root.handle, wrapped)

    def destroy(self, key: int) -> None:
        self._functions.destroy(self._opened.handle, key)

    def find(self, label: str) -> list[Any]:
        template = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: label, Attribute.TOKEN: True}
        return list(self._opened.get_objects(template))

    def make_key(self, label: str, identifier: bytes, wraps: bool) -> Any:
        return self._opened.generate_key(
            KeyType.AES,
            256,
            id=identifier,
            label=label,
            store=True,
            capabilities=_WRAPS if wraps else _ENCRYPTS,
            template=_SECRET,
        )

    def check_value(self, root: Any) -> bytes:
        with contextlib.suppress(PKCS11Error):
            value: bytes = root[Attribute.CHECK_VALUE]
            if len(value) == CHECK_VALUE_BYTES:
                return value
        return self._wrapped_zeros(root)

    def check_presence(self) -> None:
        if self._functions.token_identity(self._slot_id) != self._identity:
            raise DeviceRemoved

    def check_health(self) -> None:
        self.check_presence()
        self.decrypt(self._witness, self._witness_iv, b"", self._witness_sealed)

    def close(self) -> None:
        self._opened.close()

    def _wrapped_zeros(self, root: Any) -> bytes:
        """For a token without CKA_CHECK_VALUE: the beginning of a key of zeros, wrapped under ``root``."""
        zeros = self._opened.create_object(
            {
                Attribute.CLASS: ObjectClass.SECRET_KEY,
                Attribute.KEY_TYPE: KeyType.AES,
                Attribute.VALUE: bytes(32),
                Attribute.TOKEN: False,
                Attribute.SENSITIVE: False,
                Attribute.EXTRACTABLE: True,
            }
        )
        try:
            wrapped: bytes = root.wrap_key(zeros, mechanism=Mechanism.AES_KEY_WRAP_PAD)
            return wrapped[:CHECK_VALUE_BYTES]
        finally:
            zeros.destroy()

    def _make_key(self, extractable: bool = False) -> Any:
        template = {**_SECRET, Attribute.EXTRACTABLE: extractable}
        return self._opened.generate_key(KeyType.AES, 256, capabilities=_ENCRYPTS, template=template)
