"""How much of everything an account may have.

Published limits (Alibaba Cloud RAM, "Limits") where one can be reached by mistake. Counts of entities are far larger
than the published ones, which can be raised there: a deployment has few accounts, and nobody to ask.
"""

from __future__ import annotations

from typing import Final

USERS: Final = 50_000
GROUPS: Final = 5_000
ROLES: Final = 20_000
POLICIES: Final = 20_000

ACCESS_KEYS: Final = 2
"""Of one user, or of the root identity: enough to change from one to the other."""

VERSIONS_OF_POLICY: Final = 5
GROUPS_OF_USER: Final = 20

POLICIES_OF_TARGET: Final = 20
"""Of each type, attached to one user, group or role."""

NAME_CHARACTERS: Final = 64
"""Of users, groups and roles."""

POLICY_NAME_CHARACTERS: Final = 128
TEXT_CHARACTERS: Final = 128
"""Display names, comments, e-mail addresses and telephone numbers."""

DESCRIPTION_CHARACTERS: Final = 1_024
SESSION_SECONDS: Final = range(3_600, 43_201)
"""What a role's MaxSessionDuration may be."""

SESSION_SECONDS_DEFAULT: Final = 3_600
