"""``key-ledger audit least-policy``: the policy that allows what somebody did, and nothing else."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from scripts.auditing import completeness
from scripts.auditing.answers import number, text
from scripts.auditing.completeness import aside, counted
from scripts.auditing.connection import Connection, Output, in_words
from scripts.auditing.option_groups import grouped
from scripts.auditing.principals import arn_of
from scripts.auditing.unused import DaysOption
from scripts.envelope.endpoints import FileTarget
from scripts.envelope.failure import WrongUse
from scripts.envelope.terminal import printable_json
from scripts.operating.table import Cell, Form, Table, show

_DAYS: Final = 90
_ANY_READER: Final = 0o666  # less the umask: a policy is no secret


@grouped
def least_policy(
    principal: Annotated[
        str, typer.Argument(metavar="PRINCIPAL", help="The ARN of a user or a role, or user/NAME, role/NAME.")
    ],
    *,
    days: DaysOption = _DAYS,
    file: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write the document there. Where several are needed, they become FILE-1, FILE-2, … before its suffix.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace files that exist.")] = False,
    output: Output,
    connection: Connection,
) -> None:
    """The least policy for a user or role: it allows exactly what the ledger says they were answered.

    Each document is as CreatePolicy takes it: one line, but for a terminal. What somebody needs once a year may be
    missing: look at it before you attach it, for example with 'audit what-if'.
    """
    with in_words():
        form = output.form
        if file is not None and form is not Form.TABLE:
            raise WrongUse(
                f"--{form.name.lower()} prints the documents, and --output writes them.", "Give one of them."
            )
        service = connection.service()
        asked = {"principal": arn_of(principal, service), "days": str(days), **connection.query}
        answer = service.get("GetLeastPolicy", "/audit/least-policy", asked)
        if form is Form.JSON:
            print(printable_json({name: answer[name] for name in answer if name != "RequestId"}, indent=2))
            return
        if form is Form.CSV:
            show(Table(("document", "action", "resource"), _permissions(_documents(answer))), form, {})
        else:
            _hand_over(_documents(answer), file, force)
        for remark in _remarks(answer):
            aside(remark)
        completeness.tell(completeness.of(answer))


def _documents(answer: Mapping[str, Any]) -> list[str]:
    found = answer.get("documents")
    documents = found if isinstance(found, Sequence) and not isinstance(found, str) else []
    return [each if isinstance(each, str) else printable_json(each) for each in documents]


def _permissions(documents: Sequence[str]) -> list[tuple[Cell, ...]]:
    """A row for each action on each resource. Least policies allow, and name both in lists."""
    return [
        (number, action, resource)
        for number, document in enumerate(documents, 1)
        for statement in json.loads(document)["Statement"]
        for action in statement["Action"]
        for resource in statement["Resource"]
    ]


def _hand_over(documents: Sequence[str], file: str | None, force: bool) -> None:
    if file is None:
        for document in documents:
            print(printable_json(json.loads(document), indent=2) if sys.stdout.isatty() else document)
        return
    for name, document in zip(_names(Path(file), len(documents)), documents, strict=True):
        _write(str(name), f"{document}\n".encode(), force)
        aside(f"Wrote {name}.")


def _names(file: Path, count: int) -> list[Path]:
    if count <= 1:
        return [file] * count
    return [file.with_name(f"{file.stem}-{number}{file.suffix}") for number in range(1, count + 1)]


def _write(name: str, content: bytes, force: bool) -> None:
    target = FileTarget(name, _ANY_READER, force)
    try:
        target.open()
        target.write(content)
        target.sync()
        target.commit()
    finally:
        target.discard()


def _remarks(answer: Mapping[str, Any]) -> list[str]:
    calls = number(answer, "calls")
    if not calls:
        return ["Nothing was answered in this time, so there is nothing to allow."]
    made = f"From {counted(calls, 'answered call')}, with {counted(number(answer, 'permissions'), 'permission')}."
    return [made, *filter(None, [text(answer, "remark")])]
