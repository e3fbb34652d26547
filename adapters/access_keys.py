"""Access keys: who is behind an AccessKeyId, what it may do, and the secret that verifies its signatures.

Secrets lie in ``sealed_secret``, sealed by the HSM, and are in memory only inside :class:`AccessKey`, whose repr does
not show them. A secret never changes, so it is read and unsealed once; who it belongs to and what that one may do is
derived from the account's authority, again after each change of that account, by whoever asks next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

import structlog

from adapters.authorities import AuthorityCache, Holding, Seen
from adapters.remembered import Remembered
from domain import identity
from domain.access import Access
from domain.account import account_stream
from domain.call import Caller
from domain.errors import AccessKeyNotFound, InternalFailure, InvalidRequest, NotFound
from domain.identity import Identity
from domain.ports import CiphertextInvalid, Hsm, SealedSecret
from domain.ram.authority import Authority

_log = structlog.get_logger(__name__)

_ID_CHARACTERS_MAX: Final = 128


@dataclass(frozen=True, slots=True)
class AccessKey:
    """:param expires_at: of a session's; from then on it is not to be used. Whoever authenticates by it has to look."""

    caller: Caller
    secret: bytes = field(repr=False)
    access: Access
    expires_at: datetime | None = None


class Credential:
    """A secret that was read, and whom it makes of who has it, at the version of the account seen last.

    :param derive: the identity, from the authority and from what it might do before; raises InvalidRequest or NotFound
        where the authority does not know it, or not any more.
    """

    __slots__ = ("_derive", "_expires_at", "_holding", "_known", "_secret", "_version", "access_key_id", "account_id")

    def __init__(
        self,
        access_key_id: str,
        account_id: str,
        secret: bytes,
        derive: Callable[[Authority, Access | None], Identity],
        expires_at: datetime | None = None,
    ) -> None:
        self.access_key_id = access_key_id
        self.account_id = account_id
        self._secret = secret
        self._derive = derive
        self._expires_at = expires_at
        self._known: AccessKey | None = None
        self._holding: Holding | None = None
        self._version = 0

    def peek(self) -> AccessKey | None:
        """As it was derived, if nothing has changed in its account since."""
        holding = self._holding
        if holding is None or holding.version != self._version:
            return None
        holding.touched = True
        return self._known

    def derived(self, seen: Seen) -> AccessKey:
        authority, self._holding = seen
        before = self._known.access if self._known is not None else None
        # Whatever is raised here, what was known before is not to be found again.
        self._known, self._version = None, 0
        caller, access = self._derive(authority, before)
        self._known = AccessKey(caller, self._secret, access, self._expires_at)
        self._version = authority.version
        return self._known


async def authenticated(credential: Credential, authorities: AuthorityCache) -> AccessKey:
    """The identity behind ``credential``. Who is refused was looked up anew: no event guards this answer.

    :raises InvalidRequest, NotFound: there is none, as ``derive`` says.
    """
    try:
        return credential.derived(await _seen(credential, authorities))
    except (InvalidRequest, NotFound):
        authorities.forget(frozenset((account_stream(credential.account_id),)))
        return credential.derived(await _seen(credential, authorities))


async def _seen(credential: Credential, authorities: AuthorityCache) -> Seen:
    seen = await authorities.see(credential.account_id)
    if seen is None:
        # A secret of an account without a single event: they are recorded together.
        _log.error("access_key.account_is_missing", account_id=credential.account_id)
        raise InternalFailure()
    return seen


def sealing_place(access_key_id: str) -> bytes:
    """What a sealed access-key secret is bound to, so that it opens under no other access key."""
    return b"key-ledger/access-key-secret/1\0" + access_key_id.encode()


class SecretReader(Protocol):
    """What of :class:`adapters.ledger.reader.LedgerReader` is needed."""

    async def secret(self, name: str) -> SealedSecret | None: ...


class AccessKeys:
    """Access keys by id, remembered. For one event loop."""

    def __init__(self, reader: SecretReader, hsm: Hsm, authorities: AuthorityCache, size: int = 20_000) -> None:
        self._reader = reader
        self._hsm = hsm
        self._authorities = authorities
        self._credentials: Remembered[str, Credential] = Remembered(size, self._read)

    def peek(self, access_key_id: str) -> AccessKey | None:
        """The fast path of :meth:`get`."""
        credential = self._credentials.peek(access_key_id)
        return None if credential is None else credential.peek()

    async def get(self, access_key_id: str) -> AccessKey:
        """:raises AccessKeyNotFound: there is none, or not any more.
        :raises domain.errors.AccessKeyInactive: it is not in force.
        """
        if len(access_key_id) > _ID_CHARACTERS_MAX or "\0" in access_key_id:
            raise AccessKeyNotFound()
        credential = await self._credentials.get(access_key_id)
        try:
            return await authenticated(credential, self._authorities)
        except AccessKeyNotFound:
            # Ids never come back: its secret need not stay in memory.
            self._credentials.forget(access_key_id)
            raise

    async def _read(self, access_key_id: str) -> Credential:
        sealed = await self._reader.secret(access_key_id)
        if sealed is None or not sealed.sealed:
            raise AccessKeyNotFound()
        try:
            secret = await self._hsm.unseal(sealed.sealed, sealing_place(access_key_id))
        except CiphertextInvalid:
            # Not the caller's fault: a row that was edited, or the token of another deployment.
            _log.error("access_key.secret_does_not_open", access_key_id=access_key_id)
            raise InternalFailure() from None
        return Credential(
            access_key_id,
            sealed.owner,
            secret,
            lambda authority, known: identity.of_access_key(authority, access_key_id, known),
        )
