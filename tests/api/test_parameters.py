"""Parameters travel in many ways and arrive as one; what is wrong is refused by name, with what was expected."""

from __future__ import annotations

import contextlib
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.signatures import Received, receive
from api.parameters import Parameters, read_rest, read_rpc
from domain.errors import AliasNotFound, InvalidParameter, KeyLedgerError, MalformedRequest, MissingParameter
from domain.vocabulary import KeyState
from tests.wire.recordings import RECORDED, Headers, acs, encoded, recorded, rpc

FORM = (b"content-type", b"application/x-www-form-urlencoded")
JSON = (b"content-type", b"application/json; charset=utf-8")
KEY = "1234abcd-12ab-34cd-56ef-12345678ab0c"
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
NAMES = TEXTS.filter(bool)


def arrived(query: str = "", body: str = "", headers: Headers | None = None, method: str = "POST") -> Received:
    return receive(method, b"/", query.encode(), headers or [FORM], body.encode())


def given_(**values: str) -> Parameters:
    return Parameters(values)


# --- the RPC endpoint


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_action_and_version_of_recorded_requests_are_found(path: object) -> None:
    request = recorded(path)  # type: ignore[arg-type]
    given = read_rpc(request.received())
    assert given.action == str(path).split(".")[-2]
    assert given.version in ("2016-01-20", "2015-04-01", "2015-05-01")


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("Action=Encrypt&Version=v&KeyId=k&Plaintext=a%20b", ""),
        ("", "Action=Encrypt&Version=v&KeyId=k&Plaintext=a+b"),
        ("Action=Encrypt&KeyId=k", "Version=v&Plaintext=a%20b"),
    ],
)
def test_query_and_body_are_one(query: str, body: str) -> None:
    given = read_rpc(arrived(query, body))
    assert (given.action, given.version) == ("Encrypt", "v")
    assert (given.required("KeyId"), given.required("Plaintext")) == ("k", "a b")


def test_a_name_in_query_and_body_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="KeyId"):
        arrived("Action=Encrypt&KeyId=1", "KeyId=2")


@pytest.mark.parametrize("headers", [[], [JSON], [(b"content-type", b"multipart/form-data")]])
def test_a_body_that_is_not_a_form_is_refused_and_not_ignored(headers: Headers) -> None:
    with pytest.raises(MalformedRequest, match="x-www-form-urlencoded"):
        read_rpc(receive("POST", b"/", b"Action=a&Version=v", headers, b"Action=b"))


def test_an_empty_body_needs_no_content_type_and_may_have_that_of_a_form() -> None:
    for headers in ([], [FORM], [JSON]):
        assert read_rpc(receive("POST", b"/", b"Action=a&Version=v", headers, b"")).action == "a"


@pytest.mark.parametrize("name", ["Action", "Version"])
def test_action_and_version_are_needed(name: str) -> None:
    present = {"Action": "ListKeys", "Version": "2016-01-20"}
    for value in ({}, {name: ""}):
        query = encoded({**{key: one for key, one in present.items() if key != name}, **value})
        with pytest.raises(MissingParameter, match=name):
            read_rpc(receive("GET", b"/", query, [], b""))


def test_headers_name_action_and_version_where_they_are_signed() -> None:
    given = read_rpc(acs({"KeyId": "k"}).received())
    assert (given.action, given.version) == ("ListKeys", "2016-01-20")


def test_headers_do_not_name_the_action_of_an_rpc_signature_which_does_not_cover_them() -> None:
    query = encoded(rpc(Action="-"))
    headers = [(b"x-acs-action", b"ScheduleKeyDeletion"), (b"x-acs-version", b"2016-01-20")]
    with pytest.raises(MissingParameter, match="Action"):
        read_rpc(receive("GET", b"/", query, headers, b""))
    assert read_rpc(receive("GET", b"/", encoded(rpc("ListKeys")), headers, b"")).action == "ListKeys"


def test_an_action_that_differs_from_the_signed_header_is_refused() -> None:
    assert read_rpc(acs({"Action": "ListKeys"}).received()).action == "ListKeys"
    with pytest.raises(InvalidParameter, match="Action"):
        read_rpc(acs({"Action": "ScheduleKeyDeletion"}).received())


# --- REST routes


