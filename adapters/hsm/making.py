"""The making of a SoftHSM token, step by step, in a process of its own (``python -m adapters.hsm``).

Each step leaves what the next run recognises. Not here: the folder, its PINs and its lock (``initialisation``).
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import Any

from pkcs11 import TokenFlag
from pkcs11.exceptions import PKCS11Error

from adapters.hsm.address import HsmSettingsError
from adapters.hsm.cryptoki import CKU_USER
from adapters.hsm.module import Module, module_at
from adapters.hsm.token_copy import secure
from adapters.hsm.turns import Turns


def complete(folder: Path, label: str, module_path: str) -> None:
    """Find the token, make it, or finish it; then see that its PIN opens it."""
    with Turns(folder).alone():
        secure(folder)
        _complete_alone(folder, label, module_path)


def _complete_alone(folder: Path, label: str, module_path: str) -> None:
    module = module_at(module_path)
    token = _find(module, label)
    complete_before = token is not None and bool(token.flags & TokenFlag.USER_PIN_INITIALIZED)
    if token is None:
        _clear_half_made(folder)
        module.reinitialise(module.generation)
        _make(module, label, _pin(folder, "so-pin"))
        token = _find(module, label)
    if token is None:
        raise HsmSettingsError(f"SoftHSM did not make a token in {folder}. Move the folder away and start again.")
    # If we die here, the token has no user PIN yet; the next run finds it so and gives it one.
    if not token.flags & TokenFlag.USER_PIN_INITIALIZED:
        _give_pin(token, folder)
    _check_pin(module, token, folder)
    if not complete_before:
        # SoftHSM does not fsync what it writes.
        os.sync()


def _find(module: Module, label: str) -> Any:
    module.ensure_initialised()
    found = []
    for slot in module.library.get_slots(True):
        with contextlib.suppress(PKCS11Error):
            token = slot.get_token()
            if token.flags & TokenFlag.TOKEN_INITIALIZED and token.label == label:
                found.append(token)
    if len(found) > 1:
        raise HsmSettingsError(f"{len(found)} tokens are labelled {label}. Move all but the right one away.")
    return found[0] if found else None


def _clear_half_made(folder: Path) -> None:
    """What a run that was killed left of a token. It cannot hold keys; what does is somebody's, and stays."""
    for token in token_folders(folder):
        if holds_keys(token):
            raise HsmSettingsError(
                f"{token} holds keys, but SoftHSM finds no usable token in it. Restore it from your backup; to start "
                "anew and lose them, move it away."
            )
        aside = folder / f"half-made-{token.name}-{secrets.token_hex(4)}"
        token.rename(aside)


def _make(module: Module, label: str, so_pin: str) -> None:
    for slot in module.library.get_slots(True):
        if not slot.get_token().flags & TokenFlag.TOKEN_INITIALIZED:
            module.functions.init_token(slot.slot_id, so_pin, label)
            return
    raise HsmSettingsError("SoftHSM offers no free slot for a new token.")


def _give_pin(token: Any, folder: Path) -> None:
    session = token.open(rw=True, so_pin=_pin(folder, "so-pin"))
    try:
        session.init_pin(_pin(folder, "user-pin"))
    finally:
        session.close()


def _check_pin(module: Module, token: Any, folder: Path) -> None:
    session = token.open()
    try:
        module.functions.login(session.handle, CKU_USER, _pin(folder, "user-pin"))
    except PKCS11Error as error:
        raise HsmSettingsError(
            f"The token in {folder} does not open with its user-pin ({type(error).__name__}). Restore the file from "
            "your backup; it was not tried a second time."
        ) from None
    finally:
        session.close()


def _pin(folder: Path, name: str) -> str:
    return (folder / name).read_text(encoding="utf-8").strip()


def token_folders(folder: Path) -> list[Path]:
    return [path for path in (folder / "tokens").iterdir() if path.is_dir()]


def holds_keys(token: Path) -> bool:
    return any(path.name != "token.object" for path in token.glob("*.object"))
