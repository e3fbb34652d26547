"""What a policy document says is told in a clause, whatever its form, and cut where it is long."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.audit.documents_in_words import CHARACTERS_MAX, says


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            {"Effect": "Allow", "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": "acs:kms:*:*:key/1"},
            "allows kms:Encrypt, kms:Decrypt on acs:kms:*:*:key/1",
        ),
        ({"Effect": "Allow", "Action": "*", "Resource": ["*"]}, "allows every action on everything"),
        (
            {"Effect": "Deny", "NotAction": "kms:List*", "Resource": "*", "Condition": {"Bool": {"x": "true"}}},
            "denies every action but kms:List* on everything under conditions",
        ),
        (
            [
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"RAM": ["acs:ram::1:root"]}},
                {"Effect": "Deny", "Action": "sts:AssumeRole", "Principal": "*"},
            ],
            "trusts acs:ram::1:root; does not trust everybody",
        ),
    ],
)
def test_statements_are_told_one_after_the_other(statement: Any, said: str) -> None:
    assert says(json.dumps({"Version": "1", "Statement": statement})) == said


def test_a_long_document_is_cut_visibly() -> None:
    statement = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": [f"acs:kms:*:*:key/{n}" for n in range(99)]}
    told = says(json.dumps({"Version": "1", "Statement": [statement]}))
    assert len(told) <= CHARACTERS_MAX
    assert told.endswith("…")


@pytest.mark.parametrize("document", ["", "x", "[]", "{}", '{"Statement": [1]}', '{"Statement": [{"Effect": "May"}]}'])
def test_of_what_is_no_document_nothing_is_said(document: str) -> None:
    assert says(document) == ""
