"""One request, from bytes to answer: read, authenticate, decide, record, answer.

The order is fixed. What fails before the signature verifies is no call of anybody's: it is counted
(:mod:`api.authentication`). Who calls too often is turned away next. What fails after that is a fact about a known
caller, and :func:`domain.recording.recorded` puts it into the ledger before it is told. Anything unforeseen is
``InternalFailure`` with a RequestId; its details go to the log.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple
from uuid import UUID

import structlog
from prometheus_client import Counter

from adapters.metrics import REQUEST_SECONDS, REQUESTS
from adapters.observations import Observations
from adapters.signatures import Claim, Headers, Received, check_fresh, identify, receive, request_stream
from api import wire
from api.action import Action, Told
from api.authentication import Authentication
from api.operations import OPERATIONS
from api.parameters import Parameters, read_rest, read_rpc
from api.services import Services
from api.streaming import Stream
from api.turns import Turns
from api.wire import Answer
from domain.call import Call, Caller
from domain.errors import (
    InternalFailure,
    InvalidParameter,
    KeyLedgerError,
    MalformedRequest,
    SignatureNonceUsed,
    StateModifiedFailed,
    UnknownOperation,
    UnsupportedHttpMethod,
)
from domain.guard import GuardMoved
from domain.recording import Case, recorded
from domain.vocabulary import Operation

_log = structlog.get_logger(__name__)

AUTHENTICATIONS: Final = 8
"""Each further one needs a change in the caller's account to have been recorded in between. Somebody may be busy there:
a hundred changes a second meet four of ten uses on their way into the ledger."""

AUTHENTICATIONS_IN_TURN: Final = 100
"""Of a change of RAM. Nobody else changes the account in this process meanwhile, but all other processes may."""

_IPV4_MAPPED: Final = "::ffff:"
"""How a socket that listens on ``::`` calls an IPv4 caller (RFC 4291 section 2.5.5.2): recorded as what it is."""

_USER_AGENT_CHARACTERS_MAX: Final = 256
_REGION_CHARACTERS_MAX: Final = 64


class Request(NamedTuple):
    """As it arrived. :param path: raw, escapes and all. :param secure: over TLS."""

    method: str
    path: bytes
    query: bytes
    headers: Headers
    body: bytes
    source_ip: str
    secure: bool

    def __repr__(self) -> str:
        """Neither query, headers nor body: they may be plaintexts and credentials."""
        return f"Request({self.method} {self.path!r} from {self.source_ip})"


class Dispatcher:
    """Answers requests; never raises."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._turns = Turns()
        self._authentication = Authentication(services.access_keys, services.sessions, services.failures)

    def rpc(self, request: Request) -> Coroutine[Any, Any, Answer]:
        """A request of the RPC endpoint: the operation is named by its parameters or headers."""
        return self._answered(request, None, {})

    def rest(self, request: Request, action: Action, in_path: Mapping[str, str]) -> Coroutine[Any, Any, Answer]:
        """A request of a REST route: the operation is the route's; parameters come from path, query and JSON body."""
        return self._answered(request, action, in_path)

    def new_request_id(self) -> UUID:
        """For an answer to what reaches no operation."""
        return self._services.new_request_id()

    def too_large(self) -> Answer:
        refusal = MalformedRequest("The body has more than 262,144 bytes.")
        return wire.failure(refusal, self.new_request_id(), "", "JSON")

    async def _answered(self, request: Request, action: Action | None, in_path: Mapping[str, str]) -> Answer:
        started = time.perf_counter()
        request_id = self._services.new_request_id()
        exchange = _Exchange(request, request_id, action, in_path)
        try:
            fields = await self._conduct(exchange)
            answer, code = exchange.success(fields), "OK"
        except KeyLedgerError as error:
            answer, code = exchange.failure(error), error.code
            if isinstance(error, InternalFailure):
                _log.error("request.failed", request_id=str(request_id), operation=exchange.operation)
        except Exception:  # noqa: BLE001  # the last line of defence: details to the log, never to the caller
            _log.exception("request.unforeseen", request_id=str(request_id), operation=exchange.operation)
            answer, code = exchange.failure(InternalFailure()), InternalFailure.code
        _count(exchange.operation, code, time.perf_counter() - started)
        return answer

    async def _conduct(self, exchange: _Exchange) -> Told:
        """Decide and record; what proves nobody to have asked is counted.

        A replay does not: the signature is the caller's, and whoever sends it now may be anybody.
        """
        try:
            received, claim = self._claimed(exchange)
            return await self._decided(exchange, received, claim)
        except KeyLedgerError as error:
            if exchange.received is not None and (not exchange.is_proved or isinstance(error, SignatureNonceUsed)):
                source_ip = exchange.request.source_ip
                await self._authentication.failed(exchange.received, exchange.claim, source_ip, error)
            raise

    async def _decided(self, exchange: _Exchange, received: Received, claim: Claim) -> Told:
        """Authenticate, then decide and record; anew where the caller's authority moved in between."""
        for attempt in range(AUTHENTICATIONS):
            try:
                return await self._attempted(exchange, received, claim, is_first=not attempt)
            except GuardMoved as moved:
                self._services.forget(moved.streams)
                if exchange.changes_authority:
                    return await self._in_turn(exchange, received, claim, moved)
        return await self._overtaken(exchange, received, claim)

    async def _in_turn(self, exchange: _Exchange, received: Received, claim: Claim, moved: GuardMoved) -> Told:
        """A change of an account that was overtaken by another one: after those that wait already."""
        async with self._turns.of(moved.streams):
            for _ in range(AUTHENTICATIONS_IN_TURN):
                try:
                    return await self._attempted(exchange, received, claim, is_first=False)
                except GuardMoved:
                    self._services.forget(moved.streams)
        return await self._overtaken(exchange, received, claim)

    async def _overtaken(self, exchange: _Exchange, received: Received, claim: Claim) -> Told:
        """Refuse who was authenticated again and again, and record it. The refusal is decided on nothing that their
        account says, so nothing that changes there can contradict it: it is not guarded.

        :raises StateModifiedFailed: always, unless the caller is nobody by now.
        """
        services = self._services
        now, exchange.is_proved = services.now(), False
        access_key = await self._authentication.proved(claim, now)
        exchange.is_proved = True
        operation, given, _ = self._decision(exchange, received)
        call = self._call(exchange, operation, claim, replace(access_key.caller, authority=None), given, now)
        refusal = StateModifiedFailed("Your permissions change faster than this call can be decided. Retry later.")
        decide = _refusing(refusal, exchange.key_named(given))
        return await recorded(call, access_key.access, services.ledger, services.forget, decide)

    async def _attempted(self, exchange: _Exchange, received: Received, claim: Claim, *, is_first: bool) -> Told:
        """:raises GuardMoved: the caller's authority moved."""
        services = self._services
        now, exchange.is_proved = services.now(), False
        access_key = await self._authentication.proved(claim, now)
        exchange.is_proved = True
        operation, given, decide = self._decision(exchange, received)
        call = self._call(exchange, operation, claim, access_key.caller, given, now)
        if is_first:
            services.limits.check(call.by)
        return await recorded(call, access_key.access, services.ledger, services.forget, decide)

    def _decision(
        self, exchange: _Exchange, received: Received
    ) -> tuple[Operation, Parameters, Callable[[Case], Awaitable[Told]]]:
        """What is asked for, and what answers it. Nothing is refused here: a refusal is decided, so it is recorded.

        The key that is named is put down first, for parameters are refused in any order: whatever is wrong with a
        request, whoever looks for those about a key finds it.
        """
        services = self._services
        try:
            action, given = exchange.resolve(received)
        except KeyLedgerError as refusal:
            asked = exchange.action.operation if exchange.action else Operation.UNKNOWN
            given = Parameters({**received.parameters.values, **exchange.in_path})
            return asked, given, _refusing(refusal, exchange.key_named(given))

        def decide(case: Case) -> Awaitable[Told]:
            case.key_id = exchange.key_named(given)
            if action.product.is_regional:
                _check_region(case.call.region_id, services)
            return action.handler(services, case, given)

        return action.operation, given, decide

    def _claimed(self, exchange: _Exchange) -> tuple[Received, Claim]:
        request = exchange.request
        if exchange.action is None and request.method not in ("GET", "POST"):
            raise UnsupportedHttpMethod()
        received = receive(request.method, request.path, request.query, request.headers, request.body)
        exchange.read(received)
        exchange.claim = claim = identify(received, request.secure)
        check_fresh(claim, self._services.now())
        return received, claim

    def _call(
        self,
        exchange: _Exchange,
        operation: Operation,
        claim: Claim,
        caller: Caller,
        given: Parameters,
        now: datetime,
    ) -> Call:
        services, request = self._services, exchange.request
        return Call(
            by=caller,
            operation=operation,
            request_id=exchange.request_id,
            stream=request_stream(claim, now, _entropy),
            at=now,
            region_id=region_of(_trusted_host(exchange, claim), given, services) if exchange.is_regional else "",
            source_ip=request.source_ip.removeprefix(_IPV4_MAPPED),
            user_agent=exchange.user_agent,
            secure_transport=request.secure,
        )


