"""What is due by the clock: ``python -m scripts.deletion_worker``.

Destroys the CMKs whose waiting period is over, and tells the failed authentications of minutes that are over
(:mod:`adapters.authentication_minutes`). Run by ``up``; any number may run at once. Each destruction is decided on the
key's version and guarded by it: against another worker, a CancelKeyDeletion or a new schedule, exactly one of them is
recorded and the others find it done. If we die at any line, the key is whole or gone; the next round, here or
elsewhere, does what is left.

Which keys are due is looked up in a projection, the key directory, and nothing is decided on it. So an event that stops
the directory stops no destruction that was ordered before it: what the directory has is destroyed, and each round says
which event that is.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import structlog

from adapters.authentication_minutes import AuthenticationMinutes
from adapters.authorities import AuthorityCache
from adapters.deployment import Deployment, opened
from adapters.heartbeat import keep_beating
from adapters.key_cache import KeyCache
from adapters.ledger.mapper import decode
from adapters.logging import set_up_logging
from adapters.set_up import SetUpRefused, own_call
from adapters.settings import Settings, SettingsError, read_settings
from domain import identity
from domain.errors import KeyLedgerError, KeyNotFound, ServiceUnavailable
from domain.guard import GuardMoved
from domain.ports import AlreadyRecorded
from domain.recording import Case
from domain.stewardship import Stewardship
from domain.vocabulary import Operation
from projections.key_directory import DueKey, KeyDirectory
from projections.projector import PoisonEvent

_log = structlog.get_logger(__name__)

ROUND_SECONDS: Final = 10.0
PAGE: Final = 100


class DeletionWorker:
    """:param now: the clock, UTC."""

    def __init__(self, deployment: Deployment, settings: Settings, now: Callable[[], datetime]) -> None:
        self._now = now
        self._directory = KeyDirectory(deployment.reader.connection, decode)
        # Nothing is remembered from one round to the next: a few reads a day are cheaper than a stale memory.
        self._keys = KeyCache(deployment.reader, deployment.hsm, self._directory.key_of_version, size=PAGE)
        self._stewardship = Stewardship(
            self._keys,
            AuthorityCache(deployment.reader),
            deployment.hsm,
            deployment.writer,
            self._directory,
            settings.quota_keys,
        )
        self._gone: set[UUID] = set()
        """Destroyed keys that a stopped directory may list on: once gone is gone for ever."""

    async def round(self) -> int:
        """Destroy what is due now, each key tried once; returns how many CMKs this worker destroyed."""
        await self._follow()
        at, destroyed, last = self._now(), 0, None
        while due := await self._directory.due(at, PAGE, last):
            destroyed += sum([await self._destroy(key) for key in due if key.key_id not in self._gone])
            last = due[-1]
        return destroyed

    async def _follow(self) -> None:
        """As far as the directory can be followed."""
        try:
            await self._directory.follow()
        except PoisonEvent as poison:
            _log.warning(
                "deletion.directory_stopped", projection=poison.projection, position=poison.position, reason=str(poison)
            )
        else:
            self._gone.clear()

    async def _destroy(self, due: DueKey) -> bool:
        system = identity.of_system(due.account_id)
        call = own_call(system.caller, due.region_id, self._now(), Operation.DESTROY_KEY)
        key_id = str(due.key_id)
        self._keys.forget(frozenset((due.key_id,)))
        try:
            await self._stewardship.destroy_key(Case(call, system.access), due.key_id)
        except ServiceUnavailable:
            raise
        except (GuardMoved, AlreadyRecorded, KeyLedgerError) as overtaken:
            # Cancelled, scheduled anew or destroyed by another worker in between: not ours any more.
            _log.info("deletion.overtaken", key_id=key_id, reason=repr(overtaken))
            if isinstance(overtaken, KeyNotFound):
                self._gone.add(due.key_id)
            return False
        except Exception:  # noqa: BLE001  # such as a newer version's event in its stream: no matter of other keys
            _log.exception("deletion.unforeseen", key_id=key_id)
            return False
        self._gone.add(due.key_id)
        _log.info("deletion.destroyed", key_id=key_id, account_id=due.account_id, region_id=due.region_id)
        return True


async def run(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    beating = asyncio.create_task(keep_beating())
    async with opened(settings) as deployment:
        worker = DeletionWorker(deployment, settings, lambda: datetime.now(UTC))
        minutes = AuthenticationMinutes(deployment.reader, deployment.writer)
        while not stop.is_set():
            await _round(worker)
            await _tell(minutes)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ROUND_SECONDS):
                    await stop.wait()
    beating.cancel()


async def _round(worker: DeletionWorker) -> None:
    """What goes wrong here must not keep failed authentications from being told; the next round tries again."""
    try:
        await worker.round()
    except ServiceUnavailable as error:
        _log.warning("deletion.waits", reason=str(error))
    except Exception:  # noqa: BLE001  # as this function promises; a new process would meet the same
        _log.exception("deletion.unforeseen")


async def _tell(minutes: AuthenticationMinutes) -> None:
    """What goes wrong here must not keep a key from being destroyed; the counts stay where they are."""
    try:
        await minutes.tell()
    except KeyLedgerError as error:
        _log.warning("authentication_failures.wait", reason=str(error))
    except Exception:  # noqa: BLE001  # as above
        _log.exception("authentication_failures.unforeseen")


def main() -> None:
    try:
        settings = read_settings()
        set_up_logging(settings.log_level)
        asyncio.run(run(settings))
    except (SettingsError, SetUpRefused) as refused:
        sys.exit(str(refused))


if __name__ == "__main__":
    main()
