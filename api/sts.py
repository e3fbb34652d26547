"""STS, API version 2015-04-01: AssumeRole and GetCallerIdentity. Parameters and answers: Alibaba Cloud STS reference.

RPC only: STS has no REST routes. What AssumeRole may, two accounts decide (:mod:`domain.sts`); GetCallerIdentity needs
no permission, as on the live service: whoever can ask knows the secret of the identity that it is told of.
"""

from __future__ import annotations

from typing import Final

from adapters.ram_identifiers import new_session_key
from api.action import Action, Effect, Fields, Parameter, Product
from api.handlers import date
from api.parameters import Parameters
from api.services import Services
from domain.call import Caller
from domain.errors import UnsupportedOperation
from domain.recording import Case
from domain.sts import DURATION_SECONDS_MIN, Wanted
from domain.sts_errors import InvalidDurationSeconds
from domain.vocabulary import Operation

EXTERNAL_ID_CHARACTERS_MAX: Final = 1_224
IDENTITY_TYPES: Final = {"root-account": "Account", "ram-user": "RAMUser", "assumed-role": "AssumedRoleUser"}


async def assume_role(services: Services, case: Case, given: Parameters) -> Fields:
    wanted, made = _wanted(given), new_session_key()
    begun = await services.role_sessions.assume_role(case, wanted, made.access_key_id, made.secret)
    return {
        "AssumedRoleUser": {"Arn": begun.principal, "AssumedRoleId": begun.principal_id},
        "Credentials": {
            "AccessKeyId": begun.session.access_key_id,
            "AccessKeySecret": begun.session.secret,
            "SecurityToken": begun.token,
            "Expiration": date(begun.session.expires_at),
        },
    }


async def get_caller_identity(services: Services, case: Case, given: Parameters) -> Fields:
    caller = case.call.by
    case.resource = caller.principal
    await services.stewardship.answer(case)
    return {
        "AccountId": caller.account_id,
        "Arn": caller.principal,
        "IdentityType": IDENTITY_TYPES[caller.kind],
        "PrincipalId": caller.principal_id,
        **_id_of(caller),
    }


def _id_of(caller: Caller) -> Fields:
    if caller.kind == "assumed-role":
        return {"RoleId": caller.principal_id.partition(":")[0]}
    return {"UserId": caller.principal_id}


def _wanted(given: Parameters) -> Wanted:
    if given.optional("SourceIdentity"):
        raise UnsupportedOperation("AssumeRole does not support the parameter SourceIdentity here. Leave it out.")
    return Wanted(
        role_arn=given.required("RoleArn"),
        session_name=given.required("RoleSessionName"),
        duration_seconds=_duration_seconds(given.optional("DurationSeconds")),
        session_policy=given.optional("Policy"),
        external_id=given.text("ExternalId", EXTERNAL_ID_CHARACTERS_MAX),
    )


def _duration_seconds(text: str) -> int | None:
    """The role says how many are too many."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9) or int(text) < DURATION_SECONDS_MIN:
        raise InvalidDurationSeconds()
    return int(text)


ROLE_ARN = Parameter(
    "RoleArn", "string", True, "The role, of this or another account.", "acs:ram::1234567890123456:role/shop"
)
SESSION_NAME = Parameter("RoleSessionName", "string", True, "2 to 64 letters, digits, '.', '@', '-' and '_'.", "alice")
DURATION = Parameter("DurationSeconds", "integer", False, "From 900 to the role's MaxSessionDuration.", 3600)
POLICY = Parameter("Policy", "string", False, "At most 1,024 bytes: what the session may at most.", '{"Version":"1",…}')
EXTERNAL_ID = Parameter("ExternalId", "string", False, "For sts:ExternalId in the role's trust policy.", "order-7")

TABLE: Final = (
    Action(
        Product.STS, Operation.ASSUME_ROLE, assume_role, Effect.CHANGES, (), "", "Act as a role for a while",
        (ROLE_ARN, SESSION_NAME, DURATION, POLICY, EXTERNAL_ID),
    ),
    Action(
        Product.STS, Operation.GET_CALLER_IDENTITY, get_caller_identity, Effect.READS, (), "", "Say who asks", ()
    ),
)  # fmt: skip
