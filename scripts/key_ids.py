"""A CMK as people name it in a command: by its id, or by its ARN."""

from __future__ import annotations

from uuid import UUID

from scripts.envelope.failure import WrongUse


def key_id_of(text: str) -> UUID:
    """:raises WrongUse: neither."""
    try:
        return UUID(text.rpartition("/")[2])
    except ValueError:
        raise WrongUse(f"{text!r} is no key's id.", "Give the KeyId, or the key's ARN.") from None
