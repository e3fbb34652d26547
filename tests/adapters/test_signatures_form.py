"""Parameters: the fast path and the slow path read and canonicalise alike, and what is ambiguous is refused."""

from __future__ import annotations

import string
import timeit
from urllib.parse import parse_qsl, quote, quote_plus, unquote_to_bytes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.signatures import form
from domain.errors import InvalidParameter, KeyLedgerError, MalformedRequest
from tests.wire.recordings import encoded
from tests.wire.sigcheck import pe

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
PARAMETERS = st.dictionaries(NAMES, TEXTS, max_size=12)
QUERY_BYTES = st.text(string.ascii_letters + string.digits + "-_.~%&=+*/:{}\"' ,\x01é", max_size=80).map(str.encode)


def _spelled(text: str, spelling: int) -> str:
    """One of the ways in which clients write ``text``, none canonical for every text."""
    plain = [
        quote(text, safe="~"),
        quote_plus(text, safe="~"),
        quote(text, safe="/:*'()!@,;{}\"~"),
        quote(text, safe="").lower() if text.isascii() and text.islower() else quote(text, safe=""),
        "".join(f"%{byte:02x}" for byte in text.encode()),
    ]
    return plain[spelling % len(plain)]


@given(PARAMETERS)
@example({"A": "1", "A.1": "2", "A1": "3", "a~": "4", "a中": "5"})
def test_canonical_parameters_are_taken_as_they_are(parameters: dict[str, str]) -> None:
    read = form.parse(encoded(parameters))
    assert read.values == parameters
    assert read.canonical() == "&".join(f"{pe(name)}={pe(value)}" for name, value in sorted(parameters.items()))
    assert set(read.segments.values()) == {f"{pe(name)}={pe(value)}" for name, value in parameters.items()}


@given(PARAMETERS, st.lists(st.integers(0, 4), min_size=12, max_size=12))
def test_every_spelling_of_the_same_parameters_reads_and_canonicalises_alike(
    parameters: dict[str, str], spellings: list[int]
) -> None:
    pairs = zip(parameters.items(), spellings, strict=False)
    raw = "&".join(f"{_spelled(name, how)}={_spelled(value, how)}" for (name, value), how in pairs)
    assert form.parse(raw.encode()) == form.parse(encoded(parameters))


@given(QUERY_BYTES)
@example(b"a=b=c&d")
@example(b"a&b=c=d")
@example(b"&a=1&&b=2&")
@example(b"a=%e4%b8%ad&b=%41%7e%2D")
@example(b"a+b=c+d%2B")
def test_whatever_is_read_is_what_the_standard_library_reads(raw: bytes) -> None:
    try:
        read = form.parse(raw)
    except KeyLedgerError:
        return
    pairs = parse_qsl(raw.decode(), keep_blank_values=True, strict_parsing=False)
    assert list(read.values.items()) == pairs
    assert read.canonical() == "&".join(f"{pe(name)}={pe(value)}" for name, value in sorted(pairs))


@given(QUERY_BYTES)
def test_both_paths_agree(raw: bytes) -> None:
    """A canonical query, taken apart and quoted again segment by segment, is itself."""
    fast = form._canonical_segments(raw)
    if fast is not None:
        assert fast == [
            f"{quote(unquote_to_bytes(name), safe='~')}={quote(unquote_to_bytes(value), safe='~')}"
            for name, _, value in (segment.partition(b"=") for segment in raw.split(b"&"))
        ]


def test_exactly_the_needless_escapes_leave_the_fast_path() -> None:
    unreserved = (string.ascii_letters + string.digits + "-_.~").encode()
    for byte in range(256):
        upper, lower = b"a=%%%02X" % byte, b"a=%%%02x" % byte
        assert (form._canonical_segments(upper) is None) == (byte in unreserved)
        assert (form._canonical_segments(lower) is None) == (byte in unreserved or lower != upper)


