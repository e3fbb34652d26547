"""``scripts/up``: all of a deployment on this machine, from an empty folder to ``ready``, and cleanly down again.

Each step finds what an earlier run made, so ``up`` may be stopped, killed or lose power between any two lines, and the
next one goes on from there with the same keys. Steps are in their own modules (``up_*``); the order is here.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer

from adapters.cannot_start import CannotStart
from adapters.data_folder import DataFolder, opened
from adapters.set_up import new_root_credentials
from adapters.settings import SETTINGS_FILE, Settings, read_settings
from adapters.supervisor import Supervisor
from adapters.tls import TlsFiles, ensure_certificates, local_addresses, local_names
from domain.vocabulary import DEFAULT_REGIONS
from scripts import up_database, up_token
from scripts.up_children import START_SECONDS, Programs, table
from scripts.up_listen import Readiness, is_loopback, listen
from scripts.up_tell import Tell

CREDENTIALS: Final = "credentials.json"
_FOR_OPERATORS: Final = ("regions", "default_region", "quota_keys")
RENEWAL_SECONDS: Final = 3_600.0
"""Between two looks at the server's certificate."""
_SET_UP_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    data: Path
    port: int = 8443
    workers: int = 1
    host: str = "127.0.0.1"
    http: bool = False
    software_hsm: bool = False


