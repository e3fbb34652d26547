"""Making an HSM adapter from settings. Nothing is contacted here: a token that is away now is found when it is back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, Protocol

from adapters.hsm.address import HsmSettingsError, TokenAddress, parse
from adapters.hsm.gathering import Observe, unobserved
from adapters.hsm.handles import HandleStatistics
from adapters.hsm.inline import InlineHsm
from adapters.hsm.pool import PooledHsm
from adapters.hsm.token import Dress, Token
from domain.ports import Hsm, HsmSetup

PROBE_SECONDS: Final = 0.25
"""How long a token may be gone before a use notices, where the library itself would not tell (SoftHSM)."""

LONGEST_BACK_OFF_SECONDS: Final = 2.0


class OpenHsm(Hsm, HsmSetup, Protocol):
    """What the adapters offer beyond the ports."""

    @property
    def handles(self) -> HandleStatistics: ...

    async def health(self) -> None:
        """:raises domain.errors.ServiceUnavailable: the token does not answer."""
        ...

    def close(self) -> None: ...


def open_hsm(
    uri: str = "",
    *,
    module_path: str = "",
    token_label: str = "",
    pin: str | None = None,
    pin_file: Path | None = None,
    mode: Literal["inline", "pool"] = "inline",
    sessions: int = 8,
    timeout_seconds: float = 5.0,
    handles: int = 10_000,
    probe_seconds: float = PROBE_SECONDS,
    longest_back_off_seconds: float = LONGEST_BACK_OFF_SECONDS,
    observe: Observe = unobserved,
    dress: Dress = lambda session: session,
) -> OpenHsm:
    """A PKCS#11 token by ``pkcs11:`` URI, or by library and label.

    Open it after a fork, never before. SoftHSM reads its configuration (``SOFTHSM2_CONF``) at the first use.

    :param pin_file: wins over the URI's ``pin-source``.
    :param mode: ``inline`` calls on the event loop's thread, ``pool`` on ``sessions`` threads.
    :param timeout_seconds: ``pool`` only: of one operation, waiting included.
    :param handles: unwrapped keys kept at most.
    :raises HsmSettingsError: the URI is wrong, or there is no such library.
    """
    address = parse(uri) if uri else TokenAddress()
    address = replace(
        address,
        module_path=module_path or address.module_path,
        token=token_label or address.token,
        pin=pin if pin is not None else address.pin,
    )
    if pin_file is not None:
        address = address.with_pin_file(pin_file)
    if not Path(address.module_path).is_file():
        raise HsmSettingsError(
            f"There is no PKCS#11 library at {address.module_path}. Install softhsm2, or name your HSM's library by "
            "'module-path' in the pkcs11: URI."
        )
    token = Token(
        address, wait_seconds=timeout_seconds / 2, longest_back_off_seconds=longest_back_off_seconds, dress=dress
    )
    if mode == "inline":
        return InlineHsm(token, handles=handles, probe_seconds=probe_seconds, observe=observe)
    return PooledHsm(
        token,
        sessions=sessions,
        timeout_seconds=timeout_seconds,
        handles=handles,
        probe_seconds=probe_seconds,
        observe=observe,
    )
