"""Every account's authority, every CMK and every session of a role, as of one position of the ledger.

The same folds that the service decides on (:mod:`domain.ram.authority`, :mod:`domain.key`), applied event by event.
Uses and reads change nothing here: what a world holds grows with accounts and keys, not with what they are used for.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from domain import events, identity
from domain import key as keys_of
from domain.account import account_stream
from domain.call import Call
from domain.errors import KeyLedgerError
from domain.identity import Identity
from domain.key import Key
from domain.ram.authority import Authority
from domain.sessions import Session

CLOCKS_APART: Final = timedelta(hours=1)
"""So much longer than it lasts a session is remembered: a call may be recorded after one that began later elsewhere.
From then on its caller is nobody, as that of any session that is over."""


class World:
    """Begins before the first event. Changed in place by :meth:`apply`."""

    def __init__(self) -> None:
        self.authorities: dict[UUID, Authority] = {}
        self.keys: dict[UUID, Key] = {}
        self.sessions: dict[str, Session] = {}
        self._identities: dict[str, tuple[int, Identity]] = {}

    def apply(self, event: events.Event) -> None:
        """The next event of the ledger.

        :raises ValueError: it does not follow what stands before it in its stream: the ledger is corrupt.
        """
        stream = event.originator_id
        if stream in self.authorities:
            self.authorities[stream].apply(event)
        elif stream in self.keys or isinstance(event, events.KeyCreated):
            self.keys[stream] = keys_of.evolve(event, self.keys.get(stream))
        elif isinstance(event, events.AccountCreated):
            authority = self.authorities[stream] = self.opened(event.account_id)
            authority.apply(event)
        elif isinstance(event, events.RoleAssumed):
            self._forget_sessions(event.timestamp)
            self.sessions[event.access_key_id] = self._session(event)

    def authority(self, account_id: str) -> Authority | None:
        return self.authorities.get(account_stream(account_id))

    def caller(self, call: Call) -> Identity | None:
        """Who made ``call`` and what they may do here; None where their account knows nobody of that name and id any
        more, or their access key or session is not in force at the call's time."""
        by = call.by
        authority = self.authority(by.account_id)
        if authority is None:
            return None
        session = self.sessions.get(by.access_key_id)
        if session is not None and session.expires_at <= call.at:
            return None
        try:
            found = self._identity(authority, by.access_key_id, session)
        except KeyLedgerError:
            return None
        same = (found.caller.principal, found.caller.principal_id) == (by.principal, by.principal_id or by.account_id)
        return found if same else None

    def _identity(self, authority: Authority, access_key_id: str, session: Session | None) -> Identity:
        version, known = self._identities.get(access_key_id, (0, None))
        if known is None or version != authority.version:
            access = known.access if known is not None else None
            if session is None:
                known = identity.of_access_key(authority, access_key_id, access)
            else:
                known = identity.of_session(authority, session, access)
            self._identities[access_key_id] = (authority.version, known)
        return known

    def opened(self, account_id: str) -> Authority:
        """An account before its first event."""
        return Authority(account_id)

    def _forget_sessions(self, now: datetime) -> None:
        """Of those that are over: what a world holds must not grow with what was done in it."""
        while self.sessions:
            access_key_id, oldest = next(iter(self.sessions.items()))
            if oldest.expires_at + CLOCKS_APART > now:
                return
            del self.sessions[access_key_id]
            self._identities.pop(access_key_id, None)

    def _session(self, event: events.RoleAssumed) -> Session:
        authority = self.authority(event.account_id)
        role_name = event.role_arn.partition(":role/")[2]
        role = authority.roles.get(role_name) if authority is not None else None
        return Session(
            access_key_id=event.access_key_id,
            secret="",
            account_id=event.account_id,
            role_name=role_name,
            role_id=event.role_id,
            trust_number=role.trust_number if role is not None else 0,
            session_name=event.session_name,
            assumed_by=event.call.by.principal,
            session_policy=event.session_policy,
            expires_at=event.expires_at,
        )