def command(
    data: Annotated[Path, typer.Option(help="Folder for everything that is kept; made if missing.")] = Path("data"),
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to serve; 0 takes any that is free.")] = 8443,
    workers: Annotated[int | None, typer.Option(min=1, max=256, help="API processes; one for each CPU.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    *,
    http: Annotated[bool, typer.Option("--http", help="Plain HTTP, on loopback only.")] = False,
    software_hsm: Annotated[
        bool, typer.Option("--software-hsm", help="Root keys in a file instead of an HSM: to try things out only.")
    ] = False,
) -> None:
    """Start Key Ledger on this machine; Ctrl-C stops it. Run it again and it comes back with the same keys.

    Your own PostgreSQL: DATABASE_URL. Your own HSM: KEY_LEDGER_HSM_URI (a pkcs11: URI) and KEY_LEDGER_HSM_PIN_FILE.
    """
    count = workers or os.cpu_count() or 1
    sys.exit(
        main(Options(data=data, port=port, workers=count, host=host, http=http, software_hsm=software_hsm), Programs())
    )


def main(options: Options, programs: Programs) -> int:
    """The exit status: 0 where it was asked to stop, 1 where it cannot start."""
    tell = Tell()
    _harden()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _stop)
    try:
        serve(options, programs, tell)
    except CannotStart as refusal:
        tell.refusal(str(refusal))
        return 1
    except KeyboardInterrupt:
        tell.step("Stopped.")
    return 0


def serve(options: Options, programs: Programs, tell: Tell) -> NoReturn:
    """Bring everything up and watch over it until a signal's ``KeyboardInterrupt``."""
    if options.http and not is_loopback(options.host):
        raise CannotStart(f"--http serves on loopback only, and {options.host} is not. Leave out --http or --host.")
    with (
        opened(options.data) as folder,
        listen(options.host, options.port) as listening,
        Supervisor(folder.folder("log"), tell.trouble) as supervisor,
    ):
        try:
            settings = _up(options, programs, tell, folder, listening, supervisor)
            while True:
                supervisor.run(RENEWAL_SECONDS)
                _renew(tell, folder, settings, supervisor)
        except KeyboardInterrupt:
            tell.step("Stopping")
            raise


def _up(
    options: Options,
    programs: Programs,
    tell: Tell,
    folder: DataFolder,
    listening: socket.socket,
    supervisor: Supervisor,
) -> Settings:
    tell.step("Preparing the HSM token")
    token = up_token.choose(folder, software=options.software_hsm)
    database = up_database.prepare(os.environ.get("DATABASE_URL"), folder, supervisor, tell)
    for remark in filter(None, (token.remark, database.remark)):
        tell.trouble(remark)
    environment, settings = _settings(options, folder, token, database.service_url, listening)
    endpoint = _endpoint(options, listening)
    _first_account(programs, tell, folder, environment, settings, endpoint)
    tell.step(f"Starting {options.workers} API processes, projector and deletion worker")
    for child in table(programs, environment, listening.fileno(), options.workers, settings.silence_seconds):
        supervisor.add(child)
    asked = Readiness(listening, _own_authority(folder, settings), http_only=options.http)
    supervisor.wait(asked, START_SECONDS, "Getting ready", missing=lambda: asked.missing)
    if asked.stopped:
        tell.trouble(f"Keys can be used, but not listed: {asked.stopped}.")
    tell.ready(endpoint, _next(folder, settings))
    return settings


def _settings(
    options: Options, folder: DataFolder, token: up_token.Token, service_url: str, listening: socket.socket
) -> tuple[dict[str, str], Settings]:
    """The children's environment, and what they will read: checked here, so that a mistake is told once."""
    values: dict[str, Any] = {
        "database_url": service_url,
        "data_folder": str(folder.path),
        "host": options.host,
        "port": listening.getsockname()[1],
        "http": options.http,
        **token.settings,
    }
    if "KEY_LEDGER_API_PROCESSES" not in os.environ:  # it says how many there are on other machines as well
        values["api_processes"] = options.workers
    if not options.http and not os.environ.get("KEY_LEDGER_TLS_CERTIFICATE"):
        files = _certificates(folder)
        values |= {"tls_certificate": str(files.certificate), "tls_key": str(files.key)}
    for name in ("DATABASE_URL", *(f"KEY_LEDGER_{name.upper()}" for name in values)):
        os.environ.pop(name, None)  # what was decided here stands in the file
    os.environ[SETTINGS_FILE] = str(folder.write("settings.json", values))
    os.environ.update(token.environment)
    settings = read_settings()
    # What the environment told is for operators' commands too, which run in environments of their own.
    folder.write("settings.json", {**values, **{name: getattr(settings, name) for name in _FOR_OPERATORS}})
    # prometheus_client reads this when it is first imported, before any settings are.
    metrics = {"PROMETHEUS_MULTIPROC_DIR": str(_fresh_metrics(folder))}
    return {**os.environ, **metrics, "PYTHONUNBUFFERED": "1"}, settings


def _certificates(folder: DataFolder) -> TlsFiles:
    """Names for every region that the environment tells of, or the default ones."""
    given = os.environ.get("KEY_LEDGER_REGIONS")
    regions = [part.strip() for part in given.split(",")] if given else DEFAULT_REGIONS
    return ensure_certificates(folder.folder("tls"), local_names(regions), local_addresses(), datetime.now(UTC))


def _renew(tell: Tell, folder: DataFolder, settings: Settings, supervisor: Supervisor) -> None:
    """A deployment that runs for months outlives its certificate: make a new one and hand it to worker after worker."""
    if _own_authority(folder, settings) is None:
        return
    try:
        before = _certificates_read(settings)
        _certificates(folder)
    except (CannotStart, OSError) as error:
        tell.trouble(f"The server's certificate could not be renewed; this is tried again: {error}")
        return
    if _certificates_read(settings) != before:
        tell.step("The server's certificate was renewed; replacing the API processes one by one")
        supervisor.replace("api-")


def _certificates_read(settings: Settings) -> bytes:
    return settings.tls_certificate.read_bytes() if settings.tls_certificate else b""


def _fresh_metrics(folder: DataFolder) -> Path:
    """Files of processes that ended would be counted for ever."""
    metrics = folder.folder("metrics")
    shutil.rmtree(metrics, ignore_errors=True)
    return folder.folder("metrics")


def _first_account(
    programs: Programs,
    tell: Tell,
    folder: DataFolder,
    environment: dict[str, str],
    settings: Settings,
    endpoint: str,
) -> None:
    """The regions' root keys and the root account, by a process of its own.

    The credentials are kept before they are recorded: if we die in between, the next start records these same ones.
    """
    tell.step("Setting up the regions' root keys and the root account")
    credentials = _keep_credentials(folder, settings, endpoint)
    argv = (*programs.set_up, "--credentials", str(credentials))
    try:
        done = programs.command(argv, environment).run(_SET_UP_SECONDS)
    except subprocess.TimeoutExpired:
        raise CannotStart(
            f"Setting up took longer than {_SET_UP_SECONDS:g} s: does the HSM answer? Nothing is lost; run again."
        ) from None
    if done.returncode != 0:
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        raise CannotStart(lines[-1] if lines else "Setting up failed without a word. Run again.")


def _keep_credentials(folder: DataFolder, settings: Settings, endpoint: str) -> Path:
    """The root account's access key is made once. Remove the file, and the next start makes another access key."""
    kept = folder.read(CREDENTIALS) or {}
    names = ("account_id", "access_key_id", "access_key_secret")
    if not all(kept.get(name) for name in names):
        account_id = (folder.read("account.json") or {}).get("account_id")
        made = new_root_credentials(account_id)
        kept = {name: getattr(made, name) for name in names}
        folder.write("account.json", {"account_id": made.account_id})
    authority = _own_authority(folder, settings)
    reached = {
        "endpoint": endpoint,
        "ca_file": None if authority is None else str(authority),
        "region_id": settings.default_region,
        "database_url": settings.database_url,
    }
    return folder.write(CREDENTIALS, {**{name: kept[name] for name in names}, **reached})


def _own_authority(folder: DataFolder, settings: Settings) -> Path | None:
    """None under ``--http``, and where the operator brought a certificate."""
    ours = folder.path / "tls" / "ca.pem"
    return ours if settings.tls_certificate == ours.with_name("server.pem") else None


def _endpoint(options: Options, listening: socket.socket) -> str:
    host = "127.0.0.1" if options.host in {"0.0.0.0", "localhost", "::"} else options.host
    shown = f"[{host}]" if ":" in host else host
    return f"{'http' if options.http else 'https'}://{shown}:{listening.getsockname()[1]}"


def _next(folder: DataFolder, settings: Settings) -> dict[str, str]:
    program = Path(sys.executable).parent / "key-ledger"
    return {
        "credentials": f"{folder.path / CREDENTIALS} (the root account's access key: keep it as you keep a password)",
        "regions": ", ".join(settings.regions),
        "try": f"{program} encrypt-file --help",
        "logs": f"{folder.path / 'log'}",
        "stop": "Ctrl-C; scripts/up with the same --data brings everything back",
    }


def _harden() -> None:
    """Nothing we or our children write is for others, and a crash writes no key to the disk."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _stop(*_: object) -> None:
    """The second signal is not handled any more: it ends us at once, and the kernel ends the children with us."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    raise KeyboardInterrupt


if __name__ == "__main__":
    application = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    application.command()(command)
    application()
