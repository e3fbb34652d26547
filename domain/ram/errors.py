"""What RAM (2015-05-01) and STS (2015-04-01) refuse with, in the families of :mod:`domain.errors`."""

from __future__ import annotations

from domain.errors import Denied, InvalidRequest


class RamNoPermission(
    Denied, code="NoPermission", message="You are not authorized to do this action. You should be authorized by RAM."
):
    """RAM's and STS's code for what KMS calls Forbidden.NoPermission."""


class MalformedPolicyDocument(
    InvalidRequest, code="MalformedPolicyDocument", message="The policy document is not valid."
): ...


class InvalidSessionPolicy(
    InvalidRequest, code="InvalidParameter.PolicyGrammar", message="The session policy is not valid."
): ...


class SessionPolicyTooLong(
    InvalidRequest, code="InvalidParameter.PolicySize", message="The session policy is too long."
): ...
