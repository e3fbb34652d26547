"""From a bare machine to ``.venv/bin/python -m scripts.COMMAND``: the standard library only, any Python from 3.11.

Makes ``.venv``, installs the project into it with the versions of ``constraints.txt``, and, for commands that use an
HSM or make load, Debian's ``softhsm2`` and ``wrk`` where they are missing. What is up to date is skipped in
milliseconds: the stamp in ``.venv`` tells.
If we die anywhere in here, the stamp is missing or old, and the next run does the step again.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "key-ledger.json"

EXTRAS = {"test": ["bench", "dev"], "check": ["dev"], "bench": ["bench", "dev"]}
"""What a command needs besides the service's own dependencies."""
NEEDS_TOKEN = {"up", "test", "bench"}
NEEDS_LOAD = {"test", "bench"}
"""Commands that run wrk, the load generator."""
SOFTHSM = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/*/softhsm/libsofthsm2.so", "/usr/local/lib/softhsm/*.so")


class Stop(Exception):
    """The message is a sentence that says what to do."""


def main(arguments: list[str]) -> int:
    """Returns only where it failed: otherwise this process becomes the command."""
    command, rest = arguments[0], arguments[1:]
    try:
        with _alone():
            _ensure_environment(EXTRAS.get(command, []))
            if command in NEEDS_TOKEN and not _brings_another_hsm(rest):
                _ensure_softhsm(command)
            if command in NEEDS_LOAD and "--help" not in rest:
                _ensure_wrk()
        _become(command, rest)
    except Stop as stop:
        print(stop, file=sys.stderr)
        return 1
    except OSError as error:
        print(_why("use", Path(error.filename or VENV), error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _become(command: str, arguments: list[str]) -> NoReturn:
    """``-P``: a folder named ``scripts`` where the operator happens to stand is not ours."""
    words = [str(PYTHON), "-P", "-m", f"scripts.{command.replace('-', '_')}", *arguments]
    os.execve(PYTHON, words, {**os.environ, "PYTHONPATH": str(ROOT)})  # noqa: S606  no shell is wanted


# --- .venv -----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Two commands at once must not install into the same environment."""
    try:
        lock = os.open(ROOT, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError as error:
        raise Stop(f"Cannot lock {ROOT}: {error.strerror}.") from error
    try:
        yield
    finally:
        os.close(lock)


def _ensure_environment(extras: list[str]) -> None:
    fingerprint = _fingerprint()
    installed = _installed(fingerprint)
    if installed is not None and set(extras) <= set(installed):
        return
    wanted = sorted({*extras, *(installed or _stamped_extras())})
    if not _works():
        _make_environment()
    _say("Installing Key Ledger's Python packages into .venv (once; takes a minute)")
    _install(wanted)
    try:
        STAMP.write_text(json.dumps({"fingerprint": fingerprint, "extras": wanted}), encoding="utf-8")
    except OSError as error:
        raise Stop(_why("write", STAMP, error)) from error


def _fingerprint() -> str:
    """Of everything that decides what is installed; the place too, because the installation points to it."""
    digest = hashlib.sha256(f"{ROOT}\n{sys.version_info[:2]}\n".encode())
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def _installed(fingerprint: str) -> list[str] | None:
    """The extras that are installed; None where anything must be done."""
    stamp = _read_stamp()
    return stamp.get("extras") if stamp.get("fingerprint") == fingerprint and PYTHON.exists() else None


def _stamped_extras() -> list[str]:
    return list(_read_stamp().get("extras", []))


def _read_stamp() -> dict:  # type: ignore[type-arg]
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def _works() -> bool:
    """A half-made environment, or one whose Python was removed, does not."""
    code = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    try:
        return subprocess.run([str(PYTHON), "-c", code], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _make_environment() -> None:
    """Debian ships Python without ``ensurepip``: that comes with python3-venv."""
    _say("Making .venv")
    if _venv():
        return
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    _apt_install(["python3-venv"], f"Python's venv module is incomplete here; install {package}")
    if not _venv():
        raise Stop(f"{sys.executable} -m venv fails even with python3-venv installed. Is there room in {ROOT}?")


def _venv() -> bool:
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], capture_output=True, check=False)
    if made.returncode != 0 and shutil.disk_usage(ROOT).free < 1 << 20:
        raise Stop(f"Cannot make {VENV}: the disk is full. Free some space, then run again.")
    return made.returncode == 0 and _works()


def _install(extras: list[str]) -> None:
    project = str(ROOT) + (f"[{','.join(extras)}]" if extras else "")
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--constraint", str(ROOT / "constraints.txt"), "--editable", project]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    if "No space left" in done.stderr:
        raise Stop(f"Cannot install Python packages into {VENV}: the disk is full. Free some space, then run again.")
    last = [line for line in done.stderr.splitlines() if line.strip()][-3:]
    raise Stop("Cannot install the Python packages; is the package index reachable? pip says:\n" + "\n".join(last))


# --- Debian's packages -----------------------------------------------------------------------------------------------


def _brings_another_hsm(arguments: list[str]) -> bool:
    return "--software-hsm" in arguments or "--help" in arguments or bool(os.environ.get("KEY_LEDGER_HSM_URI"))


def _ensure_softhsm(command: str) -> None:
    if any(any(Path("/").glob(pattern.lstrip("/"))) for pattern in SOFTHSM):
        return
    _say("Installing softhsm2")
    other = " To do without: scripts/up --software-hsm, or name your own token in KEY_LEDGER_HSM_URI."
    _apt_install(["softhsm2"], "SoftHSM is not installed", other if command == "up" else "")


def _ensure_wrk() -> None:
    if shutil.which("wrk") is None:
        _say("Installing wrk")
        _apt_install(["wrk"], "wrk, the load generator, is not installed")


def _apt_install(packages: list[str], problem: str, other: str = "") -> None:
    """As root, or through sudo where it asks for no password; otherwise say what the operator should run."""
    advice = f"{problem}. Run: sudo apt-get install {' '.join(packages)}.{other}"
    prefix = _as_root()
    if prefix is None or shutil.which("apt-get") is None:
        raise Stop(advice)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    said = ""
    for words in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        command = [*prefix, "apt-get", "--quiet", "-o", "DPkg::Lock::Timeout=120", *words]
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        said = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else ""
    if done.returncode != 0:
        raise Stop(f"{advice} (apt-get says: {said})")


def _as_root() -> list[str] | None:
    if os.geteuid() == 0:
        return []
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        return ["sudo", "-n"]
    return None


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _why(doing: str, path: Path, error: OSError) -> str:
    return f"Cannot {doing} {path}: {error.strerror}. Run as the owner of {ROOT}, and see that its disk has room."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
