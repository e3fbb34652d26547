"""Settings are read once, name what is missing, and never show a secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from adapters.settings import HsmMode, Settings, SettingsError, read_settings

URI = "pkcs11:token=key-ledger?module-path=/usr/lib/softhsm/libsofthsm2.so"
SECRET = "postgresql://service:swordfish@localhost/ledger"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "KEY_LEDGER_SETTINGS_FILE", "KEY_LEDGER_HSM_URI", "KEY_LEDGER_REGIONS"):
        monkeypatch.delenv(name, raising=False)


def test_a_missing_database_names_itself() -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL is not set"):
        read_settings(hsm_uri=URI)


def test_a_missing_token_names_itself() -> None:
    with pytest.raises(SettingsError, match="KEY_LEDGER_HSM_URI is not set"):
        read_settings(database_url=SECRET)


def test_the_environment_gives_values_by_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", SECRET)
    monkeypatch.setenv("KEY_LEDGER_HSM_URI", URI)
    monkeypatch.setenv("KEY_LEDGER_REGIONS", "cn-hangzhou, eu-central-1")
    monkeypatch.setenv("KEY_LEDGER_QUOTA_KEYS", "7")
    settings = read_settings()
    assert settings.database_url == SECRET
    assert settings.regions == ("cn-hangzhou", "eu-central-1")
    assert settings.quota_keys == 7
    assert settings.hsm_mode is HsmMode.PKCS11


def test_the_settings_file_gives_what_the_environment_does_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"database_url": "postgresql:///file", "hsm_uri": URI, "quota_keys": 3}))
    monkeypatch.setenv("KEY_LEDGER_SETTINGS_FILE", str(file))
    monkeypatch.setenv("KEY_LEDGER_QUOTA_KEYS", "9")
    assert (read_settings().database_url, read_settings().quota_keys) == ("postgresql:///file", 9)
    monkeypatch.setenv("DATABASE_URL", "postgresql:///environment")
    assert read_settings().database_url == "postgresql:///environment"


@pytest.mark.parametrize(
    ("content", "word"), [(None, "cannot be read"), ("{", "not JSON"), ("[]", "not a JSON object")]
)
def test_a_settings_file_that_is_no_use_names_itself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None, word: str
) -> None:
    file = tmp_path / "settings.json"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("KEY_LEDGER_SETTINGS_FILE", str(file))
    with pytest.raises(SettingsError, match=word):
        read_settings()


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("batch_submissions", 257, "KEY_LEDGER_BATCH_SUBMISSIONS"),
        ("log_level", "LOUD", "KEY_LEDGER_LOG_LEVEL"),
        ("default_region", "mars-1", "KEY_LEDGER_DEFAULT_REGION"),
        ("tls_key", Path("key.pem"), "KEY_LEDGER_TLS_CERTIFICATE"),
        ("quoata", 3, "KEY_LEDGER_QUOATA"),
    ],
)
def test_a_value_that_makes_no_sense_names_itself(name: str, value: object, word: str) -> None:
    with pytest.raises(SettingsError, match=word):
        read_settings(**{"database_url": SECRET, "hsm_uri": URI, name: value})


def test_no_message_and_no_repr_shows_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "swordfish" not in repr(read_settings(database_url=SECRET, hsm_uri=URI))
    monkeypatch.setenv("DATABASE_URL", SECRET)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert "swordfish" not in str(caught.value)


def test_settings_cannot_be_changed() -> None:
    settings: Settings = read_settings(database_url=SECRET, hsm_uri=URI)
    with pytest.raises(ValidationError):
        settings.port = 1  # type: ignore[misc]
