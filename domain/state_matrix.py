"""Which operation a key's state refuses, and with which error: Alibaba's published table as data.

Source: Alibaba Cloud KMS, "Impact of key states on API operations". Operations of the table that this service does not
have yet are left out; whatever is not listed is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from domain.errors import KeyDisabled, KeyPendingDeletion, KeyPendingImport, StateConflict, StateModifiedFailed
from domain.vocabulary import KeyState, Operation

_USES: Final = (
    Operation.ENCRYPT,
    Operation.DECRYPT,
    Operation.GENERATE_DATA_KEY,
    Operation.GENERATE_DATA_KEY_WITHOUT_PLAINTEXT,
)

REFUSALS: Final[Mapping[tuple[Operation, KeyState], type[StateConflict]]] = MappingProxyType(
    {
        **{(use, KeyState.DISABLED): KeyDisabled for use in _USES},
        **{(use, KeyState.PENDING_DELETION): KeyPendingDeletion for use in _USES},
        **{(use, KeyState.PENDING_IMPORT): KeyPendingImport for use in _USES},
        (Operation.ENABLE_KEY, KeyState.PENDING_DELETION): StateModifiedFailed,
        (Operation.ENABLE_KEY, KeyState.PENDING_IMPORT): StateModifiedFailed,
        (Operation.DISABLE_KEY, KeyState.PENDING_DELETION): StateModifiedFailed,
        (Operation.DISABLE_KEY, KeyState.PENDING_IMPORT): StateModifiedFailed,
        (Operation.SCHEDULE_KEY_DELETION, KeyState.PENDING_DELETION): StateModifiedFailed,
        (Operation.CANCEL_KEY_DELETION, KeyState.ENABLED): StateModifiedFailed,
        (Operation.CANCEL_KEY_DELETION, KeyState.DISABLED): StateModifiedFailed,
        (Operation.CANCEL_KEY_DELETION, KeyState.PENDING_IMPORT): StateModifiedFailed,
        (Operation.UPDATE_KEY_DESCRIPTION, KeyState.PENDING_DELETION): KeyPendingDeletion,
        # The service's own last step: only what is pending may be destroyed.
        (Operation.DESTROY_KEY, KeyState.ENABLED): StateModifiedFailed,
        (Operation.DESTROY_KEY, KeyState.DISABLED): StateModifiedFailed,
        (Operation.DESTROY_KEY, KeyState.PENDING_IMPORT): StateModifiedFailed,
    }
)


def permit(operation: Operation, state: KeyState) -> None:
    """:raises StateConflict: ``state`` refuses ``operation``."""
    refusal = REFUSALS.get((operation, state))
    if refusal is not None:
        raise refusal()
