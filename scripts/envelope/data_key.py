"""What the envelope tool asks of a KMS: new data keys, and the opening of their envelopes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from scripts.envelope.file_format import Header


@dataclass(frozen=True)
class DataKey:
    """A new data key, and the header that carries its envelope."""

    plaintext: bytes = field(repr=False)
    header: Header


class Kms(Protocol):
    """Makes data keys and opens their envelopes. Raises :class:`~scripts.envelope.failure.Failure`, nothing else."""

    def new_data_key(self, key_id: str, context: Mapping[str, str]) -> DataKey: ...

    def open_envelope(self, header: Header, context: Mapping[str, str]) -> bytes: ...
