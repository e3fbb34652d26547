"""The options of ``encrypt-file`` and ``decrypt-file``, and how they are put together."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Annotated, Any, Final, cast

import typer

from domain.encryption_context import EncryptionContext, checked
from domain.errors import InvalidParameter
from scripts.envelope import credentials, sealing
from scripts.envelope.context_option import parts_of
from scripts.envelope.data_key import Kms
from scripts.envelope.endpoints import STANDARD_STREAM, FileTarget, Source, StreamTarget, Target
from scripts.envelope.failure import WrongUse
from scripts.envelope.file_format import VERSION, Header
from scripts.envelope.interruption import Interruption
from scripts.envelope.stream import Passed
from scripts.envelope.terminal import failures_in_words, progress, tell

SUFFIX: Final = ".enveloped"
_ANY_READER: Final = 0o666  # less the umask, as for any file
_OWNER_ONLY: Final = 0o600

EXIT_CODES: Final = (
    "Exit codes: 0 done; 1 something unforeseen; 2 wrong use (options, credentials); 3 a file cannot be read or "
    "written, or exists; 4 the KMS refused; 5 the KMS cannot be reached; 6 its certificate is not to be trusted; "
    "7 the encrypted file is not ours, or was altered, damaged or cut short; 129, 130 and 143 interrupted."
)

_SourceOption = Annotated[str, typer.Argument(metavar="SOURCE", help="The file to read; - for standard input.")]
_ContextOption = Annotated[
    list[str] | None,
    typer.Option(
        "--context",
        "-c",
        metavar="NAME=VALUE",
        help="A part of the EncryptionContext; may be repeated. Not secret, and not stored in the file: whoever "
        "decrypts gives exactly the same parts again.",
    ),
]
CredentialsOption = Annotated[
    str | None,
    typer.Option(
        "--credentials",
        metavar="FILE",
        help="credentials.json of the service, or the data folder it lies in. Default: $KEY_LEDGER_CREDENTIALS; else "
        "$ALIBABA_CLOUD_ACCESS_KEY_ID and $ALIBABA_CLOUD_ACCESS_KEY_SECRET with --endpoint; else "
        "./data/credentials.json.",
    ),
]
EndpointOption = Annotated[
    str | None,
    typer.Option("--endpoint", metavar="URL", help="Address of the service, instead of the credentials file's."),
]
CaOption = Annotated[
    str | None,
    typer.Option(
        "--ca", metavar="FILE", help="Certificate authority (PEM) that the service's certificate must come from."
    ),
]
_ForceOption = Annotated[bool, typer.Option("--force", "-f", help="Replace TARGET if it is a file that exists.")]
_JsonOption = Annotated[
    bool, typer.Option("--json", help="Print a summary as one JSON object on standard output (TARGET must be a file).")
]


def encrypt_file(
    source: _SourceOption,
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="TARGET",
            help=f"The file to make; - for standard output. Default: SOURCE{SUFFIX}; - when SOURCE is -.",
        ),
    ] = None,
    *,
    key_id: Annotated[str, typer.Option("--key-id", "-k", metavar="ID", help="The CMK: an id, an ARN or alias/NAME.")],
    context: _ContextOption = None,
    credentials_file: CredentialsOption = None,
    endpoint: EndpointOption = None,
    ca: CaOption = None,
    force: _ForceOption = False,
    as_json: _JsonOption = False,
) -> None:
    """Encrypt a file of any size under a new data key.

    The KMS makes the data key and keeps no copy; the file carries it in enveloped form, and only the KMS can open the
    envelope, for those who may use the CMK. The key itself never touches a disk. Contents never leave this machine.

    TARGET appears under its name when it is complete and on disk, never before.
    """
    with failures_in_words() as interruption, ExitStack() as stack:
        parts = _context(context)
        output = _target(target or _encrypted_name(source), _ANY_READER, force, as_json)
        if isinstance(output, StreamTarget) and sys.stdout.isatty():
            raise WrongUse("Encrypted bytes would garble this terminal.", "Name a TARGET, or redirect standard output.")
        input_ = stack.enter_context(Source(source))
        kms = _kms(credentials.find(credentials_file, endpoint, ca, os.environ))
        run = _Run("encrypt-file", "Encrypting", input_, output, interruption)
        header = run.carry_out(
            lambda passed: sealing.encrypt(kms, input_, output, key_id=key_id, context=parts, passed=passed)
        )
        tell(
            run.summary(header, input_.consumed),
            f"Encrypted {input_.name} as {output.name}: {input_.consumed:,} bytes.",
            as_json,
        )


def decrypt_file(
    source: _SourceOption,
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="TARGET",
            help="The file to make, readable by you only; - for standard output. "
            f"Default: SOURCE less {SUFFIX}; - when SOURCE is -.",
        ),
    ] = None,
    *,
    context: _ContextOption = None,
    credentials_file: CredentialsOption = None,
    endpoint: EndpointOption = None,
    ca: CaOption = None,
    force: _ForceOption = False,
    as_json: _JsonOption = False,
) -> None:
    """Decrypt a file that encrypt-file made.

    The KMS opens the enveloped key if you may use the CMK and give the same --context as at encryption.

    TARGET appears under its name only when all of it was proved authentic. On standard output, each part is proved
    before it is written, but whether the END is missing is known only at the end: do not act on the output before
    this command has exited with 0. (In a shell pipe: set -o pipefail.)
    """
    with failures_in_words() as interruption, ExitStack() as stack:
        parts = _context(context)
        output = _target(target or _decrypted_name(source), _OWNER_ONLY, force, as_json)
        input_ = stack.enter_context(Source(source))
        kms = _kms(credentials.find(credentials_file, endpoint, ca, os.environ))
        run = _Run("decrypt-file", "Decrypting", input_, output, interruption)
        header = run.carry_out(lambda passed: sealing.decrypt(kms, input_, output, context=parts, passed=passed))
        tell(
            run.summary(header, output.written),
            f"Decrypted {input_.name} as {output.name}: {output.written:,} bytes.",
            as_json,
        )


@dataclass(frozen=True)
class _Run:
    """One command at work: progress, interruption, and an output that is committed or discarded."""

    command: str
    doing: str
    source: Source
    target: Target
    interruption: Interruption

    def carry_out(self, work: Callable[[Passed], Header]) -> Header:
        shown = not (isinstance(self.target, StreamTarget) and sys.stdout.isatty())
        try:
            with progress(f"{self.doing} {self.source.name}", self.source.size, shown) as show:
                header = work(lambda: self._passed(show))
                self._passed(show)
                self.target.sync()
            self.interruption.check()
            self.interruption.settle()
            self.target.commit()
        finally:
            self.interruption.settle()
            self.target.discard()
        return header

    def _passed(self, show: Callable[[int], None]) -> None:
        self.interruption.check()
        show(self.source.consumed)

    def summary(self, header: Header, plaintext_bytes: int) -> dict[str, Any]:
        return {
            "command": self.command,
            "source": self.source.name,
            "target": self.target.name,
            "key_id": header.key_id,
            "plaintext_bytes": plaintext_bytes,
            "read_bytes": self.source.consumed,
            "written_bytes": self.target.written,
            "format_version": VERSION,
        }


def _kms(found: credentials.Credentials) -> Kms:
    from scripts.envelope.kms import SdkKms  # noqa: PLC0415  # the SDK loads half a second, which --help need not cost

    return SdkKms(found)


def _target(name: str, mode: int, force: bool, as_json: bool) -> Target:
    if name != STANDARD_STREAM:
        return FileTarget(name, mode, force)
    if as_json:
        raise WrongUse("--json needs standard output for the summary.", "Name a TARGET, or leave --json out.")
    return StreamTarget()


def _encrypted_name(source: str) -> str:
    return STANDARD_STREAM if source == STANDARD_STREAM else source + SUFFIX


def _decrypted_name(source: str) -> str:
    if source == STANDARD_STREAM:
        return STANDARD_STREAM
    name = source.removesuffix(SUFFIX)
    if name in {source, ""} or name.endswith("/"):
        raise WrongUse(f"{source} does not end with {SUFFIX}, so there is no default for TARGET.", "Name a TARGET.")
    return name


def _context(options: list[str] | None) -> EncryptionContext:
    try:
        return checked(cast("Mapping[object, object]", parts_of(options or [])))
    except InvalidParameter as trouble:
        raise WrongUse(f"The context does not fit: {trouble.message}", "Shorten it.") from None
