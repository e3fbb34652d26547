"""A service, and processes of it, for the tests that need more of the domain than one value."""

from __future__ import annotations

import pytest

from tests.fixtures.domain import Process, Service


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def process(service: Service) -> Process:
    return service.process()


@pytest.fixture
def elsewhere(service: Service) -> Process:
    """Another process of the same service."""
    return service.process()
