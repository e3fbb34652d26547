"""What keeps a question from being answered, told in words, for every command alike."""

from __future__ import annotations

import json
import socket
import ssl
from pathlib import Path

import pytest
import trustme

from tests.scripts.auditing.audit_stub import KEY_ID, AuditStub
from tests.scripts.auditing.conftest import Audit
from tests.scripts.envelope.conftest import SECRET
from tests.scripts.envelope.kms_stub import PreparedAnswer, served

COMMANDS = {
    "SearchEvents": ("search",),
    "CountEvents": ("count",),
    "ExportEvents": ("export", "-o", "never-made"),
    "GetKeyHistory": ("key", KEY_ID),
    "GetKeyAt": ("at", KEY_ID),
    "ListAuthorityChanges": ("authority",),
    "ListKeyFindings": ("unused",),
    "GetLeastPolicy": ("least-policy", "acs:ram::1:user/alice"),
    "EvaluatePolicy": ("what-if", "--detach", "Custom/web", "--from-target", "user/alice"),
    "GetCoverage": ("coverage",),
}
"""By the operation that each asks first."""
FURTHER = (("tail",), ("tail", "-f"), ("principal", "acs:ram::1:user/alice"))
EVERY = (*COMMANDS.values(), *FURTHER)


@pytest.mark.parametrize(("operation", "words"), COMMANDS.items())
def test_who_may_not_ask_is_told_which_permission_to_ask_for(
    operation: str, words: tuple[str, ...], audit: Audit
) -> None:
    audit.stub.answers.append(PreparedAnswer.refusal(403, "NoPermission", "You are not authorized."))
    outcome = audit(*words)
    assert outcome.exit_code == 4
    assert f"The KMS refused {operation}: NoPermission: You are not authorized." in outcome.said
    assert "attach the system policy KeyLedgerAuditReadOnlyAccess to you" in outcome.said
    assert f"or to allow the action audit:{operation} on acs:audit:*:*:trail." in outcome.said
    assert outcome.output == b""


@pytest.mark.parametrize("words", EVERY)
def test_a_service_that_is_away_is_told(words: tuple[str, ...], audit: Audit) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        endpoint = f"https://127.0.0.1:{closed.getsockname()[1]}"
        outcome = audit(*words, "--endpoint", endpoint)
    assert outcome.exit_code == 5
    assert outcome.said.startswith(f"key-ledger: Nothing listens at {endpoint}.")


@pytest.mark.parametrize("words", EVERY)
def test_a_stranger_is_asked_nothing(words: tuple[str, ...], audit: Audit, tmp_path: Path) -> None:
    stranger, context = AuditStub(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with served(stranger, context) as port:
        outcome = audit(*words, "--endpoint", f"https://127.0.0.1:{port}")
    assert outcome.exit_code == 6
    assert "is not to be trusted" in outcome.said
    assert stranger.requests == []


@pytest.mark.parametrize(
    ("answer", "exit_code", "sentence"),
    [
        (PreparedAnswer(200, b"<html>Welcome</html>"), 5, "does not answer as a KMS does"),
        (PreparedAnswer(200, b"[]"), 5, "does not answer as a KMS does"),
        (PreparedAnswer(200, b"{}"), 5, "does not answer as a KMS does"),
        (PreparedAnswer(404, b"{}"), 5, "does not answer as a KMS does"),
        (PreparedAnswer(302, b""), 5, "does not answer as a KMS does"),
        (PreparedAnswer(200, b"{", promised=99), 5, "stopped in the middle of its answer"),
        (PreparedAnswer.refusal(404, "InvalidApi.NotFound"), 4, "it is older than this command"),
        (PreparedAnswer.refusal(404, "InvalidAccessKeyId.NotFound"), 4, "does not know the access key LTAI-test"),
        (PreparedAnswer.refusal(400, "SignatureDoesNotMatch", "string to sign"), 4, "the secret does not belong"),
        (PreparedAnswer.refusal(400, "InvalidParameter", "colour is \x1b[2J"), 4, r"colour is \x1b[2J. (RequestId"),
        (PreparedAnswer.refusal(400, "SomethingNew"), 4, "Look the code up"),
    ],
)
def test_every_other_answer_is_told(answer: PreparedAnswer, exit_code: int, sentence: str, audit: Audit) -> None:
    audit.stub.answers.append(answer)
    outcome = audit("search")
    assert (outcome.exit_code, outcome.output) == (exit_code, b"")
    assert sentence in outcome.said


def test_a_key_that_is_not_there_is_told(audit: Audit) -> None:
    audit.stub.answers.append(PreparedAnswer.refusal(404, "Forbidden.KeyNotFound", "The specified Key is not found."))
    outcome = audit("key", KEY_ID)
    assert outcome.exit_code == 4
    assert "that the credentials are of the account that owns it" in outcome.said


def test_no_secret_is_sent_or_said(audit: Audit) -> None:
    outcome = audit("search")
    assert audit.stub.requests[0].authorization.startswith("ACS3-HMAC-SHA256 Credential=LTAI-test,")
    assert SECRET not in outcome.said + audit.stub.requests[0].authorization


def test_credentials_are_found_as_every_command_finds_them(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    known = json.loads(audit.credentials.read_text())
    monkeypatch.chdir(audit.command.folder)
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", known["access_key_id"])
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", known["access_key_secret"])
    monkeypatch.setenv("ALIBABA_CLOUD_SECURITY_TOKEN", "of a session")
    alone = audit.using(KEY_LEDGER_CREDENTIALS="")
    assert alone("coverage").exit_code == 2
    audit.stub.results["GetCoverage"] = {"projections": []}
    words = ("coverage", "--endpoint", known["endpoint"], "--ca", known["ca_file"])
    assert alone(*words).exit_code == 0
    assert "x-acs-security-token" in audit.stub.requests[-1].authorization


def test_without_credentials_it_says_how_to_give_them(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(audit.command.folder)
    outcome = audit.using(KEY_LEDGER_CREDENTIALS="")("search")
    assert outcome.exit_code == 2
    assert "There is no credentials file data/credentials.json." in outcome.said


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("parameter source_ip is not valid. Expected an address", "What --source says is not valid. Expected an"),
        ("parameter to is not valid. Expected a time after", "What --to says is not valid. Expected a time after"),
        ("parameter details.a_b is not valid.", "What --detail says is not valid."),
        ("parameter context. is not valid.", "What --context says is not valid."),
        ("parameter secure_transport is not valid.", "What --over-tls says is not valid."),
        (
            "parameter to_position is not valid. Expected a position that is not before from_position.",
            "What --to-position says is not valid. Expected a position that is not before --from-position.",
        ),
        (
            "parameter resource is not valid. Ask for a CMK by key_id",
            "--resource says is not valid. Ask for a CMK by --key",
        ),
        ("parameter cursor is not valid.", "The specified parameter cursor is not valid."),
    ],
)
@pytest.mark.parametrize("words", [("search",), ("count",), ("export", "-o", "never-made")])
def test_what_the_service_says_of_a_parameter_is_said_of_the_option(
    said: str, told: str, words: tuple[str, ...], audit: Audit
) -> None:
    audit.stub.answers.append(PreparedAnswer.refusal(400, "InvalidParameter", f"The specified {said}"))
    assert told in audit(*words).said


def test_arguments_keep_the_name_that_the_service_has_for_them(audit: Audit) -> None:
    message = "The specified parameter key_id is not valid."
    audit.stub.answers.append(PreparedAnswer.refusal(400, "InvalidParameter", message))
    assert "The specified parameter key_id is not valid." in audit("key", KEY_ID).said
