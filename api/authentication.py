"""Who signed a request, and what becomes of a request that nobody proved to have signed.

Whoever succeeds pays nothing for this. Whoever fails is counted before they are told, against the access key that they
named and from where they did; who cannot be counted is told 503, so that nobody guesses unseen.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from adapters.access_keys import AccessKey, AccessKeys
from adapters.sessions import Sessions
from adapters.signatures import Claim, Received, named_access_key_id, verify
from domain.errors import KeyLedgerError, SecurityTokenExpired
from domain.recording import NOT_RECORDED


class Failures(Protocol):
    """What of :class:`adapters.authentication_failures.AuthenticationFailures` is needed."""

    async def count(self, access_key_id: str, source_ip: str, code: str, account_id: str = "") -> None: ...


class Authentication:
    def __init__(self, access_keys: AccessKeys, sessions: Sessions, failures: Failures) -> None:
        self._access_keys = access_keys
        self._sessions = sessions
        self._failures = failures

    async def proved(self, claim: Claim, now: datetime) -> AccessKey:
        """:raises SignatureDoesNotMatch: the claim is not the access key's.
        :raises SecurityTokenExpired: its session is over at ``now``, the time that the call is recorded with.
        """
        token, key_id = claim.security_token, claim.access_key_id
        if token is None:
            known = self._access_keys
            access_key = known.peek(key_id) or await known.get(key_id)
        else:
            sessions = self._sessions
            access_key = sessions.peek(token, key_id) or await sessions.get(token, key_id)
        verify(claim, access_key.secret)
        if access_key.expires_at is not None and access_key.expires_at <= now:
            raise SecurityTokenExpired()
        return access_key

    async def failed(self, received: Received, claim: Claim | None, source_ip: str, error: KeyLedgerError) -> None:
        """Return when ``error`` may be told: it is counted, or it is the service's own, or about no known access key.

        :param claim: None where the request does not even make one.
        :raises ServiceUnavailable: it could not be counted.
        """
        if isinstance(error, NOT_RECORDED):
            return
        key_id = named_access_key_id(received)
        if not key_id:
            return
        account_id = ""  # of a key with a sealed secret, the database knows
        if claim is not None and claim.security_token is not None:
            account_id = await self._sessions.account_of(claim.security_token, key_id)
        await self._failures.count(key_id, source_ip, error.code, account_id)
