"""Access keys: who is behind an AccessKeyId, and the secret that verifies its signatures.

Secrets lie in ``sealed_secret``, sealed by the HSM, and are in memory only inside :class:`AccessKey`, whose repr does
not show them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import structlog

from adapters.ledger.reader import LedgerReader
from adapters.remembered import Remembered
from domain import account as accounts
from domain.call import Caller
from domain.errors import AccessKeyInactive, AccessKeyNotFound, InternalFailure
from domain.ports import CiphertextInvalid, Hsm

_log = structlog.get_logger(__name__)

_ID_CHARACTERS_MAX: Final = 128


@dataclass(frozen=True, slots=True)
class AccessKey:
    caller: Caller
    secret: bytes = field(repr=False)


def sealing_place(access_key_id: str) -> bytes:
    """What a sealed access-key secret is bound to, so that it opens under no other access key."""
    return b"key-ledger/access-key-secret/1\0" + access_key_id.encode()


class AccessKeys:
    """Access keys by id, remembered; dropped when their account's stream moves."""

    def __init__(self, reader: LedgerReader, hsm: Hsm, size: int = 10_000) -> None:
        self._reader = reader
        self._hsm = hsm
        self._known: Remembered[str, AccessKey] = Remembered(size, self._read)
        self._accounts: set[UUID] = set()
        """Streams of the accounts that were read: most changes are of keys, and must not cost a look at each caller."""

    def peek(self, access_key_id: str) -> AccessKey | None:
        return self._known.peek(access_key_id)

    async def get(self, access_key_id: str) -> AccessKey:
        """:raises AccessKeyNotFound: there is none. :raises AccessKeyInactive: it is not in force any more."""
        if len(access_key_id) > _ID_CHARACTERS_MAX or "\0" in access_key_id:
            raise AccessKeyNotFound()
        return await self._known.get(access_key_id)

    def forget(self, streams: frozenset[UUID]) -> None:
        """Drop who stands in these accounts. There are few changes and few accounts: all are dropped together."""
        if not self._accounts.isdisjoint(streams):
            self._accounts.clear()
            self._known.forget_all()

    async def _read(self, access_key_id: str) -> AccessKey:
        sealed = await self._reader.secret(access_key_id)
        if sealed is None:
            raise AccessKeyNotFound()
        stream = accounts.account_stream(sealed.owner)
        self._accounts.add(stream)
        account = accounts.replay(await self._reader.stream(stream))
        if account is None or access_key_id not in account.access_keys:
            raise AccessKeyInactive()
        try:
            secret = await self._hsm.unseal(sealed.sealed, sealing_place(access_key_id))
        except CiphertextInvalid:
            # Not the caller's fault: a row that was edited, or the token of another deployment.
            _log.error("access_key.secret_does_not_open", access_key_id=access_key_id)
            raise InternalFailure() from None
        return AccessKey(account.root(access_key_id), secret)
