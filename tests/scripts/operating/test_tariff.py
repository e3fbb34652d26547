"""Tariffs: exact decimals, and a sentence for every mistake."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from domain.vocabulary import Operation
from projections.usage_report import KEY_MONTH, Line
from scripts.envelope.failure import WrongUse
from scripts.operating.tariff import Tariff, read

EXAMPLE = Path(__file__).parents[3] / "scripts" / "operating" / "tariff.example.toml"

TEXT = """
currency = "CNY"
key_month = { price = 20, free = 1 }
[[calls]]
operations = ["Encrypt", "Decrypt"]
price_per_10000 = 0.6
free = 100
[[calls]]
operations = ["*"]
price_per_10000 = 0.000000000007
"""


def tariff(text: str, folder: Path) -> Tariff:
    file = folder / "tariff.toml"
    file.write_text(text)
    return read(file)


def refusal(text: str, folder: Path) -> str:
    with pytest.raises(WrongUse) as refused:
        tariff(text, folder)
    return str(refused.value)


def a_line(operation: str, answered: int, free: int = 0, refused: int = 0) -> Line:
    return Line((), operation, answered, refused, free)


@pytest.mark.parametrize(
    ("line", "price"),
    [
        (a_line("Encrypt", 1), "0.00006"),
        (a_line("Encrypt", 10_000), "0.6"),
        (a_line("Encrypt", 10_000, free=9_999), "0.00006"),
        (a_line("Decrypt", 3, refused=1_000_000), "0.00018"),
        (a_line("ListKeys", 1), "0.0000000000000007"),
        (a_line("AnOperationOfTomorrow", 5), "0"),
        (a_line(KEY_MONTH, 3, free=1), "40"),
        (a_line("Encrypt", 10**18 + 1), "60000000000000.00006"),
    ],
)
def test_a_price_is_exact(line: Line, price: str, tmp_path: Path) -> None:
    assert tariff(TEXT, tmp_path).price([line]) == Decimal(price)


def test_prices_add_up_exactly_in_any_order(tmp_path: Path) -> None:
    """With binary fractions, ten times 0.00006 is not 0.0006."""
    prices = tariff(TEXT, tmp_path)
    lines = [a_line("Encrypt", 1) for _ in range(10)] + [a_line("ListKeys", 1), a_line(KEY_MONTH, 10**9)]
    assert prices.price(lines) == prices.price(reversed(lines)) == Decimal("20000000000.0006000000000007")


def test_what_is_free_is_one_pool_for_each_table(tmp_path: Path) -> None:
    months, uses, rest = tariff(TEXT, tmp_path).allowances
    assert (months.operations, months.free) == ((KEY_MONTH,), 1)
    assert (uses.operations, uses.free) == (("Encrypt", "Decrypt"), 100)
    ours = {"Encrypt", "Decrypt", Operation.DESTROY_KEY.value, Operation.SET_UP.value}
    assert set(rest.operations) == {operation.value for operation in Operation} - ours


def test_the_example_is_a_tariff() -> None:
    example = read(EXAMPLE)
    assert example.price([a_line("Encrypt", 10_000), a_line(KEY_MONTH, 1)]) == Decimal("1.03")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "currency"),
        ("currency = 5", "currency"),
        ('currency = "euro"', "currency"),
        ('currency = "EUR"\nkey_month = { price = -1 }', "key_month.price"),
        ('currency = "EUR"\nkey_month = { price = nan }', "key_month.price"),
        ('currency = "EUR"\nkey_month = { price = inf }', "key_month.price"),
        ('currency = "EUR"\nkey_month = { price = 1e400 }', "key_month.price"),
        ('currency = "EUR"\nkey_month = { price = 0.0000000000001 }', "key_month.price"),
        ('currency = "EUR"\nkey_month = { price = "dear" }', "key_month.price"),
        ('currency = "EUR"\nkey_month = { price = 1, free = 1.5 }', "key_month.free"),
        ('currency = "EUR"\nkey_month = { price = 1, free = -1 }', "key_month.free"),
        ('currency = "EUR"\nkey_month = { price = 1, free = true }', "key_month.free"),
        ('currency = "EUR"\nkey_year = { price = 1 }', "key_year"),
        ('currency = "EUR"\n[[calls]]\noperations = ["Encypt"]\nprice_per_10000 = 1', "no operation Encypt"),
        ('currency = "EUR"\n[[calls]]\noperations = ["DestroyKey"]\nprice_per_10000 = 1', "no operation DestroyKey"),
        ('currency = "EUR"\n[[calls]]\noperations = []\nprice_per_10000 = 1', "calls.0.operations"),
        ('currency = "EUR"\n[[calls]]\noperations = ["Encrypt"]', "calls.0.price_per_10000"),
        (
            'currency = "EUR"\n[[calls]]\noperations = ["Encrypt", "*", "Encrypt"]\nprice_per_10000 = 1',
            "Encrypt is named more than once",
        ),
        ("currency = ", "not TOML"),
        ("\ud800", "not TOML"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, said: str, tmp_path: Path) -> None:
    if text == "\ud800":
        (tmp_path / "tariff.toml").write_bytes(b"\xff\xfe")
        with pytest.raises(WrongUse, match=said):
            read(tmp_path / "tariff.toml")
    else:
        assert said in refusal(text, tmp_path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="cannot be read: No such file"):
        read(tmp_path / "none.toml")
    with pytest.raises(WrongUse, match="cannot be read: Is a directory"):
        read(tmp_path)
