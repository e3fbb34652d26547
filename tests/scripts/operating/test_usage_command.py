"""``key-ledger usage``: every call once, in the form that was asked for, with its price and how current that is."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest

from domain import events
from domain.errors import KeyNotFound
from domain.key import Key
from domain.ports import Submission
from domain.vocabulary import Operation
from projections import pages, projector
from projections.pages import CountedBy, Entry
from projections.usage_report import standing
from scripts.operating import usage
from tests.fixtures.ledger import a_call, a_caller, a_new_key, a_use
from tests.scripts.operating.conftest import COMMAND, Operate, Operated, ended, started

OWNER, GUEST = "1234567890123456", "2222222222222222"
JUNE = ("--from", "2026-06", "--to", "2026-06")

TARIFF = """
currency = "CNY"
key_month = { price = 20 }
[[calls]]
operations = ["Encrypt"]
price_per_10000 = 0.6
free = 2
"""


@pytest.fixture(autouse=True)
def _afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """In July 2026: what the ledger of these tests holds is past."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime(2026, 7, 10, tzinfo=UTC)

    monkeypatch.setattr(usage, "datetime", Clock)


def a_refusal(key: Key) -> Submission:
    call = a_call(Operation.ENCRYPT, by=a_caller(GUEST), region_id=key.region_id)
    error = KeyNotFound()
    event = events.CallRefused(
        originator_id=call.stream,
        originator_version=1,
        timestamp=call.at,
        call=call,
        code=error.code,
        message=error.message,
        key_id=key.key_id,
    )
    return Submission(events=(event,))


@pytest.fixture
def key(operated: Operated) -> Key:
    """Created on 1 June 2026, used 5 times by its owner, and in vain by a guest."""
    made = a_new_key(account_id=OWNER)
    uses = [a_use(made.key, a_call(by=a_caller(OWNER))) for _ in range(5)]
    operated.record(made.submission, *uses, a_refusal(made.key))
    return made.key


@pytest.fixture
def prices(operated: Operated) -> Path:
    file = operated.folder / "tariff.toml"
    file.write_text(TARIFF)
    return file


@pytest.fixture
def behind(key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "UPDATE_SECONDS", 0.0)


# --- counts ----------------------------------------------------------------------------------------------------------


def test_what_was_recorded_before_the_question_is_counted(operate: Operate, key: Key) -> None:
    answer = operate("usage", *JUNE, "--json").json
    assert answer["rows"] == [
        {"account": OWNER, "operation": "CreateKey", "calls": 1, "refused": 0},
        {"account": OWNER, "operation": "Encrypt", "calls": 5, "refused": 1},
    ]
    assert (answer["position"], answer["head"], answer["stopped_at"]) == (7, 7, None)


@pytest.mark.parametrize(
    ("words", "rows"),
    [
        (("--by", "caller"), [(OWNER, 6, 0), (GUEST, 0, 1)]),
        (("--by", "account"), [(OWNER, 6, 1)]),
        (("--by", "day"), [("2026-06-01", 6, 1)]),
        (("--by", "month"), [("2026-06", 6, 1)]),
        (("--by", "region"), [("cn-hangzhou", 6, 1)]),
        (("--by", "operation", "--caller", GUEST), [("Encrypt", 0, 1)]),
        (("--by", "operation", "--account", GUEST), []),
        (("--by", "region", "--region", "cn-shanghai"), []),
        (("--by", "caller,operation", "--by", "caller"), None),
    ],
)
def test_usage_is_grouped_and_filtered(
    operate: Operate, key: Key, words: tuple[str, ...], rows: list[tuple[object, ...]] | None
) -> None:
    found = [tuple(row.values()) for row in operate("usage", *JUNE, *words, "--json").json["rows"]]
    several = [(OWNER, "CreateKey", 1, 0), (OWNER, "Encrypt", 5, 0), (GUEST, "Encrypt", 0, 1)]
    assert found == (several if rows is None else rows)


def test_a_key_is_named_by_id_or_arn(operate: Operate, key: Key) -> None:
    for name in (key.key_id, key.arn):
        (row,) = operate("usage", *JUNE, "--key", name, "--by", "key", "--json").json["rows"]
        assert row == {"key": str(key.key_id), "calls": 6, "refused": 1}


