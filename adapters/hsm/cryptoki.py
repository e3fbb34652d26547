"""The PKCS#11 calls that python-pkcs11 lacks, or makes slowly, through ctypes.

Lacking: C_Initialize with CKF_OS_LOCKING_OK (python-pkcs11 0.10.1 promises one thread and then releases the GIL, which
crashes with several), C_Login on a session that is open (its ``Token.open`` leaks the session when the login fails) and
C_InitToken. Slow: AES-GCM and unwrapping. It asks for the output's length with a call of its own and reads ten
attributes of each new key; here the structures are made once per session (measured with SoftHSM, same load: AES-GCM of
32 bytes 15 µs instead of 22, unwrapping 110 µs instead of 300).

Names and numbers: PKCS#11 2.40, ``pkcs11t.h`` and ``pkcs11f.h``. Not here: what a failure means (:mod:`keyring`).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, Final

from pkcs11 import exceptions
from pkcs11.exceptions import PKCS11Error

CKU_SO: Final = 0
CKU_USER: Final = 1
CKM_AES_GCM: Final = 0x1087
CKM_AES_KEY_WRAP_PAD: Final = 0x210A
_CKF_OS_LOCKING_OK: Final = 2

TAG_BYTES: Final = 16
IV_BYTES: Final = 12
_TOKEN_INFO_BYTES: Final = 512  # CK_TOKEN_INFO has 208 on LP64; the rest is room for odd libraries
_IDENTITY_BYTES: Final = 96  # its first four fields: label, manufacturer, model, serial number

_ulong = ctypes.c_ulong

_ERRORS: Final[dict[int, type[PKCS11Error]]] = {
    0x002: exceptions.HostMemory,
    0x005: exceptions.GeneralError,
    0x006: exceptions.FunctionFailed,
    0x030: exceptions.DeviceError,
    0x031: exceptions.DeviceMemory,
    0x032: exceptions.DeviceRemoved,
    0x040: exceptions.EncryptedDataInvalid,
    0x041: exceptions.EncryptedDataLenRange,
    0x060: exceptions.KeyHandleInvalid,
    0x090: exceptions.OperationActive,
    0x0A0: exceptions.PinIncorrect,
    0x0A1: exceptions.PinInvalid,
    0x0A2: exceptions.PinLenRange,
    0x0A3: exceptions.PinExpired,
    0x0A4: exceptions.PinLocked,
    0x0B0: exceptions.SessionClosed,
    0x0B3: exceptions.SessionHandleInvalid,
    0x082: exceptions.ObjectHandleInvalid,
    0x0D1: exceptions.TemplateInconsistent,
    0x0F0: exceptions.UnwrappingKeyHandleInvalid,
    0x110: exceptions.WrappedKeyInvalid,
    0x112: exceptions.WrappedKeyLenRange,
    0x0E0: exceptions.TokenNotPresent,
    0x0E1: exceptions.TokenNotRecognised,
    0x100: exceptions.UserAlreadyLoggedIn,
    0x101: exceptions.UserNotLoggedIn,
    0x102: exceptions.UserPinNotInitialized,
}


def check(result: int) -> None:
    """:raises PKCS11Error: the class of the return value, or the value in hexadecimal where it has none."""
    if result:
        kind = _ERRORS.get(result)
        raise kind() if kind else PKCS11Error(f"CK_RV {result:#x}")


class _InitializeArguments(ctypes.Structure):
    """CK_C_INITIALIZE_ARGS: four mutex callbacks that we leave to the operating system, flags, reserved."""

    _fields_ = (("callbacks", ctypes.c_void_p * 4), ("flags", _ulong), ("reserved", ctypes.c_void_p))


class _Mechanism(ctypes.Structure):
    _fields_ = (("mechanism", _ulong), ("parameter", ctypes.c_void_p), ("parameter_bytes", _ulong))


class _GcmParameters(ctypes.Structure):
    """CK_GCM_PARAMS."""

    _fields_ = (
        ("iv", ctypes.c_char_p),
        ("iv_bytes", _ulong),
        ("iv_bits", _ulong),
        ("authenticated", ctypes.c_char_p),
        ("authenticated_bytes", _ulong),
        ("tag_bits", _ulong),
    )


class _Attribute(ctypes.Structure):
    """CK_ATTRIBUTE."""

    _fields_ = (("kind", _ulong), ("value", ctypes.c_void_p), ("value_bytes", _ulong))


def _template(*attributes: tuple[int, Any]) -> Any:
    """A CK_ATTRIBUTE array; each structure keeps its value alive."""
    array = (_Attribute * len(attributes))()
    for place, (kind, value) in zip(array, attributes, strict=True):
        place.kind, place.value_bytes = kind, ctypes.sizeof(value)
        place.value = ctypes.cast(ctypes.pointer(value), ctypes.c_void_p)
        _KEPT.append(value)
    return array


_KEPT: Final[list[Any]] = []
_YES, _NO = ctypes.c_ubyte(1), ctypes.c_ubyte(0)
_UNWRAPPED: Final = _template(
    (0x000, _ulong(4)),  # CKA_CLASS: CKO_SECRET_KEY
    (0x100, _ulong(0x1F)),  # CKA_KEY_TYPE: CKK_AES
    (0x001, _NO),  # CKA_TOKEN: a session object
    (0x002, _YES),  # CKA_PRIVATE
    (0x103, _YES),  # CKA_SENSITIVE
    (0x162, _NO),  # CKA_EXTRACTABLE
    (0x104, _YES),  # CKA_ENCRYPT
    (0x105, _YES),  # CKA_DECRYPT
)


class Functions:
    """The function list of one library. Calls release the GIL."""

    def __init__(self, module_path: str) -> None:
        """:raises OSError: it cannot be loaded."""
        library = ctypes.CDLL(module_path)
        pointer = ctypes.c_void_p()
        check(library.C_GetFunctionList(ctypes.byref(pointer)))
        # CK_FUNCTION_LIST: a CK_VERSION padded to a pointer's size, then the functions in pkcs11f.h's order.
        assert pointer.value is not None, "C_GetFunctionList succeeded"
        self._library = library
        self._table = (ctypes.c_void_p * 68).from_address(pointer.value + ctypes.sizeof(ctypes.c_void_p))
        handle, size, data = _ulong, _ulong, ctypes.c_char_p
        self._initialize = self._function(0, ctypes.c_void_p)
        self._finalize = self._function(1, ctypes.c_void_p)
        self._token_info = self._function(6, handle, ctypes.c_void_p)
        self._init_token = self._function(9, handle, data, size, data)
        self._login = self._function(18, handle, _ulong, data, size)
        self._destroy_object = self._function(22, handle, handle)
        self._unwrap_key = self._function(
            61, handle, ctypes.c_void_p, handle, data, size, ctypes.c_void_p, _ulong, ctypes.c_void_p
        )
        self.encrypt_init = self._function(29, handle, ctypes.c_void_p, handle)
        self.encrypt = self._function(30, handle, data, size, ctypes.c_void_p, ctypes.c_void_p)
        self.decrypt_init = self._function(33, handle, ctypes.c_void_p, handle)
        self.decrypt = self._function(34, handle, data, size, ctypes.c_void_p, ctypes.c_void_p)

    def initialize(self) -> None:
        arguments = _InitializeArguments(flags=_CKF_OS_LOCKING_OK)
        check(self._initialize(ctypes.byref(arguments)))

    def finalize(self) -> None:
        check(self._finalize(None))

    def login(self, session: int, user: int, pin: str) -> None:
        encoded = pin.encode()
        check(self._login(session, user, encoded, len(encoded)))

    def init_token(self, slot_id: int, so_pin: str, label: str) -> None:
        encoded = so_pin.encode()
        check(self._init_token(slot_id, encoded, len(encoded), label.encode().ljust(32)))

    def unwrap(self, session: int, root: int, wrapped: bytes) -> int:
        """An AES key for encryption that cannot be extracted: its handle, which ends with the session."""
        mechanism, key = _Mechanism(CKM_AES_KEY_WRAP_PAD, None, 0), _ulong()
        check(
            self._unwrap_key(
                session,
                ctypes.byref(mechanism),
                root,
                wrapped,
                len(wrapped),
                _UNWRAPPED,
                len(_UNWRAPPED),
                ctypes.byref(key),
            )
        )
        return key.value

    def destroy(self, session: int, key: int) -> None:
        check(self._destroy_object(session, key))

    def token_identity(self, slot_id: int) -> bytes:
        """Label, manufacturer, model and serial number, padded: the same as long as the same token is there."""
        information = ctypes.create_string_buffer(_TOKEN_INFO_BYTES)
        check(self._token_info(slot_id, information))
        return information.raw[:_IDENTITY_BYTES]

    def _function(self, index: int, *arguments: Any) -> Callable[..., int]:
        address = self._table[index]
        assert address is not None, "every entry of the list is set (PKCS#11 2.40 section 5.2)"
        return ctypes.CFUNCTYPE(_ulong, *arguments)(address)


class Gcm:
    """AES-GCM in one session: structures and an output buffer that are used over and over, by one thread at a time."""

    def __init__(self, functions: Functions, session: int, buffer_bytes: int = 16_384) -> None:
        self._functions = functions
        self._session = session
        self._parameters = _GcmParameters(iv_bytes=IV_BYTES, iv_bits=8 * IV_BYTES, tag_bits=8 * TAG_BYTES)
        parameters = ctypes.cast(ctypes.pointer(self._parameters), ctypes.c_void_p)
        self._mechanism = _Mechanism(CKM_AES_GCM, parameters, ctypes.sizeof(_GcmParameters))
        self._mechanism_address = ctypes.addressof(self._mechanism)
        self._length = _ulong()
        self._length_address = ctypes.addressof(self._length)
        self._make_buffer(buffer_bytes)

    def encrypt(self, key: int, iv: bytes, authenticated: bytes, plaintext: bytes) -> bytes:
        """Ciphertext ‖ tag."""
        functions, size = self._functions, len(plaintext)
        self._prepare(iv, authenticated, size + TAG_BYTES)
        check(functions.encrypt_init(self._session, self._mechanism_address, key))
        check(functions.encrypt(self._session, plaintext, size, self._buffer_address, self._length_address))
        sealed: bytes = self._buffer[: self._length.value]
        return sealed

    def decrypt(self, key: int, iv: bytes, authenticated: bytes, ciphertext: bytes) -> bytes:
        functions, size = self._functions, len(ciphertext)
        self._prepare(iv, authenticated, size)
        check(functions.decrypt_init(self._session, self._mechanism_address, key))
        try:
            check(functions.decrypt(self._session, ciphertext, size, self._buffer_address, self._length_address))
            plaintext: bytes = self._buffer[: self._length.value]
            return plaintext
        finally:
            ctypes.memset(self._buffer, 0, size)

    def _prepare(self, iv: bytes, authenticated: bytes, output_bytes: int) -> None:
        parameters = self._parameters
        parameters.iv = iv
        parameters.authenticated = authenticated
        parameters.authenticated_bytes = len(authenticated)
        if output_bytes > self._buffer_bytes:
            self._make_buffer(output_bytes)
        self._length.value = self._buffer_bytes

    def _make_buffer(self, size: int) -> None:
        self._buffer_bytes = size
        self._buffer: Any = ctypes.create_string_buffer(size)
        self._buffer_address = ctypes.addressof(self._buffer)
