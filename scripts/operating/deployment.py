"""Which deployment an operator means, and opening it with what the service itself uses.

The first of these that is there decides: ``--data DIR``, the data folder of ``scripts/up``, whose ``settings.json`` is
read; ``DATABASE_URL`` or ``KEY_LEDGER_SETTINGS_FILE`` in the environment; ``./data``. They are never mixed: secrets
that another deployment's HSM has sealed would open for nobody.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import psycopg
import typer

from adapters.deployment import Deployment, OpenLedger, ledger_opened, opened
from adapters.hsm.initialisation import place_in
from adapters.ledger.connection import connect
from adapters.logging import set_up_logging
from adapters.operator import Operator, operator_name
from adapters.settings import PREFIX, SETTINGS_FILE, Settings, read_settings
from scripts.envelope.failure import WrongUse

DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="The data folder of scripts/up. Default: the deployment that DATABASE_URL and KEY_LEDGER_… in the "
        "environment tell of; else ./data.",
    ),
]

_DEFAULT_DATA: Final = Path("data")
_SETTINGS: Final = "settings.json"
_CREDENTIALS: Final = "credentials.json"


def settings_of(data: Path | None) -> Settings:
    """:raises WrongUse: there is no such deployment, or its settings cannot be read."""
    if data is None and not {"DATABASE_URL", SETTINGS_FILE} & os.environ.keys():
        data = _DEFAULT_DATA
        if not (data / _SETTINGS).exists():
            raise WrongUse("Which deployment?", "Name the data folder of scripts/up with --data, or set DATABASE_URL.")
    settings = read_settings() if data is None else _settings_in(data)
    # What went wrong is told in a sentence; the parts' own lines about it are for services.
    set_up_logging("DEBUG" if settings.log_level == "DEBUG" else "CRITICAL")
    return settings


def reached_in(data: Path | None) -> dict[str, Any]:
    """How clients reach a deployment of ``scripts/up``: what they need besides an access key. Empty for any other."""
    if data is None and {"DATABASE_URL", SETTINGS_FILE} & os.environ.keys():
        return {}
    file = (data or _DEFAULT_DATA) / _CREDENTIALS
    if not file.exists():
        return {}
    found = _json(file)
    return {name: found[name] for name in ("endpoint", "ca_file", "region_id") if name in found}


def _settings_in(data: Path) -> Settings:
    """As the service reads them. Nothing of the environment is about this deployment."""
    values = _json(data / _SETTINGS)
    for name in [name for name in os.environ if name.startswith(PREFIX) or name == "DATABASE_URL"]:
        if name.removeprefix(PREFIX).lower() in values or name in ("DATABASE_URL", SETTINGS_FILE):
            del os.environ[name]
    os.environ[SETTINGS_FILE] = str(data / _SETTINGS)
    if _is_softhsm(data):
        os.environ.update(place_in(data.absolute() / "hsm" / "softhsm").environment)
    return read_settings()


def _is_softhsm(data: Path) -> bool:
    kind = data / "hsm" / "kind"
    return kind.exists() and kind.read_text(encoding="utf-8").strip() == "softhsm"


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WrongUse(
            f"{file.parent} is no data folder: it has no {file.name}.", "Was scripts/up run on it?"
        ) from None
    except OSError as error:
        raise WrongUse(f"{file} cannot be read: {error.strerror}.", "Run this as the owner of the folder.") from None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise WrongUse(f"{file} is not a JSON object.", "Start scripts/up on the folder: it writes the file anew.")
    return found


@asynccontextmanager
async def whole(settings: Settings) -> AsyncIterator[Deployment]:
    """Ledger and HSM."""
    async with asking(settings):
        pass
    async with opened(settings) as deployment:
        yield deployment


@asynccontextmanager
async def ledger_of(settings: Settings) -> AsyncIterator[OpenLedger]:
    async with asking(settings):
        pass
    async with ledger_opened(settings) as ledger:
        yield ledger


@asynccontextmanager
async def asking(settings: Settings) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """A connection that is known to work: what is wrong with it is said by PostgreSQL at once, in its own words."""
    async with await connect(settings.database_url, "key-ledger operator") as connection:
        await connection.execute("select next_position from ledger.ledger_head")
        yield connection


def operator_of(parts: Deployment | OpenLedger) -> Operator:
    return Operator(parts.writer, parts.reader, operator_name(), lambda: datetime.now(UTC))
