"""Making a SoftHSM token in a folder, with PINs that nobody has to think of. Twice is once.

The folder holds ``softhsm2.conf``, ``tokens/`` and the two PINs, all for its owner only. PINs are written before the
token is made, so that whatever was begun can be finished. They travel in files, never in an argument list (which is why
``softhsm2-util --pin`` is not used). The token is made in a process of its own: SoftHSM reads its configuration once
per process, and this one may already use another.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from adapters.hsm.address import SOFTHSM_MODULE, HsmSettingsError
from adapters.hsm.making import holds_keys, token_folders
from adapters.hsm.replacing import replace_file

CONFIGURATION_VARIABLE: Final = "SOFTHSM2_CONF"
_LABEL: Final = "key-ledger"
_WAIT_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class TokenPlace:
    """:param environment: what processes that use the token need; SoftHSM reads it when it is initialised."""

    folder: Path
    uri: str
    pin_file: Path
    environment: Mapping[str, str]


def initialise_token(folder: Path, label: str = _LABEL, module_path: str = SOFTHSM_MODULE) -> TokenPlace:
    """The token in ``folder``, made or finished where it is missing or half made.

    :raises HsmSettingsError: it cannot be made, or what is there is not ours; the message says what to do.
    """
    if not Path(module_path).is_file():
        raise HsmSettingsError(f"There is no SoftHSM library at {module_path}. Install the package softhsm2.")
    folder = folder.absolute()
    place = place_in(folder, label, module_path)
    try:
        with _locked(folder):
            write_configuration(folder)
            _write_pins(folder)
            _run_child(folder, label, module_path, place.environment)
    except OSError as error:
        raise HsmSettingsError(f"The token folder {folder} cannot be used: {error.strerror}.") from None
    return place


def place_in(folder: Path, label: str = _LABEL, module_path: str = SOFTHSM_MODULE) -> TokenPlace:
    """Where and how the token of ``folder`` is reached; nothing is made or checked."""
    pin_file = folder / "user-pin"
    uri = f"pkcs11:token={quote(label)}?module-path={quote(module_path)}&pin-source={quote(f'file:{pin_file}', '/:')}"
    return TokenPlace(folder, uri, pin_file, {CONFIGURATION_VARIABLE: str(folder / "softhsm2.conf")})


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def write_configuration(folder: Path) -> None:
    """It names absolute paths, so a folder that was moved gets a new one."""
    tokens = folder / "tokens"
    tokens.mkdir(mode=0o700, exist_ok=True)
    text = f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n"
    path = folder / "softhsm2.conf"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        replace_file(path, text.encode())


def _write_pins(folder: Path) -> None:
    missing = [folder / name for name in ("so-pin", "user-pin") if not (folder / name).exists()]
    if missing and any(holds_keys(token) for token in token_folders(folder)):
        raise HsmSettingsError(
            f"{missing[0]} is missing, but {folder / 'tokens'} holds keys. Restore the file from your backup: without "
            "it the keys cannot be used. To start anew and lose them, move the folder away."
        )
    for path in missing:
        replace_file(path, f"{secrets.token_hex(16)}\n".encode())


def _run_child(folder: Path, label: str, module_path: str, environment: Mapping[str, str]) -> None:
    arguments = [sys.executable, "-m", "adapters.hsm", str(folder), label, module_path]
    child = subprocess.run(
        arguments,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=_WAIT_SECONDS,
        check=False,
    )
    if child.returncode == 2:
        raise HsmSettingsError(child.stderr.strip())
    if child.returncode:
        raise HsmSettingsError(
            f"The token in {folder} could not be made (exit status {child.returncode}): {child.stderr.strip()[-500:]}"
        )