def test_path_query_and_json_body_are_one() -> None:
    body = orjson.dumps(
        {"Plaintext": "aß", "EncryptionContext": {"a": "1"}, "NumberOfBytes": 7, "DryRun": True, "X": None}
    )
    given = read_rest(arrived("PageSize=3", body.decode(), [JSON]), {"KeyId": KEY}, "Encrypt")
    assert given.key().key_id == UUID(KEY)
    assert given.required("Plaintext") == "aß"
    assert given.encryption_context() == {"a": "1"}
    assert (given.integer("NumberOfBytes", range(1, 9)), given.boolean("DryRun")) == (7, True)
    assert (given.integer("PageSize", range(1, 9)), given.optional("X")) == (3, "")


@pytest.mark.parametrize(
    ("query", "body", "expected"),
    [
        ("KeyId=2", "", InvalidParameter),
        ("", '{"KeyId":"2"}', InvalidParameter),
        ("A=1", '{"A":"2"}', InvalidParameter),
        ("", '{"A":"1","A":"2"}', InvalidParameter),
        ("", '{"EncryptionContext":{"a":"1","a":"2"}}', InvalidParameter),
        ("", "[]", MalformedRequest),
        ("", '"text"', MalformedRequest),
        ("", "{", InvalidParameter),
        ("", '{"A":"\\u0000"}', InvalidParameter),
        ("", '{"A":"\\ud800"}', InvalidParameter),
        ("", '{"A":NaN}', InvalidParameter),
        ("", '{"A":1e999}', InvalidParameter),
        ("", '{"A":' + "1" * 5000 + "}", InvalidParameter),
        ("", '{"A":' + "[" * 100_000 + "]" * 100_000 + "}", InvalidParameter),
    ],
)
def test_a_rest_request_that_says_two_things_or_none_is_refused(
    query: str, body: str, expected: type[KeyLedgerError]
) -> None:
    with pytest.raises(expected):
        read_rest(arrived(query, body, [JSON]), {"KeyId": KEY}, "Encrypt")


def test_a_rest_body_must_be_json_in_utf_8() -> None:
    with pytest.raises(MalformedRequest, match="application/json"):
        read_rest(receive("POST", b"/v1/keys", b"", [(b"content-type", b"text/plain")], b"{}"), {}, "CreateKey")
    with pytest.raises(MalformedRequest, match="UTF-8"):
        read_rest(receive("POST", b"/v1/keys", b"", [JSON], b'{"A":"\xff"}'), {}, "CreateKey")


def test_an_action_signed_for_another_operation_does_not_open_a_route() -> None:
    received = acs(path=f"/v1/keys/{KEY}:encrypt", changed={"x-acs-action": "ListKeys"}).received()
    assert read_rest(received, {}, "ListKeys").action == "ListKeys"
    with pytest.raises(InvalidParameter, match="This route is Encrypt"):
        read_rest(received, {}, "Encrypt")


# --- typed readers


@pytest.mark.parametrize("given", [given_(), given_(A="")])
def test_an_empty_value_is_as_good_as_none(given: Parameters) -> None:
    with pytest.raises(MissingParameter, match=r'^The parameter "A" is needed but not provided'):
        given.required("A")
    with pytest.raises(MissingParameter):
        given.integer("A", range(1, 9))
    with pytest.raises(MissingParameter):
        given.text("A", 9, required=True)
    with pytest.raises(MissingParameter):
        given.key("A")
    assert (given.optional("A"), given.text("A", 9), given.integer("A", range(1, 9), 5)) == ("", "", 5)
    assert (given.boolean("A"), given.boolean("A", default=True)) == (False, True)
    assert given.choice("A", KeyState, KeyState.ENABLED) is KeyState.ENABLED
    assert given.one_of("A", {"x": 1, "y": 2}, "y") == "y"
    assert (given.json_list("A", ""), given.json_object("A", ""), given.tags("A"), given.filters("A")) == (
        [],
        {},
        (),
        {},
    )
    assert given.encryption_context("A") == {}


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("100", 100), ("007", 7)])
def test_integers_are_decimal(text: str, value: int) -> None:
    assert given_(A=text).integer("A", range(1, 101)) == value


@pytest.mark.parametrize(
    "text", ["0", "101", "-1", "+1", " 1", "1 ", "1.0", "1e1", "0x1", "１", "1_0", "9" * 5000, "x"]
)
def test_other_integers_are_refused_with_the_range(text: str) -> None:
    with pytest.raises(InvalidParameter, match=r"parameter A is not valid\. Expected an integer from 1 to 100\.$"):
        given_(A=text).integer("A", range(1, 101), 10)


