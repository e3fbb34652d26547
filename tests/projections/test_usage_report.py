"""Questions about usage: groups, filters, key-months, and what is free, against a slow and obvious count."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from adapters.ledger.mapper import decode
from adapters.ledger.writer import LedgerWriter
from projections.projector import catch_up
from projections.usage import UsageRows
from projections.usage_report import KEY_MONTH, Allowance, Dimension, Line, Question, Standing, answered, standing
from tests.fixtures.ledger import a_new_key, a_use

Connection = psycopg.AsyncConnection[Any]

FIRST, LAST = date(2026, 4, 20), date(2026, 7, 10)
ACCOUNTS = ("1000000000000001", "1000000000000002", "1000000000000003")
OPERATIONS = ("Encrypt", "Decrypt", "ListKeys")
ALLOWANCES = (Allowance(("Encrypt", "Decrypt"), 40), Allowance((KEY_MONTH,), 2), Allowance(("CreateKey",), 10**6))

Item = dict[str, Any]
"""A counted thing by its dimensions, with ``answered``, ``refused`` and, later, ``free``."""


class Filled:
    """A season of random usage, in the rows and in plain lists."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.keys = [self._key() for _ in range(9)]
        self.calls = self._calls()

    def _key(self) -> tuple[UUID, str, str, date, date | None]:
        created = FIRST + timedelta(days=self._random.randrange(60))
        ended = created + timedelta(days=self._random.randrange(40)) if self._random.random() < 0.4 else None
        region = self._random.choice(("cn-hangzhou", "eu-central-1"))
        return uuid4(), self._random.choice(ACCOUNTS), region, created, ended

    def _calls(self) -> dict[tuple[Any, ...], int]:
        calls: dict[tuple[Any, ...], int] = {}
        for _ in range(400):
            day = FIRST + timedelta(days=self._random.randrange((LAST - FIRST).days))
            key_id, _, region, _, _ = self._random.choice(self.keys)
            caller, operation = self._random.choice(ACCOUNTS), self._random.choice(OPERATIONS)
            about = None if operation == "ListKeys" else uuid4() if self._random.random() < 0.05 else key_id
            calls[day, caller, region, about, operation, self._random.random() < 0.2] = self._random.randrange(1, 9)
        return calls

    async def store(self, connection: Connection) -> None:
        async with connection.cursor() as cursor:
            await cursor.executemany("insert into projections.usage_keys values (%s, %s, %s, %s, %s)", self.keys)
            await cursor.executemany(
                "insert into projections.usage values (%s, %s, %s, %s, %s, %s, %s)",
                [(*counted, calls) for counted, calls in self.calls.items()],
            )

    def items(self, until: date) -> list[Item]:
        """Everything countable up to a day, in the order in which free calls are used up."""
        owners = {key_id: owner for key_id, owner, *_ in self.keys}
        found: list[Item] = [
            {
                "day": day, "account": owners.get(key_id, caller), "caller": caller, "region": region, "key": key_id,
                "operation": operation, "answered": 0 if refused else calls, "refused": calls if refused else 0,
            }
            for (day, caller, region, key_id, operation, refused), calls in self.calls.items()
        ]  # fmt: skip
        for key_id, owner, region, created, ended in self.keys:
            day = created
            while day <= min(ended or until, until):
                found.append({
                    "day": day, "account": owner, "caller": owner, "region": region, "key": key_id,
                    "operation": KEY_MONTH, "answered": 1, "refused": 0,
                })  # fmt: skip
                day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        # PostgreSQL sorts null last, and UUIDs by their bytes.
        found.sort(key=lambda i: (i["day"], i["region"], i["key"] is None, str(i["key"]), i["operation"], i["caller"]))
        return [item for item in found if item["day"] <= until]


