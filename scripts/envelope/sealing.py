"""The two recipes: encrypt a file under a new data key, and decrypt it again. Free of terminals and of the SDK."""

from __future__ import annotations

from collections.abc import Mapping

from scripts.envelope import stream
from scripts.envelope.data_key import Kms
from scripts.envelope.endpoints import Source, Target
from scripts.envelope.file_format import Header, read_header


def encrypt(
    kms: Kms, source: Source, target: Target, *, key_id: str, context: Mapping[str, str], passed: stream.Passed
) -> Header:
    """Write ``source``, enveloped, to ``target``, which is opened but not committed here."""
    target.open()  # before a key is made: a name that is taken should not cost an entry in the ledger
    data_key = kms.new_data_key(key_id, context)
    header = data_key.header.encoded()
    target.write(header)
    stream.seal(data_key.plaintext, header, source, target, passed)
    return data_key.header


def decrypt(kms: Kms, source: Source, target: Target, *, context: Mapping[str, str], passed: stream.Passed) -> Header:
    """Write what ``source`` envelopes to ``target``, which is opened but not committed here."""
    header = read_header(source)
    target.open()
    data_key = kms.open_envelope(header, context)
    stream.unseal(data_key, header.encoded(), source, target, passed)
    return header
