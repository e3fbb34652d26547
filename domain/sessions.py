"""Sessions: somebody acts as a role for a while. All that is known of one stands in its sealed security token.

Here: the value. Not here: how one begins (:mod:`domain.sts`), how tokens are sealed (:mod:`adapters.sessions`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """
    :param access_key_id: ``STS.…``. :param secret: signs the session's calls.
    :param account_id: of the role, and so of everything that the session does.
    :param role_id: a role that is made again under the same name is another one.
    :param trust_number: the version of the account's stream that gave the role its trust policy.
    :param assumed_by: ARN of who assumed the role, perhaps of another account.
    :param session_policy: the document that narrows the role's permissions; empty for none.
    """

    access_key_id: str
    secret: str = field(repr=False)
    account_id: str
    role_name: str
    role_id: str
    trust_number: int
    session_name: str
    assumed_by: str
    session_policy: str
    expires_at: datetime
