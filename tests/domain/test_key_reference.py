"""The shapes in which a caller may name a key."""

from __future__ import annotations

from uuid import UUID

import pytest

from domain.errors import AliasNotFound, InvalidParameter
from domain.key_reference import KeyReference, parse

KEY = UUID("1234abcd-12ab-34cd-56ef-12345678ab0c")


def test_a_bare_key_id_names_a_key_and_nothing_else() -> None:
    assert parse(str(KEY)) == KeyReference(KEY, None, None)


def test_an_arn_names_region_and_account_too() -> None:
    assert parse(f"acs:kms:cn-hangzhou:1234567890123456:key/{KEY}") == KeyReference(
        KEY, "cn-hangzhou", "1234567890123456"
    )


@pytest.mark.parametrize(
    "alias", ["alias/x", "alias/team_a/key-1", "acs:kms:cn-hangzhou:1:alias/x", "alias/" + "x" * 249]
)
def test_a_well_formed_alias_is_not_found(alias: str) -> None:
    with pytest.raises(AliasNotFound):
        parse(alias)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "k",
        str(KEY).upper(),
        KEY.hex,
        f" {KEY}",
        f"{KEY}\n",
        f"key/{KEY}",
        f"acs:kms:cn-hangzhou:1234567890123456:key/{str(KEY).upper()}",
        f"acs:kms::1234567890123456:key/{KEY}",
        f"acs:kms:cn-hangzhou::key/{KEY}",
        f"acs:ram:cn-hangzhou:1234567890123456:key/{KEY}",
        f"acs:kms:cn-hangzhou:１２:key/{KEY}",
        "alias/",
        "alias/" + "x" * 250,
        "alias/ä",
        "alias",
    ],
)
def test_any_other_shape_is_an_invalid_key_id(text: str) -> None:
    with pytest.raises(InvalidParameter, match=r"^The specified parameter KeyId is not valid\."):
        parse(text)


def test_the_refusal_names_the_parameter_that_was_read() -> None:
    with pytest.raises(InvalidParameter, match="DestinationKeyId"):
        parse("nonsense", "DestinationKeyId")
