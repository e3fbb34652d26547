"""What usage costs: a tariff as a TOML file, and exact decimal arithmetic on it.

    currency = "EUR"

    [key_month]                  # each CMK, for each calendar month (UTC) on some day of which it exists
    price = 1.00
    free = 1                     # per account and month; may be left out

    [[calls]]                    # as many of these tables as there are prices
    operations = ["Encrypt", "Decrypt"]
    price_per_10000 = 0.03
    free = 20_000                # of these operations together, per account and month; may be left out

    [[calls]]
    operations = ["*"]           # all that no other table names
    price_per_10000 = 0

Prices are decimals, at most 12 places; no binary fraction touches them. What no table names costs nothing, and neither
do refused calls. Which calls are the free ones: :mod:`projections.usage_report`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from decimal import Context, Decimal, Inexact
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from domain.vocabulary import Operation
from projections.usage_report import KEY_MONTH, Allowance, Line
from scripts.envelope.failure import WrongUse

_EXACT: Final = Context(prec=60, traps=[Inexact])
"""Sixty digits hold any price of any count; what they did not hold would raise rather than be rounded."""

EXAMPLE: Final = f"There is an example in {Path(__file__).with_name('tariff.example.toml')}."

_ALL: Final = "*"
_OURS: Final = {Operation.DESTROY_KEY, Operation.SET_UP}
"""The service's own operations are nobody's calls."""

_CALLABLE: Final = frozenset(operation.value for operation in Operation if operation not in _OURS)

_Price = Annotated[Decimal, Field(ge=0, le=10**9, decimal_places=12)]
_Free = Annotated[int, Field(strict=True, ge=0, le=10**15)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KeyMonths(_Table):
    price: _Price
    free: _Free = 0


class Calls(_Table):
    operations: tuple[str, ...] = Field(min_length=1)
    price_per_10000: _Price
    free: _Free = 0

    @field_validator("operations")
    @classmethod
    def _are_known(cls, operations: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in operations if name != _ALL and name not in _CALLABLE]
        if unknown:
            raise ValueError(f"there is no operation {', '.join(unknown)}")
        return operations


class Tariff(_Table):
    """One tariff; :func:`read` makes it."""

    currency: str = Field(pattern=r"^[A-Z]{3}$")
    key_month: KeyMonths = KeyMonths(price=Decimal(0))
    calls: tuple[Calls, ...] = ()

    @model_validator(mode="after")
    def _name_each_operation_once(self) -> Tariff:
        named = [name for table in self.calls for name in table.operations]
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} is named more than once")
        return self

    @property
    def allowances(self) -> Sequence[Allowance]:
        """What is free, for :func:`projections.usage_report.answered`."""
        of_calls = [Allowance(self._operations(table), table.free) for table in self.calls]
        return [Allowance((KEY_MONTH,), self.key_month.free), *of_calls]

    def price(self, lines: Iterable[Line]) -> Decimal:
        """Of what is not free of ``lines``. Exact."""
        total = Decimal(0)
        for line in lines:
            total = _EXACT.add(total, _EXACT.multiply(self._each(line.operation), Decimal(line.answered - line.free)))
        return total

    def _each(self, operation: str) -> Decimal:
        if operation == KEY_MONTH:
            return self.key_month.price
        for table in self.calls:
            if operation in self._operations(table):
                return table.price_per_10000.scaleb(-4, _EXACT)
        return Decimal(0)

    def _operations(self, table: Calls) -> tuple[str, ...]:
        if _ALL not in table.operations:
            return table.operations
        others = {name for other in self.calls if other is not table for name in other.operations}
        return tuple(sorted(_CALLABLE - others))


def read(file: Path) -> Tariff:
    """:raises WrongUse: it cannot be read, or is no tariff; the message names the place."""
    try:
        return Tariff.model_validate(tomllib.loads(file.read_text(encoding="utf-8"), parse_float=Decimal))
    except OSError as error:
        raise WrongUse(f"The tariff {file} cannot be read: {error.strerror}.", "Name another with --tariff.") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WrongUse(f"The tariff {file} is not TOML: {error}.", EXAMPLE) from None
    except ValidationError as error:
        faults = "; ".join(_said(fault) for fault in error.errors())
        raise WrongUse(f"The tariff {file} is not valid: {faults}.", EXAMPLE) from None


def _said(fault: ErrorDetails) -> str:
    place = ".".join(str(part) for part in fault["loc"])
    said = fault["msg"].removeprefix("Value error, ")
    return f"{place}: {said}" if place else said
