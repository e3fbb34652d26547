"""GetCoverage: up to which event the ledger goes, and up to which each table that answers questions does."""

from __future__ import annotations

from typing import Final

from api.action import Fields
from api.audit import asking, parameters
from api.parameters import Parameters
from api.services import Services
from domain.recording import Case
from projections.audit_coverage import coverage

_COVERAGE: Final = parameters.named(parameters.COVERAGE)


async def get_coverage(services: Services, case: Case, given: Parameters) -> Fields:
    asking.check_names(given, _COVERAGE)
    await asking.goal(services.trail, given)
    async with services.trail.snapshot() as (connection, currency):
        found = await coverage(connection)
    await services.stewardship.answer(case)
    return {
        **asking.how_current(currency),
        "projections": [
            {
                "name": one.name,
                **asking.place(one.place),
                "complete": one.complete,
                "stopped": one.stopped_at is not None,
            }
            | ({} if one.stopped_at is None else {"stopped_at": one.stopped_at})
            for one in found
        ],
        "stopped": [one.name for one in found if one.stopped_at is not None],
    }
