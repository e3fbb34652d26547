"""``pkcs11:`` URIs (RFC 7512): what is understood, and what is refused with a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.hsm import HsmSettingsError, open_hsm
from adapters.hsm.address import SOFTHSM_MODULE, TokenAddress, parse


def test_a_uri_with_everything_is_read() -> None:
    address = parse(
        "pkcs11:token=My%20Token;serial=0123;manufacturer=Acme;model=M1;slot-id=7"
        "?module-path=/opt/hsm/lib.so&pin-source=file:/etc/pin"
    )
    assert address == TokenAddress(
        module_path="/opt/hsm/lib.so",
        token="My Token",
        serial="0123",
        manufacturer="Acme",
        model="M1",
        slot_id=7,
        pin_file=Path("/etc/pin"),
    )


def test_what_a_uri_leaves_out_is_softhsm_and_any_token() -> None:
    assert parse("pkcs11:") == TokenAddress(module_path=SOFTHSM_MODULE)


def test_a_pin_value_is_read_and_never_shown() -> None:
    address = parse("pkcs11:token=t?pin-value=12%2634")
    assert address.read_pin() == "12&34"
    assert "12&34" not in repr(address)
    assert "12&34" not in str(address)


@pytest.mark.parametrize(
    "source", ["file:/x/pin", "file:///x/pin", "file://localhost/x/pin", "/x/pin", "file%3A/x/pin"]
)
def test_a_pin_source_is_a_path_or_a_file_uri(source: str) -> None:
    assert parse(f"pkcs11:?pin-source={source}").pin_file == Path("/x/pin")


def test_a_pin_file_is_its_first_line(tmp_path: Path) -> None:
    (tmp_path / "pin").write_text("12 34\nnote\n")
    assert TokenAddress(pin_file=tmp_path / "pin").read_pin() == "12 34"


@pytest.mark.parametrize("content", [None, b"", b"\n1234", b"\xff\xfe"])
def test_a_pin_file_that_gives_no_pin_says_so(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "pin").write_bytes(content)
    with pytest.raises(HsmSettingsError, match="PIN file"):
        TokenAddress(pin_file=tmp_path / "pin").read_pin()


@pytest.mark.parametrize(
    ("uri", "sentence"),
    [
        ("", "Not a pkcs11: URI"),
        ("http://example.com", "Not a pkcs11: URI"),
        ("token=x", "Not a pkcs11: URI"),
        ("pkcs11:token=a;token=b", "gives 'token' twice"),
        ("pkcs11:object=x", "'object' cannot be used here"),
        ("pkcs11:token", "without '='"),
        ("pkcs11:token=%ff", "not percent-encoded UTF-8"),
        ("pkcs11:slot-id=one", "'slot-id' must be a decimal number"),
        ("pkcs11:slot-id=-1", "'slot-id' must be a decimal number"),
        ("pkcs11:?module-path=lib.so", "'module-path' must be the absolute path"),
        ("pkcs11:?module-name=softhsm", "'module-name' cannot be used here"),
        ("pkcs11:?pin-source=|/bin/cat pin", "no program is run"),
        ("pkcs11:?pin-source=file://elsewhere/pin", "'pin-source' must be"),
        ("pkcs11:?pin-value=1&pin-source=/p", "keep 'pin-source'"),
        ("pkcs11:token=a?token=b", "'token' cannot be used here"),
    ],
)
def test_a_bad_uri_is_refused_with_a_sentence(uri: str, sentence: str) -> None:
    with pytest.raises(HsmSettingsError, match=sentence.replace("?", r"\?")):
        parse(uri)


def test_no_refusal_shows_the_pin() -> None:
    with pytest.raises(HsmSettingsError) as raised:
        parse("pkcs11:?pin-value=s3cr3t&pin-source=nowhere")
    assert "s3cr3t" not in str(raised.value)


def test_a_library_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(HsmSettingsError, match="Install softhsm2"):
        open_hsm(f"pkcs11:token=x?module-path={tmp_path}/none.so")


async def test_a_file_that_is_no_library_is_503_with_its_reason_in_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from domain.errors import ServiceUnavailable

    (tmp_path / "text.so").write_text("not a library")
    hsm = open_hsm(f"pkcs11:token=x?module-path={tmp_path}/text.so", pin="1")
    with pytest.raises(ServiceUnavailable):
        await hsm.health()
    assert "is not a PKCS#11 library" in capsys.readouterr().out
    hsm.close()
