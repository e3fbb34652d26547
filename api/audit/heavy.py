"""The operations that replay events: parse, let the process beside this one answer, record, hand over."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from api.action import Fields
from api.audit import asking, parameters
from api.audit.hypotheses import read_hypothesis
from api.audit.keys import check_owner
from api.parameters import Parameters
from api.services import Services
from domain.audit.filters import moved, position_of, read_filters, time_of
from domain.audit.key_findings import CRYPTOPERIOD_DAYS, RECENT_DAYS, UNUSED_DAYS
from domain.audit.who_may import DECRYPT, OPERATIONS_ON_KEYS
from domain.errors import InvalidParameter
from domain.recording import Case

DAYS: Final = range(1, 36_501)
PERIOD_DAYS: Final = 90

_KEY_AT: Final = parameters.named(parameters.KEY_AT)
_FINDINGS: Final = parameters.named(parameters.FINDINGS)
_UNUSED: Final = parameters.named(parameters.UNUSED)
_LEAST: Final = parameters.named(parameters.LEAST)
_WHAT_IF: Final = parameters.named(parameters.WHAT_IF)


async def get_key_at(services: Services, case: Case, given: Parameters) -> Fields:
    asking.check_names(given, _KEY_AT)
    key = given.key("key_id")
    position, time = given.optional("position"), given.optional("time")
    if position and time:
        raise InvalidParameter("time", "Expected position or time, not both.")
    action = given.one_of("action", OPERATIONS_ON_KEYS, DECRYPT)
    asked = {
        "key_id": str(key.key_id),
        "action": action,
        "position": position_of("position", position) if position else None,
        "time": time_of("time", time, ends=True).isoformat() if time else None,
    }
    await check_owner(services, case.call.by.account_id, key)
    return await _asked(services, case, given, asked)


async def list_key_findings(services: Services, case: Case, given: Parameters) -> Fields:
    asking.check_names(given, _FINDINGS)
    asked = {
        "now": case.call.at.isoformat(),
        "unused_days": given.integer("unused_days", DAYS, UNUSED_DAYS),
        "cryptoperiod_days": given.integer("cryptoperiod_days", DAYS, CRYPTOPERIOD_DAYS),
        "recent_days": given.integer("recent_days", DAYS, RECENT_DAYS),
    }
    return await _asked(services, case, given, asked)


async def list_unused_permissions(services: Services, case: Case, given: Parameters) -> Fields:
    asking.check_names(given, _UNUSED)
    asked = {"now": case.call.at.isoformat(), "days": given.integer("days", DAYS, PERIOD_DAYS)}
    return await _asked(services, case, given, asked)


async def get_least_policy(services: Services, case: Case, given: Parameters) -> Fields:
    asking.check_names(given, _LEAST)
    asked = {"principal": given.required("principal"), **_period(given, case.call.at)}
    return await _asked(services, case, given, asked)


async def evaluate_policy(services: Services, case: Case, given: Parameters) -> Fields:
    asking.check_names(given, _WHAT_IF)
    asked = {"supposed": read_hypothesis(given), **_period(given, case.call.at)}
    return await _asked(services, case, given, asked)


async def _asked(services: Services, case: Case, given: Parameters, asked: dict[str, Any]) -> Fields:
    wanted = await asking.goal(services.trail, given)
    account_id = case.call.by.account_id
    told = await services.analyst.ask(case.call.operation.value, account_id=account_id, **asked)
    await services.stewardship.answer(case)
    if wanted is not None:
        complete = told["as_of"]["position"] >= wanted.position
        return {**told, "ledger_head": asking.place(wanted), "complete": complete}
    return told


def _period(given: Parameters, now: datetime) -> dict[str, str]:
    """So many days until now, or from ``from`` until ``to``.

    :raises InvalidParameter: both.
    """
    named = {name: given.optional(name) for name in ("from", "to") if given.optional(name)}
    if named and given.optional("days"):
        raise InvalidParameter("days", "Expected days, or from and to.")
    filters = read_filters(named)
    until = filters.until or now
    since = filters.since or moved(until, timedelta(days=-given.integer("days", DAYS, PERIOD_DAYS)))
    if since >= until:
        raise InvalidParameter("from", "Expected a time before to, and before now.")
    return {"since": since.isoformat(), "until": until.isoformat()}
