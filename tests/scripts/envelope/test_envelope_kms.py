"""Data keys through the official SDK, and what a person reads when there are none."""

from __future__ import annotations

import base64
import json
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from scripts.envelope import credentials, kms
from scripts.envelope.credentials import Credentials
from scripts.envelope.data_key import DataKey
from scripts.envelope.failure import (
    Failure,
    KmsNotTrusted,
    KmsRefused,
    KmsUnreachable,
    NotAuthentic,
    WrongUse,
)
from scripts.envelope.file_format import Header
from scripts.envelope.kms import SdkKms
from tests.scripts.envelope.conftest import SECRET, KeyLedger, Kms, StubbedKms
from tests.scripts.envelope.kms_stub import KmsStub, PreparedAnswer, served


def client(running: Kms) -> SdkKms:
    return SdkKms(credentials.find(str(running.credentials), None, None, {}))


# --- the two calls ----------------------------------------------------------------------------------------------------


def test_an_envelope_opens_with_the_context_it_was_closed_with_and_with_no_other(kms: Kms) -> None:
    data_key = client(kms).new_data_key(kms.key_id, {"owner": "anne", "=&": "ä"})
    assert len(data_key.plaintext) == 32
    assert data_key.header.key_id == kms.key_id
    assert client(kms).open_envelope(data_key.header, {"=&": "ä", "owner": "anne"}) == data_key.plaintext
    with pytest.raises(KmsRefused, match="Give every --context"):
        client(kms).open_envelope(data_key.header, {"owner": "anne"})


def test_every_file_has_a_data_key_of_its_own(kms: Kms) -> None:
    assert client(kms).new_data_key(kms.key_id, {}).plaintext != client(kms).new_data_key(kms.key_id, {}).plaintext


def test_a_data_key_and_a_secret_do_not_show_when_they_are_printed() -> None:
    shown = repr(DataKey(b"plaintext-of-the-key", Header("id", "blob")))
    assert "plaintext-of-the-key" not in shown
    found = Credentials("id", "the-secret", "https://localhost", security_token="the-token")
    assert "the-secret" not in repr(found)
    assert "the-token" not in repr(found)


# --- answers that are refusals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (404, "Forbidden.KeyNotFound", "Check the key's id, account and region"),
        (404, "Forbidden.AliasNotFound", "Check the alias"),
        (403, "Forbidden.NoPermission", "Ask the owner of the key to allow GenerateDataKey"),
        (404, "InvalidAccessKeyId.NotFound", "does not know the access key LTAI-test"),
        (400, "SignatureDoesNotMatch", "the secret does not belong to the access key LTAI-test"),
        (400, "InvalidTimeStamp.Expired", "Set this machine's clock"),
        (409, "Rejected.Disabled", "Enable the key"),
        (409, "Rejected.PendingDeletion", "Cancel the deletion"),
        (429, "Rejected.Throttling", "Wait a little"),
        (400, "Throttling.User", "Wait a little"),
        (503, "ServiceUnavailableTemporary", "Wait a little"),
        (500, "InternalFailure", "Give the RequestId to the operator"),
        (400, "InvalidParameter", "Check --key-id"),
        (400, "SomethingNew", "Look the code up"),
    ],
)
def test_a_refusal_says_its_code_its_request_and_what_to_do(
    status: int, code: str, sentence: str, stubbed_kms: StubbedKms
) -> None:
    stubbed_kms.stub.answers.append(PreparedAnswer.refusal(status, code, "As the service puts it."))
    with pytest.raises(KmsRefused, match=sentence) as refusal:
        client(stubbed_kms).new_data_key("a-key", {})
    assert f"refused GenerateDataKey with key a-key: {code}" in refusal.value.happened
    assert "RequestId " in refusal.value.happened
    assert SECRET not in str(refusal.value)


