"""The HSM that the settings name, with its times observed."""

from __future__ import annotations

from functools import lru_cache

from adapters.hsm.address import HsmSettingsError
from adapters.hsm.opening import OpenHsm, open_hsm
from adapters.hsm.software import open_software_hsm
from adapters.metrics import HSM_SECONDS
from adapters.observations import Observations
from adapters.settings import HsmMode, Settings


def open_from_settings(settings: Settings) -> OpenHsm:
    """Nothing is contacted yet.

    :raises adapters.hsm.address.HsmSettingsError: the URI is wrong, or there is no such library.
    """
    if settings.hsm_mode is HsmMode.SOFTWARE:
        file, pin_file = settings.hsm_software_file, settings.hsm_pin_file
        if file is None or pin_file is None:
            raise HsmSettingsError("The software HSM needs KEY_LEDGER_HSM_SOFTWARE_FILE and KEY_LEDGER_HSM_PIN_FILE.")
        return open_software_hsm(
            file,
            lambda: pin_file.read_text(encoding="utf-8").strip(),
            handles=settings.hsm_handles,
            observe=_observed,
        )
    return open_hsm(
        settings.hsm_uri,
        pin_file=settings.hsm_pin_file,
        mode=settings.hsm_calls.value,
        sessions=settings.hsm_sessions,
        timeout_seconds=settings.hsm_timeout_seconds,
        handles=settings.hsm_handles,
        observe=_observed,
    )


def _observed(operation: str, seconds: float) -> None:
    _series(operation).observe(seconds)


@lru_cache(maxsize=64)
def _series(operation: str) -> Observations:
    return Observations(HSM_SECONDS.labels(operation))
