"""Credentials that are made for somebody else: shown once, or kept in a file.

A file is written before its access key is recorded, as ``FILE.pending``, and gets its name afterwards. So a run that
was killed at any line is finished by running it again with the same file. Without a file the secret is shown after it
was recorded; if we die between the two, nobody has it, and the access key is of no use to anybody: make another one.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from adapters.cannot_start import CannotStart
from adapters.data_folder import write_private
from adapters.set_up import RootCredentials
from scripts.envelope.failure import FileTrouble, WrongUse
from scripts.operating.table import remark

OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write the credentials there, readable by you only, instead of showing the secret. A credentials.json as "
        "the other commands take it with --credentials.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

_FIELDS: Final = ("account_id", "access_key_id", "access_key_secret")


def begun(file: Path) -> RootCredentials | None:
    """What an earlier run for ``file`` was about to record, or had recorded, when it was killed; else None.

    :raises FileTrouble: ``file`` exists already, or what was begun cannot be read.
    """
    if file.exists():
        raise FileTrouble(f"{file} exists.", "Nothing was done. Choose another --output.")
    pending = _pending(file)
    try:
        found = json.loads(pending.read_text(encoding="utf-8"))
        return RootCredentials(*(_text(found[name]) for name in _FIELDS))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FileTrouble(f"{pending} cannot be read: {error.strerror}.", "Choose another --output.") from None
    except (ValueError, KeyError, TypeError):
        raise FileTrouble(f"{pending} exists and holds no credentials.", "Choose another --output.") from None


def begin(file: Path, credentials: RootCredentials, reached: Mapping[str, Any]) -> None:
    """Keep what is about to be recorded, mode 0600, wholly or not at all.

    :raises FileTrouble: it cannot be kept, or somebody else has begun meanwhile.
    """
    pending = _pending(file)
    fresh = file.with_name(f".{file.name}-{os.getpid()}")
    try:
        write_private(fresh, json.dumps({**asdict(credentials), **reached}, indent=2) + "\n")
        _name(fresh, pending)
    except CannotStart as error:
        raise FileTrouble(str(error), "Nothing was recorded.") from None
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise FileTrouble(f"{pending} cannot be made: {error.strerror}.", "Nothing was recorded.") from None


def finish(file: Path) -> None:
    """What was begun is recorded now.

    :raises FileTrouble: the file cannot have its name; the credentials are in what was begun.
    """
    try:
        _name(_pending(file), file)
    except OSError as error:
        raise FileTrouble(
            f"{file} cannot be made: {error.strerror}.", f"It is recorded, and its credentials are in {_pending(file)}."
        ) from None


def abandon(file: Path) -> None:
    """What was begun was refused, and never will be recorded."""
    _pending(file).unlink(missing_ok=True)


def _pending(file: Path) -> Path:
    return file.with_name(f"{file.name}.pending")


def _name(file: Path, name: Path) -> None:
    """Unlike a rename, this never replaces what is there."""
    os.link(file, name)
    file.unlink()


def tell(credentials: RootCredentials, file: Path | None, reached: Mapping[str, Any], *, as_json: bool) -> None:
    """On standard output: all of it, or, where a file has it, all but the secret."""
    told: dict[str, Any] = {**asdict(credentials), **reached}
    if file is not None:
        told = {**told, "file": str(file)}
        del told["access_key_secret"]
    if as_json:
        print(json.dumps(told, indent=2), flush=True)
        return
    for name in ("account_id", "access_key_id", "access_key_secret", "file"):
        if name in told:
            print(f"{name:<18} {told[name]}")
    sys.stdout.flush()
    if file is None:
        remark("The secret is shown this once and kept only sealed: hand it over now.")


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError
    return value


def checked_uid(account_id: str) -> str:
    """:raises WrongUse: not 16 digits."""
    if len(account_id) != 16 or not account_id.isascii() or not account_id.isdigit():
        raise WrongUse(f"{account_id!r} is no account's uid.", "A uid has 16 digits.")
    return account_id