def test_the_string_to_sign_is_not_repeated(stubbed_kms: StubbedKms) -> None:
    message = "server string to sign is:POST%2F..."
    stubbed_kms.stub.answers.append(PreparedAnswer.refusal(400, "SignatureDoesNotMatch", message))
    with pytest.raises(KmsRefused) as refusal:
        client(stubbed_kms).new_data_key("a-key", {})
    assert "string to sign" not in str(refusal.value)


# --- answers that are none --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>Welcome</html>"),
        (200, b"{}"),
        (200, b"[]"),
        (200, b'{"Plaintext": "c2hvcnQ=", "KeyId": "a", "CiphertextBlob": "b"}'),
        (404, b"<html>Not found</html>"),
        (404, b"{}"),
        (502, b"[]"),
    ],
)
def test_what_is_no_kms_is_told_so(status: int, body: bytes, stubbed_kms: StubbedKms) -> None:
    stubbed_kms.stub.answers.append(PreparedAnswer(status, body))
    with pytest.raises(KmsUnreachable, match="does not answer as a KMS does"):
        client(stubbed_kms).new_data_key("a-key", {})


def test_an_envelope_with_something_else_in_it_is_not_used(stubbed_kms: StubbedKms) -> None:
    stubbed_kms.stub.answers.append(PreparedAnswer(200, b'{"Plaintext": "not a data key"}'))
    with pytest.raises(NotAuthentic, match="it is not a data key"):
        client(stubbed_kms).open_envelope(Header("a", "b"), {})


