"""What can go wrong for an operator, as sentences and exit codes (2 and 3 are those of the other commands)."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Final, NoReturn

import psycopg
import typer

from adapters.cannot_start import CannotStart
from adapters.hsm import HsmSettingsError
from adapters.ledger.pages import LedgerBroken
from adapters.set_up import SetUpRefused
from domain.errors import KeyLedgerError, Unavailable
from domain.ram.operator import OperatorRefused
from projections.projector import PoisonEvent
from scripts.envelope.failure import Failure, WrongUse
from scripts.envelope.terminal import say

EXIT_CODES: Final = (
    "Exit codes: 0 done; 1 the ledger is damaged, or something unforeseen; 2 wrong use (options, settings); 3 a file "
    "cannot be read or written, or exists; 4 refused, nothing was changed; 5 the database or the HSM is away; "
    "130 interrupted."
)

_INTERRUPTED: Final = 130
_UNFORESEEN: Final = 1


class Damaged(Failure):
    """The ledger holds what no append of this service makes."""

    exit_code: ClassVar[int] = 1


class Refused(Failure):
    """It was understood, and what the ledger holds forbids it. Nothing was changed."""

    exit_code: ClassVar[int] = 4


class Away(Failure):
    """The database or the HSM does not answer."""

    exit_code: ClassVar[int] = 5


_STANDS: Final = "What was recorded stands: look with 'key-ledger account show'."


@contextmanager
def in_words(if_interrupted: str = _STANDS) -> Iterator[None]:
    """Turns every failure below into a sentence on standard error and an exit code. Never a traceback: it could show
    an access-key secret.

    :param if_interrupted: what is then to be known.
    """
    try:
        yield
    except typer.Exit:
        raise
    except KeyboardInterrupt:
        say(f"Interrupted. {if_interrupted}")
        raise typer.Exit(_INTERRUPTED) from None
    except Exception as error:  # noqa: BLE001  # a traceback helps nobody here
        _end(_translated(error))


def _translated(error: Exception) -> Exception:
    """Failures of the parts below, as ours."""
    for kinds, translate in _TRANSLATIONS:
        if isinstance(error, kinds):
            return translate(error)
    return error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


_NOT_PREPARED: Final = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.InvalidSchemaName,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedTable,
)
_ROLE: Final = "Use the service's role on a database that scripts/migrate has prepared."
_AGAIN: Final = "Run it again: what was recorded already is not recorded twice."

_Kinds = type[Exception] | tuple[type[Exception], ...]
_TRANSLATIONS: Final[tuple[tuple[_Kinds, Callable[[Any], Failure]], ...]] = (
    (LedgerBroken, lambda error: Damaged(str(error), "Keep everything as it is, and find out who wrote there.")),
    (
        PoisonEvent,
        lambda error: Damaged(f"This cannot be told whole: {error}.", "A newer program may know that event."),
    ),
    ((CannotStart, HsmSettingsError), lambda error: WrongUse(str(error), "Nothing was done.")),
    ((SetUpRefused, OperatorRefused), lambda error: Refused(str(error), "Nothing was changed.")),
    (Unavailable, lambda error: Away(error.message, _AGAIN)),
    (KeyLedgerError, lambda error: Refused(f"{error.code}: {error.message}", _AGAIN)),
    (_NOT_PREPARED, lambda error: WrongUse(f"The role of DATABASE_URL may not do this: {_first_line(error)}.", _ROLE)),
    (psycopg.OperationalError, lambda error: Away(f"The database does not answer: {_first_line(error)}.", "Is it up?")),
    (PermissionError, lambda error: WrongUse(f"{error.filename} cannot be read: {error.strerror}.", "Ask its owner.")),
)


def _end(failure: Exception) -> NoReturn:
    if isinstance(failure, Failure):
        say(str(failure).strip())
        raise typer.Exit(failure.exit_code)
    place = traceback.extract_tb(failure.__traceback__)[-1]
    say(f"Something unforeseen: {type(failure).__name__} in {place.name}, line {place.lineno}. Please report it.")
    raise typer.Exit(_UNFORESEEN)
