"""The canonical form of an EncryptionContext: one for every map, and no two maps share one."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.encryption_context import NO_CONTEXT, EncryptionContext, authenticated_data, checked
from domain.errors import InvalidParameter
from domain.vocabulary import DEFAULT_REGIONS, ENCRYPTION_CONTEXT_CHARACTERS_MAX

GOLDEN: Final = sorted((Path(__file__).parent.parent / "golden" / "aad").glob("*.json"))
VERSION: Final = UUID("6f2b1f8e-9a53-4c59-8f0e-3f4b7c1d2e5a")
REGION: Final = "cn-hangzhou"

words = st.one_of(
    st.sampled_from(["", "=", "&", "a", "a=", "=a", "a=b&c", "a&b", "\0", "\0\0\0\1a", "é", "e\u0301", "鍵", "😈"]),
    st.text(max_size=6),
)
contexts = st.dictionaries(words, words, max_size=4)
places = st.tuples(contexts, st.uuids(), st.sampled_from(DEFAULT_REGIONS))


@given(contexts, st.randoms())
def test_the_order_of_the_names_makes_no_difference(context: dict[str, str], random: Any) -> None:
    items = list(context.items())
    random.shuffle(items)
    assert authenticated_data(dict(items), VERSION, REGION) == authenticated_data(context, VERSION, REGION)


@given(places, places)
def test_no_two_maps_versions_or_regions_share_their_bytes(
    one: tuple[EncryptionContext, UUID, str], other: tuple[EncryptionContext, UUID, str]
) -> None:
    assert (authenticated_data(*one) == authenticated_data(*other)) == (one == other)


@given(places)
def test_what_was_bound_can_be_read_back_from_the_bytes(place: tuple[EncryptionContext, UUID, str]) -> None:
    context, version, region = place
    parts = split(authenticated_data(context, version, region))
    assert parts[:3] == [b"key-ledger/aad/1", version.bytes, region.encode()]
    assert dict(zip(parts[3::2], parts[4::2], strict=True)) == {
        name.encode(): value.encode() for name, value in context.items()
    }


def split(data: bytes) -> list[bytes]:
    """An independent reader of the length-prefixed form: whatever can be read back is injective."""
    parts = []
    while data:
        (length,) = struct.unpack_from(">I", data)
        parts.append(data[4 : 4 + length])
        data = data[4 + length :]
    return parts


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": "b&c=d"}, {"a": "b", "c": "d"}),
        ({"a=b": "c"}, {"a": "b=c"}),
        ({"a": ""}, {"": "a"}),
        ({"": ""}, {}),
        ({"a": "b", "c": "d"}, {"a": "d", "c": "b"}),
        ({"ab": "c"}, {"a": "bc"}),
        ({"é": "x"}, {"e\u0301": "x"}),
    ],
)
def test_maps_that_look_alike_when_joined_are_bound_apart(one: dict[str, str], other: dict[str, str]) -> None:
    assert authenticated_data(one, VERSION, REGION) != authenticated_data(other, VERSION, REGION)


def test_the_same_context_is_bound_apart_in_another_version_and_in_another_region() -> None:
    context = {"purpose": "order"}
    bound = authenticated_data(context, VERSION, REGION)
    assert bound != authenticated_data(context, UUID(int=VERSION.int + 1), REGION)
    assert bound != authenticated_data(context, VERSION, "cn-shanghai")


# --- what is no context ----------------------------------------------------------------------------------------------


def test_no_context_is_the_empty_map() -> None:
    assert dict(checked({})) == dict(NO_CONTEXT) == {}


@pytest.mark.parametrize("character", ["a", "é", "鍵", "😈"])
def test_the_limit_counts_characters_of_names_and_values_not_bytes(character: str) -> None:
    half = ENCRYPTION_CONTEXT_CHARACTERS_MAX // 2
    fits: Any = {character * half: character * half}
    assert checked(fits) == fits
    with pytest.raises(InvalidParameter, match="8193 characters"):
        checked({character * half: character * half + "a"})


def test_the_limit_is_of_the_whole_map() -> None:
    names: Any = {f"{number:04}": "0000" for number in range(ENCRYPTION_CONTEXT_CHARACTERS_MAX // 8)}
    assert checked(names) == names
    with pytest.raises(InvalidParameter, match="at most 8192"):
        checked({**names, "x": ""})


@pytest.mark.parametrize("value", [1, 1.5, None, True, ["b"], {"b": "c"}, b"b"])
def test_names_and_values_are_strings_and_nothing_else(value: Any) -> None:
    with pytest.raises(InvalidParameter, match="maps strings to strings"):
        checked({"a": value})
    if isinstance(value, (str, int, float, bytes, type(None))):
        with pytest.raises(InvalidParameter, match="maps strings to strings"):
            checked({value: "a"})


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\udc00\ud800"])
def test_a_lone_surrogate_is_not_text_and_is_refused_as_such(text: str) -> None:
    with pytest.raises(InvalidParameter, match="EncryptionContext"):
        checked({text: "a"})
    with pytest.raises(InvalidParameter, match="EncryptionContext"):
        checked({"a": text})


@pytest.mark.parametrize("text", ["\0", "a\0b"])
def test_a_nul_is_refused_because_databases_that_audit_it_cannot_hold_it(text: str) -> None:
    with pytest.raises(InvalidParameter, match="EncryptionContext"):
        checked({text: "a"})
    with pytest.raises(InvalidParameter, match="EncryptionContext"):
        checked({"a": text})


def test_a_pair_of_surrogates_that_json_escapes_is_one_character() -> None:
    context = json.loads('{"a": "\\ud83d\\ude08"}')
    assert checked(context) == {"a": "😈"}


@given(st.dictionaries(st.text(st.characters()), st.text(st.characters()), max_size=3))
def test_whatever_is_checked_can_be_bound(context: Any) -> None:
    try:
        accepted = checked(context)
    except InvalidParameter:
        return
    assert authenticated_data(accepted, VERSION, REGION)


# --- for ever --------------------------------------------------------------------------------------------------------


def test_there_are_golden_files() -> None:
    assert len(GOLDEN) == 4


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_the_bytes_of_a_context_stay_the_same_for_ever(file: Path) -> None:
    golden = json.loads(file.read_text())
    bound = authenticated_data(golden["encryption_context"], UUID(golden["key_version_id"]), golden["region_id"])
    assert bound.hex() == golden["authenticated_data_hex"]