@pytest.mark.parametrize(("text", "value"), [("True", True), ("true", True), ("False", False), ("false", False)])
def test_booleans_are_python_s_or_json_s(text: str, value: bool) -> None:
    assert given_(A=text).boolean("A", default=not value) is value


@pytest.mark.parametrize("text", ["TRUE", "1", "yes", "t", " true"])
def test_other_booleans_are_refused(text: str) -> None:
    with pytest.raises(InvalidParameter, match=r"A is not valid\. Expected true or false"):
        given_(A=text).boolean("A")


def test_choices_are_spelled_exactly() -> None:
    assert given_(A="Disabled").choice("A", KeyState, KeyState.ENABLED) is KeyState.DISABLED
    for text in ("disabled", "Disabled ", "x"):
        with pytest.raises(InvalidParameter, match="Expected Enabled or Disabled or PendingDeletion or PendingImport"):
            given_(A=text).choice("A", KeyState, KeyState.ENABLED)


def test_texts_are_bounded_in_characters() -> None:
    assert given_(A="中" * 8).text("A", 8) == "中" * 8
    with pytest.raises(InvalidParameter, match="It has 9 characters; at most 8 fit"):
        given_(A="中" * 9).text("A", 8)


def test_json_readers_refuse_the_other_type() -> None:
    assert given_(A='[{"a":1}]').json_list("A", "") == [{"a": 1}]
    assert given_(A='{"a":[1]}').json_object("A", "") == {"a": [1]}
    for text in ("{}", "1", "null", "[", "[1,]", '[{"a":1,"a":2}]'):
        with pytest.raises(InvalidParameter, match=r"A is not valid\. Expected this"):
            given_(A=text).json_list("A", "Expected this.")
    with pytest.raises(InvalidParameter, match="Expected this"):
        given_(A="[]").json_object("A", "Expected this.")


def test_keys_are_read_in_their_shapes() -> None:
    assert given_(KeyId=f"acs:kms:cn-hangzhou:1:key/{KEY}").key().region_id == "cn-hangzhou"
    with pytest.raises(AliasNotFound):
        given_(KeyId="alias/x").key()
    with pytest.raises(InvalidParameter, match="parameter KeyId is not valid"):
        given_(KeyId="k").key()


def test_tags_are_pairs() -> None:
    text = '[{"TagKey":"team","TagValue":"shop"},{"TagValue":"","TagKey":"x"}]'
    assert given_(Tags=text).tags() == (("team", "shop"), ("x", ""))


@pytest.mark.parametrize(
    "tags",
    [
        {},
        ["x"],
        [{"TagKey": "a"}],
        [{"TagKey": "a", "TagValue": 1}],
        [{"TagKey": "", "TagValue": "1"}],
        [{"TagKey": "a", "TagValue": "1", "Else": "2"}],
        [{"TagKey": "a", "TagValue": "1"}, {"TagKey": "a", "TagValue": "2"}],
        [{"TagKey": "a" * 129, "TagValue": "1"}],
        [{"TagKey": f"a{index}", "TagValue": "1"} for index in range(21)],
    ],
)
def test_other_tags_are_refused(tags: object) -> None:
    with pytest.raises(InvalidParameter, match="parameter Tags is not valid"):
        given_(Tags=orjson.dumps(tags).decode()).tags()


def test_filters_admit_values_by_property() -> None:
    text = '[{"Key":"KeyState","Values":["Enabled","Disabled"]},{"Key":"KeySpec","Values":[]}]'
    assert given_(Filters=text).filters() == {"KeyState": {"Enabled", "Disabled"}}


@pytest.mark.parametrize(
    "filters",
    [
        {},
        ["KeyState"],
        [{"Key": "KeyState"}],
        [{"Key": "KeyState", "Values": "Enabled"}],
        [{"Key": "KeyState", "Values": [1]}],
        [{"Key": ["KeyState"], "Values": []}],
        [{"Key": "Colour", "Values": ["red"]}],
        [{"Key": "KeyState", "Values": ["Enabled"]}, {"Key": "KeyState", "Values": ["Disabled"]}],
        [{"Key": "KeyState", "Values": [f"v{index}" for index in range(11)]}],
    ],
)
def test_other_filters_are_refused(filters: object) -> None:
    with pytest.raises(InvalidParameter, match="parameter Filters is not valid"):
        given_(Filters=orjson.dumps(filters).decode()).filters()


