"""The HSM that the settings name, with its times observed."""

from __future__ import annotations

from adapters.hsm.opening import OpenHsm, open_hsm
from adapters.hsm.software import open_software_hsm
from adapters.metrics import HSM_SECONDS
from adapters.settings import HsmMode, Settings


def open_from_settings(settings: Settings) -> OpenHsm:
    """Nothing is contacted yet.

    :raises adapters.hsm.address.HsmSettingsError: the URI is wrong, or there is no such library.
    """
    if settings.hsm_mode is HsmMode.SOFTWARE:
        return open_software_hsm(settings)
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
    HSM_SECONDS.labels(operation).observe(seconds)
