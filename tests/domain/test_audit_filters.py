"""Filters as people write them: what is read, and what is refused by name."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audit.filters import CHARACTERS_MAX, CONTEXT, FILTERS, Texts, read_filters
from domain.errors import AliasNotFound, InvalidParameter, KeyLedgerError

KEY: Final = "08c33a6f-4e0a-4a1b-a3fa-7ddfa1d4fb73"


def test_every_filter_takes_the_example_that_is_shown_for_it() -> None:
    for name, filter_ in FILTERS.items():
        example = filter_.example.replace("…", "1234567890123456")
        assert read_filters({name: example}) != read_filters({}), name


def test_values_are_alternatives_and_an_asterisk_is_whatever_follows() -> None:
    filters = read_filters({"operation": "Encrypt, Decrypt,List*", "user_agent": "a,b*"})
    assert filters.texts["operation"] == Texts(("Encrypt", "Decrypt"), ("List",))
    assert filters.texts["user_agent"] == Texts((), ("a,b",))


@pytest.mark.parametrize("key", [KEY, f"acs:kms:cn-hangzhou:1234567890123456:key/{KEY}"])
def test_a_key_is_its_id_or_its_arn(key: str) -> None:
    assert str(read_filters({"key_id": key}).key_id) == KEY


def test_an_arn_is_that_of_a_key_of_its_region_where_no_other_is_asked_for() -> None:
    arn = f"acs:kms:cn-hangzhou:1234567890123456:key/{KEY}"
    assert read_filters({"key_id": arn}).texts == {"region_id": Texts(("cn-hangzhou",))}
    assert read_filters({"key_id": arn, "region_id": "x"}).texts == {"region_id": Texts(("x",))}
    assert read_filters({"key_id": KEY}).texts == {}


@pytest.mark.parametrize(
    ("written", "since", "until"),
    [
        ("2026-11-25", datetime(2026, 11, 25, tzinfo=UTC), datetime(2026, 11, 26, tzinfo=UTC)),
        ("2026-11-25T08:00:00Z", *[datetime(2026, 11, 25, 8, tzinfo=UTC)] * 2),
        ("2026-11-25T08:00:00.5+08:00", *[datetime(2026, 11, 25, 0, 0, 0, 500_000, tzinfo=UTC)] * 2),
    ],
)
def test_a_day_is_all_of_it_and_a_time_is_that_time(written: str, since: datetime, until: datetime) -> None:
    assert read_filters({"from": written}).since == since
    assert read_filters({"to": written}).until == until


def test_a_source_is_an_address_or_a_network() -> None:
    assert read_filters({"source_ip": "192.0.2.7"}).source == ip_network("192.0.2.7/32")
    assert read_filters({"source_ip": "192.0.2.7/24"}).source == ip_network("192.0.2.0/24")
    assert read_filters({"source_ip": "2001:db8::/32"}).source == ip_network("2001:db8::/32")


def test_pairs_of_the_context_are_all_wanted() -> None:
    assert read_filters({"context.a": "1", "context.b.c": "2"}).context == {"a": "1", "b.c": "2"}


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("principal", "alice", "InvalidParameter"),
        ("principal", "*", "InvalidParameter"),
        ("key_id", "nonsense", "InvalidParameter"),
        ("key_id", "alias/shop", "Forbidden.AliasNotFound"),
        ("operation", "Encrpyt", "InvalidParameter"),
        ("operation", "Encrypt,,", "InvalidParameter"),
        ("operation", ",".join(["Encrypt"] * 51), "InvalidParameter"),
        ("outcome", "failed", "InvalidParameter"),
        ("outcome", "re*", "InvalidParameter"),
        ("source_ip", "somewhere", "InvalidParameter"),
        ("source_ip", "192.0.2.7/33", "InvalidParameter"),
        ("source_ip", "fe80::1%eth0", "InvalidParameter"),
        ("source_ip", "fe80::%eth0/64", "InvalidParameter"),
        ("resource", f"acs:kms:cn-hangzhou:1234567890123456:key/{KEY}", "InvalidParameter"),
        ("resource", "acs:kms:*:1234567890123456:key/*", "InvalidParameter"),
        ("request_id", "7", "InvalidParameter"),
        ("secure_transport", "yes", "InvalidParameter"),
        ("account_id", "acs:1", "InvalidParameter"),
        ("from", "yesterday", "InvalidParameter"),
        ("from", "2026-02-30", "InvalidParameter"),
        ("from", "2026-11-25T08:00:00", "InvalidParameter"),
        ("from", "0001-01-01T00:00:00+14:00", "InvalidParameter"),
        ("topic", "ram.*,nothing.*", "InvalidParameter"),
        ("topic", "kms.key.use", "InvalidParameter"),
        ("from_position", "-1", "InvalidParameter"),
        ("to_position", "1" * 19, "InvalidParameter"),
        ("context.", "x", "InvalidParameter"),
        ("user_agent", "x" * (CHARACTERS_MAX + 1), "InvalidParameter"),
    ],
)
def test_what_means_nothing_is_refused_by_name(name: str, value: str, code: str) -> None:
    with pytest.raises(KeyLedgerError) as refused:
        read_filters({name: value})
    assert refused.value.code == code
    assert code != "InvalidParameter" or f" {name} " in refused.value.message


@pytest.mark.parametrize(
    "given",
    [
        {"from": "2026-11-02", "to": "2026-11-01"},
        {"from": "2026-11-01T00:00:00Z", "to": "2026-11-01T00:00:00Z"},
        {"from_position": "2", "to_position": "1"},
    ],
)
def test_what_ends_before_it_begins_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(KeyLedgerError, match="The specified parameter to"):
        read_filters(given)


@given(st.dictionaries(st.sampled_from([*FILTERS, f"{CONTEXT}x"]), st.text(max_size=60), max_size=4))
def test_whatever_is_sent_is_read_or_refused(sent: dict[str, str]) -> None:
    with contextlib.suppress(InvalidParameter, AliasNotFound):
        read_filters(sent)