class _Exchange:
    """What becomes known of one request on the way to its answer; errors are told with as much of it as there is."""

    __slots__ = (
        "action", "answer_format", "changes_authority", "claim", "host", "in_path", "is_proved", "is_regional",
        "names_key", "operation", "received", "request", "request_id", "user_agent", "xml_root",
    )  # fmt: skip

    def __init__(self, request: Request, request_id: UUID, action: Action | None, in_path: Mapping[str, str]) -> None:
        self.request = request
        self.request_id = request_id
        self.action = action
        self.in_path = in_path
        self.operation = action.name if action else "unknown"
        self.changes_authority = False
        self.names_key = action.names_key if action else False
        self.is_regional = action.product.is_regional if action else True
        self.xml_root = "KMS"
        self.answer_format = "JSON"
        self.host = ""
        self.user_agent = ""
        self.received: Received | None = None
        self.claim: Claim | None = None
        self.is_proved = False

    def read(self, received: Received) -> None:
        self.received = received
        self.host = received.headers.get(b"host", b"").decode("latin-1")
        self.user_agent = received.headers.get(b"user-agent", b"").decode("latin-1")[:_USER_AGENT_CHARACTERS_MAX]
        self.answer_format = received.parameters.values.get("Format", "JSON")

    def resolve(self, received: Received) -> tuple[Action, Parameters]:
        """The operation and its parameters.

        :raises UnknownOperation: no such operation in that version of the API.
        """
        if self.action is not None:
            return self.action, read_rest(received, self.in_path, self.action.name)
        given = read_rpc(received)
        action = OPERATIONS.get((given.version, given.action))
        if action is None:
            raise UnknownOperation(given.action, given.version)
        self.operation, self.is_regional, self.xml_root = action.name, action.product.is_regional, action.xml_root
        self.changes_authority, self.names_key = action.changes_authority, action.names_key
        return action, given

    def key_named(self, given: Parameters) -> UUID | None:
        """Where the operation is one on a key. Whether there is such a key is not looked up."""
        return given.key_named() if self.names_key else None

    def success(self, told: Told) -> Answer:
        if isinstance(told, Stream):
            return wire.streamed(told, self.request_id)
        return wire.success(told, self.request_id, self.answer_format, self.xml_root)

    def failure(self, error: KeyLedgerError) -> Answer:
        return wire.failure(error, self.request_id, self.host, self.answer_format)


