"""What every scenario begins with: a service, processes of it, and a key."""

from __future__ import annotations

from uuid import UUID

import pytest

from tests.fixtures.delegation import Delegation
from tests.fixtures.domain import Process, Service


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def process(service: Service) -> Process:
    return service.process()


@pytest.fixture
async def key_id(process: Process) -> UUID:
    return await process.create_key()


@pytest.fixture
def elsewhere(service: Service) -> Process:
    """Another process of the same service."""
    return service.process()


@pytest.fixture
async def granted() -> Delegation:
    return await Delegation().granted()
