"""``key-ledger audit tail``: the newest events, and those that come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from time import sleep
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from domain.audit.facts import Outcome
from domain.vocabulary import Operation
from scripts.auditing import completeness
from scripts.auditing.completeness import aside
from scripts.auditing.connection import Connection, Output, in_words
from scripts.auditing.filters import Filters
from scripts.auditing.listing import listing
from scripts.auditing.option_groups import grouped
from scripts.auditing.questions import checked, of_account, pages
from scripts.auditing.times import Period
from scripts.envelope.failure import KmsBusy, KmsUnreachable
from scripts.envelope.interruption import Interrupted
from scripts.envelope.terminal import BY_SIGNAL

if TYPE_CHECKING:
    from scripts.auditing.service import AuditService

Event = Mapping[str, Any]

_EVERY_SECONDS: Final = 5
_SHORTEST_SECONDS: Final = 1.0
_QUICKER: Final = 5
"""So many looks, where something comes, in the time of one."""
_GROWTH: Final = 1.5
_AWAY_SECONDS_MAX: Final = 10.0


@grouped
def tail(
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what happens, until Ctrl-C.")] = False,
    count: Annotated[
        int, typer.Option("-n", min=0, max=1_000, help="So many of the newest events to begin with.")
    ] = 20,
    every: Annotated[
        int,
        typer.Option(
            "--every",
            metavar="SECONDS",
            min=1,
            max=3_600,
            help=f"With -f: look so often while nothing comes; {_QUICKER} times as often while something does, "
            "but once a second at most.",
        ),
    ] = _EVERY_SECONDS,
    filters: Filters,
    period: Period,
    wide: Annotated[bool, typer.Option("--wide", help="All that is known of each event.")] = False,
    output: Output,
    connection: Connection,
) -> None:
    """Show the newest events, the last one last. With -f, go on with what happens.

    --json prints one object a line. Each look is recorded, as every question is: while nothing comes that is 17,280
    events a day of each who follows, with --every 60 it is 1,440. A tail does not show its own.
    """
    with in_words() as interruption:
        form, query = output.form, checked(filters, period, connection)
        service = connection.service()
        query = of_account(query, service)
        shown = listing(form, wide=wide, endless=True)
        answer = _newest(service, query, count)
        shown.page(_others(answer["events"], service))
        stood = completeness.of(answer)
        try:
            for answer in _coming(service, query, stood.position, Pauses(every)) if follow else ():
                shown.page(answer["events"])
                stood = completeness.of(answer)
        except Interrupted:  # which is how following ends
            interruption.settle()
            raise typer.Exit(BY_SIGNAL + (interruption.signal_number or 0)) from None
        finally:
            completeness.tell(stood)


def _newest(service: AuditService, query: Mapping[str, str], count: int) -> dict[str, Any]:
    (answer,) = pages(service, {**query, "order": "desc"}, max(1, count))
    return {**answer, "events": answer["events"][:count][::-1]}


class Pauses:
    """Between looks: short while something comes, then longer and longer."""

    def __init__(self, every: float) -> None:
        self._shortest, self._longest = max(_SHORTEST_SECONDS, every / _QUICKER), every
        self.seconds = self._shortest

    def looked(self, *, came: bool) -> None:
        """:param came: whether there was anything new."""
        self.seconds = self._shortest if came else min(self._longest, self.seconds * _GROWTH)


def _is_news(event: Event) -> bool:
    """Looks are events as well: two who follow would keep each other awake."""
    return event.get("operation") != Operation.SEARCH_EVENTS or event.get("outcome") != Outcome.READ


def _coming(service: AuditService, query: Mapping[str, str], position: int, pauses: Pauses) -> Iterator[dict[str, Any]]:
    """Answers with what happened after ``position``, for ever."""
    away = 0.0
    while True:
        sleep(max(away, pauses.seconds))
        try:
            came, after = False, _after(query, position)
            for answer in pages(service, {**after, "order": "asc", "wait": "true"}, None):
                if away:
                    aside("The service answers again.")
                away = 0.0
                # Should the next page fail, those of this one are not shown again.
                position = max([position, *(event["position"] for event in answer["events"])])
                answer["events"] = _others(answer["events"], service)
                came = came or any(map(_is_news, answer["events"]))
                yield answer
            position = completeness.of(answer).position
            pauses.looked(came=came)
        except (KmsBusy, KmsUnreachable) as failure:
            if not away:
                aside(f"{failure.happened} Trying again until it does.")
            away = min(_AWAY_SECONDS_MAX, max(_SHORTEST_SECONDS, away * _GROWTH))


def _after(query: Mapping[str, str], position: int) -> dict[str, str]:
    return {**query, "from_position": str(max(position + 1, int(query.get("from_position", "1"))))}


def _others(events: list[dict[str, Any]], service: AuditService) -> list[dict[str, Any]]:
    """Without what this command itself asked."""
    return [event for event in events if event.get("request_id") not in service.request_ids]
