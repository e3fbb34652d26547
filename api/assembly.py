"""Builds what a process that serves requests needs, from its settings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Final

from adapters import rate_limits
from adapters.access_keys import AccessKeys
from adapters.authentication_failures import AuthenticationFailures
from adapters.authorities import AuthorityCache
from adapters.deployment import Deployment, opened
from adapters.follower import ChangeFollower
from adapters.identifiers import RandomIds, RequestIds
from adapters.key_cache import KeyCache
from adapters.ledger.connection import connect
from adapters.ledger.mapper import decode
from adapters.ledger.reader import Change, LedgerReader
from adapters.publishing import keep_publishing
from adapters.sessions import Sessions
from adapters.settings import Settings
from api.audit.analysis.analyst import Analyst
from api.audit.trail import Trail
from api.dispatch import Dispatcher
from api.health import Check, Impaired
from api.reading_ahead import read_large_accounts
from api.services import Services
from domain.custody import Custody
from domain.errors import ServiceUnavailable
from domain.ram.fold import TOPICS as ACCOUNT_TOPICS
from domain.ram.service import Administration
from domain.stewardship import Stewardship
from domain.sts import RoleSessions
from projections.key_directory import KeyDirectory
from projections.pages import Connection
from projections.runner import stopped

PROJECTION_CHECK_REGION: Final = ""
"""No key has this region: the page is empty, and asking for it proves that the directory can be read."""


@asynccontextmanager
async def assembled(settings: Settings) -> AsyncIterator[tuple[Dispatcher, Mapping[str, Check]]]:
    """The dispatcher and the checks of ``/readyz``; everything is closed afterwards."""
    async with opened(settings) as deployment:
        directory = KeyDirectory(deployment.reader.connection, decode)
        keys = KeyCache(deployment.reader, deployment.hsm, directory.key_of_version)
        failures = AuthenticationFailures(settings.database_url)
        await failures.start()
        authorities = AuthorityCache(deployment.reader)
        asking = LedgerReader(settings.database_url, settings.audit_connections, tried=True)
        await asking.start()
        trail = Trail(asking.connection, partial(_for_export, settings.database_url))
        analyst = Analyst(settings.database_url)
        services = _services(settings, deployment, keys, authorities, directory, failures, trail, analyst)
        follower = ChangeFollower(settings.database_url, deployment.reader, _telling(keys, authorities))
        await follower.start()
        await read_large_accounts(authorities, deployment.reader)
        publishing = asyncio.create_task(keep_publishing(deployment.hsm))
        try:
            yield Dispatcher(services), _checks(deployment, directory)
        finally:
            publishing.cancel()
            await follower.close()
            await asking.close()
            await analyst.close()
            await failures.close()


def _services(
    settings: Settings,
    deployment: Deployment,
    keys: KeyCache,
    authorities: AuthorityCache,
    directory: KeyDirectory,
    failures: AuthenticationFailures,
    trail: Trail,
    analyst: Analyst,
) -> Services:
    hsm, writer = deployment.hsm, deployment.writer
    sessions = Sessions(hsm, authorities)
    return Services(
        custody=Custody(keys, hsm, writer, settings.encryptions_per_key_version),
        stewardship=Stewardship(keys, authorities, hsm, writer, directory, settings.quota_keys),
        administration=Administration(authorities, writer, hsm),
        ledger=writer,
        keys=keys,
        role_sessions=RoleSessions(authorities, sessions, writer),
        authorities=authorities,
        access_keys=AccessKeys(deployment.reader, hsm, authorities),
        sessions=sessions,
        failures=failures,
        limits=rate_limits.from_settings(settings),
        trail=trail,
        analyst=analyst,
        regions=settings.regions,
        default_region=settings.default_region,
        now=lambda: datetime.now(UTC),
        new_id=RandomIds(),
        new_request_id=RequestIds(),
    )


@asynccontextmanager
async def _for_export(database_url: str) -> AsyncIterator[Connection]:
    """Of its own: an export lasts as long as whoever takes it wants."""
    async with await connect(database_url, "key-ledger export") as connection:
        yield connection


def _telling(keys: KeyCache, authorities: AuthorityCache) -> Callable[[Sequence[Change]], None]:
    def tell(changes: Sequence[Change]) -> None:
        keys.forget(frozenset(change.stream for change in changes))
        authorities.changed({change.stream: change.version for change in changes if change.topic in ACCOUNT_TOPICS})

    return tell


def _checks(deployment: Deployment, directory: KeyDirectory) -> dict[str, Check]:
    async def ledger() -> None:
        if not deployment.writer.is_up:
            raise ServiceUnavailable("The ledger cannot be written now.")
        await deployment.reader.head()

    async def projections() -> None:
        """The directory is needed by requests, and says which event stops it; whatever else has stopped is an
        operator's business."""
        await directory.follow()
        await directory.page("", PROJECTION_CHECK_REGION, {}, 0, 1)
        async with deployment.reader.connection() as connection:
            if poisons := await stopped(connection):
                raise Impaired("; ".join(str(poison) for poison in poisons))

    return {"ledger": ledger, "hsm": deployment.hsm.health, "projections": projections}