def test_a_table_ends_with_its_total_and_says_how_current_it_is(operate: Operate, key: Key) -> None:
    outcome = operate("usage", *JUNE)
    assert [line.split() for line in outcome.output.splitlines()] == [
        ["Account", "Operation", "Calls", "Refused"],
        [OWNER, "CreateKey", "1", "0"],
        [OWNER, "Encrypt", "5", "1"],
        ["total", "6", "1"],
    ]
    assert outcome.said.startswith("2026-06-01 to 2026-06-30 (UTC), counted up to position 7, 20")
    assert "not counted" not in outcome.said


def test_csv_is_rows_and_nothing_else(operate: Operate, key: Key, prices: Path) -> None:
    outcome = operate("usage", *JUNE, "--csv", "--tariff", prices, "--by", "operation")
    assert list(csv.reader(io.StringIO(outcome.output))) == [
        ["operation", "calls", "refused", "free", "key_months", "price", "currency"],
        ["CreateKey", "1", "0", "0", "0", "0.00", "CNY"],
        ["Encrypt", "5", "1", "2", "0", "0.00018", "CNY"],
        ["KeyMonth", "0", "0", "0", "1", "20.00", "CNY"],
    ]
    assert "position 7" in outcome.said


def test_an_empty_ledger_is_an_empty_table(operate: Operate) -> None:
    outcome = operate("usage", *JUNE)
    assert (outcome.exit_code, outcome.output.split()[-2:]) == (0, ["0", "0"])
    assert "nothing is recorded yet" in outcome.said


# --- prices ----------------------------------------------------------------------------------------------------------


def test_a_bill_has_free_calls_key_months_and_a_total(operate: Operate, key: Key, prices: Path) -> None:
    answer = operate("usage", *JUNE, "--tariff", prices, "--by", "account", "--json").json
    expected = {"calls": 6, "refused": 1, "free": 2, "key_months": 1, "price": "20.00018", "currency": "CNY"}
    assert answer["rows"] == [{"account": OWNER, **expected}]
    assert (answer["total"], answer["currency"]) == ("20.00018", "CNY")


def test_two_months_are_two_key_months(operate: Operate, key: Key, prices: Path) -> None:
    words = ("--tariff", prices, "--by", "month", "--json", "--from", "2026-06-02", "--to", "2026-07-31")
    rows = operate("usage", *words).json["rows"]
    assert [(row["month"], row["key_months"], row["price"]) for row in rows] == [("2026-07", 1, "20.00")]
    rows = operate("usage", "--tariff", prices, "--by", "month", "--json", "--from", "2026-06").json["rows"]
    assert [(row["month"], row["key_months"]) for row in rows] == [("2026-06", 1), ("2026-07", 1)]


def test_a_tariff_that_is_wrong_is_told_before_anything_is_asked(operate: Operate, operated: Operated) -> None:
    (operated.folder / "wrong.toml").write_text('currency = "EUR"\nprice = 1')
    operated.set(database_url="postgresql://nobody@127.0.0.1:1/nothing")
    outcome = operate("usage", "--tariff", "wrong.toml")
    assert (outcome.exit_code, "price: Extra inputs" in outcome.said) == (2, True)


# --- how current -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("behind")
def test_what_is_not_counted_yet_is_said(operate: Operate) -> None:
    outcome = operate("usage", *JUNE)
    assert "7 events are not counted yet" in outcome.said
    assert operate("usage", *JUNE, "--json").json["position"] == 0


def test_counting_that_was_stopped_by_an_event_is_said_loudly(
    operate: Operate, operated: Operated, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projector, "PAGE", 2)

    class Choking(Entry):
        @property
        def counted(self) -> CountedBy:
            if self.topic == "kms.call.refused":
                raise ValueError("from the future")
            return super().counted

    monkeypatch.setattr(pages, "Entry", Choking)
    outcome = operate("usage", *JUNE)
    assert outcome.exit_code == 0
    assert "Counting has STOPPED: projection usage cannot take the event at position 7" in outcome.said
    assert operate("usage", *JUNE, "--json").json["stopped_at"] == 7


