"""What is recorded of a question about the audit trail."""

from __future__ import annotations

import hashlib

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audit.request_parameters import (
    BYTES_MAX,
    MORE,
    TEXT_BYTES_MAX,
    recorded,
)

ID = "0b7f3c52-6d1e-4c8a-9f20-3e4d5c6b7a81"
HOW = ("cursor", "NextToken", "wait", "limit", "order", "total", "format", "Direction", "MaxResults")
KNOWN = frozenset((*HOW, "key_id", "from", "context.NAME", "details.NAME", "LookupAttribute"))


def test_what_was_asked_for_is_kept_in_the_order_of_names() -> None:
    given = {"key_id": "k", "from": "2026-11", "context.purpose": "tls", "LookupAttribute.1.Key": "User"}
    kept = recorded(given, KNOWN)
    assert dict(kept) == given
    assert list(kept) == sorted(given)


def test_how_somebody_wanted_their_answer_is_not_what_they_asked_for() -> None:
    assert recorded({**dict.fromkeys(HOW, "x"), "key_id": ""}, KNOWN) == {}


def test_what_is_no_parameter_of_the_operation_is_not_kept() -> None:
    """Somebody may have put a secret there."""
    assert recorded({"Plaintext": "secret", "contexts": "x", "Signature": "s", "AccessKeyId": "a"}, KNOWN) == {}


@pytest.mark.parametrize("given", [
    {"key_id": ID}, {"key_id": f"acs:kms:cn-hangzhou:1234567890123456:key/{ID}"}, {"key_id": ID.upper()},
])  # fmt: skip
def test_a_key_has_one_name_however_it_was_written(given: dict[str, str]) -> None:
    assert recorded(given, KNOWN) == {"key_id": ID}


def test_a_key_that_was_looked_up_as_actiontrail_has_it_is_a_key() -> None:
    looked_up = {"LookupAttribute.2.Key": "ResourceName", "LookupAttribute.2.Value": ID}
    assert recorded(looked_up, frozenset(("LookupAttribute",))) == {**looked_up, "key_id": ID}
    for spelling in (ID.upper(), ID.replace("-", ""), f"{{{ID}}}", f"urn:uuid:{ID}"):
        spelled = {**looked_up, "LookupAttribute.2.Value": spelling}
        assert recorded(spelled, frozenset(("LookupAttribute",))) == {**spelled, "key_id": ID}
    user = {**looked_up, "LookupAttribute.2.Value": "alice"}
    assert recorded(user, frozenset(("LookupAttribute",))) == user


def test_what_is_read_as_no_parameter_is_not_kept_for_its_beginning() -> None:
    beginnings = ("key_id.secret", "context.", "contexts", "LookupAttribute", "LookupAttribute.1.Key.Secret",
                  "LookupAttribute.99999.Key")  # fmt: skip
    assert recorded(dict.fromkeys(beginnings, "hunter2"), KNOWN) == {}


def test_a_long_text_is_told_by_its_length_and_hash() -> None:
    fits, long = "x" * (TEXT_BYTES_MAX - 2), "é" * TEXT_BYTES_MAX
    name = "context." + "n" * TEXT_BYTES_MAX
    kept = recorded({"key_id": fits, "from": long, name: "v"}, KNOWN)
    assert kept["key_id"] == fits
    assert kept["from"] == f"1024 characters, SHA-256 {hashlib.sha256(long.encode()).hexdigest()}"
    assert kept[f"{len(name)} characters, SHA-256 {hashlib.sha256(name.encode()).hexdigest()}"] == "v"


def test_of_too_many_the_first_are_kept_and_the_others_counted() -> None:
    kept = recorded({f"context.{number:03}": "x" * 100 for number in range(200)}, KNOWN)
    assert 30 < len(kept) < 40
    assert kept[MORE] == str(200 - (len(kept) - 1))


@given(st.dictionaries(st.text(st.characters(), max_size=200), st.text(st.characters(), max_size=1_100), max_size=40))
def test_whatever_is_sent_an_event_can_hold_it_and_is_small(values: dict[str, str]) -> None:
    begun = {f"context.{name}": value for name, value in values.items()}
    kept = recorded(begun, KNOWN)
    assert orjson.loads(orjson.dumps(kept)) == kept
    assert len(orjson.dumps(kept)) <= BYTES_MAX + 200


def test_control_characters_take_the_room_that_their_escapes_need() -> None:
    kept = recorded({f"details.{number}": "\x01" * 160 for number in range(32)}, KNOWN)
    assert len(orjson.dumps(kept)) <= BYTES_MAX + 200
    assert recorded({"from": "\x01" * 200}, KNOWN)["from"].startswith("200 characters, SHA-256 ")


def test_a_lone_surrogate_becomes_its_escape() -> None:
    assert recorded({"from": "a\ud800b"}, KNOWN) == {"from": "a\\ud800b"}