def expected(items: Sequence[Item], question: Question, allowances: Sequence[Allowance]) -> list[Line]:
    left: dict[tuple[Any, ...], int] = {}
    groups: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0, 0])
    for item in items:
        free = 0
        for number, allowance in enumerate(allowances):
            if item["operation"] in allowance.operations:
                pool = (number, item["account"], item["day"].year, item["day"].month)
                free = min(left.setdefault(pool, allowance.free), item["answered"])
                left[pool] -= free
        wanted = {
            "account": question.account_id, "caller": question.caller, "region": question.region_id,
            "key": question.key_id,
        }  # fmt: skip
        if item["day"] < question.since or any(value not in (None, item[name]) for name, value in wanted.items()):
            continue
        shown = {**item, "month": f"{item['day']:%Y-%m}", "key": item["key"] or ""}
        sums = groups[(*(str(shown[dimension]) for dimension in question.by), item["operation"])]
        for place, count in enumerate((item["answered"], item["refused"], free)):
            sums[place] += count
    return sorted(Line(group[:-1], group[-1], *sums) for group, sums in groups.items())


QUESTIONS = [
    {},
    {"by": [Dimension.ACCOUNT]},
    {"by": [Dimension.ACCOUNT, Dimension.OPERATION], "account_id": ACCOUNTS[0]},
    {"by": [Dimension.KEY, Dimension.MONTH]},
    {"by": [Dimension.DAY], "region_id": "eu-central-1"},
    {"by": [Dimension.CALLER, Dimension.REGION], "caller": ACCOUNTS[1]},
    {"by": [Dimension.MONTH], "since": date(2026, 5, 17), "until": date(2026, 6, 3)},
    {"by": list(Dimension), "since": date(2026, 6, 30), "until": date(2026, 6, 30)},
    {"by": [Dimension.ACCOUNT], "until": date(2027, 3, 1)},
    {"account_id": "9999999999999999"},
]


@pytest.mark.parametrize("asked", QUESTIONS, ids=str)
@pytest.mark.parametrize("allowances", [(), ALLOWANCES], ids=["without a tariff", "with allowances"])
async def test_answers_are_those_of_a_slow_count(
    connection: Connection, asked: dict[str, Any], allowances: tuple[Allowance, ...]
) -> None:
    filled = Filled(seed=len(str(asked)))
    await filled.store(connection)
    question = Question(**{"since": FIRST, "until": LAST, **asked})
    found = await answered(connection, question, allowances)
    assert sorted(found) == expected(filled.items(question.until), question, allowances)


async def test_one_keys_usage_is_its_own(connection: Connection) -> None:
    filled = Filled(seed=2)
    await filled.store(connection)
    key_id = filled.keys[3][0]
    question = Question(since=FIRST, until=LAST, key_id=key_id, by=[Dimension.KEY])
    found = await answered(connection, question, ALLOWANCES)
    assert {line.group for line in found} == {(str(key_id),)}
    assert sorted(found) == expected(filled.items(LAST), question, ALLOWANCES)


async def test_the_parts_of_a_season_add_up_to_the_season(connection: Connection) -> None:
    """So a bill of two halves is the bill of the whole, free calls and key-months included."""
    await Filled(seed=8).store(connection)
    parts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    day = FIRST
    while day <= LAST:
        until = min(day + timedelta(days=8), LAST)
        for line in await answered(connection, Question(since=day, until=until), ALLOWANCES):
            parts[line.operation] = [a + b for a, b in zip(parts[line.operation], line[2:], strict=True)]
        day = until + timedelta(days=1)
    whole = await answered(connection, Question(since=FIRST, until=LAST), ALLOWANCES)
    assert parts == {line.operation: list(line[2:]) for line in whole}


async def test_nothing_that_is_asked_for_is_read_as_sql(connection: Connection) -> None:
    await Filled(seed=1).store(connection)
    hostile = "'; drop table projections.usage; --"
    for filters in ({"account_id": hostile}, {"caller": hostile}, {"region_id": hostile}):
        assert await answered(connection, Question(since=FIRST, until=LAST, **filters)) == []  # type: ignore[arg-type]


async def test_an_answer_says_how_current_it_is(writer: LedgerWriter, connection: Connection) -> None:
    assert await standing(connection) == Standing(0, 0, None)
    made = a_new_key()
    for submission in (made.submission, a_use(made.key)):
        await writer.append(submission)
    await catch_up(connection, UsageRows(), decode)
    await writer.append(a_use(made.key))
    cursor = await connection.execute("select recorded_at from ledger.events where position = 2")
    (recorded_at,) = await cursor.fetchone() or (None,)
    assert await standing(connection) == Standing(2, 3, recorded_at)