@given(st.binary(max_size=200))
def test_the_c_decoder_decodes_escapes_as_the_standard_library_does(plain: bytes) -> None:
    text = quote(plain, safe="~")
    try:
        expected = plain.decode()
    except UnicodeDecodeError:
        with pytest.raises(MalformedRequest):
            form._unquoted(text, "a")
        return
    if "\0" not in expected:
        assert form._unquoted(text, "a") == expected


@pytest.mark.parametrize(
    ("raw", "parameter"),
    [
        (b"Plaintext=%zz", "Plaintext"),
        (b"Plaintext=%2", "Plaintext"),
        (b"a=1&Plaintext=%", "Plaintext"),
        (b"Plaintext=%ff", "Plaintext"),
        (b"Plaintext=%C3", "Plaintext"),
        (b"Plaintext=%ED%A0%80", "Plaintext"),
        (b"Plaintext=\xff", "Plaintext"),
        (b"Plaintext=a%00b", "Plaintext"),
        (b"Plaintext=a\0b", "Plaintext"),
        (b"Plain%00text=a", "Plain%00text"),
        (b"Plain%fftext=a", "Plain%FFtext"),
    ],
)
def test_what_cannot_be_text_is_refused_by_name(raw: bytes, parameter: str) -> None:
    with pytest.raises(MalformedRequest, match=f"parameter {parameter} "):
        form.parse(raw)


@pytest.mark.parametrize("raw", [b"=1", b"a=1&=", b"%3D=1&=2"])
def test_a_parameter_without_a_name_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedRequest, match="no name"):
        form.parse(raw)


@pytest.mark.parametrize("raw", [b"KeyId=1&KeyId=2", b"KeyId=1&a=b&KeyId=1", b"KeyId=1&%4BeyId=1", b"KeyId&KeyId="])
def test_a_name_that_occurs_twice_is_refused(raw: bytes) -> None:
    with pytest.raises(
        InvalidParameter, match=r"^The specified parameter KeyId is not valid\. It occurs more than once"
    ):
        form.parse(raw)


def test_a_name_in_query_and_body_is_refused() -> None:
    one, other = form.parse(b"a=1&KeyId=1"), form.parse(b"b=1&KeyId=1")
    with pytest.raises(InvalidParameter, match="KeyId"):
        form.union(one, other)
    assert form.union(form.parse(b"a=1"), form.parse(b"b=2")).canonical() == "a=1&b=2"


def test_a_hostile_name_is_shown_short_and_printable() -> None:
    raw = quote("\n\x1b[2J" + "x" * 1000).encode()
    with pytest.raises(InvalidParameter) as caught:
        form.parse(raw + b"=1&" + raw + b"=2")
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 200


def test_the_largest_legitimate_request_is_read_and_more_is_refused() -> None:
    plaintext, context = "/" * 6144, '{"a":"' + "中" * 2700 + '"}'
    read = form.parse(encoded({"Plaintext": plaintext, "EncryptionContext": context}))
    assert read.values == {"Plaintext": plaintext, "EncryptionContext": context}
    form.parse(b"&".join(b"a%d=" % index for index in range(form.PARAMETERS_MAX)))
    for raw in (
        b"a=" + b"x" * form.BYTES_MAX,
        b"&".join(b"a%d=" % index for index in range(form.PARAMETERS_MAX + 1)),
    ):
        with pytest.raises(MalformedRequest):
            form.parse(raw)


def test_reading_is_cheap_where_every_character_is_escaped() -> None:
    """Why :func:`form._unquoted` borrows the decoder of quoted-printable."""
    text = "%2F" * 6144
    ours = min(timeit.repeat(lambda: form._unquoted(text, "a"), number=5, repeat=5))
    theirs = min(timeit.repeat(lambda: unquote_to_bytes(text), number=5, repeat=5))
    assert ours < theirs / 3


def test_a_form_shows_no_values() -> None:
    assert repr(form.parse(b"Plaintext=secret&KeyId=k")) == "Form(Plaintext, KeyId)"
