"""``key-ledger audit at``: a CMK as it was at some time, and who could use it then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from scripts.auditing.answers import number, part, rows, text, time
from scripts.auditing.connection import Connection, Output, in_words
from scripts.auditing.key import KeyArgument
from scripts.auditing.option_groups import grouped
from scripts.auditing.page import SENTENCE, Page, Section
from scripts.auditing.principals import account_of, brief
from scripts.auditing.times import WRITTEN, ending, written
from scripts.envelope.failure import WrongUse
from scripts.key_ids import key_id_of
from scripts.operating.table import Cell, Form, Table

_DECRYPT: Final = "kms:Decrypt"
_NO: Final = "no"


@grouped
def at(
    key_id: KeyArgument,
    *,
    moment: Annotated[
        str | None,
        typer.Option(
            "--time", "-t", metavar="TIME", help=f"When: {WRITTEN}; of a day or month, its end. Default: now."
        ),
    ] = None,
    position: Annotated[
        int | None, typer.Option("--position", metavar="N", min=1, help="After the event of this position, instead.")
    ] = None,
    action: Annotated[str, typer.Option("--action", metavar="ACTION", help="What they could do with it.")] = _DECRYPT,
    everybody: Annotated[bool, typer.Option("--everybody", help="Those who could not, too, and why not.")] = False,
    output: Output,
    connection: Connection,
) -> None:
    """The state of a key at some time, and who could use it then, by which policy, under which conditions."""
    with in_words():
        if moment is not None and position is not None:
            raise WrongUse("--time and --position both say when.", "Give one of them.")
        form, wanted = output.form, str(key_id_of(key_id))
        asked = {"action": action, **_when(moment, position), **connection.query}
        answer = connection.service().get("GetKeyAt", f"/audit/keys/{wanted}/at", asked)
        _page(answer, everybody=everybody or form is Form.CSV).show(form)


def _when(moment: str | None, position: int | None) -> dict[str, str]:
    if position is not None:
        return {"position": str(position)}
    return {} if moment is None else {"time": written(ending(moment, datetime.now(UTC), "--time"))}


def _page(answer: Mapping[str, Any], *, everybody: bool) -> Page:
    holders = rows(answer, "principals")
    told = [each for each in holders if everybody or _could(each)]
    others = len(holders) - len(told)
    return Page(
        answer=answer,
        facts=_facts(answer),
        sections=(
            Section(
                title=f"Who could {text(answer, 'action')}",
                table=Table(("principal", "may", SENTENCE), [row for each in told for row in _rows(each)]),
                empty="Nobody.",
            ),
        ),
        notes=[f"{others:,} further principals could not: --everybody tells why."] if others else (),
    )


def _could(holder: Mapping[str, Any]) -> bool:
    return text(holder, "may") != _NO and holder.get("can_call") is not False


def _facts(answer: Mapping[str, Any]) -> dict[str, Cell]:
    key, at_ = part(answer, "key"), part(answer, "at") or part(answer, "as_of")
    refused = text(answer, "refused_by_state")
    return {
        "key": text(key, "key_id"),
        "region": text(key, "region_id"),
        "description": text(key, "description"),
        "at": f"position {number(at_, 'position'):,}, {time(at_, 'recorded_at')}",
        "state": text(key, "state"),
        "since": _by(key, "in_state_since", "in_state_by"),
        "created": _by(key, "created_at", "created_by"),
        "to be destroyed": time(key, "delete_at"),
        "so that everybody": f"is refused with {refused}" if refused else "",
    }


def _by(key: Mapping[str, Any], when: str, who: str) -> str:
    return f"{time(key, when)} by {brief(text(key, who))}" if text(key, when) else ""


def _rows(holder: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The principal; of a role, whoever may assume it, below it."""
    yield brief(text(holder, "principal")), text(holder, "may"), _why(holder)
    for assumer in rows(holder, "assumers"):
        named = brief(text(assumer, "principal"), account_of(text(holder, "principal")))
        yield f"└ {named}", text(assumer, "may"), f"As this role: {_why(assumer)}"


def _why(holder: Mapping[str, Any]) -> str:
    """Sentences: under which conditions, what decides, and whether there is an access key to call with."""
    told = [text(holder, SENTENCE)]
    if holder.get("has_active_access_key") is False:
        told.append("There is no active access key to call with")
    told.append(text(holder, "remark"))
    return " ".join(f"{each[:1].upper()}{each[1:].rstrip('.')}." for each in told if each)
