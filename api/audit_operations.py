"""The operations on the audit trail: our own, version 2026-11-25, and LookupEvents of ActionTrail, 2020-07-06.

A line of :data:`TABLE` is an operation: handler, REST route, parameters, what its answer holds. All of them read, and
all of them need permission on one resource, ``acs:audit:*:<uid>:trail`` (``acs:actiontrail:…`` for LookupEvents): the
trail of an account is one thing. What was asked for is recorded with each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from api.action import Action, Effect, Handler, Parameter, Product, Told
from api.audit import actiontrail, answers, authority, coverage, events, export, heavy, keys
from api.audit import parameters as p
from api.parameters import Parameters
from api.ram.authorised import authorised
from api.services import Services
from domain.audit.request_parameters import recorded
from domain.recording import Case
from domain.vocabulary import Operation

_O = Operation
_TRAIL: Final = ("trail",)


def _line(
    operation: Operation,
    handler: Handler,
    route: str,
    summary: str,
    parameters: tuple[Parameter, ...],
    answer: Mapping[str, Any],
    product: Product = Product.AUDIT,
) -> Action:
    decided = _asked(p.named(parameters), authorised(f"{product.prefix}:{operation.value}", _TRAIL, handler))
    return Action(product, operation, decided, Effect.READS, _TRAIL, route, summary, parameters, answer)


def _asked(known: frozenset[str], decide: Handler) -> Handler:
    """``decide``, recorded with what was asked for: whether it is answered or refused, for want of permission as well."""

    async def decided(services: Services, case: Case, given: Parameters) -> Told:
        case.request_parameters = recorded(given.values, known)
        return await decide(services, case, given)

    return decided


# fmt: off
TABLE: Final = (
    _line(_O.SEARCH_EVENTS, events.search_events,       "GET /audit/events",                "Find events, page by page",                  p.SEARCH,   answers.SEARCH),
    _line(_O.COUNT_EVENTS, events.count_events,         "GET /audit/counts",                "Count events by what you choose",            p.COUNT,    answers.COUNT),
    _line(_O.EXPORT_EVENTS, export.export_events,       "GET /audit/export",                "All events that the filters admit",          p.EXPORT,   answers.EXPORT),
    _line(_O.GET_KEY_HISTORY, keys.get_key_history,     "GET /audit/keys/{key_id}/history", "The life of a CMK, and who used it",         p.HISTORY,  answers.HISTORY),
    _line(_O.GET_KEY_AT, heavy.get_key_at,              "GET /audit/keys/{key_id}/at",      "A CMK's state at a time, and who could use it", p.KEY_AT, answers.KEY_AT),
    _line(_O.LIST_KEY_FINDINGS, heavy.list_key_findings, "GET /audit/findings",             "Keys that somebody should look at",          p.FINDINGS, answers.FINDINGS),
    _line(_O.LIST_UNUSED_PERMISSIONS, heavy.list_unused_permissions, "GET /audit/unused-permissions", "What nobody used",               p.UNUSED,   answers.UNUSED),
    _line(_O.GET_LEAST_POLICY, heavy.get_least_policy,  "GET /audit/least-policy",          "The policy that allows just what was used",  p.LEAST,    answers.LEAST),
    _line(_O.EVALUATE_POLICY, heavy.evaluate_policy,    "POST /audit/what-if",              "What another policy would have changed",     p.WHAT_IF,  answers.WHAT_IF),
    _line(_O.GET_COVERAGE, coverage.get_coverage,       "GET /audit/coverage",              "How current and how complete answers are",   p.COVERAGE, answers.COVERAGE),
    _line(_O.LIST_AUTHORITY_CHANGES, authority.list_authority_changes, "GET /audit/authority",      "Who granted what to whom, and until when",   p.AUTHORITY, answers.AUTHORITY),
    _line(_O.LOOKUP_EVENTS, actiontrail.lookup_events,  "",                                 "Find events, as ActionTrail does",           p.LOOKUP,   {},               Product.ACTIONTRAIL),
)
# fmt: on