def test_nobody_listening_is_told(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        endpoint = f"https://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(KmsUnreachable, match=f"Nothing listens at {endpoint}"):
            SdkKms(Credentials("id", "secret", endpoint)).new_data_key("a-key", {})


def test_an_unknown_host_is_told() -> None:
    with pytest.raises(KmsUnreachable, match=r"no connection to https://kms.invalid"):
        SdkKms(Credentials("id", "secret", "https://kms.invalid")).new_data_key("a-key", {})


def test_no_answer_in_time_is_told(stubbed_kms: StubbedKms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kms, "_READ_TIMEOUT_MS", 100)
    stubbed_kms.stub.answers.append(PreparedAnswer(200, b"{}", after_seconds=0.5))
    with pytest.raises(KmsUnreachable, match="did not answer in time"):
        client(stubbed_kms).new_data_key("a-key", {})


def test_a_proxy_is_not_asked_for_this_very_machine(kms: Kms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert client(kms).new_data_key(kms.key_id, {}).plaintext


# --- certificates -----------------------------------------------------------------------------------------------------


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Someone with a certificate of another authority and for another name. Its endpoint, and its authority's file."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("kms.example.org").configure_cert(context)
    ca_file = tmp_path / "stranger.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    with served(KmsStub(), context) as port:
        yield f"https://127.0.0.1:{port}", ca_file


def test_a_certificate_of_another_authority_is_refused_and_nothing_is_sent(
    stranger: tuple[str, Path], folder: Path, key_ledger: KeyLedger, kms: Kms
) -> None:
    (folder / "a").write_text("a")
    outcome = key_ledger("encrypt-file", "-k", kms.key_id, "--endpoint", stranger[0], "a")
    assert outcome.exit_code == 6
    assert f"The certificate of {stranger[0]} is not to be trusted:" in outcome.said
    assert "Nothing was sent to it." in outcome.said
    assert [path.name for path in folder.iterdir()] == ["a"]


def test_a_certificate_for_another_name_is_refused(stranger: tuple[str, Path]) -> None:
    with pytest.raises(KmsNotTrusted, match="IP address mismatch"):
        SdkKms(Credentials("id", "secret", stranger[0], ca_file=str(stranger[1]))).new_data_key("a-key", {})


def test_a_file_of_another_service_is_refused_by_this_one(kms: Kms, stubbed_kms: StubbedKms) -> None:
    header = client(stubbed_kms).new_data_key(stubbed_kms.key_id, {}).header
    with pytest.raises(KmsRefused, match="use the service it was encrypted"):
        client(kms).open_envelope(header, {})


# --- credentials ------------------------------------------------------------------------------------------------------


def test_the_access_key_may_come_from_the_environment(kms: Kms, folder: Path, key_ledger: KeyLedger) -> None:
    written = json.loads(kms.credentials.read_text())
    environment = {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": written["access_key_id"],
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": written["access_key_secret"],
    }
    plain = KeyLedger(folder, environment)
    options = ("--endpoint", kms.endpoint, "--ca", kms.ca_file)
    enveloped = plain("encrypt-file", "-k", kms.key_id, *options, "-", given=b"text").output
    assert plain("decrypt-file", *options, "-", given=enveloped).output == b"text"
    assert "Give its address with --endpoint" in plain("decrypt-file", "-", given=enveloped).said


def test_the_data_folder_stands_for_its_credentials_file(kms: Kms, folder: Path) -> None:
    outcome = KeyLedger(folder, {})("encrypt-file", "-k", kms.key_id, "--credentials", kms.credentials.parent, "-")
    assert outcome.exit_code == 0


def test_the_default_is_the_data_folder_here(kms: Kms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WrongUse, match=r"There is no credentials file data/credentials.json"):
        credentials.find(None, None, None, {})
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "credentials.json").write_bytes(kms.credentials.read_bytes())
    assert credentials.find(None, None, None, {}).endpoint == kms.endpoint


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("not json", "is not JSON"),
        ("[]", "is not a JSON object"),
        ("{}", "has no access_key_id"),
        ('{"access_key_id": "a", "access_key_secret": "b", "endpoint": 7}', "has no endpoint"),
        ('{"access_key_id": "a", "access_key_secret": "b", "endpoint": "ftp://x"}', "is not the address of a service"),
        ('{"access_key_id": "a", "access_key_secret": "b", "endpoint": "http://10.0.0.1"}', "in the clear"),
        (
            '{"access_key_id": "a", "access_key_secret": "b", "endpoint": "https://x", "ca_file": "/no/ca.pem"}',
            "no certificate authority file /no/ca.pem",
        ),
    ],
)
def test_credentials_that_cannot_be_meant_are_told_before_anything_is_sent(
    content: str, sentence: str, tmp_path: Path
) -> None:
    file = tmp_path / "c.json"
    file.write_text(content)
    with pytest.raises(WrongUse, match=sentence):
        credentials.find(str(file), None, None, {})


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:80", "http://localhost:80", "http://[::1]:80"])
def test_plain_http_is_for_this_very_machine(endpoint: str, kms: Kms) -> None:
    assert credentials.find(str(kms.credentials), endpoint, None, {}).protocol == "http"


# --- secrets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [(), ("--context", "owner=bob"), ("--endpoint", "https://127.0.0.1:9")])
def test_no_secret_is_said_whatever_happens(
    options: tuple[str, ...], stubbed_key_ledger: KeyLedger, stubbed_kms: StubbedKms, folder: Path
) -> None:
    loud = stubbed_key_ledger.using(DEBUG="sdk")  # the SDK's own request log
    first = loud("encrypt-file", "-k", stubbed_kms.key_id, "-", "out", given=b"text")
    second = loud("decrypt-file", *options, "out", "-")
    (data_key,) = stubbed_kms.stub.data_keys
    for outcome in (first, second):
        everything = outcome.said.encode() + outcome.output
        assert SECRET.encode() not in everything
        assert data_key not in everything
        assert base64.b64encode(data_key) not in everything
    assert data_key not in (folder / "out").read_bytes()


def test_an_unforeseen_failure_has_no_traceback_and_does_not_quote_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import typer

    from scripts.envelope.terminal import failures_in_words

    with pytest.raises(typer.Exit) as end, failures_in_words():
        raise RuntimeError("a secret in a message")
    assert end.value.exit_code == 1
    said = capsys.readouterr().err
    assert "RuntimeError" in said
    assert "secret" not in said
    assert issubclass(KmsRefused, Failure)
