"""Sessions of roles by their security tokens: stateless, so every node knows every session, and no table is needed.

A token is ``Base64url(1 ‖ length ‖ access-key id ‖ sealed)``; sealed by the HSM for that access-key id is what
:class:`domain.sessions.Session` says. So a token that is altered in any byte does not open, and one that is shown with
another access key is told from it. What a token says was true when it was issued: that the role still is that role, and
still trusts the same, is derived from its account's authority, like every identity. Whether its time is over is for
those to check who have a clock.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
from datetime import datetime
from typing import Final

import orjson

from adapters.access_keys import AccessKey, Credential, authenticated
from adapters.authorities import AuthorityCache
from adapters.remembered import Remembered
from domain import identity
from domain.errors import InvalidSecurityToken, SecurityTokenMismatch
from domain.ports import CiphertextInvalid, Hsm
from domain.sessions import Session

TOKEN_CHARACTERS_MAX: Final = 8_192
"""A session policy has 1,024 bytes at most, and everything else less."""

_FORMAT: Final = 1


class Sessions:
    """For one event loop.

    :param size: sessions remembered, a few kilobytes each; others are opened again when they are used again.
    """

    def __init__(self, hsm: Hsm, authorities: AuthorityCache, size: int = 5_000) -> None:
        self._hsm = hsm
        self._authorities = authorities
        self._credentials: Remembered[str, Credential] = Remembered(size, self._read)

    async def seal(self, session: Session) -> str:
        """The port :class:`domain.ports.Tokens`."""
        access_key_id = session.access_key_id.encode()
        sealed = await self._hsm.seal(orjson.dumps(dataclasses.asdict(session)), _place(access_key_id))
        return _spelled(bytes((_FORMAT, len(access_key_id))) + access_key_id + sealed)

    def peek(self, token: str, access_key_id: str) -> AccessKey | None:
        """The fast path of :meth:`get`."""
        credential = self._credentials.peek(token)
        if credential is None or credential.access_key_id != access_key_id:
            return None
        return credential.peek()

    async def get(self, token: str, access_key_id: str) -> AccessKey:
        """:param access_key_id: the one that the request names beside the token.
        :raises InvalidSecurityToken: this deployment never issued it.
        :raises SecurityTokenMismatch: it came with another access key.
        :raises domain.errors.SecurityTokenExpired: its role is not what it was.
        """
        if len(token) > TOKEN_CHARACTERS_MAX:
            raise InvalidSecurityToken()
        credential = await self._credentials.get(token)
        if credential.access_key_id != access_key_id:
            raise SecurityTokenMismatch()
        return await authenticated(credential, self._authorities)

    async def account_of(self, token: str, access_key_id: str) -> str:
        """Whose session this is, or was when it was in force; empty where it never was one of this access key."""
        if len(token) > TOKEN_CHARACTERS_MAX:
            return ""
        try:
            credential = await self._credentials.get(token)
        except InvalidSecurityToken:
            return ""
        return credential.account_id if credential.access_key_id == access_key_id else ""

    async def _read(self, token: str) -> Credential:
        access_key_id, sealed = _parts(token)
        try:
            said = await self._hsm.unseal(sealed, _place(access_key_id))
        except CiphertextInvalid:
            raise InvalidSecurityToken() from None
        session = _session(orjson.loads(said))
        return Credential(
            session.access_key_id,
            session.account_id,
            session.secret.encode(),
            lambda authority, known: identity.of_session(authority, session, known),
            session.expires_at,
        )


def _place(access_key_id: bytes) -> bytes:
    """What a sealed session is bound to, so that it opens for no other access key, and nothing else opens as one."""
    return b"key-ledger/sts-session/1\0" + access_key_id


def _spelled(token: bytes) -> str:
    return base64.urlsafe_b64encode(token).rstrip(b"=").decode()


def _parts(token: str) -> tuple[bytes, bytes]:
    """Access-key id and sealed session. Every token has one spelling: what reads the same but is written otherwise was
    altered."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        raise InvalidSecurityToken() from None
    if len(raw) < 2 or raw[0] != _FORMAT or len(raw) < 2 + raw[1] or _spelled(raw) != token:
        raise InvalidSecurityToken()
    return raw[2 : 2 + raw[1]], raw[2 + raw[1] :]


def _session(said: dict[str, str | int]) -> Session:
    at = datetime.fromisoformat(str(said["expires_at"]))
    return Session(**{**said, "expires_at": at})  # type: ignore[arg-type]  # what asdict wrote, and nobody could alter
