"""The first facts of a deployment: ``python -m scripts.set_up --credentials FILE``. Idempotent; run by ``up``.

Opens every region (its root key in the HSM) and records the root account with the access key that FILE holds. The
file was written before: whatever is recorded, its owner has the secret. For deployments without ``up``: write FILE with
``account_id``, ``access_key_id`` and ``access_key_secret``, and run this once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from adapters.cannot_start import CannotStart
from adapters.deployment import opened
from adapters.hsm import HsmSettingsError
from adapters.logging import set_up_logging
from adapters.set_up import RootCredentials, SetUp, SetUpRefused
from adapters.settings import Settings, read_settings
from domain.errors import KeyLedgerError


async def run(settings: Settings, credentials: RootCredentials) -> None:
    async with opened(settings) as parts:
        set_up = SetUp(parts.writer, parts.reader, parts.hsm, parts.hsm, lambda: datetime.now(UTC))
        await set_up.open_regions(settings.regions)
        await set_up.ensure_root(credentials)


def read_credentials(file: Path) -> RootCredentials:
    """:raises CannotStart: the file cannot be read or lacks a value."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return RootCredentials(*(str(found[name]) for name in ("account_id", "access_key_id", "access_key_secret")))
    except OSError as error:
        raise CannotStart(f"{file} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError):
        raise CannotStart(f"{file} is not a credentials file. Remove it, and scripts/up makes a new one.") from None


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--credentials", type=Path, required=True, help="JSON; scripts/up writes such a file")
    file: Path = arguments.parse_args().credentials
    try:
        settings = read_settings()
        set_up_logging(settings.log_level)
        asyncio.run(run(settings, read_credentials(file)))
    except (CannotStart, SetUpRefused, HsmSettingsError) as refused:
        sys.exit(str(refused))
    except KeyLedgerError as error:
        sys.exit(f"Setting up failed ({error.code}): {error.message} Nothing is lost; run it again.")


if __name__ == "__main__":
    main()
