"""One call, from its decision to its record: nothing is answered, and nobody refused, before the ledger has it.

Here: the loop that decides again when what a decision was made on has changed. Not here: what is decided (custody,
stewardship) and where it is stored (the ledger).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Never, TypeVar
from uuid import UUID

from domain.access import Access
from domain.call import NO_PARAMETERS, Call
from domain.circumstances import NO_FACTS, Circumstances
from domain.encryption_context import NO_CONTEXT
from domain.errors import Internal, KeyLedgerError, SignatureNonceUsed, StateModifiedFailed, Throttled, Unavailable
from domain.events import CallAnswered, CallRefused, Event, KeyUsed
from domain.guard import Guard, GuardMoved
from domain.ports import AlreadyRecorded, Held, Ledger, Submission, Tally

Answer = TypeVar("Answer")

ATTEMPTS: Final = 5
"""Each retry needs another change of the same key to have been recorded in between."""

NOT_RECORDED: Final = (Unavailable, Throttled, Internal)
"""Failures of the service, not refusals of the caller: the ledger may be the part that is away."""


class Case:
    """One attempt at one call: everything looked at on the way becomes a guard of whatever is decided.

    :ivar access: what the caller may do, read at the version of its account that ``call.by.authority`` guards.
    :ivar key_id: of the CMK that the call is about: as it was named, then as it was looked at.
    :ivar resource: ARN of what permission was asked for last.
    :ivar request_parameters: what is recorded of a question about the audit trail; nothing of any other call.

    ``dry_run`` asks for the decision alone: where everything permits, DryRunOperation is raised and nothing is used.
    """

    __slots__ = (
        "access", "call", "dry_run", "encryption_context", "guards", "key_id", "request_parameters", "resource",
    )  # fmt: skip

    def __init__(self, call: Call, access: Access) -> None:
        self.call = call
        self.access = access
        self.guards: tuple[Guard, ...] = () if call.by.authority is None else (call.by.authority,)
        self.key_id: UUID | None = None
        self.encryption_context: Mapping[str, str] = NO_CONTEXT
        self.resource = ""
        self.request_parameters: Mapping[str, str] = NO_PARAMETERS
        self.dry_run = False

    def authorise(self, action: str, resource: str, tags: Mapping[str, str] = NO_FACTS) -> None:
        """:param action: such as ``kms:Encrypt``. :param resource: ARN. :param tags: of the CMK that it names.
        :raises domain.errors.Denied: the caller may not.
        """
        self.resource = resource
        self.access.check(action, resource, Circumstances(self.call, tags))

    def name(self, key_id: UUID | None, encryption_context: Mapping[str, str]) -> None:
        """What the call is about, for a refusal that comes before anything was looked at."""
        self.key_id = key_id
        self.encryption_context = encryption_context

    def look_at(self, held: Held) -> None:
        self.key_id = held.key_id
        self.guard(held.guard)

    def guard(self, guard: Guard) -> None:
        self.guards = (*self.guards, guard)

    def used(self, key_version_id: UUID, tallies: tuple[Tally, ...] = ()) -> Submission:
        call = self.call
        assert self.key_id is not None, "a use looks at its key first"
        event = KeyUsed(
            originator_id=call.stream,
            originator_version=1,
            timestamp=call.at,
            call=call,
            key_id=self.key_id,
            key_version_id=key_version_id,
            encryption_context=self.encryption_context,
        )
        return Submission(events=(event,), guards=self.guards, tallies=tallies)

    def answered(self) -> Submission:
        call = self.call
        event = CallAnswered(
            originator_id=call.stream,
            originator_version=1,
            timestamp=call.at,
            call=call,
            key_id=self.key_id,
            resource=self.resource,
            request_parameters=self.request_parameters,
        )
        return Submission(events=(event,), guards=self.guards)

    def changed(self, event: Event) -> Submission:
        """A change stands in its key's stream and claims the request's."""
        return Submission(events=(event,), claim=self.call.stream, guards=self.guards)

    def refused(self, error: KeyLedgerError) -> Submission:
        call = self.call
        event = CallRefused(
            originator_id=call.stream,
            originator_version=1,
            timestamp=call.at,
            call=call,
            code=error.code,
            message=error.message,
            key_id=self.key_id,
            encryption_context=self.encryption_context,
            resource=self.resource,
            request_parameters=self.request_parameters,
        )
        return Submission(events=(event,), guards=self.guards)


async def recorded(
    call: Call,
    access: Access,
    ledger: Ledger,
    forget: Callable[[frozenset[UUID]], None],
    decide: Callable[[Case], Awaitable[Answer]],
) -> Answer:
    """Let ``decide`` answer or refuse, again on fresh state as long as the ledger says that its guards moved.

    ``decide`` appends what it answers; a refusal that it raises is appended here, guarded like an answer.

    :raises KeyLedgerError: the recorded refusal, or a failure of the service, which is not recorded.
    :raises GuardMoved: the caller's authority moved: authenticate anew, then call this again.
    """
    for _ in range(ATTEMPTS):
        case = Case(call, access)
        try:
            try:
                return await decide(case)
            except NOT_RECORDED:
                raise
            except KeyLedgerError as refusal:
                await ledger.append(case.refused(refusal))
                raise
        except AlreadyRecorded:
            raise SignatureNonceUsed() from None
        except GuardMoved as moved:
            if call.by.authority is not None and call.by.authority.stream in moved.streams:
                raise
            forget(moved.streams)
    return await _overtaken(case, ledger)


async def _overtaken(last: Case, ledger: Ledger) -> Never:
    """Every attempt was overtaken by other changes of the same key, which the refusal names.

    It was decided on no state of that key, so only the caller's authority guards it.
    """
    refusal = StateModifiedFailed("The key changes faster than this call can be decided. Retry later.")
    case = Case(last.call, last.access)
    case.name(last.key_id, last.encryption_context)
    case.resource, case.request_parameters = last.resource, last.request_parameters
    try:
        await ledger.append(case.refused(refusal))
    except AlreadyRecorded:
        raise SignatureNonceUsed() from None
    raise refusal