# --- EncryptionContext


@given(st.dictionaries(TEXTS, TEXTS, max_size=5))
def test_the_three_shapes_of_a_context_read_alike(context: dict[str, str]) -> None:
    text = {"EncryptionContext": orjson.dumps(context).decode()}
    flattened = {f"EncryptionContext.{name}": value for name, value in context.items()}
    indexed: dict[str, str] = {}
    for index, (name, value) in enumerate(context.items(), 1):
        indexed |= {f"EncryptionContext.{index}.Key": name, f"EncryptionContext.{index}.Value": value}
    for shape in (text, flattened, indexed):
        received = receive("POST", b"/", encoded({"Action": "a", "Version": "v", **shape}), [], b"")
        assert read_rpc(received).encryption_context() == context


@pytest.mark.parametrize("text", ["", "{}", " { } "])
def test_an_empty_context_is_none(text: str) -> None:
    assert given_(EncryptionContext=text).encryption_context() == {}


@pytest.mark.parametrize(
    "text",
    [
        " ",
        "x",
        "[]",
        "null",
        '"a"',
        '{"a":1}',
        '{"a":null}',
        '{"a":true}',
        '{"a":["1"]}',
        '{"a":{"b":"1"}}',
        '{"a":"1","a":"2"}',
        '{"a":"1","\\u0061":"2"}',
        '{"a":"1"}{}',
        '{"a":"\\u0000"}',
        '{"\\u0000":"1"}',
        '{"a":"\\ud800"}',
        '{"a":"' + "x" * 8192 + '"}',
        "[" * 100_000,
    ],
)
def test_a_context_that_is_no_map_of_strings_is_refused(text: str) -> None:
    with pytest.raises(InvalidParameter, match="parameter EncryptionContext is not valid"):
        given_(EncryptionContext=text).encryption_context()


def test_escapes_of_characters_beyond_the_basic_plane_are_read() -> None:
    assert given_(EncryptionContext='{"a":"\\ud83d\\ude08\\\\u0000"}').encryption_context() == {"a": "😈\\u0000"}


@pytest.mark.parametrize(
    "members",
    [
        {"": "{}", "a": "1"},
        {"": '{"a":"1"}', "a": "1"},
        {"": '{"a":"1"}', "1.Key": "a", "1.Value": "1"},
        {"1.Key": "a"},
        {"1.Value": "a"},
        {"1.Key": "a", "2.Value": "1"},
        {"1.Key": "a", "1.Value": "1", "b": "2"},
        {"1.Key": "a", "1.Value": "1", "1": "2"},
        {"1.Key": "a", "1.Value": "1", "2.Key": "a", "2.Value": "2"},
        {"1.Key": "a", "01.Value": "1"},
        {"1.Key": "a", "1": "2"},
        {"1.Key": "a", "Value": "1", "Key": "2"},
        {"a": "x" * 8192},
    ],
)
def test_two_shapes_at_once_and_what_could_be_two_shapes_are_refused(members: dict[str, str]) -> None:
    values = {f"EncryptionContext.{name}".removesuffix("." * (not name)): value for name, value in members.items()}
    with pytest.raises(InvalidParameter, match="parameter EncryptionContext is not valid"):
        Parameters(values).encryption_context()


def test_an_empty_json_context_beside_a_flattened_one_is_no_second_shape() -> None:
    values = {"EncryptionContext": "", "EncryptionContext.a": "1"}
    assert Parameters(values).encryption_context() == {"a": "1"}


def test_a_flattened_context_may_have_dots_and_digits_in_its_names() -> None:
    values = {"EncryptionContext.1.key": "a", "EncryptionContext.a.Key": "b", "EncryptionContext.7": "c"}
    assert Parameters(values).encryption_context() == {"1.key": "a", "a.Key": "b", "7": "c"}


@given(
    st.dictionaries(
        st.sampled_from(["A", "A.1.Key", "A.1.Value", "A.1", "A.Key", "A.b", "B"]), TEXTS | st.just('{"a":"1"}')
    )
)
def test_no_value_ends_in_another_exception(values: dict[str, str]) -> None:
    given = Parameters(values)
    for reader in (
        given.encryption_context,
        given.key,
        given.tags,
        given.filters,
        given.boolean,
        lambda name: given.integer(name, range(9)),
    ):
        with contextlib.suppress(KeyLedgerError):
            reader("A")
