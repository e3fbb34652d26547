"""Which HSM a data folder's keys live in: decided at its first start, and never mixed afterwards.

The operator's own token (``KEY_LEDGER_HSM_URI``), SoftHSM with its objects in ``DIR/hsm``, or, where the operator says
``--software-hsm``, the software HSM. ``up`` itself opens none of them: a PKCS#11 library that crashes or hangs takes
another process with it.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from adapters.cannot_start import CannotStart, explained, is_about_a_full_disk
from adapters.data_folder import DataFolder, write_private
from adapters.hsm import HsmSettingsError, initialise_token

_MODULES: Final = ("usr/lib/softhsm/libsofthsm2.so", "usr/lib/*/softhsm/libsofthsm2.so", "usr/local/lib/softhsm/*.so")


@dataclass(frozen=True, slots=True)
class Token:
    """:param settings: for the settings file. :param environment: for the children; values are paths."""

    settings: dict[str, Any] = field(repr=False)
    environment: dict[str, str]
    remark: str = ""


def choose(folder: DataFolder, *, software: bool) -> Token:
    """:raises CannotStart: the folder's keys live in another kind of HSM, or SoftHSM is not installed."""
    home = folder.folder("hsm")
    chosen, before = _kind(software=software), home / "kind"
    with explained(f"read {before}"):
        kind = before.read_text(encoding="utf-8").strip() if before.exists() else chosen
    if kind != chosen:
        raise CannotStart(_MIXED.format(folder=folder.path, advice=_ADVICE[kind]))
    token = {"own": _own, "softhsm": _softhsm, "software": _software}[kind](home)
    with explained(f"write {before}"):
        before.write_text(kind + "\n", encoding="utf-8")
    return token


_MIXED: Final = "The keys of {folder} live elsewhere: {advice}, or choose another folder with --data."
_ADVICE: Final = {
    "own": "set KEY_LEDGER_HSM_URI to the token they were made in",
    "softhsm": "start without --software-hsm and KEY_LEDGER_HSM_URI",
    "software": "start with --software-hsm",
}


def _kind(*, software: bool) -> str:
    if software:
        return "software"
    return "own" if os.environ.get("KEY_LEDGER_HSM_URI") else "softhsm"


def _own(_: Path) -> Token:
    """The children read the operator's environment as it is."""
    return Token({}, {})


def _software(home: Path) -> Token:
    pin = home / "software-pin"
    if not pin.exists():
        with explained(f"write {pin}"):
            write_private(pin, secrets.token_urlsafe(32) + "\n")
    return Token(
        {"hsm_mode": "software", "hsm_software_file": str(home / "software-keys"), "hsm_pin_file": str(pin)},
        {},
        remark="The software HSM keeps root keys in a file: whoever reads it reads every key. Only to try things out.",
    )


def _softhsm(home: Path) -> Token:
    module = next((found for pattern in _MODULES for found in sorted(Path("/").glob(pattern))), None)
    if module is None:
        raise CannotStart(
            "SoftHSM is not installed. Run: sudo apt-get install softhsm2. To do without: scripts/up --software-hsm, "
            "or name your own token in KEY_LEDGER_HSM_URI."
        )
    try:
        place = initialise_token(home / "softhsm", module_path=str(module))
    except HsmSettingsError as error:
        advice = " Free some space, then run again." if is_about_a_full_disk(str(error)) else ""
        raise CannotStart(f"{error}{advice}") from error
    return Token({"hsm_uri": place.uri}, dict(place.environment))
