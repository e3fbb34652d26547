"""Which token, in which library: a ``pkcs11:`` URI (RFC 7512) read into a frozen value.

Understood: path ``token``, ``serial``, ``manufacturer``, ``model``, ``slot-id``; query ``module-path``, ``pin-value``,
``pin-source`` (a path, or a ``file:`` URI). Everything else is refused by name: an attribute that is ignored could be
the one that was meant to tell two tokens apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

SOFTHSM_MODULE: Final = "/usr/lib/softhsm/libsofthsm2.so"
"""Where Debian and Ubuntu install it (package ``softhsm2``)."""

_EXAMPLE: Final = f"pkcs11:token=key-ledger?module-path={SOFTHSM_MODULE}&pin-source=file:/path/to/pin"


class HsmSettingsError(ValueError):
    """The settings name no usable HSM; the message is a sentence for the operator and never holds a PIN."""


@dataclass(frozen=True, slots=True)
class TokenAddress:
    """Empty strings and None mean "any". Of ``pin`` and ``pin_file`` one must be set before a token is opened."""

    module_path: str = SOFTHSM_MODULE
    token: str = ""
    serial: str = ""
    manufacturer: str = ""
    model: str = ""
    slot_id: int | None = None
    pin: str | None = field(default=None, repr=False)
    pin_file: Path | None = None

    def __str__(self) -> str:
        named = {"token": self.token, "serial": self.serial, "slot-id": "" if self.slot_id is None else self.slot_id}
        return ", ".join(f"{name} {value!r}" for name, value in named.items() if value != "") or "any token"

    def read_pin(self) -> str:
        """The user PIN: the file's first line, or the value given.

        :raises HsmSettingsError: there is none, or the file cannot be read.
        """
        if self.pin is not None:
            return self.pin
        if self.pin_file is None:
            raise HsmSettingsError("No PIN is configured: give pin-source in the pkcs11: URI, or a PIN file.")
        try:
            pin = self.pin_file.read_text(encoding="utf-8").split("\n", 1)[0].rstrip("\r")
        except (OSError, UnicodeDecodeError) as error:
            raise HsmSettingsError(f"The PIN file {self.pin_file} cannot be read: {_reason(error)}.") from None
        if not pin:
            raise HsmSettingsError(f"The PIN file {self.pin_file} is empty.")
        return pin

    def with_pin_file(self, pin_file: Path) -> TokenAddress:
        return replace(self, pin=None, pin_file=pin_file)


def parse(uri: str) -> TokenAddress:
    """Read a ``pkcs11:`` URI.

    :raises HsmSettingsError: not such a URI, an attribute unknown, given twice or of a wrong shape.
    """
    scheme, colon, rest = uri.partition(":")
    if not colon or scheme.lower() != "pkcs11":
        raise HsmSettingsError(f"Not a pkcs11: URI. It should look like {_EXAMPLE}.")
    path, _, query = rest.partition("?")
    address = TokenAddress()
    for part, separator, readers in ((path, ";", _PATH), (query, "&", _QUERY)):
        for name, value in _attributes(part, separator):
            reader = readers.get(name)
            if reader is None:
                raise HsmSettingsError(f"{name!r} cannot be used here. Known: {', '.join(sorted(readers))}.")
            address = reader(address, value)
    _check_pin(address)
    return address


def _attributes(part: str, separator: str) -> list[tuple[str, str]]:
    """Names and decoded values, RFC 7512 section 2.3; values stay out of every message, since one may be the PIN."""
    found: dict[str, str] = {}
    for attribute in filter(None, part.split(separator)):
        name, equals, value = attribute.partition("=")
        if not equals:
            raise HsmSettingsError("The pkcs11: URI has an attribute without '='.")
        if name in found:
            raise HsmSettingsError(f"The pkcs11: URI gives {name!r} twice.")
        try:
            found[name] = unquote(value, errors="strict")
        except UnicodeDecodeError:
            raise HsmSettingsError(f"The value of {name!r} is not percent-encoded UTF-8.") from None
    return list(found.items())


def _slot_id(address: TokenAddress, value: str) -> TokenAddress:
    if not (value.isascii() and value.isdigit()):
        raise HsmSettingsError("'slot-id' must be a decimal number.")
    return replace(address, slot_id=int(value))


def _module_path(address: TokenAddress, value: str) -> TokenAddress:
    if not value.startswith("/"):
        raise HsmSettingsError("'module-path' must be the absolute path of a PKCS#11 library.")
    return replace(address, module_path=value)


def _pin_source(address: TokenAddress, value: str) -> TokenAddress:
    parts = urlsplit(value)
    if parts.scheme not in {"", "file"} or parts.netloc not in {"", "localhost"} or not parts.path.startswith("/"):
        raise HsmSettingsError("'pin-source' must be an absolute path or a file: URI; no program is run to get a PIN.")
    return replace(address, pin_file=Path(unquote(parts.path)))


def _check_pin(address: TokenAddress) -> None:
    if address.pin is not None and address.pin_file is not None:
        raise HsmSettingsError("The pkcs11: URI gives both 'pin-value' and 'pin-source'; keep 'pin-source'.")


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or "no reason given" if isinstance(error, OSError) else "it is not UTF-8"


_Reader = Callable[[TokenAddress, str], TokenAddress]

_PATH: Final[dict[str, _Reader]] = {
    "token": lambda address, value: replace(address, token=value),
    "serial": lambda address, value: replace(address, serial=value),
    "manufacturer": lambda address, value: replace(address, manufacturer=value),
    "model": lambda address, value: replace(address, model=value),
    "slot-id": _slot_id,
}

_QUERY: Final[dict[str, _Reader]] = {
    "module-path": _module_path,
    "pin-value": lambda address, value: replace(address, pin=value),
    "pin-source": _pin_source,
}
