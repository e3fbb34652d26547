"""Every setting of a process, read once into a frozen object.

Values come from the environment first (``KEY_LEDGER_`` and the field's name; ``DATABASE_URL`` has the name the world
gave it), then from the JSON file that ``KEY_LEDGER_SETTINGS_FILE`` names. ``scripts/up`` writes such a file, mode 0600,
for the processes it starts, so that no secret stands in an argument list. A value that is missing or makes no sense
names itself and stops the start. Not here: what ``up`` itself is told (``scripts/up.py``), and the values' meaning.
"""

from __future__ import annotations

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from adapters.cannot_start import CannotStart
from domain.vocabulary import CMKS_PER_ACCOUNT_AND_REGION, DEFAULT_REGIONS, ENCRYPTIONS_PER_KEY_VERSION_MAX

PREFIX: Final = "KEY_LEDGER_"
SETTINGS_FILE: Final = "KEY_LEDGER_SETTINGS_FILE"


class SettingsError(CannotStart):
    """The start must stop; the message is a sentence for the operator and never holds a value."""


class HsmMode(StrEnum):
    """``SOFTWARE`` keeps root keys in a file: for machines without a PKCS#11 token, never for keys that matter."""

    PKCS11 = "pkcs11"
    SOFTWARE = "software"


class HsmCalls(StrEnum):
    """``INLINE`` calls the token on the event loop (answers in microseconds); ``POOL`` on threads (a network HSM)."""

    INLINE = "inline"
    POOL = "pool"


Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
PerSecond = Annotated[float, Field(ge=0, le=1e9)]


class Settings(BaseSettings):
    """One process's settings. Fields without a default must be given; ``repr`` shows no secret."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", populate_by_name=True)

    database_url: str = Field(repr=False, validation_alias="DATABASE_URL")
    """Of the service role: a libpq URL. It may call the append function and read, nothing else."""
    database_connections: Count = 4
    """Per process, besides the ledger writer's own connection."""
    audit_connections: Count = 2
    """Per process, for questions about the audit trail; an export has one more of its own."""

    hsm_mode: HsmMode = HsmMode.PKCS11
    hsm_uri: str = Field(default="", repr=False)
    """RFC 7512, such as ``pkcs11:token=key-ledger?module-path=/usr/lib/softhsm/libsofthsm2.so``."""
    hsm_pin_file: Path | None = None
    """Holds the user PIN. Where None, the URI's ``pin-source`` names the file."""
    hsm_software_file: Path | None = None
    """Where the software HSM keeps its root keys."""
    hsm_calls: HsmCalls = HsmCalls.INLINE
    hsm_sessions: Count = 8
    """Size of the pool of sessions, where ``hsm_calls`` is ``pool``."""
    hsm_timeout_seconds: Seconds = 5.0
    hsm_handles: Count = 10_000
    """Unwrapped keys that a process keeps at most."""

    regions: Annotated[tuple[str, ...], NoDecode] = DEFAULT_REGIONS
    """In the environment: separated by commas. The same on every node of a deployment."""
    default_region: str = "cn-hangzhou"
    quota_keys: Count = CMKS_PER_ACCOUNT_AND_REGION
    """CMKs per account and region."""
    encryptions_per_key_version: Annotated[int, Field(ge=1, le=ENCRYPTIONS_PER_KEY_VERSION_MAX)] = (
        ENCRYPTIONS_PER_KEY_VERSION_MAX
    )

    account_calls_per_second: PerSecond = 0.0
    """Rate limit of each account, over all API processes; 0 is none. Beyond it callers get ``Rejected.Throttling``."""
    account_calls_burst: Annotated[int, Field(ge=0)] = 0
    """Calls at once, after a silence; 0 is as many as one second brings."""
    principal_calls_per_second: PerSecond = 0.0
    """Rate limit of each RAM user, role and root identity; 0 is none."""
    principal_calls_burst: Annotated[int, Field(ge=0)] = 0
    api_processes: Count = 1
    """Of the whole deployment, all machines together: each enforces its share of a rate. ``up`` sets its own number."""

    batch_submissions: Annotated[int, Field(ge=1, le=256)] = 256
    queue_submissions: Count = 4_096
    """Waiting for a commit in one process; beyond it callers are throttled before the HSM is touched."""
    commit_timeout_seconds: Seconds = 10.0

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8443
    http: bool = False
    """Plain HTTP, on loopback only."""
    tls_certificate: Path | None = None
    tls_key: Path | None = None

    data_folder: Path | None = None
    """Where ``up`` keeps what it made; None where the operator brings everything."""
    log_level: str = "INFO"
    silence_seconds: Seconds = 15.0
    """``up`` replaces an API process whose event loop has not turned for so long."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, environment, then the settings file (handed over by :func:`read_settings`)."""
        return init_settings, env_settings, _FileSource(settings_cls)

    @field_validator("regions", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        if str(value).upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError("expected DEBUG, INFO, WARNING or ERROR")
        return str(value).upper()

    @model_validator(mode="after")
    def _agree(self) -> Self:
        """What one field alone cannot tell."""
        if self.default_region not in self.regions:
            raise ValueError("KEY_LEDGER_DEFAULT_REGION must be one of KEY_LEDGER_REGIONS")
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("KEY_LEDGER_TLS_CERTIFICATE and KEY_LEDGER_TLS_KEY belong together")
        if self.hsm_mode is HsmMode.PKCS11 and not self.hsm_uri:
            raise ValueError("KEY_LEDGER_HSM_URI is not set: name the token with a pkcs11: URI (RFC 7512)")
        if self.hsm_mode is HsmMode.SOFTWARE and self.hsm_software_file is None:
            raise ValueError("KEY_LEDGER_HSM_SOFTWARE_FILE is not set: the software HSM needs a file for its root keys")
        return self


class _FileSource(PydanticBaseSettingsSource):
    """The JSON file that ``KEY_LEDGER_SETTINGS_FILE`` names, keys spelt like the fields."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        """Required by the base class, and never asked: the file is read whole, in :meth:`__call__`."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        name = os.environ.get(SETTINGS_FILE)
        if not name:
            return {}
        try:
            values = json.loads(Path(name).read_text(encoding="utf-8"))
        except OSError as error:
            raise SettingsError(f"{SETTINGS_FILE} names {name}, which cannot be read: {error.strerror}.") from error
        except ValueError as error:
            raise SettingsError(f"{SETTINGS_FILE} names {name}, which is not JSON.") from error
        if not isinstance(values, dict):
            raise SettingsError(f"{SETTINGS_FILE} names {name}, which is not a JSON object.")
        # One name for both sources, so that the environment wins over the file.
        return {"DATABASE_URL" if key == "database_url" else key: value for key, value in values.items()}


def read_settings(**given: Any) -> Settings:
    """Read them; ``given`` wins over the environment (tests).

    :raises SettingsError: a value is missing or wrong; the message names it.
    """
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError(" ".join(_sentence(detail) for detail in error.errors())) from None


def _sentence(detail: Any) -> str:
    """Names the variable and what was expected; never the value, which may be a secret."""
    names = [str(part) for part in detail["loc"]]
    message = str(detail["msg"]).removeprefix("Value error, ")
    if not names:
        return f"{message}."
    variable = "DATABASE_URL" if names[0].lower() == "database_url" else PREFIX + names[0].upper()
    if detail["type"] == "missing":
        return f"{variable} is not set."
    return f"{variable} is not valid: {message}."