def _trusted_host(exchange: _Exchange, claim: Claim) -> str:
    """Host, where it is the caller's own word: brought over TLS, or signed. The RPC signature does not cover it, so
    over plain HTTP whoever carries the request could send it to another region."""
    return exchange.host if exchange.request.secure or claim.covers_host else ""


def region_of(host: str, given: Parameters, services: Services) -> str:
    """``kms.<region>.`` in Host, else RegionId, else the default. It may be one that this deployment does not have."""
    if host.startswith("kms."):
        region = host.split(".", 2)[1]
        if region in services.regions:
            return region
    return (given.optional("RegionId") or services.default_region)[:_REGION_CHARACTERS_MAX]


def _check_region(region_id: str, services: Services) -> None:
    """:raises InvalidParameter: this deployment does not have it. A refusal like others: it is recorded."""
    if region_id not in services.regions:
        raise InvalidParameter("RegionId", f"Expected one of {', '.join(services.regions)}.")


def _refusing(refusal: KeyLedgerError, key_id: UUID | None) -> Callable[[Case], Awaitable[Told]]:
    async def decide(case: Case) -> Told:
        case.key_id = key_id
        raise refusal

    return decide


def _entropy() -> int:
    return secrets.randbits(74)


def _count(operation: str, code: str, seconds: float) -> None:
    counter, histogram = _series(operation, code)
    counter.inc()
    histogram.observe(seconds)


@lru_cache(maxsize=1_024)
def _series(operation: str, code: str) -> tuple[Counter, Observations]:
    """Looking up a labelled series costs more than counting in it. Operations and codes are closed lists."""
    return REQUESTS.labels(operation, code), Observations(REQUEST_SECONDS.labels(operation))
