"""AssumeRole: how a session begins, within one account or from one to another.

Both accounts are guarded: the caller's, whose policies allow it, and the role's, which trusts the caller. The session
belongs to the role's account from then on, and its uses guard that account alone. The token is sealed before the event
is recorded and told after it: if we die in between, the ledger tells of a session that nobody has.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from domain import events, policy
from domain.account import account_stream
from domain.call import Call
from domain.circumstances import NO_FACTS, Circumstances
from domain.guard import Guard
from domain.policy import Policy, PolicyKind
from domain.ports import Authorities, Ledger, Submission, Tokens
from domain.ram import arns
from domain.ram.authority import Authority
from domain.ram.entities import Role
from domain.ram.errors import RoleNotFound
from domain.recording import Case
from domain.sessions import Session
from domain.sts_errors import InvalidDurationSeconds, InvalidRoleArn, InvalidRoleSessionName

ACTION: Final = "sts:AssumeRole"
EXTERNAL_ID: Final = "sts:ExternalId"
DURATION_SECONDS_MIN: Final = 900
DURATION_SECONDS_DEFAULT: Final = 3_600
CHAINED_SECONDS_MAX: Final = 3_600
"""Of a session that another session began: else a session could be prolonged for ever by itself."""

_ROLE_ARN: Final = re.compile(r"acs:ram::([0-9]{16}):role/([A-Za-z0-9._-]{1,64})", re.ASCII)
_SESSION_NAME: Final = re.compile(r"[A-Za-z0-9.@_-]{2,64}", re.ASCII)
_NOBODY: Final = Policy(kind=PolicyKind.TRUST, name="", document="", statements=())
"""What a role that is not there trusts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What AssumeRole asks for. :param duration_seconds: None for as long as is usual.
    :param session_policy: a document; empty for none. :param external_id: for ``sts:ExternalId`` in trust policies.
    """

    role_arn: str
    session_name: str
    duration_seconds: int | None = None
    session_policy: str = ""
    external_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    session: Session
    token: str

    @property
    def role_arn(self) -> str:
        return arns.role(self.session.account_id, self.session.role_name)

    @property
    def principal(self) -> str:
        return arns.session(self.session.account_id, self.session.role_name, self.session.session_name)

    @property
    def principal_id(self) -> str:
        return f"{self.session.role_id}:{self.session.session_name}"


class RoleSessions:
    def __init__(self, authorities: Authorities, tokens: Tokens, ledger: Ledger) -> None:
        self._authorities = authorities
        self._tokens = tokens
        self._ledger = ledger

    async def assume_role(self, case: Case, wanted: Wanted, access_key_id: str, secret: str) -> Begun:
        """A new session; its access key comes from outside.

        :raises domain.ram.errors.RamNoPermission: the caller's policies or the role's trust policy do not allow it, or
            there is no such role in another account: that is not told apart.
        :raises RoleNotFound: there is none in the caller's own account, where the caller may know that.
        """
        self._ledger.admit()
        account_id, role_name = _role_named(wanted.role_arn)
        _check_session(wanted)
        authority = await self._authority(case, account_id)
        role = _permitted_role(case, authority, account_id, role_name, wanted)
        session = _session(case.call, wanted, account_id, role, access_key_id, secret)
        token = await self._tokens.seal(session)
        await self._ledger.append(_assumed(case, wanted, session))
        return Begun(session=session, token=token)

    async def _authority(self, case: Case, account_id: str) -> Authority | None:
        """Of the role's account, guarded; nobody's is guarded by its never having been."""
        authority = await self._authorities.of(account_id)
        if account_id != case.call.by.account_id:
            case.guard(authority.guard if authority is not None else Guard(account_stream(account_id), 0))
        return authority


def _role_named(role_arn: str) -> tuple[str, str]:
    """Account and name."""
    match = _ROLE_ARN.fullmatch(role_arn)
    if match is None:
        raise InvalidRoleArn()
    return match[1], match[2]


def _check_session(wanted: Wanted) -> None:
    """What can be judged without knowing the role."""
    if _SESSION_NAME.fullmatch(wanted.session_name) is None:
        raise InvalidRoleSessionName()
    if wanted.session_policy:
        policy.parse(wanted.session_policy, kind=PolicyKind.SESSION)


def _permitted_role(case: Case, authority: Authority | None, account_id: str, role_name: str, wanted: Wanted) -> Role:
    role = authority.roles.get(role_name) if authority is not None else None
    case.resource = role_arn = arns.role(account_id, role_name)
    given = {EXTERNAL_ID: wanted.external_id} if wanted.external_id else NO_FACTS
    circumstances = Circumstances(call=case.call, given=given)
    if role is None and account_id == case.call.by.account_id and case.access.permits(ACTION, role_arn, circumstances):
        raise RoleNotFound()
    trust = _NOBODY if role is None or authority is None else authority.trust_policy_of(role_name)
    case.access.check_assume_role(role_arn, trust, circumstances)
    assert role is not None, "a role that is not there trusts nobody"
    return role


def _session(call: Call, wanted: Wanted, account_id: str, role: Role, access_key_id: str, secret: str) -> Session:
    return Session(
        access_key_id=access_key_id,
        secret=secret,
        account_id=account_id,
        role_name=role.name,
        role_id=role.id,
        trust_number=role.trust_number,
        session_name=wanted.session_name,
        assumed_by=call.by.principal,
        session_policy=wanted.session_policy,
        expires_at=call.at.replace(microsecond=0) + timedelta(seconds=_duration_seconds(call, wanted, role)),
    )


def _duration_seconds(call: Call, wanted: Wanted, role: Role) -> int:
    longest = role.max_session_duration
    if call.by.kind == "assumed-role":
        longest = min(longest, CHAINED_SECONDS_MAX)
    seconds = wanted.duration_seconds or min(DURATION_SECONDS_DEFAULT, longest)
    if not DURATION_SECONDS_MIN <= seconds <= longest:
        raise InvalidDurationSeconds(
            f"The parameter DurationSeconds is wrongly formed. Expected {DURATION_SECONDS_MIN} to {longest} here."
        )
    return seconds


def _assumed(case: Case, wanted: Wanted, session: Session) -> Submission:
    call = case.call
    event = events.RoleAssumed(
        originator_id=call.stream,
        originator_version=1,
        timestamp=call.at,
        call=call,
        account_id=session.account_id,
        role_arn=arns.role(session.account_id, session.role_name),
        role_id=session.role_id,
        session_name=session.session_name,
        access_key_id=session.access_key_id,
        duration_seconds=round((session.expires_at - call.at.replace(microsecond=0)).total_seconds()),
        expires_at=session.expires_at,
        session_policy=wanted.session_policy,
    )
    return Submission(events=(event,), guards=case.guards)