# --- wrong use, and what is away -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--account", "123"), "16 digits"),
        (("--caller", "x" * 16), "16 digits"),
        (("--key", "my-key"), "is no key's id"),
        (("--by", "colour"), "account, caller, region, key, operation, day, month"),
        (("--from", "yesterday"), "'yesterday' is no day"),
        (("--from", "2026-13"), "'2026-13' is no day"),
        (("--from", "2026-06-31"), "'2026-06-31' is no day"),
        (("--from", "2026-06-02", "--to", "2026-06-01"), "has no day"),
        (("--from", "2026-08"), "has no day"),
        (("--csv", "--json"), "Give one of them"),
        (("--tariff", "nothing.toml"), "No such file"),
    ],
)
def test_what_makes_no_sense_is_named(operate: Operate, words: tuple[str, ...], said: str) -> None:
    outcome = operate("usage", *words)
    assert (outcome.exit_code, outcome.output, said in outcome.said) == (2, "", True), outcome.said


@pytest.mark.parametrize(
    ("since", "until", "period"),
    [
        (None, None, ("2026-07-01", "2026-07-10")),
        (None, "2026-05", ("2026-05-01", "2026-05-31")),
        (None, "2026-05-03", ("2026-05-01", "2026-05-03")),
        ("2026-02", "2026-02", ("2026-02-01", "2026-02-28")),
        ("2024-02", "2024-02", ("2024-02-01", "2024-02-29")),
        ("2026-06-30", None, ("2026-06-30", "2026-07-10")),
        ("2026-07", "2026-12", ("2026-07-01", "2026-07-10")),
    ],
)
def test_a_period_is_days_or_months_and_never_ahead(
    since: str | None, until: str | None, period: tuple[str, str]
) -> None:
    found = usage._period(since, until, date(2026, 7, 10))
    assert tuple(day.isoformat() for day in found) == period


def test_a_database_that_is_away_is_said(operate: Operate, operated: Operated) -> None:
    operated.set(database_url="postgresql://nobody@127.0.0.1:1/nothing")
    outcome = operate("usage")
    assert (outcome.exit_code, "Connection refused" in outcome.said) == (5, True)


def test_a_database_that_dies_meanwhile_is_said(
    operate: Operate, operated: Operated, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dying(connection: psycopg.AsyncConnection[object]) -> object:
        with psycopg.connect(operated.database.admin_url, autocommit=True) as admin:
            admin.execute("select pg_terminate_backend(%s)", (connection.info.backend_pid,))
        return await standing(connection)

    monkeypatch.setattr(usage, "standing", dying)
    outcome = operate("usage", *JUNE)
    assert (outcome.exit_code, outcome.output) == (5, "")


def test_a_pipe_that_closes_early_is_no_crash(operated: Operated, key: Key) -> None:
    command = f"{' '.join(COMMAND)} usage --data {operated.data} --from 2026-06 --to 2026-06 --json | head -c 1"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[3])}
    ran = subprocess.run(
        ["sh", "-c", command], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.stdout == "{"
    assert "Traceback" not in ran.stderr


def test_it_runs_beside_the_projector(operated: Operated, key: Key) -> None:
    """Both advance the same rows: the lock on the position lets one of them work at a time."""
    environment = {
        "DATABASE_URL": operated.database.service_url,
        "KEY_LEDGER_HSM_MODE": "software",
        "KEY_LEDGER_HSM_SOFTWARE_FILE": str(operated.data / "software-keys"),
    }
    program = (sys.executable, "-m", "scripts.projector")
    following = started(operated, program=program, environment=environment)
    words = ("usage", *JUNE, "--json", "--by", "account", "--data", operated.data)
    try:
        answers = [ended(started(operated, *words)).json for _ in range(2)]
    finally:
        following.terminate()
        outcome = ended(following)
    assert (outcome.exit_code, outcome.said) == (0, "")
    assert [answer["rows"] for answer in answers] == [[{"account": OWNER, "calls": 6, "refused": 1}]] * 2
