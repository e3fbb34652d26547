"""``/healthz`` (this process answers), ``/readyz`` (what it needs answers too) and ``/metrics`` (Prometheus).

They need no signature, so they tell no identifier of a caller or a key.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple

import structlog
from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest, multiprocess

from adapters.observations import publish_all
from domain.errors import KeyLedgerError
from projections.projector import PoisonEvent

_log = structlog.get_logger(__name__)

Check = Callable[[], Awaitable[None]]
"""Returns if the part is ready; raises what is wrong otherwise."""


class Impaired(Exception):
    """Something is wrong that an operator must hear of, but no request fails for it: the process is ready."""


MULTIPROCESS_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"


def health_router(checks: Mapping[str, Check]) -> APIRouter:
    """:param checks: by the part's name: ledger, hsm, projections."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz", summary="Does this process answer?")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz", summary="Can requests be served: ledger, HSM and projections?")
    async def readyz() -> JSONResponse:
        outcomes = {name: await _outcome(name, check) for name, check in checks.items()}
        ready = all(outcome.serves for outcome in outcomes.values())
        checks_told = {name: outcome.said for name, outcome in outcomes.items()}
        told: dict[str, object] = {"status": "ready" if ready else "not ready", "checks": checks_told}
        if stopped := [name for name, outcome in outcomes.items() if outcome.is_stopped]:
            told["stopped"] = stopped
        return JSONResponse(told, status_code=200 if ready else 503)

    @router.get("/metrics", summary="Prometheus metrics, summed over this machine's workers")
    async def metrics() -> Response:
        publish_all()
        return Response(generate_latest(_registry()), media_type=CONTENT_TYPE_LATEST)

    return router


class _Outcome(NamedTuple):
    """:param serves: whether every request can be served. :param is_stopped: by an event, until somebody has looked."""

    serves: bool
    said: str
    is_stopped: bool = False


async def _outcome(name: str, check: Check) -> _Outcome:
    try:
        await check()
    except Impaired as error:
        return _Outcome(serves=True, said=str(error))
    except PoisonEvent as poison:
        return _Outcome(serves=False, said=str(poison), is_stopped=True)
    except KeyLedgerError as error:
        return _Outcome(serves=False, said=str(error))
    except Exception:  # noqa: BLE001  # a check that fails in an unforeseen way is not ready
        _log.exception("readiness.unforeseen", check=name)
        return _Outcome(serves=False, said="failed; see the log")
    return _Outcome(serves=True, said="ok")


def _registry() -> CollectorRegistry:
    if MULTIPROCESS_FOLDER not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
