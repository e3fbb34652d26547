"""Options that every question has: whom to ask, as whom, and how the answer shall look."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

import typer

from scripts.envelope import credentials
from scripts.envelope.commands import CaOption, CredentialsOption, EndpointOption
from scripts.envelope.interruption import Interruption
from scripts.envelope.terminal import failures_in_words
from scripts.operating.table import Form, form_of

if TYPE_CHECKING:
    from scripts.auditing.service import AuditService

EXIT_CODES: Final = (
    "Exit codes: 0 answered; 1 something unforeseen; 2 wrong use (options, credentials); 3 a file cannot be read or "
    "written, or exists; 4 the service refused; 5 the service cannot be reached; 6 its certificate is not to be "
    "trusted; 129, 130, 141 and 143 interrupted. Every question is recorded in the ledger, with who asked it."
)
_READER_GONE: Final = 141
"""As of any program that SIGPIPE ends."""

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object.")]


@dataclass(frozen=True, kw_only=True)
class Connection:
    """Options: which service, and who asks."""

    TITLE: ClassVar = "Whom to ask, and as whom"

    credentials_file: CredentialsOption = None
    endpoint: EndpointOption = None
    ca: CaOption = None
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Answer at once, even if the newest events are not in the trail yet.")
    ] = False

    def service(self) -> AuditService:
        from scripts.auditing.service import AuditService  # noqa: PLC0415  # the SDK loads half a second, which --help need not cost

        return AuditService(credentials.find(self.credentials_file, self.endpoint, self.ca, os.environ))

    @property
    def query(self) -> dict[str, str]:
        return {} if self.no_wait else {"wait": "true"}

    @property
    def flags(self) -> dict[str, bool]:
        """:attr:`query` in a body of JSON."""
        return {} if self.no_wait else {"wait": True}


@dataclass(frozen=True, kw_only=True)
class Output:
    """Options: the form of rows."""

    TITLE: ClassVar = "Form of the answer"

    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values.")] = False
    as_json: JsonOption = False

    @property
    def form(self) -> Form:
        """:raises WrongUse: both."""
        return form_of(as_csv=self.as_csv, as_json=self.as_json)


@contextmanager
def in_words() -> Iterator[Interruption]:
    """Failures as sentences and exit codes, of commands that only read. Whoever has read enough of the rows (``head``)
    may go: nothing is said of that."""
    with failures_in_words("nothing was changed") as interruption:
        try:
            yield interruption
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it ends
            raise typer.Exit(_READER_GONE) from None
